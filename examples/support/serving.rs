//! A program that listens: its options, and its life from the first connection to the last.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use hangup::server::{Listening, ServerHandle};
use hangup::{Server, fcgi};
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

/// What running requests get at the end, unless told otherwise.
const GRACE: Duration = Duration::from_secs(10);

/// Where to listen, as whom, within which limits, and how long to wait at the end.
#[derive(Default)]
pub(crate) struct Serving {
    place: Option<Place>,
    has_two_places: bool,
    tls: TlsFiles,
    grace: Option<Duration>,
    limits: Vec<Limit>,
}

enum Place {
    Tcp(String),
    Unix(PathBuf),
}

/// One of the limits, of which `None` means none.
#[derive(Clone, Copy)]
enum Limit {
    ReadHeader(Option<Duration>),
    Read(Option<Duration>),
    Write(Option<Duration>),
    Idle(Option<Duration>),
    HeaderBytes(Option<usize>),
    Connections(Option<usize>),
}

impl Serving {
    /// Takes the option if it is one of these.
    pub(crate) fn take(&mut self, option: &str, args: &mut Args) -> Result<bool, Usage> {
        let limit = match option {
            "--addr" => return Ok(self.at(Place::Tcp(args.value()?))),
            "--unix" => return Ok(self.at(Place::Unix(args.path()?))),
            "--grace-ms" => {
                self.grace = Some(args.millis()?.unwrap_or_default());
                return Ok(true);
            }
            "--read-header-timeout-ms" => Limit::ReadHeader(args.millis()?),
            "--read-timeout-ms" => Limit::Read(args.millis()?),
            "--write-timeout-ms" => Limit::Write(args.millis()?),
            "--idle-timeout-ms" => Limit::Idle(args.millis()?),
            "--max-header-bytes" => Limit::HeaderBytes(args.most()?),
            "--max-connections" => Limit::Connections(args.most()?),
            option => return self.tls.take(option, args),
        };
        self.limits.push(limit);
        Ok(true)
    }

    fn at(&mut self, place: Place) -> bool {
        self.has_two_places = self.place.replace(place).is_some();
        true
    }

    fn check_place(&self) -> Result<(), Usage> {
        match self.has_two_places {
            true => Err(Usage::wrong("there is more than one address to listen on")),
            false => Ok(()),
        }
    }

    /// Listens, says so on stdout, and serves until SIGINT or SIGTERM; then lets what runs finish.
    pub(crate) fn serve(self, server: Server) -> Result<ExitCode, Usage> {
        self.check_place()?;
        let server = self.limits.iter().fold(server, |server, limit| limit.of_http(server));
        let certificate = self.tls.read()?;
        let server = match &certificate {
            Some(certificate) => certificate.secure(server),
            None => server,
        };
        let place = self.place.unwrap_or_else(|| Place::Tcp("127.0.0.1:8080".to_owned()));
        let listening = match &place {
            Place::Tcp(addr) => server.listen(addr),
            Place::Unix(path) => server.listen_unix(path),
        };
        let listening = listening.map_err(|error| place.failed(&error))?;
        run(listening, certificate, self.grace, true)
    }

    /// The same over FastCGI; without a place to listen, on the socket that the program got as its
    /// standard input, and without a word.
    pub(crate) fn serve_fcgi(self, server: fcgi::Server) -> Result<ExitCode, Usage> {
        self.check_place()?;
        if self.tls.read()?.is_some() {
            return Err(Usage::wrong("over FastCGI, TLS is the web server's to speak"));
        }
        let server = self.limits.iter().fold(server, |server, limit| limit.of_fcgi(server));
        let listening = match &self.place {
            Some(Place::Tcp(addr)) => server.listen(addr),
            Some(Place::Unix(path)) => server.listen_unix(path),
            None => server.listen_inherited(),
        };
        let listening = listening.map_err(|error| match &self.place {
            Some(place) => place.failed(&error),
            None => {
                Usage::wrong(format!("--fcgi without --addr or --unix: standard input: {error}"))
            }
        })?;
        run(listening, None, self.grace, self.place.is_some())
    }
}

impl Place {
    fn failed(&self, error: &io::Error) -> Usage {
        let name = match self {
            Self::Tcp(addr) => addr.clone(),
            Self::Unix(path) => path.display().to_string(),
        };
        Usage::Wrong(format!("cannot listen on {name}: {error}"))
    }
}

impl Limit {
    fn of_http(self, server: Server) -> Server {
        match self {
            Self::ReadHeader(limit) => server.read_header_timeout(limit),
            Self::Read(limit) => server.read_timeout(limit),
            Self::Write(limit) => server.write_timeout(limit),
            Self::Idle(limit) => server.idle_timeout(limit),
            Self::HeaderBytes(most) => server.max_header_bytes(most.unwrap_or(usize::MAX)),
            Self::Connections(most) => server.max_connections(most),
        }
    }

    /// A request's body comes at the web server's pace: there is no limit for a whole request.
    fn of_fcgi(self, server: fcgi::Server) -> fcgi::Server {
        match self {
            Self::ReadHeader(limit) => server.read_header_timeout(limit),
            Self::Read(_) => server,
            Self::Write(limit) => server.write_timeout(limit),
            Self::Idle(limit) => server.idle_timeout(limit),
            Self::HeaderBytes(most) => server.max_params_bytes(most.unwrap_or(usize::MAX)),
            Self::Connections(most) => server.max_connections(most),
        }
    }
}

/// Serves until SIGINT or SIGTERM, and then lets what runs finish.
fn run(
    listening: Listening,
    certificate: Option<Certificate>,
    grace: Option<Duration>,
    aloud: bool,
) -> Result<ExitCode, Usage> {
    let handle = listening.handle();
    obey_signals(handle.clone(), certificate).map_err(Usage::wrong)?;
    if aloud {
        announce(&listening).map_err(Usage::wrong)?;
    }
    listening.serve().map_err(Usage::wrong)?;
    if !handle.shutdown(grace.unwrap_or(GRACE)) {
        match handle.connections() {
            1 => log::warn!("1 connection is cut off"),
            many => log::warn!("{many} connections are cut off"),
        }
    }
    handle.close();
    Ok(ExitCode::SUCCESS)
}

fn announce(listening: &Listening) -> io::Result<()> {
    let mut out = io::stdout();
    let (scheme, addr) = (listening.scheme(), listening.local_addr());
    match addr.ip() {
        Some(addr) => writeln!(out, "listening on {scheme}://{addr}")?,
        // The address begins with `unix:` as it is.
        None if scheme == "fcgi" => writeln!(out, "listening on fcgi-{addr}")?,
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
