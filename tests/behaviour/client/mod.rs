//! The client: T.

mod bodies;
mod bodies_adapted;
mod by_hand;
mod call_layers;
mod cancel;
mod cookies;
#[cfg(feature = "gzip")]
mod decoding;
mod dialling;
mod dropping;
mod early_response;
mod events;
mod expect;
mod files;
mod history;
mod idle;
mod interim;
mod keep_alive;
mod least_speed;
mod lenient;
mod multipart;
mod netrc;
mod observed;
mod peers_bugs;
mod pool;
mod progress;
mod proxies;
mod raw_heads;
mod reading;
mod redirect_rules;
mod redirects;
mod retries;
mod retry;
mod reuse;
mod script;
mod seams;
mod status_errors;
mod time_limits;
mod urls;
mod values;
mod websocket;
mod wrote_request;

use hangup::client::RequestBuilder;
use hangup::{Body, Client, Result, http};

use crate::support::scripted_server::{Background, in_background};

type Response = http::Response<Body>;

/// Sends a request on another thread.
fn send(
    client: &Client,
    request: impl FnOnce(&Client) -> RequestBuilder + Send + 'static,
) -> Background<Result<Response>> {
    let client = client.clone();
    in_background(move || request(&client).send())
}

fn get(client: &Client, url: String) -> Background<Result<Response>> {
    send(client, move |client| client.get(url))
}

/// Returns the body of a successful response.
fn text(response: Result<Response>) -> String {
    response.expect("a response").body_mut().read_text(1 << 24).expect("a whole body")
}
