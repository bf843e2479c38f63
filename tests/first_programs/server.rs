//! A server as its own program: closures, a handle, an orderly end.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use hangup::{Client, Server};

#[test]
fn a_server_counts_its_visitors() -> Result<(), Box<dyn std::error::Error>> {
    let visitors = AtomicU64::new(0);
    let listening = Server::new(move |w, r| {
        let number = visitors.fetch_add(1, Ordering::Relaxed) + 1;
        writeln!(w, "{} is visit {number}", r.uri().path())?;
        Ok(())
    })
    .idle_timeout(Duration::from_secs(60))
    .listen("127.0.0.1:0")?;
    let (url, handle) = (format!("http://{}/a", listening.local_addr()), listening.handle());
    thread::scope(|scope| {
        let serving = scope.spawn(|| listening.serve());
        let client = Client::new();
        for number in 1..=3 {
            let mut response = client.get(&url).send()?;
            let text = response.body_mut().read_text(100)?;
            assert_eq!(text, format!("/a is visit {number}\n"));
        }
        assert!(handle.shutdown(Duration::from_secs(60)));
        serving.join().expect("no panic")?;
        Ok(())
    })
}
