//! Uploads a file in a form, with a bar: upload URL FILE

use hangup::{Client, Multipart, ResponseExt, Result};
use indicatif::ProgressBar;

pub fn upload(url: &str, path: &str) -> Result<String> {
    let form = Multipart::new().text("title", "Holidays").file("photo", path);
    let bar = ProgressBar::new(0);
    let request = Client::new().post(url).multipart(form).on_upload_progress(move |progress| {
        bar.set_length(progress.total.unwrap_or(0));
        bar.set_position(progress.bytes);
    });
    request.send()?.error_for_status()?.text()
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match upload(&arguments[1], &arguments[2]) {
        Ok(text) => println!("{text}"),
        Err(error) => match error.take_response() {
            Some(mut response) => eprintln!("{}: {}", response.status(), response.text()?),
            None => return Err(error),
        },
    }
    Ok(())
}
