//! Names that begin with a promise.

use super::*;

#[test]
fn c11_prefixes_are_promises() {
    const HTTPS: &str = "https://www.site.example/";
    const HTTP: &str = "http://www.site.example/";
    for (from, field, is_kept) in [
        (HTTPS, "__Secure-a=b; Secure", true),
        (HTTPS, "__Secure-a=b; Secure; Domain=site.example; Path=/x", true),
        (HTTPS, "__Secure-a=b", false),
        (HTTPS, "__secure-a=b", false),
        (HTTPS, "__SECURE-a=b; Secure", true),
        (HTTPS, "__Secure-=b", false),
        (HTTPS, "__Secure=b", true),
        (HTTPS, "_Secure-a=b", true),
        (HTTP, "__Secure-a=b; Secure", false),
        (HTTP, "__Secure-a=b", false),
        (HTTPS, "__Host-a=b; Secure; Path=/", true),
        (HTTPS, "__hOST-a=b; Secure; Path=/", true),
        (HTTPS, "__Host-a=b; Secure; Path=/; Domain=", true),
        (HTTPS, "__Host-a=b; Secure", false),
        (HTTPS, "__Host-a=b; Path=/", false),
        (HTTPS, "__host-a=b; Path=/", false),
        (HTTPS, "__Host-a=b; Secure; Path=/x", false),
        (HTTPS, "__Host-a=b; Secure; Path=x", false),
        (HTTPS, "__Host-a=b; Secure; Path=/; Path=", false),
        (HTTPS, "__Host-a=b; Secure; Path=/; Domain=www.site.example", false),
        (HTTPS, "__Host-a=b; Secure; Path=/; Domain=site.example", false),
        (HTTP, "__Host-a=b; Secure; Path=/", false),
        (HTTP, "__Host-a=b; Path=/", false),
        ("http://localhost/", "__Host-a=b; Secure; Path=/", true),
        // A value without a name that would be read as one.
        (HTTPS, "__Secure-a", false),
        (HTTPS, "=__Secure-a=b; Secure", false),
        (HTTPS, "=__host-a=b; Secure; Path=/", false),
        (HTTPS, "= __Host-a=b; Secure; Path=/", false),
        (HTTPS, "a=__Host-b", true),
        (HTTPS, "=a__Host-b", true),
    ] {
        let mut state = State::default();
        let result = set(&mut state, from, field);
        let is_refused =
            matches!(result, Err(Refusal::SecurePrefix | Refusal::HostPrefix | Refusal::NotSecure));
        assert_eq!((result.is_ok(), is_refused), (is_kept, !is_kept), "{from} {field}: {result:?}");
        assert_eq!(state.all(at(0)).len(), usize::from(is_kept), "{from} {field}");
    }
}
