//! hangup's server and client beside others, measured in one run on one machine.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --quick
//! ```
//!
//! `BENCHMARKING.md`, at the top of the repository, says what is measured, why so, and how to read it.
//!
//! ```text
//!   driven by                                   answered by
//!   wrk, or floor-client           ──────>      *-server, go/server            servers
//!   *-client, go/client            ──────>      floor-server                   clients
//!   wrk ──────> nginx              ──────>      hangup-fastcgi, go/fastcgi     FastCGI
//! ```
//!
//! Each program of `src/bin` and `go` is one peer, as small as it can be; `compare` builds them,
//! starts them in turn, round after round, and prints the tables. The *floor* is what the same
//! exchange costs over plain blocking sockets with hardly any HTTP. Each program can be run by hand
//! as well: [`serve`] and [`load`] say how.
//!
//! Two more measure without noise, or closer: `instructions`, which `benches/instructions` runs, and
//! `cargo bench --bench wire`, over the wire format.

pub mod floor;
pub mod load;
pub mod process;
pub mod samples;
pub mod serve;
