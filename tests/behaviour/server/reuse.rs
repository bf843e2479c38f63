//! The requests of a connection share its memory, and no handler can see that.

use std::io::Write;

use hangup::{Request, RequestExt, ResponseWriter, Result};

use super::{next, reports, served};
use crate::support::{Over, alone, over_each};

over_each![
    s01_a_request_does_not_see_state_of_the_one_before,
    s01_parts_that_a_handler_keeps_of_a_request_do_not_change,
];

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[derive(Clone)]
struct Mark;

/// Leaves as much state as it can, and responds with the state that it finds.
fn leaves_and_finds(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let marked = r.extensions_mut().insert(Mark).is_some();
    let found = w.headers().len() + w.trailers_mut().len();
    r.headers_mut().insert("x-left", "behind".parse()?);
    w.set_header("x-left", "behind")?;
    let names: Vec<_> = r.headers().keys().map(|name| name.as_str().to_owned()).collect();
    if r.uri().path() == "/fails" {
        return Err("it fails".into());
    }
    write!(w, "{} {marked} {found} {}", r.uri().path(), names.join(","))?;
    Ok(())
}

fn s01_a_request_does_not_see_state_of_the_one_before(over: Over) {
    alone!();
    let (_server, _far, mut peer) = served(over, leaves_and_finds);
    for (path, fields, names) in [
        ("/long?and=more", "X-One: 1\r\nX-Two: 2\r\n", "host,x-one,x-two,x-left"),
        ("/", "", "host,x-left"),
        ("/again", "X-Two: 2\r\n", "host,x-two,x-left"),
    ] {
        peer.send(get(path, fields));
        let path = path.split('?').next().unwrap();
        assert_eq!(peer.expect(200), format!("{path} false 0 {names}"));
        peer.send(get("/fails", "X-Three: 3\r\n"));
        peer.expect(500);
    }
}

fn s01_parts_that_a_handler_keeps_of_a_request_do_not_change(over: Over) {
    alone!();
    let (keep, kept) = reports();
    let keeps = move |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let (value, context) = (r.headers()["x-number"].clone(), r.context());
        let target = r.uri().clone();
        assert!(!context.is_done(), "its own handler runs");
        keep.send((value, target, context, std::mem::take(r))).unwrap();
        Ok(())
    };
    let (_server, _far, mut peer) = served(over, keeps);
    let numbers = ["1", "22", "333"];
    for number in numbers {
        peer.send(get(&format!("/{number}"), &format!("X-Number: {number}\r\n")));
        peer.expect(200);
    }
    // Of all of them only now, when the memory of each has had a chance to be used again.
    for number in numbers {
        let (value, target, context, request) = next(&kept);
        assert_eq!((value.to_str().unwrap(), target.path()), (number, &*format!("/{number}")));
        assert_eq!((request.uri(), &request.headers()["x-number"]), (&target, &value));
        assert!(context.is_done(), "its handler has returned");
        assert!(request.remote_addr().is_some() && request.context().is_done());
    }
}
