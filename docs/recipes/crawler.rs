//! Logs in and prints the titles of all pages; the session outlives the program: crawler URL USER PASSWORD

use std::fs::File;

use hangup::client::{Client, CookieJar};
use hangup::{ResponseExt, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Page {
    titles: Vec<String>,
    next: Option<String>,
}

pub fn crawl(site: &str, user: &str, password: &str, cookies: &str) -> Result<Vec<String>> {
    let jar = CookieJar::new();
    if let Ok(file) = File::open(cookies) {
        jar.load_netscape(file)?;
    }
    let client = Client::builder().cookies(jar.clone()).status_as_error(true).build();
    if jar.matching(site)?.is_empty() {
        let login = [("user", user), ("password", password)];
        client.post(format!("{site}/login")).form(login).send()?;
    }
    let (mut titles, mut next) = (Vec::new(), Some("/titles".to_owned()));
    while let Some(path) = next {
        let page: Page = client.get(format!("{site}{path}")).send()?.json()?;
        titles.extend(page.titles);
        next = page.next;
    }
    jar.save_netscape(File::create(cookies)?)?;
    Ok(titles)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let titles = crawl(&arguments[1], &arguments[2], &arguments[3], "cookies.txt")?;
    titles.iter().for_each(|title| println!("{title}"));
    Ok(())
}
