//! Hosts beyond ASCII, as the WHATWG's URL Standard reads them (section 3.3).

use std::borrow::Cow;

use ::idna::{AsciiDenyList, domain_to_ascii_cow};

/// The fault of a host that has no form in ASCII.
pub(super) const FAULT: &str = "host is not a valid international name";

/// Returns the form of a host in which it is looked up and sent, with `xn--` before its encoded labels.
pub(super) fn to_ascii(host: &[u8]) -> Option<String> {
    // The characters of the result are checked as those of any host.
    domain_to_ascii_cow(host, AsciiDenyList::EMPTY).ok().map(Cow::into_owned)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::super::Url;

    #[test]
    fn c01_a_host_beyond_ascii_is_sent_in_its_ascii_form() {
        for (given, host) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.Example", "xn--bcher-kva.example"),
            ("b%C3%BCcher.example", "xn--bcher-kva.example"),
            ("bu\u{308}cher.example", "xn--bcher-kva.example"),
            ("faß.example", "xn--fa-hia.example"),
            ("日本語.jp", "xn--wgv71a119e.jp"),
            ("a。b．example", "a.b.example"),
            ("ｅｘａｍｐｌｅ.com", "example.com"),
            ("１２７.０.０.１", "127.0.0.1"),
            ("a\u{ad}b.example", "ab.example"),
            ("xn--bcher-kva.ü.example", "xn--bcher-kva.xn--tda.example"),
        ] {
            let url = Url::parse(&format!("http://u:p@{given}:81/x")).unwrap();
            assert_eq!((url.host(), url.port()), (host, 81), "{given}");
            assert_eq!(url.uri().to_string(), format!("http://{host}:81/x"), "{given}");
        }
        let base = Url::parse("http://a/").unwrap();
        let to = base.resolve("//bücher.example/ü".as_bytes()).unwrap();
        assert_eq!(to.uri(), "http://xn--bcher-kva.example/%C3%BC");
    }

    #[test]
    fn c01_a_host_that_is_no_international_name_is_an_error() {
        for (given, fault) in [
            ("℀.example", "host contains '/'"),
            ("a％b.example", "host contains '%'"),
            ("a\u{ff20}b", "host contains '@'"),
            ("xn--ü.example", "host is not a valid international name"),
            ("a\u{200d}b.example", "host is not a valid international name"),
            ("a\u{fffd}b", "host is not a valid international name"),
            ("b%FCcher.example", "host is not a valid international name"),
            ("\u{ad}", "host missing"),
            ("。", "host missing"),
            ("１.２.３.４.５", "host ends in a number but is no IPv4 address"),
        ] {
            let text = format!("http://u:secret@{given}/");
            let error = Url::parse(&text).unwrap_err().to_string();
            assert!(error.ends_with(fault) && !error.contains("secret"), "{given}: {error}");
        }
    }
}
