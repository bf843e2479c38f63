//! Prints a table from a JSON API: json_api URL TOKEN

use hangup::client::{Client, Retry};
use hangup::{ResponseExt, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Issue {
    number: u64,
    title: String,
}

pub fn table(api: &str, token: &str) -> Result<String> {
    let client = Client::builder().retry(Retry::new(3)).status_as_error(true).build();
    let request = client.get(format!("{api}/issues")).bearer_auth(token).query("state", "open");
    let issues: Vec<Issue> = request.query("per_page", 100).send()?.json()?;
    Ok(issues.iter().map(|issue| format!("{:>6}  {}\n", issue.number, issue.title)).collect())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    print!("{}", table(&arguments[1], &arguments[2])?);
    Ok(())
}
