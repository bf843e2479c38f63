//! JSON out of a reader, on both ends.

use std::io::Write;

use hangup::testing::TestServer;
use hangup::{Client, Error};
use serde_json::{Value, json};

fn server() -> TestServer {
    TestServer::new(|w, r| {
        let sent: Value = serde_json::from_reader(r.body_mut()).map_err(Error::other)?;
        w.set_header("Content-Type", "application/json")?;
        serde_json::to_writer(&mut *w, &json!({ "sum": sum(&sent) })).map_err(Error::other)?;
        w.flush()?;
        Ok(())
    })
}

fn sum(numbers: &Value) -> u64 {
    numbers.as_array().into_iter().flatten().filter_map(Value::as_u64).sum()
}

#[test]
fn json_is_read_from_bodies() -> Result<(), Box<dyn std::error::Error>> {
    let server = server();
    let client = Client::new();
    // 2 MB: a reader that takes it byte by byte must not be slow.
    for length in [0, 3, 300_000] {
        let numbers: Vec<u64> = (1_000_000..1_000_000 + length).collect();
        let mut response =
            client.post(server.url("sum")).body(json!(numbers).to_string()).send()?;
        let answer: Value = serde_json::from_reader(response.body_mut())?;
        assert_eq!(answer["sum"], numbers.iter().sum::<u64>());
    }
    Ok(())
}
