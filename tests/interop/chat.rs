//! `chat` in two browsers, of which one has a WebSocket and the other an event stream.

use hangup::{Client, ResponseExt};
use serde_json::json;

use crate::browser::Browser;
use crate::example::Example;

/// Returns the script in which a person at the page writes a message.
fn types(name: &str, text: &str) -> String {
    format!(
        "at('name').value = {}; at('text').value = {}; document.forms[0].requestSubmit()",
        json!(name),
        json!(text)
    )
}

#[test]
#[ignore = "needs chromium, and the examples built"]
fn two_browsers_are_in_one_conversation() {
    let chat = Example::start("chat", &[]);
    let mut one = Browser::open(&format!("{}/", chat.url));
    let mut two = Browser::open(&format!("{}/?via=events", chat.url));
    one.wait_for("at('status').textContent", &json!("connected by WebSocket"));
    two.wait_for("at('status').textContent", &json!("connected by events"));

    let shown = "[...document.querySelectorAll('#messages li')].map(line => line.textContent)";
    one.evaluate(&types("ada", "over a <b>socket</b>"));
    let mut expected = vec!["adaover a <b>socket</b>"];
    for browser in [&mut one, &mut two] {
        browser.wait_for(shown, &json!(expected));
    }
    two.evaluate(&types("bob", "by é POST"));
    expected.push("bobby é POST");
    for browser in [&mut one, &mut two] {
        browser.wait_for(shown, &json!(expected));
    }
    // A client without a page writes as well.
    let message = json!({ "name": "eve", "text": "x" });
    let posted = Client::new().post(format!("{}/messages", chat.url)).json(&message).send();
    assert_eq!(posted.expect("a response").status(), 201);
    expected.push("evex");
    for browser in [&mut one, &mut two] {
        browser.wait_for(shown, &json!(expected));
    }

    let metrics = Client::new().get(format!("{}/metrics", chat.url)).send();
    let metrics = metrics.expect("a response").text().expect("text");
    for via in ["socket", "events"] {
        assert!(metrics.contains(&format!("chat_members{{via=\"{via}\"}} 1\n")), "{metrics}");
    }
}
