//! Patterns and requests, and which pattern wins.

use super::{ask, router};

/// Patterns, and requests with the expected results.
type Group = (&'static [&'static str], &'static [(&'static str, &'static str)]);

#[track_caller]
fn check(groups: &[Group]) {
    for (patterns, requests) in groups {
        let in_order = router(patterns);
        let reversed: Vec<&str> = patterns.iter().rev().copied().collect();
        let reversed = router(&reversed);
        for (request, expected) in *requests {
            assert_eq!(ask(&in_order, request), *expected, "{request} of {patterns:?}");
            assert_eq!(ask(&reversed, request), *expected, "{request} of {patterns:?}, reversed");
        }
    }
}

#[test]
fn h06_the_most_specific_pattern_wins() {
    check(&[
        (&[], &[("GET /", "404"), ("GET /a", "404"), ("OPTIONS /", "404"), ("HEAD /", "404")]),
        (
            &["/"],
            &[
                ("GET /", "/"),
                ("POST /", "/"),
                ("FROB /a", "/"),
                ("GET /a/b/c/", "/"),
                ("OPTIONS /a", "/"),
                ("GET /?q", "/"),
            ],
        ),
        (
            &["/{$}"],
            &[("GET /", "/{$}"), ("GET /a", "404"), ("GET /a/", "404"), ("POST /", "/{$}")],
        ),
        (
            &["/a"],
            &[
                ("GET /a", "/a"),
                ("GET /a?b=/c", "/a"),
                ("GET /A", "404"),
                ("GET /a/", "404"),
                ("GET /ab", "404"),
                ("GET /", "404"),
                ("GET /a/b", "404"),
                ("GET /%61", "/a"),
            ],
        ),
        (
            &["/items/new", "/items/{id}", "/items/", "/items", "/"],
            &[
                ("GET /items/new", "/items/new"),
                ("GET /items/7", "/items/{id} id=7"),
                ("GET /items/news", "/items/{id} id=news"),
                ("GET /items/ne", "/items/{id} id=ne"),
                ("GET /items/7/", "/items/"),
                ("GET /items/new/", "/items/"),
                ("GET /items/7/parts", "/items/"),
                ("GET /items/", "/items/"),
                ("GET /items", "/items"),
                ("GET /item", "/"),
                ("GET /itemss", "/"),
            ],
        ),
        (
            &["/{a}", "/{a}/{b}", "/{a}/{b}/{c}"],
            &[
                ("GET /1", "/{a} a=1"),
                ("GET /1/2", "/{a}/{b} a=1 b=2"),
                ("GET /1/2/3", "/{a}/{b}/{c} a=1 b=2 c=3"),
                ("GET /1/2/3/4", "404"),
                ("GET /1/", "404"),
                ("GET /1/2/", "404"),
                ("GET /", "404"),
            ],
        ),
        // A literal that leads nowhere gives way to a wildcard, at every depth.
        (
            &["/a/b/c/d", "/a/{x}/c/e", "/{w}/b/{y}/f", "/{w}/{x}/{y}/g"],
            &[
                ("GET /a/b/c/d", "/a/b/c/d"),
                ("GET /a/b/c/e", "/a/{x}/c/e x=b"),
                ("GET /a/b/c/f", "/{w}/b/{y}/f w=a y=c"),
                ("GET /a/b/c/g", "/{w}/{x}/{y}/g w=a x=b y=c"),
                ("GET /a/b/c/h", "404"),
                ("GET /a/b/c", "404"),
                ("GET /a/z/c/e", "/a/{x}/c/e x=z"),
                ("GET /z/b/z/f", "/{w}/b/{y}/f w=z y=z"),
                ("GET /a/z/z/f", "404"),
            ],
        ),
        (
            &["/a/b/", "/a/{x}", "/{rest...}"],
            &[
                ("GET /a/b", "/a/{x} x=b"),
                ("GET /a/b/c", "/a/b/"),
                ("GET /a/q", "/a/{x} x=q"),
                ("GET /a/q/d", "/{rest...} rest=a/q/d"),
                ("GET /", "/{rest...} rest="),
            ],
        ),
        (
            &["/a/b/", "/a/", "/"],
            &[
                ("GET /a/b/c", "/a/b/"),
                ("GET /a/b/", "/a/b/"),
                ("GET /a/c", "/a/"),
                ("GET /a/", "/a/"),
                ("GET /b", "/"),
                ("GET /ab/", "/"),
            ],
        ),
        (
            &["/a/{$}", "/a/", "/a"],
            &[("GET /a/", "/a/{$}"), ("GET /a", "/a"), ("GET /a/b", "/a/"), ("GET /a/b/", "/a/")],
        ),
        (
            &["/files/{path...}", "/files/{$}", "/files/{dir}/index"],
            &[
                ("GET /files/a", "/files/{path...} path=a"),
                ("GET /files/a/b/c", "/files/{path...} path=a/b/c"),
                ("GET /files/a/", "/files/{path...} path=a/"),
                ("GET /files/", "/files/{$}"),
                ("GET /files/a/index", "/files/{dir}/index dir=a"),
                ("GET /files/a/index/", "/files/{path...} path=a/index/"),
                ("GET /files", "308 /files/"),
            ],
        ),
        (
            &["/{first}/{rest...}", "/{$}"],
            &[
                ("GET /a/b/c", "/{first}/{rest...} first=a rest=b/c"),
                ("GET /a/", "/{first}/{rest...} first=a rest="),
                ("GET /a", "308 /a/"),
                ("GET /", "/{$}"),
            ],
        ),
        (
            &["/{_}", "/{größe}/x", "/{a1}/y"],
            &[
                ("GET /v", "/{_} _=v"),
                ("GET /v/x", "/{größe}/x größe=v"),
                ("GET /v/y", "/{a1}/y a1=v"),
            ],
        ),
    ]);
}

#[test]
fn h06_the_method_is_part_of_the_pattern() {
    check(&[
        (
            &["GET /a"],
            &[
                ("GET /a", "GET /a"),
                ("HEAD /a", "GET /a"),
                ("POST /a", "405 GET, HEAD, OPTIONS"),
                ("FROB /a", "405 GET, HEAD, OPTIONS"),
                ("OPTIONS /a", "204 GET, HEAD, OPTIONS"),
                ("get /a", "405 GET, HEAD, OPTIONS"),
                ("GET /b", "404"),
                ("OPTIONS /b", "404"),
            ],
        ),
        (
            &["POST /a", "PUT /a", "DELETE /a", "FROB /a"],
            &[
                ("POST /a", "POST /a"),
                ("PUT /a", "PUT /a"),
                ("FROB /a", "FROB /a"),
                ("GET /a", "405 DELETE, FROB, OPTIONS, POST, PUT"),
                ("HEAD /a", "405 DELETE, FROB, OPTIONS, POST, PUT"),
                ("OPTIONS /a", "204 DELETE, FROB, OPTIONS, POST, PUT"),
            ],
        ),
        (&["GET /a", "HEAD /a"], &[("GET /a", "GET /a"), ("POST /a", "405 GET, HEAD, OPTIONS")]),
        (&["HEAD /a"], &[("GET /a", "405 HEAD, OPTIONS"), ("HEAD /a", "HEAD /a")]),
        (&["GET /a", "/a"], &[("GET /a", "GET /a"), ("POST /a", "/a"), ("OPTIONS /a", "/a")]),
        (
            &["OPTIONS /a", "GET /a"],
            &[("OPTIONS /a", "OPTIONS /a"), ("POST /a", "405 GET, HEAD, OPTIONS")],
        ),
        // A pattern with another method gives way to a more general one.
        (
            &["POST /a/b", "GET /a/{x}", "DELETE /a/", "/"],
            &[
                ("POST /a/b", "POST /a/b"),
                ("GET /a/b", "GET /a/{x} x=b"),
                ("DELETE /a/b", "DELETE /a/"),
                ("PUT /a/b", "/"),
                ("POST /a/c", "/"),
                ("GET /a/b/c", "/"),
            ],
        ),
        (
            &["POST /a/b", "GET /a/{x}", "DELETE /a/"],
            &[
                ("PUT /a/b", "405 DELETE, GET, HEAD, OPTIONS, POST"),
                ("PUT /a/c", "405 DELETE, GET, HEAD, OPTIONS"),
                ("PUT /a/", "405 DELETE, OPTIONS"),
                ("PUT /a", "405 DELETE, OPTIONS"),
                ("DELETE /a", "308 /a/"),
                ("PUT /b", "404"),
            ],
        ),
        (&["GET\t/a", "POST   /a"], &[("GET /a", "GET\t/a"), ("POST /a", "POST   /a")]),
        (
            &["CONNECT /", "GET /a/"],
            &[
                ("CONNECT /", "CONNECT /"),
                ("CONNECT /a", "CONNECT /"),
                ("CONNECT /a/../b", "CONNECT /"),
                ("GET /a", "308 /a/"),
                ("GET /b", "405 CONNECT, OPTIONS"),
            ],
        ),
    ]);
}

#[test]
fn h06_a_subtree_is_redirected_to_with_its_query() {
    check(&[
        (
            &["/a/"],
            &[
                ("GET /a", "308 /a/"),
                ("POST /a", "308 /a/"),
                ("HEAD /a", "308 /a/"),
                ("GET /a?", "308 /a/?"),
                ("GET /a?b=c%20d&e", "308 /a/?b=c%20d&e"),
                ("GET /%61", "308 /%61/"),
                ("CONNECT /a", "404"),
                ("GET /a/b", "/a/"),
            ],
        ),
        (&["/a/", "/a"], &[("GET /a", "/a")]),
        (&["/a/", "/{x}"], &[("GET /a", "/{x} x=a")]),
        (&["/a/", "/"], &[("GET /a", "308 /a/"), ("GET /b", "/")]),
        (&["/a/{$}"], &[("GET /a", "308 /a/"), ("GET /a/b", "404")]),
        (&["/a/{rest...}"], &[("GET /a", "308 /a/")]),
        (&["/{x}/{$}"], &[("GET /a", "308 /a/"), ("GET /", "404")]),
        (
            &["GET /a/", "POST /a"],
            &[
                ("GET /a", "308 /a/"),
                ("POST /a", "POST /a"),
                ("PUT /a", "405 GET, HEAD, OPTIONS, POST"),
            ],
        ),
        (
            &["GET /a/"],
            &[("POST /a", "405 GET, HEAD, OPTIONS"), ("OPTIONS /a", "204 GET, HEAD, OPTIONS")],
        ),
        (
            &["/{x}/"],
            &[
                // Browsers read a backslash as a slash, and two slashes as the start of a host.
                ("GET /\\evil.example", "308 /%5Cevil.example/"),
                ("GET /a\\b", "308 /a%5Cb/"),
                ("GET /a%2Fb", "308 /a%2Fb/"),
                ("GET /%5Cevil.example", "308 /%5Cevil.example/"),
            ],
        ),
    ]);
}

#[test]
fn h06_an_unclean_path_is_redirected_if_the_clean_one_matches() {
    check(&[
        (
            &["/a/b", "/c/", "/"],
            &[
                ("GET //a/b", "308 /a/b"),
                ("GET /a//b", "308 /a/b"),
                ("GET /a///b?q=//", "308 /a/b?q=//"),
                ("GET /./a/b", "308 /a/b"),
                ("GET /a/./b", "308 /a/b"),
                ("GET /a/../a/b", "308 /a/b"),
                ("GET /../../a/b", "308 /a/b"),
                ("GET /a/b/..", "308 /a/"),
                ("GET /a/b/.", "308 /a/b/"),
                ("GET /..", "308 /"),
                ("GET //", "308 /"),
                ("GET /c/.", "308 /c/"),
                ("GET /c//", "308 /c/"),
                // One redirect, not two.
                ("GET /./c", "308 /c/"),
                ("GET //c?q", "308 /c/?q"),
                ("POST /a//b", "308 /a/b"),
                ("GET //evil.example/..", "308 /"),
                ("GET //evil.example", "308 /evil.example"),
                ("GET ///evil.example", "308 /evil.example"),
                ("GET /a/..//evil.example", "308 /evil.example"),
                ("GET /./\\evil.example", "308 /%5Cevil.example"),
                // A dot in a name, and encoded dots and slashes, are no parts of the syntax.
                ("GET /.a/b.", "/"),
                ("GET /a/..b", "/"),
                ("GET /a/...", "/"),
                ("GET /%2e%2e/a/b", "/"),
                ("GET /%2Fa", "/"),
                ("CONNECT /a//b", "/"),
            ],
        ),
        (
            &["GET /a/b"],
            &[
                ("GET /x//b", "404"),
                ("GET /a/../x", "404"),
                ("POST /a//b", "405 GET, HEAD, OPTIONS"),
                ("OPTIONS /a//b", "204 GET, HEAD, OPTIONS"),
                ("GET /a/b/", "404"),
                ("GET /a/b//", "404"),
            ],
        ),
    ]);
}

#[test]
fn h06_segments_are_split_before_they_are_decoded() {
    check(&[
        (
            &["/items/{id}", "/a%2Fb", "/a/b", "/caf%C3%A9/{x}", "/%7Bid%7D", "/100%25/{x...}"],
            &[
                ("GET /items/a%2Fb", "/items/{id} id=a/b"),
                ("GET /items/a%2fb", "/items/{id} id=a/b"),
                ("GET /items/%41%20b+c", "/items/{id} id=A b+c"),
                ("GET /items/%25", "/items/{id} id=%"),
                ("GET /items/%2525", "/items/{id} id=%25"),
                ("GET /items/%2e%2e", "/items/{id} id=.."),
                ("GET /items/%E2%82%AC", "/items/{id} id=€"),
                ("GET /items/a;b=c,d:e@f", "/items/{id} id=a;b=c,d:e@f"),
                ("GET /items/%FF", "400"),
                ("GET /items/%C3", "400"),
                ("GET /items/%", "400"),
                ("GET /items/%4", "400"),
                ("GET /items/%zz", "400"),
                ("GET /nowhere/%zz", "400"),
                ("POST /items/%zz?x", "400"),
                ("GET /items/x?%zz", "/items/{id} id=x"),
                ("GET /a%2Fb", "/a%2Fb"),
                ("GET /a%2fb", "/a%2Fb"),
                ("GET /a/b", "/a/b"),
                ("GET /a%252Fb", "404"),
                ("GET /caf%C3%A9/1", "/caf%C3%A9/{x} x=1"),
                ("GET /caf%c3%a9/1", "/caf%C3%A9/{x} x=1"),
                ("GET /%63af%C3%A9/1", "/caf%C3%A9/{x} x=1"),
                ("GET /{id}", "/%7Bid%7D"),
                ("GET /%7bid%7d", "/%7Bid%7D"),
                ("GET /100%25/%25/a%2Fb", "/100%25/{x...} x=%/a/b"),
            ],
        ),
        (
            &["/café", "/%ff", "/"],
            &[
                ("GET /caf%C3%A9", "/café"),
                ("GET /%FF", "/%ff"),
                // Bytes that no handler asks for need not be text.
                ("GET /%FE", "/"),
                ("GET /caf%E9", "/"),
            ],
        ),
        (
            &["/a/{$}", "/a/%2F"],
            &[("GET /a/", "/a/{$}"), ("GET /a/%2F", "/a/%2F"), ("GET /a%2F", "404")],
        ),
    ]);
}

#[test]
fn h06_a_host_wins_over_none() {
    check(&[
        (
            &["example.com/a", "/a", "GET example.com/b", "example.com/s/", "/"],
            &[
                ("GET example.com/a", "example.com/a"),
                ("GET example.com:8080/a", "example.com/a"),
                ("GET EXAMPLE.com/a", "example.com/a"),
                ("GET Example.Com.:80/a", "example.com/a"),
                ("GET example.org/a", "/a"),
                ("GET www.example.com/a", "/a"),
                ("GET example.com.evil.example/a", "/a"),
                ("GET /a", "/a"),
                ("GET example.com/b", "GET example.com/b"),
                ("GET example.org/b", "/"),
                ("POST example.com/b", "/"),
                ("GET example.com/c", "/"),
                ("GET example.com/s", "308 /s/"),
                ("GET example.org/s", "/"),
                ("POST example.com/s/x", "example.com/s/"),
                ("POST example.com/c", "/"),
            ],
        ),
        // The one without a host is more specific, but that does not count.
        (
            &["example.com/{x}", "/a"],
            &[("GET example.com/a", "example.com/{x} x=a"), ("GET b/a", "/a")],
        ),
        (
            &["POST example.com/a", "GET /a"],
            &[
                ("GET example.com/a", "GET /a"),
                ("POST example.com/a", "POST example.com/a"),
                ("PUT example.com/a", "405 GET, HEAD, OPTIONS, POST"),
                ("PUT example.org/a", "405 GET, HEAD, OPTIONS"),
            ],
        ),
        (
            &["[::1]/", "127.0.0.1/", "localhost/", "EXAMPLE.com/x"],
            &[
                ("GET [::1]/a", "[::1]/"),
                ("GET [::1]:8080/a", "[::1]/"),
                ("GET [0:0:0:0:0:0:0:1]:8080/a", "[::1]/"),
                ("GET [::2]:8080/a", "404"),
                ("GET [::1/a", "404"),
                ("GET 127.0.0.1:80/a", "127.0.0.1/"),
                ("GET localhost:1/a", "localhost/"),
                ("GET example.com/x", "EXAMPLE.com/x"),
                ("GET /a", "404"),
            ],
        ),
    ]);
}

#[test]
fn h06_get_serves_head_unless_a_pattern_for_it_matches() {
    check(&[
        (
            &["GET /a", "HEAD /a"],
            &[("HEAD /a", "HEAD /a"), ("OPTIONS /a", "204 GET, HEAD, OPTIONS")],
        ),
        (
            &["GET /a/{x}", "HEAD /a/b", "/"],
            &[
                ("HEAD /a/b", "HEAD /a/b"),
                ("GET /a/b", "GET /a/{x} x=b"),
                ("HEAD /a/c", "GET /a/{x} x=c"),
                ("HEAD /a/b/c", "/"),
            ],
        ),
        (
            &["HEAD /a/", "GET /b/{x}", "/{rest...}"],
            &[
                ("HEAD /a/b", "HEAD /a/"),
                ("GET /a/b", "/{rest...} rest=a/b"),
                ("HEAD /b/c", "GET /b/{x} x=c"),
                ("PUT /b/c", "/{rest...} rest=b/c"),
                ("HEAD /a", "308 /a/"),
                ("GET /a", "/{rest...} rest=a"),
            ],
        ),
        (
            &["GET h/a", "HEAD /a", "/a"],
            &[("HEAD h/a", "GET h/a"), ("HEAD /a", "HEAD /a"), ("GET /a", "/a")],
        ),
        (
            &["GET /{$}", "POST /{rest...}"],
            &[
                ("HEAD /", "GET /{$}"),
                ("HEAD /a", "405 OPTIONS, POST"),
                ("HEAD //", "308 /"),
                ("PUT /", "405 GET, HEAD, OPTIONS, POST"),
            ],
        ),
    ]);
}

#[test]
fn h06_names_with_a_common_beginning_are_different() {
    check(&[
        (
            &["/v1", "/v1.1", "/v1.1/x", "/v10", "/v/", "/{other}"],
            &[
                ("GET /v1", "/v1"),
                ("GET /v1.1", "/v1.1"),
                ("GET /v1.1/x", "/v1.1/x"),
                ("GET /v10", "/v10"),
                ("GET /v1.", "/{other} other=v1."),
                ("GET /v", "/{other} other=v"),
                ("GET /v1/x", "404"),
            ],
        ),
        // A wildcard and what follows it.
        (
            &["/{repo}/raw/{path...}", "/{repo}/raw/{$}", "/{repo}/edit", "/{repo}/{tab}"],
            &[
                ("GET /hangup/raw/src/lib.rs", "/{repo}/raw/{path...} repo=hangup path=src/lib.rs"),
                ("GET /hangup/raw/", "/{repo}/raw/{$} repo=hangup"),
                ("GET /hangup/raw", "/{repo}/{tab} repo=hangup tab=raw"),
                ("GET /raw/raw/raw", "/{repo}/raw/{path...} repo=raw path=raw"),
                ("GET /edit/edit", "/{repo}/edit repo=edit"),
                ("GET /hangup/edit/", "404"),
                ("GET //edit", "404"),
            ],
        ),
    ]);
}

#[test]
fn h06_redirects_keep_the_encoding_and_the_host() {
    check(&[
        (
            &["/files/{path...}", "h/x/{$}", "GET /items/{id}/"],
            &[
                ("GET /files//a%2Fb%20c", "308 /files/a%2Fb%20c"),
                ("GET /files/a/%2e%2e/b", "/files/{path...} path=a/../b"),
                ("GET /files/a/../%2e%2e/b", "308 /files/%2e%2e/b"),
                ("GET /files/a;v=1/b@c", "/files/{path...} path=a;v=1/b@c"),
                ("GET h/x", "308 /x/"),
                ("GET h//x", "308 /x/"),
                ("GET i/x", "404"),
                ("HEAD /items/a%20b?q", "308 /items/a%20b/?q"),
                ("GET /items//7", "308 /items/7/"),
                ("DELETE /items//7", "405 GET, HEAD, OPTIONS"),
            ],
        ),
        (
            &["PROPFIND /dav/", "M-SEARCH /{$}"],
            &[
                ("PROPFIND /dav", "308 /dav/"),
                ("PROPFIND /dav/a%C3%A9", "PROPFIND /dav/"),
                ("M-SEARCH /", "M-SEARCH /{$}"),
                ("m-search /", "405 M-SEARCH, OPTIONS"),
                ("OPTIONS /dav/x", "204 OPTIONS, PROPFIND"),
            ],
        ),
        (
            &["xn--bcher-kva.example/{$}", "a.example/", "a-b.example/"],
            &[
                ("GET XN--BCHER-KVA.example/", "xn--bcher-kva.example/{$}"),
                ("GET a.example:/x", "a.example/"),
                ("GET a-b.example/x", "a-b.example/"),
                ("GET a.example.:443/x", "a.example/"),
                ("GET b.a.example/x", "404"),
            ],
        ),
    ]);
}
