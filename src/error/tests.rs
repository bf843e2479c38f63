use super::*;
use crate::Context;

#[test]
fn an_error_survives_the_journey_through_io() {
    let error = Error::timeout(TimeLimit::ResponseHead);
    let io = io::Error::from(error);
    assert_eq!(io.kind(), io::ErrorKind::TimedOut);
    let back = Error::from(io);
    assert_eq!(back.timed_out(), Some(TimeLimit::ResponseHead));
    assert_eq!(back.to_string(), "timed out waiting for the response head");
}

#[test]
fn no_error_makes_a_reader_try_again() {
    for kind in [ErrorKind::Cancelled, ErrorKind::Timeout(TimeLimit::Call), ErrorKind::Closed] {
        assert_ne!(io::Error::from(Error::new(kind)).kind(), io::ErrorKind::Interrupted);
    }
}

#[test]
fn a_context_says_which_of_the_two_it_was() {
    let cancelled = Context::new();
    cancelled.cancel_with("enough");
    let error = Error::from(cancelled.err().unwrap());
    assert!(error.is_cancelled() && !error.is_timeout());
    assert_eq!(error.to_string(), "cancelled: enough");
    let late = Context::with_timeout(std::time::Duration::ZERO);
    let error = Error::from(late.err().unwrap());
    assert_eq!(error.timed_out(), Some(TimeLimit::Call));
    let text = "timed out waiting for the whole call: deadline exceeded after 0ns";
    assert_eq!(error.to_string(), text);
}

#[test]
#[cfg(all(feature = "client", any(feature = "server", feature = "fcgi")))]
fn h01_the_reason_of_an_answer_is_for_the_log() {
    use http::header::{ALLOW, HeaderValue};
    let plain = Error::status(StatusCode::BAD_GATEWAY, "no");
    let error = plain.clone().because("upstream a: refused".into());
    let error = error.clone().with_header(ALLOW, HeaderValue::from_static("GET"));
    assert_eq!((plain.to_string(), format!("{plain:#}")), (error.to_string(), plain.to_string()));
    assert_eq!(format!("{error:#}"), "502 Bad Gateway: no: upstream a: refused");
    assert_eq!((error.own_status(), error.status_text()), (plain.own_status(), Some("no")));
    assert!(plain.source().is_none() && error.source().is_some());
    // Other errors have their own source.
    assert_eq!(format!("{:#}", Error::from("a").because("b".into())), "a");
}

#[test]
fn h01_an_error_can_be_an_answer() {
    let error = Error::status(StatusCode::NOT_FOUND, "no row 7");
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!(error.status_code(), Some(StatusCode::NOT_FOUND));
    assert_eq!(error.status_text(), Some("no row 7"));
    assert_eq!(error.to_string(), "404 Not Found: no row 7");
    let bare = || -> Result<()> { Err(StatusCode::CONFLICT)? };
    let error = Error::from(io::Error::from(bare().unwrap_err()));
    assert_eq!(error.status_code(), Some(StatusCode::CONFLICT));
    assert_eq!((error.status_text(), error.to_string()), (None, "409 Conflict".into()));
    assert_eq!(Error::from("other").status_code(), None);
    assert_eq!(Error::from("other").status_text(), None);
}

#[test]
fn h01_an_error_can_have_headers() {
    use http::header::{ALLOW, HeaderValue, VARY};
    let value = HeaderValue::from_static;
    let error =
        Error::status(StatusCode::METHOD_NOT_ALLOWED, "no").with_header(ALLOW, value("GET"));
    let clone = error.clone();
    let more = error.with_header(VARY, value("a")).with_header(VARY, value("b"));
    let headers = more.response_headers().unwrap();
    assert_eq!((&headers[ALLOW], headers.get_all(VARY).iter().count()), (&value("GET"), 2));
    assert_eq!(more.to_string(), "405 Method Not Allowed: no");
    assert_eq!(clone.response_headers().unwrap().len(), 1);
    assert!(Error::from("other").with_header(ALLOW, value("GET")).response_headers().is_none());
}

#[test]
fn a_handlers_own_error_speaks_for_itself() {
    assert_eq!(Error::from("no such row").to_string(), "no such row");
    assert_eq!(std::mem::size_of::<Error>(), std::mem::size_of::<usize>());
}

/// Every kind, by a `match` that a new one does not pass.
fn kinds() -> Vec<ErrorKind> {
    use ErrorKind::*;
    let next = |kind| match kind {
        InvalidUrl => Some(UnsupportedScheme),
        UnsupportedScheme => Some(InvalidMessage),
        InvalidMessage => Some(BodySource),
        BodySource => Some(Misuse),
        Misuse => Some(InvalidTlsConfig),
        InvalidTlsConfig => Some(InvalidFile),
        InvalidFile => Some(Cancelled),
        Cancelled => Some(Timeout(TimeLimit::Call)),
        Timeout(_) => Some(Resolve),
        Resolve => Some(Connect),
        Connect => Some(Proxy),
        Proxy => Some(TlsHandshake),
        TlsHandshake => Some(UntrustedCertificate),
        UntrustedCertificate => Some(Send),
        Send => Some(Receive),
        Receive => Some(EmptyReply),
        EmptyReply => Some(MalformedMessage),
        MalformedMessage => Some(IncompleteBody),
        IncompleteBody => Some(Decode),
        Decode => Some(TooLarge),
        TooLarge => Some(TooManyRedirects),
        TooManyRedirects => Some(InvalidRedirect),
        InvalidRedirect => Some(Closed),
        Closed => Some(Io),
        Io => Some(Status),
        Status => Some(Other),
        Other => None,
    };
    iter::successors(Some(InvalidUrl), |kind| next(*kind)).collect()
}

/// An error as others write them: its text is its own level alone.
#[derive(Debug)]
struct Level(&'static str, Option<Box<Level>>);

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Level {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.1.as_deref().map(|level| level as _)
    }
}

fn two_levels() -> Level {
    Level("the outer", Some(Box::new(Level("the inner", None))))
}

/// Prints an error as anyhow's `{:#}` and most programs' `main` do.
fn chain(error: &dyn StdError) -> String {
    let levels = iter::successors(Some(error), |&error| error.source());
    levels.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[track_caller]
fn says_each_thing_once(error: &dyn StdError) {
    let text = chain(error);
    let mut parts: Vec<&str> = text.split(": ").collect();
    let all = parts.len();
    parts.sort_unstable();
    parts.dedup();
    assert_eq!(parts.len(), all, "{text}");
    assert!(parts.iter().all(|part| !part.is_empty()), "{text}");
}

#[test]
fn no_kind_of_error_repeats_its_source() {
    for kind in kinds() {
        let errors = [
            (Error::new(kind), &[][..], &[][..]),
            (Error::message(kind, "details"), &["details"], &[]),
            (Error::with_source(kind, two_levels()), &["the outer"], &["the inner"]),
            (
                Error::build(kind, Some("details".into()), Some(two_levels().into())),
                &["details", "the outer"],
                &["the inner"],
            ),
        ];
        for (error, plain, deeper) in errors {
            let text = error.to_string();
            assert!(!text.is_empty() && plain.iter().all(|part| text.contains(part)), "{text}");
            let boxed: Box<dyn StdError + Send + Sync> = error.clone().into();
            let io = io::Error::from(error.clone());
            let unboxed = Error::other(io::Error::from(error.clone()));
            let twice = io::Error::other(io::Error::from(error.clone()));
            for error in [&error, &*boxed as &dyn StdError, &io, &twice, &unboxed] {
                says_each_thing_once(error);
                let whole = chain(error);
                for part in plain.iter().chain(deeper) {
                    assert_eq!(whole.matches(part).count(), 1, "{whole}");
                }
            }
            assert_eq!(format!("{error:#}"), chain(&error));
        }
    }
}

#[test]
fn no_error_of_the_crate_repeats_its_source() {
    use crate::h1::{self, BodyError};
    use crate::net::{DialError, Phase, Target};

    let custom = || io::Error::other(two_levels());
    let cancelled = || {
        let context = Context::new();
        context.cancel_with(two_levels());
        context.err().expect("cancelled")
    };
    let target = || Target::Host { host: "host".into(), port: 80 };
    let address =
        |last| crate::net::Addr::from(std::net::SocketAddr::from(([127, 0, 0, last], 80)));
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let dials = [
        DialError::Resolve { host: "host".into(), source: custom() },
        DialError::Connect { target: target(), tried: vec![] },
        DialError::Connect { target: target(), tried: vec![(address(1), custom())] },
        DialError::Connect {
            target: target(),
            tried: vec![(address(1), refused()), (address(2), custom())],
        },
        DialError::TimedOut(Phase::Connect),
        DialError::Cancelled(cancelled()),
        DialError::System(custom()),
    ];
    for error in dials {
        says_each_thing_once(&error);
        let text = chain(&error);
        assert_eq!(text.matches("the outer").count(), text.matches("the inner").count(), "{text}");
        says_each_thing_once(&Error::with_source(ErrorKind::Connect, error));
    }
    says_each_thing_once(&cancelled());
    says_each_thing_once(&Error::from(cancelled()));
    let incomplete = BodyError::Incomplete { missing: Some(3) };
    for error in [incomplete, BodyError::Incomplete { missing: None }, BodyError::ChunkSize] {
        says_each_thing_once(&error);
        says_each_thing_once(&Error::from(error));
    }
    let head = b"GET / HTTP/1.1\r\nHost: h\r\na b: c\r\n\r\n";
    let broken = h1::HeadScanner::default().request(head, &h1::Limits::default());
    says_each_thing_once(&broken.expect_err("a blank in a name"));
}

#[test]
fn h01_an_error_comes_back_out_of_any_box() {
    let error = || Error::status(StatusCode::CONFLICT, "taken");
    let boxed: Box<dyn StdError + Send + Sync> = Box::new(error());
    let in_io: Box<dyn StdError + Send + Sync> = Box::new(io::Error::from(error()));
    for boxed in [boxed, in_io] {
        assert_eq!(Error::from(boxed).status_code(), Some(StatusCode::CONFLICT));
    }
    let other = Error::other(io::Error::from(io::ErrorKind::NotFound));
    assert_eq!(other.kind(), ErrorKind::Other);
    assert!(other.cause().is_some_and(|cause| cause.is::<io::Error>()));
}

#[test]
fn limits_are_waited_for_in_english() {
    for (limit, text) in [
        (TimeLimit::Resolve, "timed out waiting for the host's address"),
        (TimeLimit::Connect, "timed out waiting for the connection"),
        (TimeLimit::Proxy, "timed out waiting for the proxy"),
        (TimeLimit::Send, "timed out waiting for the message to be sent"),
        (TimeLimit::BodyIdle, "timed out waiting for more of the request body"),
        (TimeLimit::WriteIdle, "timed out waiting for room for more of the message"),
    ] {
        assert_eq!(Error::timeout(limit).to_string(), text);
    }
}

#[test]
fn an_error_of_any_kind_keeps_its_cause() {
    for (kind, text) in [
        (ErrorKind::Other, "bad checksum"),
        (ErrorKind::Io, "input or output failed: bad checksum"),
        (ErrorKind::Connect, "cannot connect: bad checksum"),
        (ErrorKind::InvalidUrl, "invalid URL: bad checksum"),
        (ErrorKind::Status, "unsuccessful status: bad checksum"),
    ] {
        let error = Error::of_kind(kind, io::Error::other("bad checksum"));
        assert_eq!((error.kind(), &*error.to_string()), (kind, text));
        assert!(error.cause().is_some_and(|cause| cause.is::<io::Error>()));
        assert_eq!(Error::of_kind(kind, "bad checksum").to_string(), text);
        // A handler that returns it responds with 500.
        assert_eq!((error.status_code(), error.own_status()), (None, None));
    }
}
