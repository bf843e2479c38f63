//! A program that listens: its options, and its life from the first connection to the last.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use hangup::Server;
use hangup::net::Addr;
use hangup::server::{Listening, ServerHandle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Args, Usage};

/// The options of every program that listens, for its `--help`.
pub(crate) const HELP: &str = "\
  --addr HOST:PORT             listen there (127.0.0.1:8080); port 0 picks a free one
  --unix PATH                  listen on a Unix socket instead
  --read-header-timeout-ms N   for a request's head (10000)
  --read-timeout-ms N          for a whole request
  --write-timeout-ms N         for a response
  --idle-timeout-ms N          between two requests (120000)
  --max-header-bytes N         of a request's head (1048576)
  --max-connections N          at the same time
  --grace-ms N                 what running requests get when the program is told to stop (10000)
  In all limits, 0 means none.";

/// Where to listen, within which limits, and how long to wait at the end.
pub(crate) struct Serving {
    place: Place,
    grace: Duration,
    limits: Vec<Box<dyn FnOnce(Server) -> Server>>,
}

enum Place {
    Tcp(String),
    Unix(PathBuf),
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            place: Place::Tcp("127.0.0.1:8080".to_owned()),
            grace: Duration::from_secs(10),
            limits: Vec::new(),
        }
    }
}

impl Serving {
    /// Takes the option if it is one of these.
    pub(crate) fn take(&mut self, option: &str, args: &mut Args) -> Result<bool, Usage> {
        match option {
            "--addr" => self.place = Place::Tcp(args.value()?),
            "--unix" => self.place = Place::Unix(args.path()?),
            "--grace-ms" => self.grace = args.millis()?.unwrap_or_default(),
            "--read-header-timeout-ms" => {
                let limit = args.millis()?;
                self.limit(move |server| server.read_header_timeout(limit));
            }
            "--read-timeout-ms" => {
                let limit = args.millis()?;
                self.limit(move |server| server.read_timeout(limit));
            }
            "--write-timeout-ms" => {
                let limit = args.millis()?;
                self.limit(move |server| server.write_timeout(limit));
            }
            "--idle-timeout-ms" => {
                let limit = args.millis()?;
                self.limit(move |server| server.idle_timeout(limit));
            }
            "--max-header-bytes" => {
                let bytes = Some(args.number()?).filter(|bytes| *bytes > 0);
                self.limit(move |server| server.max_header_bytes(bytes.unwrap_or(usize::MAX)));
            }
            "--max-connections" => {
                let most = Some(args.number()?).filter(|most| *most > 0);
                self.limit(move |server| server.max_connections(most));
            }
            "--tls-cert" | "--tls-key" => return Err(args.bad("this build speaks no TLS")),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn limit(&mut self, limit: impl FnOnce(Server) -> Server + 'static) {
        self.limits.push(Box::new(limit));
    }

    /// Listens, says so on stdout, and serves until SIGINT or SIGTERM; then lets what runs finish.
    pub(crate) fn serve(self, server: Server) -> Result<ExitCode, Usage> {
        let server = self.limits.into_iter().fold(server, |server, limit| limit(server));
        let listening = self.place.listen(server)?;
        let handle = listening.handle();
        stop_when_told(handle.clone()).map_err(Usage::wrong)?;
        announce(listening.local_addr()).map_err(Usage::wrong)?;
        listening.serve().map_err(Usage::wrong)?;
        if !handle.shutdown(self.grace) {
            log::warn!("{} connections are cut off", handle.connections());
        }
        handle.close();
        Ok(ExitCode::SUCCESS)
    }
}

impl Place {
    fn listen(&self, server: Server) -> Result<Listening, Usage> {
        let (name, listening) = match self {
            Self::Tcp(addr) => (addr.clone(), server.listen(addr)),
            Self::Unix(path) => (path.display().to_string(), server.listen_unix(path)),
        };
        listening.map_err(|error| Usage::Wrong(format!("cannot listen on {name}: {error}")))
    }
}

fn announce(addr: &Addr) -> io::Result<()> {
    let mut out = io::stdout();
    match addr.ip() {
        Some(addr) => writeln!(out, "listening on http://{addr}")?,
        // It begins with `unix:` as it is.
        None => writeln!(out, "listening on {addr}")?,
    }
    out.flush()
}

/// Has the first signal end the accepting, so that `serve` returns. Whoever sends a second one is in
/// a hurry: it closes what still runs.
fn stop_when_told(handle: ServerHandle) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut signals = signals.forever();
        signals.next();
        handle.shutdown(Duration::ZERO);
        signals.next();
        handle.close();
    })?;
    Ok(())
}
