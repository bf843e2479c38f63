//! Tests a client against three faults of its server.

use std::time::Duration;

use hangup::client::{Client, Retry};
use hangup::testing::Script;
use hangup::{ErrorKind, ResponseExt, Result, TimeLimit};

/// The function under test.
fn price(client: &Client, url: &str) -> Result<u32> {
    client.get(url).send()?.error_for_status()?.json()
}

#[test]
fn a_price_survives_a_503_and_is_never_a_part() {
    const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n7";
    let script = Script::new()
        .connection(|peer| {
            peer.expect("GET /a").respond(503, "").expect("GET /a").respond(200, "70").close()
        })
        .connection(|peer| peer.expect("GET /b").send(HALF).cut())
        .connection(|peer| peer.expect("GET /c").stay_silent());
    let short = Duration::from_millis(50);
    let retry = Retry::new(1).backoff(short, short);
    let client = Client::builder().retry(retry).build();
    assert_eq!(price(&client, &script.url("/a")).unwrap(), 70);
    assert_eq!(price(&client, &script.url("/b")).unwrap_err().kind(), ErrorKind::IncompleteBody);
    let client = Client::builder().response_head_timeout(short).build();
    let error = price(&client, &script.url("/c")).unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::ResponseHead));
    script.finish();
}
