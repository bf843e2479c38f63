//! A request's context that was narrowed.

use std::time::Duration;

use hangup::{
    Context, ErrorKind, HandlerExt, Request, RequestExt, ResponseWriter, Result, TimeLimit,
};

use log::Level;

use super::super::{in_memory, next, reports, served};
use super::GET;
use crate::support::{Over, PATIENCE, alone, logs, over_each};

over_each![
    l04_a_narrowed_context_still_ends_when_the_client_goes_away,
    l05_a_read_of_the_body_ends_with_the_narrowed_context,
    l05_an_upload_that_is_cut_off_stays_the_clients_fault,
];

fn l04_a_narrowed_context_still_ends_when_the_client_goes_away(over: Over) {
    alone!();
    let (waiting, is_waiting) = reports();
    let (ended, has_ended) = reports();
    let handler = move |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let context = r.context();
        waiting.send(()).unwrap();
        ended.send(context.wait_timeout(PATIENCE).map(|why| why.to_string())).unwrap();
        Ok(())
    };
    let handler = handler.layer_fn(|w, r, next| {
        let narrowed = r.context().child_with_timeout(Duration::from_secs(3600));
        r.set_context(narrowed);
        next.handle(w, r)
    });
    let (_server, _far, mut peer) = served(over, handler);
    peer.send(GET);
    next(&is_waiting);
    peer.close();
    assert_eq!(next(&has_ended).as_deref(), Some("cancelled: the client closed the connection"));
}

/// The server does not take it for the client's fault: there is no 408.
fn l05_a_read_of_the_body_ends_with_the_narrowed_context(over: Over) {
    alone!();
    let (failed, has_failed) = reports();
    let handler = move |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let error = r.body_mut().read_text(100).expect_err("the client sends no body");
        failed.send(error.kind()).unwrap();
        // It stays so.
        let again = r.body_mut().read_text(100).expect_err("no more is read");
        failed.send(again.kind()).unwrap();
        Err(error)
    };
    let handler = handler.layer_fn(|w, r, next| {
        match r.uri().path() {
            "/limit" | "/adapted" => {
                if r.uri().path() == "/adapted" {
                    let body = std::mem::take(r.body_mut());
                    *r.body_mut() = body.limited(10);
                }
                let narrowed = r.context().child_with_timeout(Duration::from_millis(50));
                r.set_context(narrowed);
            }
            _ => {
                let cancelled = Context::new();
                cancelled.cancel();
                r.set_context(cancelled);
            }
        }
        next.handle(w, r)
    });
    let timeout = ErrorKind::Timeout(TimeLimit::Call);
    for (path, kind) in
        [("/limit", timeout), ("/adapted", timeout), ("/cancelled", ErrorKind::Cancelled)]
    {
        let (_server, _far, mut peer) = served(over, handler.clone());
        peer.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"));
        assert_eq!((next(&has_failed), next(&has_failed)), (kind, kind));
        let answer = peer.expect_response();
        assert_eq!((answer.status, answer.field("connection")), (500, Some("close")));
        peer.expect_end();
    }
}

/// A body that was read in time leaves the connection usable, and its deadline alone.
#[test]
fn l05_a_body_that_is_read_in_time_is_not_affected() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let narrowed = r.context().child_with_timeout(Duration::from_secs(3600));
        r.set_context(narrowed.clone());
        w.send(hangup::Response::new(r.body_mut().read_text(100)?))?;
        narrowed.cancel();
        Ok(())
    };
    let (_server, _, mut peer) = in_memory(handler);
    for _ in 0..3 {
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").send("hello");
        assert_eq!(peer.expect(200), "hello");
    }
}

#[test]
fn l06_the_next_request_has_a_context_of_its_own() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let before = r.context().is_done();
        let narrowed = r.context().child();
        narrowed.cancel();
        r.set_context(narrowed);
        w.send(hangup::Response::new(format!("{before} {}", r.context().is_done())))
    };
    let (_server, _, mut peer) = in_memory(handler);
    for _ in 0..3 {
        assert_eq!(peer.send(GET).expect(200), "false true");
    }
}

/// The context ends with the client, and the body with the context. There is no response, and no warning.
fn l05_an_upload_that_is_cut_off_stays_the_clients_fault(over: Over) {
    alone!();
    logs::collect();
    let (begin, begun) = reports();
    let (report, seen) = reports();
    let handler = move |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        begin.send(()).unwrap();
        // From now on the server watches the client.
        let narrowed = r.context().child_with_timeout(Duration::from_secs(3600));
        r.set_context(narrowed);
        let outcome = r.body_mut().read_text(100).map(drop);
        report.send(outcome.is_err()).unwrap();
        outcome
    };
    let server = over.server(handler);
    for ends_by_reset in [false, true] {
        let mut peer = over.connect(&server);
        peer.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
        // A reset drops a request that was not read.
        next(&begun);
        match ends_by_reset {
            true => peer.reset(),
            false => {
                peer.half_close();
                peer.expect_silence_to_the_end();
            }
        }
        assert!(next(&seen));
    }
    assert!(server.handle().shutdown(PATIENCE));
    assert_eq!(logs::of_servers(Level::Warn), [""; 0]);
}

/// The timer's thread once woke for each context with a deadline, and that is one for each request.
#[cfg(target_os = "linux")]
#[test]
fn l04_contexts_that_end_early_do_not_wake_the_timer() {
    alone!();
    let (ping, pinged) = reports::<()>();
    let (pong, ponged) = reports::<()>();
    let echo = std::thread::spawn(move || pinged.iter().try_for_each(|()| pong.send(())));
    let request = move || {
        let context = Context::with_timeout(PATIENCE);
        let _ = context.done();
        // Time for the timer to run, if it was woken.
        ping.send(()).unwrap();
        next(&ponged);
    };
    request();
    let before = timers_switches();
    for _ in 0..500 {
        request();
    }
    let switches = timers_switches() - before;
    assert!(switches < 50, "{switches}");
    drop(request);
    echo.join().unwrap().unwrap();
    // The thread does not sleep through an earlier deadline.
    let soon = Context::with_timeout(Duration::from_millis(5));
    assert!(soon.done().recv_timeout(PATIENCE).is_err());
}

/// Returns how often the timer's thread has waited.
#[cfg(target_os = "linux")]
fn timers_switches() -> u64 {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        (name.trim() == "hangup-timer").then(|| count?.trim().parse().ok())?
    };
    loop {
        // A thread has its name soon after its start.
        match std::fs::read_dir("/proc/self/task").unwrap().find_map(read) {
            Some(count) => return count,
            None => std::thread::yield_now(),
        }
    }
}
