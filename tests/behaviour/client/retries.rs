//! C15: retries with back-off.

use std::time::Duration;

use hangup::ResponseExt;
use hangup::client::Retry;

use super::{send, text};
use crate::support::{Over, alone, over_each};

over_each![each way: c15_a_failing_status_is_retried_on_the_same_connection];

/// Retries whose waits are short.
fn quick(retries: u32) -> Retry {
    Retry::new(retries).backoff(Duration::from_millis(1), Duration::from_millis(2))
}

fn c15_a_failing_status_is_retried_on_the_same_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().retry(quick(3)).build();
    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).body("again"));
    let mut peer = peers.accept();
    for status in [503, 429] {
        assert_eq!(peer.expect_request("PUT / ").body, b"again");
        peer.answer(status, "not yet");
    }
    assert_eq!(peer.expect_request("PUT / ").body, b"again");
    peer.answer(200, "ok");
    let response = call.finish();
    assert_eq!(response.as_ref().unwrap().attempts(), 3);
    assert_eq!(text(response), "ok");
    peers.expect_no_more();
}
