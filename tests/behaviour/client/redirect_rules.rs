//! C10: what a redirect policy forbids, and what never goes to another origin.

use std::io;
use std::net::SocketAddr;

use hangup::client::{CookieJar, Netrc, Next, RedirectAction, RedirectPolicy};
use hangup::http::{HeaderValue, Uri};
use hangup::{Client, Context, ErrorKind, Request, ResponseExt};

use super::{send, text};
#[cfg(feature = "tls")]
use crate::support::Over;
use crate::support::alone;
use crate::support::scripted_server::{Peer, Peers};

fn redirect(peer: &mut Peer, to: &str) {
    peer.send(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 4\r\n\r\nmove"));
}

fn here(_: &str, port: u16, _: &Context) -> io::Result<Vec<SocketAddr>> {
    Ok(vec![([127, 0, 0, 1], port).into()])
}

fn at(host: &str, peers: &Peers, path: &str) -> String {
    format!("http://{host}:{}{path}", peers.addr().port())
}

#[cfg(feature = "tls")]
#[test]
fn c10_no_redirect_leads_from_https_to_http() {
    alone!();
    let (secure, plain) = (Over::Tls.peers(), Peers::new());
    let client = Over::Tls.client_builder().redirects(RedirectPolicy::https_only()).build();
    let (from, to) = (secure.url("/a"), plain.url("/b"));
    let call = super::get(&client, from);
    let mut peer = secure.accept();
    peer.expect_request("GET /a ");
    redirect(&mut peer, "/a2");
    peer.expect_request("GET /a2 ");
    redirect(&mut peer, &to.replace("//", "//u:secret@"));
    let response = call.finish().unwrap();
    assert_eq!((response.status().as_u16(), response.redirects()), (302, 1));
    let why = response.redirect_error().expect("a reason");
    assert_eq!(why.kind(), ErrorKind::InvalidRedirect);
    let shown = why.to_string();
    assert!(shown.contains("from https to http") && !shown.contains("secret"), "{shown}");
    assert_eq!(response.redirect_url().unwrap(), &*to);
    assert_eq!(text(Ok(response)), "move");
    // From http to http, and to https, it is followed.
    let call = super::get(&client, plain.url("/c"));
    let mut first = plain.accept();
    first.expect_request("GET /c ");
    redirect(&mut first, "/d");
    first.expect_request("GET /d ");
    redirect(&mut first, &secure.url("/e"));
    peer.expect_request("GET /e ");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    plain.expect_no_more();
}

#[test]
fn c10_a_redirect_to_another_host_can_be_forbidden() {
    alone!();
    let (one, other) = (Peers::new(), Peers::new());
    let client = Client::builder().redirects(RedirectPolicy::same_host()).resolver(here).build();
    let url = at("host.test", &one, "/a");
    let call = super::get(&client, url);
    let mut peer = one.accept();
    peer.expect_request("GET /a ");
    redirect(&mut peer, &at("HOST.test", &other, "/b")); // another port
    let mut peer = other.accept();
    peer.expect_request("GET /b ");
    redirect(&mut peer, &at("sub.host.test", &other, "/c"));
    let response = call.finish().unwrap();
    assert_eq!((response.status().as_u16(), response.redirects()), (302, 1));
    let why = response.redirect_error().expect("a reason").to_string();
    assert!(why.contains("to another host: sub.host.test"), "{why}");
    assert_eq!(text(Ok(response)), "move");
}

#[test]
fn c10_rules_and_limits_go_together() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let policy = RedirectPolicy::same_host().with_https_only().with_limit(1);
    let (url, of_call) = (peers.url("/a"), policy.clone());
    let call = send(&client, |client| client.get(url).redirects(of_call));
    let mut peer = peers.accept();
    for path in ["/a", "/b"] {
        peer.expect_request(&format!("GET {path} "));
        redirect(&mut peer, "/b");
    }
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::TooManyRedirects);
    // Beyond the limit as well, a forbidden redirect is a response.
    let (url, of_call) = (peers.url("/a"), policy.with_limit(0));
    let call = send(&client, |client| client.get(url).redirects(of_call));
    peer.expect_request("GET /a ");
    redirect(&mut peer, "http://other.test/");
    assert!(call.finish().unwrap().redirect_error().is_some());
}

#[test]
fn c10_a_custom_policy_is_held_to_its_rules() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let policy = RedirectPolicy::custom(|hop| {
        let mut next = hop.next().clone();
        assert_eq!(next.uri.path(), "/b", "not asked about other hosts");
        next.uri = "http://other.test/".parse().unwrap();
        RedirectAction::follow_as(next)
    })
    .with_same_host();
    let mut peer = None;
    for to in ["http://other.test/", "/b"] {
        let (url, policy) = (peers.url("/a"), policy.clone());
        let call = send(&client, |client| client.get(url).redirects(policy));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /a ");
        redirect(peer, to);
        let response = call.finish().unwrap();
        assert_eq!((response.status().as_u16(), response.redirects()), (302, 0));
        assert!(response.redirect_error().unwrap().to_string().contains("other.test"));
        assert_eq!(text(Ok(response)), "move");
    }
}

/// The ways in which a request leads to another origin.
#[derive(Clone, Copy, Debug)]
enum Way {
    Redirect,
    FollowAs,
    Wrap,
    WrapHop,
    WrapOfTheCall,
}

/// Every kind of secret, each of them given for the first host.
#[test]
fn c10_no_secret_goes_to_another_origin_by_any_way() {
    alone!();
    for way in [Way::Redirect, Way::FollowAs, Way::Wrap, Way::WrapHop, Way::WrapOfTheCall] {
        let (one, other) = (Peers::new(), Peers::new());
        let away: Uri = at("away.test", &other, "/away").parse().unwrap();
        let leads = {
            let away = away.clone();
            move |mut request: Request, next: Next<'_>| {
                *request.uri_mut() = away.clone();
                next.run(request)
            }
        };
        let mut marked = HeaderValue::from_static("secret");
        marked.set_sensitive(true);
        let jar = CookieJar::new();
        jar.set("http://host.test/", "jar=secret").unwrap();
        let mut builder = Client::builder()
            .resolver(here)
            .cookies(jar)
            .netrc(Netrc::parse("machine host.test login joe password secret").unwrap())
            .default_header("x-default", marked.clone())
            .default_header("proxy-authorization", "Basic secret");
        match way {
            Way::Redirect | Way::WrapOfTheCall => {}
            Way::Wrap => builder = builder.wrap(leads.clone()),
            Way::WrapHop => builder = builder.wrap_hop(leads.clone()),
            Way::FollowAs => {
                let away = away.clone();
                builder = builder.redirects(RedirectPolicy::custom(move |hop| {
                    let mut next = hop.next().clone();
                    next.uri = away.clone();
                    RedirectAction::follow_as(next)
                }));
            }
        }
        let client = builder.build();
        let url = at("host.test", &one, "/a");
        let call = send(&client, move |client| {
            let request = client
                .get(url)
                .header("host", "own.test")
                .header("cookie", "own=secret")
                .header("x-token", marked)
                .header("x-other", "kept");
            match way {
                Way::WrapOfTheCall => request.wrap_hop(leads),
                _ => request,
            }
        });
        let first = matches!(way, Way::Redirect | Way::FollowAs).then(|| {
            let mut peer = one.accept();
            let request = peer.expect_request("GET /a ");
            assert_eq!(request.field("host"), Some("own.test"));
            assert_eq!(request.field("cookie"), Some("jar=secret; own=secret"));
            assert!(request.field("authorization").is_some());
            let to = if let Way::Redirect = way { away.to_string() } else { "/b".into() };
            redirect(&mut peer, &to);
            peer
        });
        let mut peer = other.accept();
        let request = peer.expect_request("GET /away ");
        for name in ["authorization", "cookie", "proxy-authorization", "x-token", "x-default"] {
            assert_eq!(request.field(name), None, "{way:?}: {}", request.head);
        }
        assert!(!request.head.contains("secret"), "{way:?}: {}", request.head);
        assert_eq!(request.field("x-other"), Some("kept"));
        if first.is_some() {
            assert_eq!(request.field("host"), away.authority().map(|it| it.as_str()));
        }
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
    }
}

#[test]
fn c10_a_referer_made_of_the_url_holds_no_password() {
    alone!();
    let (one, other) = (Peers::new(), Peers::new());
    let client = Client::builder()
        .redirects(RedirectPolicy::custom(|hop| {
            let mut next = hop.next().clone();
            next.headers.insert("referer", hop.url().to_string().parse().unwrap());
            RedirectAction::follow_as(next)
        }))
        .build();
    let call = super::get(&client, one.url("/a?b#c").replace("//", "//u:secret@"));
    let mut peer = one.accept();
    peer.expect_request("GET /a?b ");
    redirect(&mut peer, &other.url("/c").replace("//", "//v:secret@"));
    let mut peer = other.accept();
    assert_eq!(peer.expect_request("GET /c ").field("referer"), Some(&*one.url("/a?b")));
    redirect(&mut peer, "/d");
    assert_eq!(peer.expect_request("GET /d ").field("referer"), Some(&*other.url("/c")));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}
