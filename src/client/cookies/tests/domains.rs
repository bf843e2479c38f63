//! Hosts and domains.

use super::*;

#[test]
fn c11_a_cookie_without_a_domain_stays_with_its_host() {
    const FROM: &str = "http://www.site.example/";
    check(&[
        (FROM, &["a=b"], "http://www.site.example/", "a=b"),
        (FROM, &["a=b"], "http://www.site.example:8080/", "a=b"),
        (FROM, &["a=b"], "https://www.site.example/", "a=b"),
        (FROM, &["a=b"], "http://site.example/", ""),
        (FROM, &["a=b"], "http://sub.www.site.example/", ""),
        (FROM, &["a=b"], "http://www.site.example./", ""),
        (FROM, &["a=b"], "http://xwww.site.example/", ""),
        (FROM, &["a=b"], "http://www.site.example.evil.example/", ""),
        (FROM, &["a=b; Domain"], "http://www.site.example/", "a=b"),
        (FROM, &["a=b; Domain="], "http://sub.www.site.example/", ""),
        (FROM, &["a=b; Domain=."], "http://www.site.example/", "a=b"),
        (FROM, &["a=b; Domain=."], "http://sub.www.site.example/", ""),
        (FROM, &["a=b; Domain=site.example; Domain="], "http://site.example/", ""),
        (FROM, &["a=b; Domain=site.example; Domain="], "http://www.site.example/", "a=b"),
    ]);
}

#[test]
fn c11_a_cookie_with_a_domain_goes_to_the_hosts_below() {
    const FROM: &str = "http://www.site.example/";
    const TO_SELF: &str = "http://www.site.example/";
    check(&[
        (FROM, &["a=b; Domain=www.site.example"], TO_SELF, "a=b"),
        (FROM, &["a=b; Domain=.www.site.example"], TO_SELF, "a=b"),
        (FROM, &["a=b; Domain=www.site.example"], "http://sub.www.site.example/", "a=b"),
        (FROM, &["a=b; Domain=www.site.example"], "http://site.example/", ""),
        (FROM, &["a=b; Domain=site.example"], TO_SELF, "a=b"),
        (FROM, &["a=b; Domain=site.example"], "http://site.example/", "a=b"),
        (FROM, &["a=b; Domain=site.example"], "http://other.site.example/", "a=b"),
        (FROM, &["a=b; Domain=site.example"], "http://xsite.example/", ""),
        (FROM, &["a=b; Domain=SITE.Example"], TO_SELF, "a=b"),
        (FROM, &["a=b; domain= .site.example "], TO_SELF, "a=b"),
        (FROM, &["a=b; Domain=other.example; Domain=site.example"], TO_SELF, "a=b"),
        (FROM, &["a=b; Domain=site.example; Domain=other.example"], TO_SELF, ""),
        // Not the host's.
        (FROM, &["a=b; Domain=other.site.example"], "http://other.site.example/", ""),
        (FROM, &["a=b; Domain=sub.www.site.example"], "http://sub.www.site.example/", ""),
        (FROM, &["a=b; Domain=other.example"], TO_SELF, ""),
        (FROM, &["a=b; Domain=ite.example"], TO_SELF, ""),
        (FROM, &["a=b; Domain=..site.example"], TO_SELF, ""),
        (FROM, &["a=b; Domain=site..example"], TO_SELF, ""),
        (FROM, &["a=b; Domain=site.example."], TO_SELF, ""),
        (FROM, &["a=b; Domain=. site.example"], TO_SELF, ""),
        (FROM, &["a=b; Domain=\"site.example\""], TO_SELF, ""),
        (FROM, &["a=b; Domain=site.example:80"], TO_SELF, ""),
        (FROM, &["a=b; Domain=http://site.example"], TO_SELF, ""),
        (FROM, &["a=b; Domain=*.site.example"], TO_SELF, ""),
        (FROM, &["a=b; Domain=sit\u{e9}.example"], TO_SELF, ""),
        // One with and one without a domain are two cookies.
        (FROM, &["a=b", "a=c; Domain=www.site.example"], TO_SELF, "a=b; a=c"),
        (FROM, &["a=b; Domain=.site.example", "a=c; Domain=site.example"], TO_SELF, "a=c"),
    ]);
}

#[test]
fn c11_no_cookie_is_set_for_a_public_suffix() {
    check(&[
        ("http://a.com/", &["a=b; Domain=com"], "http://a.com/", ""),
        ("http://a.com/", &["a=b; Domain=.com"], "http://a.com/", ""),
        ("http://a.com/", &["a=b; Domain=.com."], "http://a.com/", ""),
        ("http://a.co.uk/", &["a=b; Domain=co.uk"], "http://b.co.uk/", ""),
        ("http://a.co.uk/", &["a=b; Domain=a.co.uk"], "http://c.a.co.uk/", "a=b"),
        ("http://a.github.io/", &["a=b; Domain=github.io"], "http://b.github.io/", ""),
        ("http://b.a.ck/", &["a=b; Domain=a.ck"], "http://b.a.ck/", ""),
        ("http://b.www.ck/", &["a=b; Domain=www.ck"], "http://c.www.ck/", "a=b"),
        ("http://a.unknown/", &["a=b; Domain=unknown"], "http://a.unknown/", ""),
        ("http://a.xn--55qx5d.cn/", &["a=b; Domain=xn--55qx5d.cn"], "http://a.xn--55qx5d.cn/", ""),
        // The host of such a suffix has cookies for itself.
        ("http://github.io/", &["a=b; Domain=github.io"], "http://github.io/", "a=b"),
        ("http://github.io/", &["a=b; Domain=github.io"], "http://a.github.io/", ""),
        ("http://intranet/", &["a=b; Domain=intranet"], "http://intranet/", "a=b"),
        ("http://intranet/", &["a=b; Domain=.intranet"], "http://a.intranet/", ""),
        ("http://localhost/", &["a=b; Domain=localhost"], "http://localhost:8080/", "a=b"),
        ("http://localhost/", &["a=b"], "http://localhost/", "a=b"),
        ("http://a.localhost/", &["a=b; Domain=localhost"], "http://localhost/", ""),
        ("http://b.a.localhost/", &["a=b; Domain=a.localhost"], "http://c.a.localhost/", "a=b"),
    ]);
}

#[test]
fn c11_nothing_is_below_an_address() {
    check(&[
        ("http://127.0.0.1/", &["a=b"], "http://127.0.0.1:81/", "a=b"),
        ("http://10.0.0.1/", &["a=b; Domain=10.0.0.1"], "http://10.0.0.1/", "a=b"),
        ("http://10.0.0.1/", &["a=b; Domain=.10.0.0.1"], "http://10.0.0.1/", "a=b"),
        ("http://10.0.0.1/", &["a=b; Domain=0.0.1"], "http://10.0.0.1/", ""),
        ("http://10.0.0.1/", &["a=b; Domain=1"], "http://10.0.0.1/", ""),
        ("http://10.0.0.1/", &["a=b; Domain=10.0.0.1"], "http://1.10.0.0.1/", ""),
        ("http://[::1]/", &["a=b"], "http://[::1]/", "a=b"),
        ("http://[2001:db8::1]/", &["a=b; Domain=[2001:db8::1]"], "http://[2001:db8::1]/", "a=b"),
        ("http://[2001:db8::1]/", &["a=b; Domain=2001:db8::1"], "http://[2001:db8::1]/", "a=b"),
        ("http://[2001:db8::1]/", &["a=b; Domain=db8::1"], "http://[2001:db8::1]/", ""),
        ("http://[2001:db8::1]/", &["a=b"], "http://[2001:db8::2]/", ""),
    ]);
}
