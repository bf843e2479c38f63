//! FastCGI connections: any input ends without a panic and without a blocked thread.

#![no_main]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use hangup::testing::stream_pair;
use hangup::{Request, ResponseWriter, Result, fcgi};
use libfuzzer_sys::fuzz_target;

/// The longest run of one input. A longer one is a hang.
const PATIENCE: Duration = Duration::from_secs(5);

fn echo(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    std::io::copy(r.body_mut(), w)?;
    Ok(())
}

fuzz_target!(|input: &[u8]| {
    let (near, far) = stream_pair();
    let handle = fcgi::Server::new(echo).max_held_back(64).serve_stream(far);
    let until = Some(Instant::now() + PATIENCE);
    near.set_read_deadline(until);
    near.set_write_deadline(until);
    let writer = near.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The server may close before it has read everything.
            let _ = (&writer).write_all(input);
            let _ = writer.shutdown(Shutdown::Write);
        });
        let mut answers = Vec::new();
        let ended = (&near).read_to_end(&mut answers);
        assert!(ended.is_ok() || Instant::now() < until.unwrap(), "it hangs");
    });
    assert!(handle.shutdown(PATIENCE), "a thread is left");
});
