//! Downloads a file, or the rest of it, with a bar, and checks it: download URL FILE SHA256

use std::fs::File;
use std::io::{self, Read, Seek};

use hangup::{Client, Error, ResponseExt, Result};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};

pub fn download(url: &str, path: &str, sha256: &str) -> Result<()> {
    let mut file = File::options().create(true).append(true).read(true).open(path)?;
    let present = file.metadata()?.len();
    let bar = ProgressBar::new(present);
    let request = Client::new().get(url).on_download_progress(move |progress| {
        bar.set_length(present + progress.total.unwrap_or(0));
        bar.set_position(present + progress.bytes);
    });
    let response = request.header("range", format!("bytes={present}-")).send()?;
    // 416: the file is complete already.
    if response.status() != 416 {
        let response = response.error_for_status()?;
        if response.status() != 206 {
            file.set_len(0)?; // The server sends the file from its start.
        }
        io::copy(&mut response.into_body(), &mut file)?;
    }
    file.rewind()?;
    let (mut hash, mut piece) = (Sha256::new(), [0; 1 << 16]);
    while let count @ 1.. = file.read(&mut piece)? {
        hash.update(&piece[..count]);
    }
    match hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>() {
        found if found == sha256 => Ok(()),
        found => Err(Error::other(format!("{path}: the SHA-256 is {found}"))),
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    download(&arguments[1], &arguments[2], &arguments[3])
}
