//! A program that listens: its options, and its life from the first connection to the last.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use hangup::Server;
use hangup::server::{Listening, ServerHandle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::tls::{Certificate, TlsFiles};
use super::{Args, Usage};

/// The options of every program that listens, for its `--help`.
pub(crate) const HELP: &str = "
  --addr HOST:PORT             listen there (127.0.0.1:8080); port 0 picks a free one
  --unix PATH                  listen on a Unix socket instead
  --tls-cert FILE              speak HTTPS, with this certificate and its chain (PEM)
  --tls-key FILE               the certificate's private key (PEM)
  --read-header-timeout-ms N   for a request's head (10000)
  --read-timeout-ms N          for a whole request
  --write-timeout-ms N         for a response
  --idle-timeout-ms N          between two requests (120000)
  --max-header-bytes N         of a request's head (1048576)
  --max-connections N          at the same time
  --grace-ms N                 what running requests get when the program is told to stop (10000)
  In all limits, 0 means none.

SIGINT and SIGTERM stop the program. With TLS, SIGHUP has it read the certificate and the key again,
for connections from then on; if they are not good, those that it has stay in use. RUST_LOG=info says
which it was.";

/// Where to listen, as whom, within which limits, and how long to wait at the end.
pub(crate) struct Serving {
    place: Place,
    tls: TlsFiles,
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
            tls: TlsFiles::default(),
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
            option => return self.tls.take(option, args),
        }
        Ok(true)
    }

    fn limit(&mut self, limit: impl FnOnce(Server) -> Server + 'static) {
        self.limits.push(Box::new(limit));
    }

    /// Listens, says so on stdout, and serves until SIGINT or SIGTERM; then lets what runs finish.
    pub(crate) fn serve(self, server: Server) -> Result<ExitCode, Usage> {
        let server = self.limits.into_iter().fold(server, |server, limit| limit(server));
        let certificate = self.tls.read()?;
        let server = match &certificate {
            Some(certificate) => certificate.secure(server),
            None => server,
        };
        let listening = self.place.listen(server)?;
        let handle = listening.handle();
        obey_signals(handle.clone(), certificate).map_err(Usage::wrong)?;
        announce(&listening).map_err(Usage::wrong)?;
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

fn announce(listening: &Listening) -> io::Result<()> {
    let mut out = io::stdout();
    let addr = listening.local_addr();
    match addr.ip() {
        Some(addr) => writeln!(out, "listening on {}://{addr}", listening.scheme())?,
        // It begins with `unix:` as it is.
        None => writeln!(out, "listening on {addr}")?,
    }
    out.flush()
}

/// Has the first signal that ends the program end the accepting, so that `serve` returns. Whoever
/// sends a second one is in a hurry: it closes what still runs. SIGHUP renews the certificate; where
/// there is none, it does what it does to every program.
fn obey_signals(handle: ServerHandle, certificate: Option<Certificate>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if certificate.is_some() {
        signals.add_signal(SIGHUP)?;
    }
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut stopping = false;
        for signal in signals.forever() {
            match &certificate {
                Some(certificate) if signal == SIGHUP => certificate.renew(),
                _ if stopping => handle.close(),
                _ => {
                    stopping = true;
                    handle.shutdown(Duration::ZERO);
                }
            }
        }
    })?;
    Ok(())
}
