//! Endpoints that send bytes, at once or over time.
//!
//! Every pause here waits on the request's context, which ends when the client has gone.

use std::io::Write;
use std::time::{Duration, Instant};

use hangup::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE,
};
use hangup::http::{Method, StatusCode};
use hangup::{Error, Request, RequestExt, ResponseWriter, Result};
use serde_json::Value;

use crate::answer::{self, Answered, number, seconds, whole_number};
use crate::byte_range::{Unsatisfiable, wanted};
use crate::inspect::{self, arg, facts, header, value};
use crate::random::Random;
use crate::statuses::{answer_with, final_status};

const LONGEST_DELAY: Duration = Duration::from_secs(10);
const MOST_LINES: u64 = 100;
const MOST_BYTES: u64 = 100 * 1024;
const MOST_DRIPPED: u64 = 10 * 1024 * 1024;
const DEFAULT_CHUNK: usize = 10 * 1024;
const BINARY: &str = "application/octet-stream";

/// Waits for `/delay/SECONDS`, which may have decimals.
pub(crate) fn delay(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let delay = seconds(value(r, "seconds"))?.min(LONGEST_DELAY);
    let facts = facts(r, &["args", "data", "files", "form", "headers", "origin", "url"])?;
    // A client that has gone gets no response. A client that only half-closed gets it early.
    r.context().wait_timeout(delay);
    answer::json(w, &facts.into())
}

pub(crate) fn stream(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let count = whole_number(value(r, "n"))?.min(MOST_LINES);
    let mut line = Value::from(facts(r, inspect::HEAD)?);
    w.set_header(CONTENT_TYPE, "application/json")?;
    for id in 0..count {
        line["id"] = id.into();
        writeln!(w, "{line}")?;
        w.flush()?;
    }
    Ok(())
}

pub(crate) fn bytes(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let count = whole_number(value(r, "n"))?.min(MOST_BYTES) as usize;
    let bytes: Vec<u8> = random(r)?.bytes().take(count).collect();
    answer::whole(w, BINARY, &bytes)
}

pub(crate) fn stream_bytes(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let count = whole_number(value(r, "n"))?.min(MOST_BYTES) as usize;
    let bytes: Vec<u8> = random(r)?.bytes().take(count).collect();
    w.set_header(CONTENT_TYPE, BINARY)?;
    for chunk in bytes.chunks(chunk_size(r)?) {
        w.write_all(chunk)?;
        w.flush()?;
    }
    Ok(())
}

/// Returns a generator that gives the same numbers for the same `?seed=`.
fn random(r: &Request) -> Result<Random> {
    Ok(match arg(r, "seed") {
        Some(seed) => Random::seeded(number::<i64>(&seed)? as u64),
        None => Random::new(),
    })
}

fn chunk_size(r: &Request) -> Result<usize> {
    let size = arg(r, "chunk_size").map(|digits| number::<usize>(&digits)).transpose()?;
    Ok(size.unwrap_or(DEFAULT_CHUNK).max(1))
}

/// Parses a query's seconds.
fn time(r: &Request, name: &str, default: Duration) -> Result<Duration> {
    arg(r, name).map_or(Ok(default), |digits| seconds(&digits))
}

/// Responds to `/range/N` with N letters, a to z repeated, or with a range of them.
pub(crate) fn range(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let size = whole_number(value(r, "n"))?;
    if !(1..=MOST_BYTES).contains(&size) {
        return Err(Error::status(
            StatusCode::NOT_FOUND,
            format!("the number of bytes must be from 1 to {MOST_BYTES}"),
        ));
    }
    let (chunk, duration) = (chunk_size(r)?, time(r, "duration", Duration::ZERO)?);
    w.set_header(ETAG, format!("range{size}"))?.set_header(ACCEPT_RANGES, "bytes")?;
    let range = match wanted(header(r, &RANGE).as_deref(), size) {
        Ok(range) => range,
        Err(Unsatisfiable) => {
            w.set_header(CONTENT_RANGE, format!("bytes */{size}"))?;
            return answer_with(w, StatusCode::RANGE_NOT_SATISFIABLE);
        }
    };
    let (first, last) = range.clone().into_inner();
    let count = last - first + 1;
    if count < size {
        w.set_status(StatusCode::PARTIAL_CONTENT);
    }
    w.set_header(CONTENT_RANGE, format!("bytes {first}-{last}/{size}"))?;
    w.set_header(CONTENT_LENGTH, count)?.set_header(CONTENT_TYPE, BINARY)?;
    let letters: Vec<u8> = range.map(|at| b'a' + (at % 26) as u8).collect();
    // The duration is for the whole. A part takes its share.
    trickle(w, r, &letters, chunk, duration.mul_f64(count as f64 / size as f64))
}

/// Sends stars over time, for `/drip?duration=&numbytes=&code=&delay=`.
pub(crate) fn drip(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let duration = time(r, "duration", Duration::from_secs(2))?;
    let delay = time(r, "delay", Duration::ZERO)?;
    let count = arg(r, "numbytes").map_or(Ok(10), |digits| number::<u64>(&digits))?;
    let code = arg(r, "code").map_or(Ok(200), |digits| number(&digits))?;
    let status = final_status(code)?;
    if count == 0 {
        return Err(answer::bad("the number of bytes must be at least 1"));
    }
    if !delay.is_zero()
        && let Some(gone) = r.context().wait_timeout(delay)
    {
        return Err(gone.into());
    }
    w.set_status(status);
    if matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    ) {
        return Ok(());
    }
    let stars = vec![b'*'; count.min(MOST_DRIPPED) as usize];
    w.set_header(CONTENT_LENGTH, stars.len())?.set_header(CONTENT_TYPE, BINARY)?;
    trickle(w, r, &stars, 1, duration)
}

/// Writes `bytes` in pieces, spread evenly over a time.
fn trickle(
    w: &mut ResponseWriter,
    r: &Request,
    bytes: &[u8],
    piece: usize,
    duration: Duration,
) -> Answered {
    if *r.method() == Method::HEAD {
        return Ok(());
    }
    let begun = Instant::now();
    for (number, chunk) in bytes.chunks(piece).enumerate() {
        let due = duration.mul_f64((number * piece) as f64 / bytes.len() as f64);
        // Pieces that are due at the same time are sent together.
        let early = due.saturating_sub(begun.elapsed());
        if !early.is_zero() {
            w.flush()?;
            if let Some(gone) = r.context().wait_timeout(early) {
                return Err(gone.into());
            }
        }
        w.write_all(chunk)?;
    }
    Ok(())
}
