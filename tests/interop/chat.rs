//! `chat` in two browsers, of which one has a WebSocket and the other an event stream.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use hangup::{Client, ResponseExt};
use serde_json::json;

use crate::browser::Browser;

/// The program, until it is dropped.
struct Chat {
    child: Child,
    url: String,
}

impl Chat {
    fn start() -> Self {
        let mut path = std::env::current_exe().expect("this test's own path");
        path.pop();
        path.pop();
        path.extend(["examples", "chat"]);
        assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
        let mut command = Command::new(path);
        command.args(["--addr", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("a line with the address");
        let url = line.trim_end().strip_prefix("listening on ").expect("an address").to_owned();
        Self { child, url }
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
    let chat = Chat::start();
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
