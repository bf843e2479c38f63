use super::*;

fn parse(text: &str) -> Netrc {
    Netrc::parse(text).unwrap()
}

/// Returns `USER:PASSWORD` of a host's login.
fn found(text: &str, host: &str, user: Option<&str>) -> Option<String> {
    let netrc = parse(text);
    let login = netrc.find(host, user.map(str::as_bytes))?;
    Some(String::from_utf8([login.user, b":", login.password].concat()).unwrap())
}

#[test]
fn c12_the_words_of_a_file_are_read() {
    for (text, expected) in [
        ("machine h login u password p", Some("u:p")),
        ("machine h password p login u", Some("u:p")),
        ("machine\nh\n\tlogin\r\nu\n  password\n\n p\n", Some("u:p")),
        ("MACHINE H LOGIN u Password P", Some("u:P")),
        ("machine h login u", Some("u:")),
        ("machine h password p", Some(":p")),
        ("machine h", None),
        ("", None),
        ("machine", None),
        ("machine h login", None),
        ("machine other login u password p", None),
        ("machine h.example login u password p", None),
        ("machine other login v password q machine h login u password p", Some("u:p")),
        ("machine h login u password p machine h login v password q", Some("u:p")),
        ("machine h login v machine h login u password p", Some("u:p")),
        ("machine h machine h login u password p", Some("u:p")),
        ("default login u password p", Some("u:p")),
        ("machine h login u password p default login v password q", Some("u:p")),
        ("default login v password q machine h login u password p", Some("u:p")),
        ("login v password q machine h login u password p", Some("u:p")),
        // Comments.
        ("# machine h login v password q\nmachine h login u password p", Some("u:p")),
        ("machine h # login v\nlogin u password p#1 # password q", Some("u:p#1")),
        ("#machine h login v password q", None),
        // Values that begin with a number sign.
        ("machine h login u password #secret", Some("u:#secret")),
        ("machine h login u password #secret\nmachine o login v password q", Some("u:#secret")),
        ("machine h login #u password #\n#password q", Some("#u:#")),
        ("machine h login u password #p # password q", Some("u:#p")),
        ("machine h account # login u password p", Some("u:p")),
        ("machine h login u password\n\"#p\"", Some("u:#p")),
        // Values on the line after their keyword, and values that are keywords.
        ("machine h\n  login u\n  password p\n", Some("u:p")),
        ("machine\n  h\n  login\n  u\n\n  password\n  p\n", Some("u:p")),
        ("machine h login default password login", Some("default:login")),
        ("machine h login \"machine\" password\n\"machine\"", Some("machine:machine")),
        // Quotes and escapes.
        ("machine h login \"a b\" password \"p\\\"q\\\\r\"", Some("a b:p\"q\\r")),
        ("machine h login u password \"\\n\\r\\t\\x#\"", Some("u:\n\r\tx#")),
        ("machine h login \"\" password \"\"", Some(":")),
        ("machine \"h\" login u password p\"q\\n", Some("u:p\"q\\n")),
        ("machine h login u password \"p\"machine x", Some("u:p")),
        // Other words.
        ("machine h account \"machine\" login u password p", Some("u:p")),
        ("machine h port 80 login u password p", Some("u:p")),
        ("macdef m\nmachine h login v password q\n\nmachine h login u password p", Some("u:p")),
        ("macdef m\r\nmachine h login v\r\n\r\nmachine h login u password p", Some("u:p")),
        ("machine h login u password p\nmacdef init\nlogin v\npassword q\n", Some("u:p")),
        ("macdef m\nmachine h login v password q", None),
        ("macdef", None),
        ("\u{feff}machine h login u password p", Some("u:p")),
    ] {
        assert_eq!(found(text, "h", None).as_deref(), expected, "{text:?}");
    }
}

#[test]
fn c12_a_user_selects_its_entry() {
    let text = "machine h password none
                machine h login a password 1
                machine h login b password 2
                machine h login c
                default login d password 4";
    for (user, expected) in [
        (None, Some(":none")),
        (Some("a"), Some("a:1")),
        (Some("b"), Some("b:2")),
        (Some("c"), Some("c:")),
        (Some("d"), None),
        (Some("A"), None),
        (Some("e"), None),
        (Some(""), None),
    ] {
        assert_eq!(found(text, "h", user).as_deref(), expected, "{user:?}");
    }
    let netrc = parse(text);
    assert!(netrc.find_machine("h", Some(b"b")).is_some());
    assert!(netrc.find_machine("h", Some(b"d")).is_none(), "the default entry is not its own");
    assert!(netrc.find_machine("other", None).is_none());
    assert!(netrc.find("other", None).is_some());
}

#[test]
fn c12_the_default_entry_is_for_hosts_without_one() {
    const DEFAULT: &str = "default login x password y";
    for (entries, user, expected) in [
        ("machine h login u", None, Some("u:")),
        ("machine h login u", Some("u"), Some("u:")),
        ("machine h login u", Some("x"), None),
        ("machine h password p", None, Some(":p")),
        ("machine h password p", Some("x"), None),
        ("machine H", None, None),
        ("machine o login u", None, Some("x:y")),
        ("machine o login u", Some("x"), Some("x:y")),
        ("machine o login u", Some("u"), None),
    ] {
        for text in [format!("{entries} {DEFAULT}"), format!("{DEFAULT} {entries}")] {
            assert_eq!(found(&text, "h", user).as_deref(), expected, "{text} {user:?}");
        }
    }
}

#[test]
fn c12_addresses_are_hosts() {
    let text = "machine ::1 login u password p machine 127.0.0.1 login v password q";
    assert_eq!(found(text, "::1", None).as_deref(), Some("u:p"));
    assert_eq!(found(text, "127.0.0.1", None).as_deref(), Some("v:q"));
}

#[test]
fn c12_a_quoted_word_without_an_end_is_an_error_that_names_its_line() {
    for (text, line) in [
        ("machine h login \"secret", 1),
        ("machine h\nlogin u password \"secret\n\"", 2),
        ("\"secret\\", 1),
        ("\n\n\"secret\\\n", 3),
    ] {
        let error = Netrc::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFile);
        assert!(error.is_caller_fault());
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(&format!("line {line}:")), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn c12_no_entry_takes_a_value_of_another_machine() {
    for (text, message) in [
        (
            "machine h login u password\nmachine o login v password secret",
            "line 1: password has no",
        ),
        ("machine h login\r\n\r\nMACHINE o login v password secret", "line 1: login has no"),
        ("machine h login machine o password secret", "line 1: login has no"),
        ("machine h password machine o login v", "line 1: password has no"),
        ("\nmachine h account\nmachine o login v password secret", "line 2: account has no"),
        ("machine h account machine o login v password secret", "line 1: account has no"),
        ("machine\nmachine o login v password secret", "line 1: machine has no"),
        ("machine h login u password\ndefault login v password secret", "line 1: password has no"),
        ("machine h login\npassword secret", "line 1: login has no"),
        ("machine h login u password\n# secret\nmachine o", "line 1: password has no"),
        // The line of the machine is a comment.
        (
            "machine h login u password p\n#machine o\nlogin v\npassword secret",
            "line 3: second login",
        ),
        ("machine h password p\n#machine o\nlogin v\npassword secret", "line 4: second password"),
    ] {
        let error = Netrc::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFile, "{text:?}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(message) && !shown.contains("secret"), "{text:?}: {shown}");
    }
}

#[test]
fn c12_bytes_that_are_no_text_are_read() {
    let netrc = Netrc::parse(b"machine h login \xff password \xfe\0").unwrap();
    let login = netrc.find("h", None).unwrap();
    assert_eq!((login.user, login.password), (&b"\xff"[..], &b"\xfe\0"[..]));
}

#[test]
fn c12_the_users_file_is_where_curl_looks() {
    let home = || Some(PathBuf::from("/home/joe"));
    let named = candidates(Some("/etc/netrc".into()), home());
    assert_eq!(named, [PathBuf::from("/etc/netrc")]);
    for variable in [None, Some(OsString::new())] {
        assert_eq!(candidates(variable, home())[0], PathBuf::from("/home/joe/.netrc"));
    }
    let names = candidates(None, home());
    assert_eq!(names.len(), if cfg!(windows) { 2 } else { 1 }, "{names:?}");
    assert!(names[1..].iter().all(|name| name.ends_with("_netrc")), "{names:?}");
    assert!(candidates(None, None).is_empty());
    assert!(candidates(None, Some(PathBuf::new())).is_empty());
}

#[test]
fn c12_nothing_of_the_content_is_shown() {
    let netrc = parse("machine h.example login joe password secret");
    assert_eq!(format!("{netrc:?}"), "Netrc { entries: 1, .. }");
}

#[test]
fn c12_every_prefix_of_a_file_is_read_or_refused() {
    let text =
        b"machine h login \"a\\\"b\" password p # c\nmacdef m\nx\n\ndefault account a login l\r\n";
    for end in 0..=text.len() {
        let _ = Netrc::parse(&text[..end]);
    }
}
