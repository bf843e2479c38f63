//! Opening files, as this system does it.

#[cfg(unix)]
mod unix;

use std::fs;
use std::path::PathBuf;

use super::*;

/// A directory that is removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("hangup-open-{}", crate::random::bits()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shown(opened: io::Result<Opened>) -> String {
    match opened {
        Ok(Opened::File(file, _)) => io::read_to_string(file).unwrap(),
        Ok(Opened::Directory) => "directory".to_owned(),
        Ok(Opened::Missing) => "missing".to_owned(),
        Ok(Opened::Forbidden) => "forbidden".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn h08_a_path_leads_to_a_file_below_the_root() {
    let folder = Folder::new();
    let root = folder.0.join("root");
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::create_dir(folder.0.join("root-too")).unwrap();
    fs::write(folder.0.join("root-too/secret"), "secret").unwrap();
    fs::write(root.join("file"), "in").unwrap();
    fs::write(root.join("sub/file"), "sub").unwrap();
    let opened = |path: &str| shown(Root::open(&root).unwrap().find(Path::new(path)));
    for (path, expected) in [
        ("", "directory"),
        ("file", "in"),
        ("sub", "directory"),
        ("sub/file", "sub"),
        ("../root-too/secret", "missing"),
        ("file/x", "missing"),
        ("nothing", "missing"),
        ("nothing/x", "missing"),
    ] {
        assert_eq!(opened(path), expected, "{path}");
    }
    assert_eq!(opened(&"x".repeat(300)), "missing");
    let opened = Root::open(&root).unwrap();
    let entries = opened.entries(Path::new("")).unwrap();
    let mut entries = entries.map(|entry| (entry.name, entry.is_directory)).collect::<Vec<_>>();
    entries.sort();
    assert_eq!(entries, [("file".into(), false), ("sub".into(), true)]);
    assert!(Root::open(&folder.0.join("absent")).is_err());
}
