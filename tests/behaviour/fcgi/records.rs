//! Valid and malformed records, parameters and values.

use std::io::Write;

use hangup::{Request, RequestExt, ResponseWriter, Result, fcgi};

use super::raw::{
    BEGIN, END, GET_VALUES, GET_VALUES_RESULT, PARAMS, STDIN, UNKNOWN_TYPE, WebServer, begin,
    opened, padded, pairs, record, request, variables,
};
use super::{echo, path, serve, serve_with};
use crate::support::alone;

/// Responds with a description of the request.
fn describe(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let remote = r.remote_addr().expect("an address");
    let variables = r.variables().expect("FastCGI").clone();
    write!(w, "{} {} {:?} {remote} {}", r.method(), r.uri(), r.version(), r.is_https())?;
    write!(w, " {:?} {:?}", r.headers()["host"], variables.get("DOCUMENT_ROOT"))?;
    Ok(())
}

#[test]
fn f01_the_same_handler_sees_the_same_request() {
    alone!();
    let (_server, mut peer) = serve(describe);
    let more = pairs(&[("DOCUMENT_ROOT", "/srv/www"), ("HTTPS", "on")]);
    let params = [variables("/a?b=c"), more].concat();
    peer.send(begin(1, 1, true)).send(record(PARAMS, 1, &params));
    peer.send(record(PARAMS, 1, &[])).send(record(STDIN, 1, &[]));
    let answer = peer.expect_answer(1);
    answer.expect(
        "200 OK",
        "POST /a?b=c HTTP/1.1 192.0.2.7:4711 true \"example.org\" Some(\"/srv/www\")",
    );
    assert!(answer.head.contains("Content-Length: 71"), "{}", answer.head);
    assert!(answer.head.contains("Content-Type: text/plain"), "{}", answer.head);
}

#[test]
fn f06_parameters_may_be_cut_anywhere() {
    alone!();
    let (_server, mut peer) = serve(path);
    let long = format!("/{}", "x".repeat(300));
    let params = variables(&long);
    for cut in 1..params.len() {
        let (one, other) = params.split_at(cut);
        peer.send(begin(1, 1, true));
        peer.send([record(PARAMS, 1, one), padded(PARAMS, 1, other, 5)].concat());
        peer.send([record(PARAMS, 1, &[]), record(STDIN, 1, &[])].concat());
        peer.expect_answer(1).expect("200 OK", &long);
    }
}

#[test]
fn f06_records_may_come_byte_by_byte_and_padded() {
    alone!();
    let (_server, mut peer) = serve(echo);
    let body = [padded(STDIN, 1, b"hel", 255), padded(STDIN, 1, b"lo", 1), record(STDIN, 1, &[])];
    for byte in [opened(1, "/", true), body.concat()].concat() {
        peer.send([byte]);
    }
    peer.expect_answer(1).expect("200 OK", "hello");
}

#[test]
fn f06_too_many_variables_end_their_request_only() {
    alone!();
    let (_server, mut peer) = serve_with(fcgi::Server::new(path).max_params_bytes(1000));
    let long = "x".repeat(2000);
    peer.send(request(1, &long, "", true));
    let answer = peer.expect_answer(1);
    assert!(answer.head.starts_with("Status: 431"), "{answer:?}");
    assert!(answer.body.contains("1000"), "{answer:?}");
    assert_ne!(answer.exit, 0);
    peer.send(request(1, "/next", "", true)).expect_answer(1).expect("200 OK", "/next");

    let (_server, mut peer) = serve(path);
    let many: Vec<_> = (0..3000).map(|_| ("A", "b")).collect();
    peer.send(
        [begin(1, 1, true), record(PARAMS, 1, &pairs(&many)), record(PARAMS, 1, &[])].concat(),
    );
    assert!(peer.expect_answer(1).head.starts_with("Status: 431"));
}

#[test]
fn f06_variables_up_to_the_limit_are_accepted() {
    alone!();
    let params = variables("/exact");
    for (most, status) in [(params.len(), "200 OK"), (params.len() - 1, "431")] {
        let (_server, mut peer) = serve_with(fcgi::Server::new(path).max_params_bytes(most));
        // In one piece and in two.
        for cut in [params.len(), params.len() / 2] {
            peer.send([begin(1, 1, true), record(PARAMS, 1, &params[..cut])].concat());
            peer.send([record(PARAMS, 1, &params[cut..]), record(PARAMS, 1, &[])].concat());
            let answer = peer.send(record(STDIN, 1, &[])).expect_answer(1);
            assert!(answer.head.starts_with(&format!("Status: {status}")), "{most}: {answer:?}");
        }
    }
}

#[test]
fn f06_variables_that_describe_no_request_get_400() {
    alone!();
    let (_server, mut peer) = serve(path);
    peer.send([begin(1, 1, true), record(PARAMS, 1, &[])].concat());
    let answer = peer.expect_answer(1);
    assert!(answer.head.starts_with("Status: 400"), "{answer:?}");
    assert!(answer.body.contains("REQUEST_METHOD"), "{answer:?}");
}

#[test]
fn f05_get_values_is_answered() {
    alone!();
    let server = || fcgi::Server::new(path).max_connections(7).max_requests_per_connection(3);
    let (_server, mut peer) = serve_with(server());
    let asked = pairs(&[("FCGI_MPXS_CONNS", ""), ("FCGI_MAX_REQS", ""), ("OTHER", "")]);
    peer.send(record(GET_VALUES, 0, &asked));
    let told = peer.expect(GET_VALUES_RESULT, 0);
    assert_eq!(told, pairs(&[("FCGI_MPXS_CONNS", "1"), ("FCGI_MAX_REQS", "21")]));
    peer.send(record(GET_VALUES, 0, &pairs(&[("FCGI_MAX_CONNS", "")])));
    assert_eq!(peer.expect(GET_VALUES_RESULT, 0), pairs(&[("FCGI_MAX_CONNS", "7")]));

    let (_server, mut peer) = serve_with(server().max_requests_per_connection(1));
    peer.send(record(GET_VALUES, 0, &pairs(&[("FCGI_MPXS_CONNS", "")])));
    assert_eq!(peer.expect(GET_VALUES_RESULT, 0), pairs(&[("FCGI_MPXS_CONNS", "0")]));
}

/// A list of values that exceeds a record was once cut within a pair.
#[test]
fn f05_get_values_is_answered_in_whole_pairs() {
    alone!();
    let (_server, mut peer) = serve_with(fcgi::Server::new(path).max_connections(10_000));
    peer.send(record(GET_VALUES, 0, &pairs(&[("FCGI_MAX_REQS", "")]).repeat(4369)));
    let told = peer.expect(GET_VALUES_RESULT, 0);
    let pair = pairs(&[("FCGI_MAX_REQS", "1000000")]);
    assert!(told.len() > 65_000 && told.chunks(pair.len()).all(|told| told == pair));
}

/// With two Status fields, a web server takes the first or the last.
#[test]
fn f01_a_status_field_set_by_the_handler_is_not_sent() {
    alone!();
    let (_server, mut peer) = serve(|w: &mut ResponseWriter, _: &mut Request| {
        w.set_header("status", "404 Not Found")?;
        Ok(w.write_all(b"here")?)
    });
    let answer = peer.send(request(1, "/", "", true)).expect_answer(1);
    answer.expect("200 OK", "here");
    assert_eq!(answer.head.to_lowercase().matches("status").count(), 1, "{answer:?}");
}

#[test]
fn f01_a_body_with_a_length_has_no_other_framing() {
    alone!();
    let (_server, mut peer) = serve(|w: &mut ResponseWriter, r: &mut Request| {
        Ok(write!(w, "{:?}", r.headers().get("transfer-encoding"))?)
    });
    let more = pairs(&[("HTTP_TRANSFER_ENCODING", "chunked"), ("CONTENT_LENGTH", "2")]);
    let params = [variables("/"), more].concat();
    peer.send([begin(1, 1, true), record(PARAMS, 1, &params), record(PARAMS, 1, &[])].concat());
    peer.send([record(STDIN, 1, b"hi"), record(STDIN, 1, &[])].concat());
    peer.expect_answer(1).expect("200 OK", "None");
}

#[test]
fn f05_an_unknown_record_is_reported_or_ignored() {
    alone!();
    let (_server, mut peer) = serve(path);
    // A management record of another type is answered by its type.
    peer.send(record(77, 0, b"?"));
    assert_eq!(peer.expect(UNKNOWN_TYPE, 0), [77, 0, 0, 0, 0, 0, 0, 0]);
    // Records for requests that are none are ignored, of whatever type.
    for kind in [2, PARAMS, STDIN, 8, 99] {
        peer.send(record(kind, 9, b"ignored"));
    }
    // A role that is not ours ends its request, and not the connection.
    peer.send(begin(3, 2, true));
    assert_eq!(peer.expect(END, 3), [0, 0, 0, 0, 3, 0, 0, 0]);
    peer.send(request(3, "/after", "", true)).expect_answer(3).expect("200 OK", "/after");
    // Unless it was to be the last.
    peer.send(begin(4, 3, false));
    assert_eq!(peer.expect(END, 4)[4], 3);
    peer.expect_end();
}

#[test]
fn f05_a_malformed_record_closes_its_connection_only() {
    alone!();
    let (server, mut other) = serve(path);
    let in_use = [opened(1, "/", true), begin(1, 1, true)].concat();
    let cut_pairs = [begin(1, 1, true), record(PARAMS, 1, &[9]), record(PARAMS, 1, &[])].concat();
    for (what, bytes) in [
        ("a version", vec![2]),
        ("a version behind a record", [record(99, 5, b"x"), vec![0; 8]].concat()),
        ("a begin without a role", record(BEGIN, 1, &[0])),
        ("values that are cut", record(GET_VALUES, 0, &[5, 0, b'F'])),
        ("parameters that are cut", cut_pairs),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ] {
        let mut peer = WebServer::connect(&server);
        peer.send(bytes);
        peer.expect_closed();
        other.send(request(1, what.replace(' ', "/").as_str(), "", true));
        let _ = other.expect_answer(1);
    }
    let mut peer = WebServer::connect(&server);
    peer.send(in_use);
    while peer.next().is_some() {}
}

#[test]
fn f05_a_request_begun_while_its_id_is_in_use_is_malformed() {
    alone!();
    let (_server, mut peer) = serve(echo);
    peer.send([opened(1, "/", true), begin(1, 1, true)].concat());
    peer.expect_closed();
}
