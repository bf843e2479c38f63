//! Paths that Windows would read as something other than a file below the directory.

use hangup::Files;

use super::folder::Folder;
use super::{field, get, text};

#[test]
fn h08_a_path_names_only_files_of_the_directory_on_windows() {
    let outer = Folder::new().with("root/long document name.txt", "a").with("secret.txt", "secret");
    let files = Files::new(outer.path().join("root")).hidden_files(true);
    assert_eq!(text(get(&files, "/long%20document%20name.txt")), "a");
    assert_eq!(text(get(&files, "/LONG%20document%20name.TXT")), "a");
    let absolute = outer.path().join("secret.txt").display().to_string();
    let absolute = absolute.replace('\\', "%5c").replace(' ', "%20");
    for path in [
        // Devices.
        "/con",
        "/aux.txt",
        "/NUL",
        "/nul.txt",
        "/com1",
        "/LPT1.log",
        "/conin$",
        "/%5c%5c.%5cnul",
        "/%5c%5c%3f%5cC:%5cwindows",
        // Streams.
        "/long%20document%20name.txt::$DATA",
        "/long%20document%20name.txt:stream",
        "/::$INDEX_ALLOCATION/",
        // Names that the system changes.
        "/long%20document%20name.txt.",
        "/long%20document%20name.txt%20",
        "/long%20document%20name.txt%20.%20",
        "/LONGDO~1.TXT",
        "/long%20document%20name.txt/",
        // Other directories, drives and machines.
        "/..%5csecret.txt",
        "/%2e%2e%5csecret.txt",
        "/..%20/secret.txt",
        "/.../secret.txt",
        "/C:/windows/win.ini",
        "/C:%5cwindows%5cwin.ini",
        "/C:secret.txt",
        "/c%3a",
        "//127.0.0.1/share/secret.txt",
        "/%5c%5c127.0.0.1%5cshare%5csecret.txt",
        &format!("/{absolute}"),
    ] {
        let response = get(&files, path);
        assert_eq!(response.status(), 404, "{path}");
        assert!(!text(response).contains("secret"), "{path}");
    }
}

#[test]
fn h08_a_tag_has_the_length_and_the_time_on_windows() {
    let folder = Folder::new().with("a.txt", "one").with("b.txt", "four");
    let files = Files::new(folder.path());
    let tag = |path| field(get(&files, path).headers(), "etag").map(str::to_owned).expect("a tag");
    assert_eq!(tag("/a.txt"), tag("/a.txt"));
    assert_ne!(tag("/a.txt"), tag("/b.txt"));
    assert!(tag("/b.txt").starts_with("\"0-4-"), "{}", tag("/b.txt"));
}
