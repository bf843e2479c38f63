//! The library's server and client beside others, measured in one run on one machine.
//!
//! ```text
//! cargo build --release --example lifecycle --example load
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- \
//!     target/release/examples/lifecycle target/release/examples/load
//! ```
//!
//! takes two and a half minutes (`--rounds 1 --seconds 1` takes ten seconds, for a first look) and
//! prints the machine and two tables. A figure alone says little about a library and much about
//! the machine, so every figure stands beside the *floor*: what the same exchange costs over plain
//! blocking sockets with hardly any HTTP.
//!
//! ```text
//!   driven by                        answered by
//!   wrk (if installed)      ──────>  floor-server, lifecycle          table 1: servers
//!   floor-load, ureq-load, load ──>  floor-server                     table 2: clients
//! ```
//!
//! | program | is |
//! | --- | --- |
//! | `floor-server` | a thread for each connection; waits for an empty line and writes a fixed answer |
//!| `floor-load` | a thread for each connection; writes a fixed request and counts what comes back |
//! | `ureq-load` | the same over ureq, one agent for all threads |
//! | `compare` | starts them all, in turn, round after round, and prints the tables |
//!
//! All load generators, the library's `load` example too, take `-d SECONDS -c CONNECTIONS URL` and
//! print one line of JSON, so each can be run by hand as well; see [`load`]. The rounds are
//! interleaved and a ratio is taken within a round, so that a machine whose speed drifts, as shared
//! ones do, drifts for all of them.

pub mod load;
