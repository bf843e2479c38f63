//! Links, devices and races, by each way of opening.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

/// Opens below a root in each way that this system has.
fn each_way(root: &Path, path: &str) -> Vec<(&'static str, io::Result<Opened>)> {
    let path = Path::new(path);
    vec![
        ("platform", Root::open(root).unwrap().find(path)),
        ("walk", Opened::from_result(walk::open_beneath(root, path))),
        ("portable", portable::Root::open(root).unwrap().find(path)),
    ]
}

/// The links below the root, each with its target.
const LINKS: &[(&str, &str)] = &[
    ("file", "to-file"),
    ("../file", "sub/up"),
    ("../../file", "sub/deep/up"),
    ("sub", "to-sub"),
    ("../root/file", "around"),
    ("../outside/secret", "out"),
    ("../outside", "out-directory"),
    ("../../outside/secret", "sub/out"),
    ("../root-too/secret", "neighbour"),
    ("/etc/passwd", "absolute"),
    ("/", "slash"),
    ("..", "parent"),
    (".", "self"),
    ("nowhere", "dangling"),
    ("loop", "loop"),
    ("out", "to-out"),
    ("/proc/self/root/etc/passwd", "magic"),
    ("/dev/null", "null"),
];

/// The paths that are found below the root, with their contents.
const FOUND: &[(&str, &str)] = &[
    ("", "directory"),
    ("file", "in"),
    ("sub", "directory"),
    ("sub/file", "sub"),
    ("to-file", "in"),
    ("sub/up", "in"),
    ("sub/deep/up", "in"),
    ("to-sub", "directory"),
    ("to-sub/file", "sub"),
    ("around", "in"),
    ("absolute-in", "in"),
    ("absolute-sub/file", "sub"),
    ("self", "directory"),
    ("self/self/file", "in"),
    ("out", "missing"),
    ("out-directory", "missing"),
    ("out-directory/secret", "missing"),
    ("sub/out", "missing"),
    ("to-out", "missing"),
    ("neighbour", "missing"),
    ("absolute", "missing"),
    ("slash", "missing"),
    ("slash/etc/passwd", "missing"),
    ("parent", "missing"),
    ("parent/outside/secret", "missing"),
    ("parent/root/file", "in"),
    ("dangling", "missing"),
    ("loop", "missing"),
    ("magic", "missing"),
    ("null", "missing"),
    ("file/x", "missing"),
    ("nothing", "missing"),
    ("nothing/x", "missing"),
];

#[test]
fn h08_no_link_leads_out_of_the_root() {
    let folder = Folder::new();
    let (root, outside) = (folder.0.join("root"), folder.0.join("outside"));
    fs::create_dir_all(root.join("sub/deep")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::create_dir(folder.0.join("root-too")).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    fs::write(folder.0.join("root-too/secret"), "secret").unwrap();
    fs::write(root.join("file"), "in").unwrap();
    fs::write(root.join("sub/file"), "sub").unwrap();
    for (target, link) in LINKS {
        symlink(target, root.join(link)).unwrap();
    }
    symlink(root.join("file"), root.join("absolute-in")).unwrap();
    symlink(root.join("sub"), root.join("absolute-sub")).unwrap();
    for (path, expected) in FOUND {
        for (way, opened) in each_way(&root, path) {
            assert_eq!(shown(opened), *expected, "{way}: {path}");
        }
    }
    let long = "x".repeat(300);
    for (way, opened) in each_way(&root, &long) {
        assert_eq!(shown(opened), "missing", "{way}");
    }
}

/// Makes a FIFO. Not every Unix has the system call, but each has the program.
fn make_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "{}", path.display());
}

#[test]
fn h08_a_fifo_a_socket_and_a_device_are_no_files() {
    let folder = Folder::new();
    make_fifo(&folder.0.join("fifo"));
    let _socket = std::os::unix::net::UnixListener::bind(folder.0.join("socket")).unwrap();
    for name in ["fifo", "socket"] {
        for (way, opened) in each_way(&folder.0, name) {
            if way != "portable" {
                assert_eq!(shown(opened), "missing", "{way}: {name}");
            }
        }
    }
    for name in ["null", "zero", "tty"] {
        let opened = Root::open(Path::new("/dev")).unwrap().find(Path::new(name));
        assert_eq!(shown(opened), "missing", "{name}");
    }
}

#[test]
fn h08_a_listing_has_what_is_served() {
    let folder = Folder::new();
    fs::create_dir_all(folder.0.join("root/sub")).unwrap();
    let root = folder.0.join("root");
    fs::write(root.join("file"), "12345").unwrap();
    symlink("file", root.join("link")).unwrap();
    symlink("sub", root.join("link-to-sub")).unwrap();
    symlink("..", root.join("out")).unwrap();
    make_fifo(&root.join("fifo"));
    let sorted = |entries: Vec<Entry>| {
        let mut entries: Vec<_> = entries
            .into_iter()
            .map(|entry| (entry.name.into_string().unwrap(), entry.is_directory, entry.length))
            .map(|(name, is_directory, length)| match is_directory {
                true => (name, None),
                false => (name, Some(length)),
            })
            .collect();
        entries.sort();
        entries
    };
    let expected = [("file", Some(5)), ("link", Some(5)), ("link-to-sub", None), ("sub", None)]
        .map(|(name, length)| (name.to_owned(), length));
    let by_platform = Root::open(&root).unwrap().entries(Path::new("")).unwrap().collect();
    assert_eq!(sorted(by_platform), expected);
    let portably = portable::Root::open(&root).unwrap().entries(Path::new("")).unwrap().collect();
    assert_eq!(sorted(portably), expected);
}

/// While a directory is exchanged with a link out of the root, each request gets the file or nothing.
// Other systems have no call that exchanges two names.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
#[test]
fn h08_a_race_with_a_rename_leads_nowhere() {
    let folder = Folder::new();
    let root = folder.0.join("root");
    for (directory, content) in [("root/sub", "in"), ("outside", "secret")] {
        fs::create_dir_all(folder.0.join(directory)).unwrap();
        fs::write(folder.0.join(directory).join("file"), content).unwrap();
    }
    symlink("../outside", root.join("evil")).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let (sub, evil) = (root.join("sub"), root.join("evil"));
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                let cwd = rustix::fs::CWD;
                rustix::fs::renameat_with(cwd, &sub, cwd, &evil, flags).unwrap();
            }
        });
        for _ in 0..300 {
            for (way, opened) in each_way(&root, "sub/file") {
                match shown(opened).as_str() {
                    "in" | "missing" => {}
                    other => assert_eq!(way, "portable", "{other}"),
                }
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
