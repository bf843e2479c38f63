//! Stand-in for `idna.rs`, in a build without the feature `idna`: hosts are ASCII.

/// The fault of a host that is not ASCII.
pub(super) const FAULT: &str =
    "host contains characters beyond ASCII, which need the feature `idna` or the \"xn--\" form";

pub(super) fn to_ascii(_: &[u8]) -> Option<String> {
    None
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::super::Url;

    #[test]
    fn c01_a_host_beyond_ascii_needs_a_feature() {
        for given in ["http://bücher.example/", "http://b%C3%BCcher.example/", "http://a.日本:80/"]
        {
            let text = Url::parse(given).unwrap_err().to_string();
            let named = text.contains("beyond ASCII") && text.contains("feature `idna`");
            assert!(named && text.contains(given), "{text}");
        }
    }
}
