//! Measures hangup's server and client beside others, in one run on one machine.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --quick
//! ```
//!
//! `BENCHMARKING.md`, at the top of the repository, describes the measurements and their reading.
//!
//! ```text
//!   driven by                                   answered by
//!   wrk, or floor-client           ──────>      *-server, go/server            servers
//!   *-client, go/client            ──────>      floor-server                   clients
//!   wrk ──────> nginx              ──────>      hangup-fastcgi, go/fastcgi     FastCGI
//!   wrk ──────> *-proxy-server     ──────>      hangup-server                  reverse proxies
//! ```
//!
//! Each program of `src/bin` and `go` is one peer, as small as possible. `compare` builds them, starts
//! them in turn, and prints the tables. The *floor* is the cost of the same exchange over plain blocking
//! sockets with hardly any HTTP. Each program can be run by hand: see [`serve`] and [`load`].
//!
//! Two more programs measure with less noise: `instructions`, which `benches/instructions` runs, and
//! `cargo bench --bench wire` for the wire format.

pub mod floor;
pub mod load;
pub mod process;
pub mod samples;
pub mod serve;
