//! The public suffixes: domains under which anyone can register a name, such as `com` and `co.uk`.

use super::punycode;

/// Returns `true` if no cookie may be shared below `domain`, since unrelated sites are there. A name of a
/// single label is such a domain, whatever it is.
pub(super) fn is_public(domain: &str) -> bool {
    // The list has the names as they are written.
    let name = punycode::decoded_host(domain);
    psl::suffix(name.as_bytes()).is_none_or(|suffix| suffix == name.as_bytes())
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn c11_public_suffixes_are_known() {
        for (domain, expected) in [
            ("com", true),
            ("com.", true),
            ("co.uk", true),
            ("github.io", true),
            ("us-west-1.compute.amazonaws.com", true),
            ("localhost", true),
            ("intranet", true),
            ("", true),
            ("example.com", false),
            ("example.co.uk", false),
            ("rust-lang.github.io", false),
            ("amazonaws.com", false),
            ("a.localhost", false),
            ("host.unknown-tld", false),
            // A wildcard, and an exception to it.
            ("ck", true),
            ("any.ck", true),
            ("www.ck", false),
            ("any.any.ck", false),
            // Names beyond ASCII.
            ("xn--p1ai", true),
            ("xn--55qx5d.cn", true),
            ("xn--85x722f.xn--55qx5d.cn", false),
        ] {
            assert_eq!(is_public(domain), expected, "{domain}");
        }
    }
}
