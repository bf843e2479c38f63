//! The options and the life of a program that listens.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use hangup::net::{Listener, Network, NetworkError};
use hangup::server::Listening;
use hangup::{Server, fcgi, signals};

use super::platform::{bind_unix, from_stdin, inherited, on_hangup};
use super::tls::{Certificate, TlsFiles};
use super::{Args, Usage};

/// The options of every program that listens, for its `--help`.
pub(crate) const HELP: &str = "
  --addr HOST:PORT             listen there (127.0.0.1:8080); port 0 picks a free one
  --unix PATH                  listen on a Unix socket instead
  --listen-fd N                listen on the socket inherited as descriptor N instead
  --tls-cert FILE              serve HTTPS with this certificate and its chain (PEM)
  --tls-key FILE               the certificate's private key (PEM)
  --read-header-timeout-ms N   the time limit for a request's head (10000)
  --read-timeout-ms N          the time limit for a whole request
  --write-timeout-ms N         the time limit for a response
  --idle-timeout-ms N          the time limit between two requests (120000)
  --max-header-bytes N         the longest head of a request (1048576)
  --max-connections N          the most connections at the same time
  --proxy-protocol NETWORKS    expect a PROXY header from these networks, such as 10.0.0.0/8,::1
  --grace-ms N                 the time that running requests get at shutdown (10000)
  In all limits, 0 means none.

SIGINT, SIGTERM and Ctrl-C stop the program, the second time at once. With TLS, SIGHUP makes it read the
certificate and the key again, for new connections. If they are invalid, the old ones stay in use.
RUST_LOG=info logs the result. Windows has no SIGHUP, and no Unix sockets here.";

/// The default time that running requests get at shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// The listening address, the certificate, the limits and the shutdown time.
#[derive(Default)]
pub(crate) struct Serving {
    place: Option<Place>,
    tls: TlsFiles,
    grace: Option<Duration>,
    /// The networks whose connections begin with a PROXY header.
    proxies: Vec<Network>,
    limits: Vec<Limit>,
    at_stop: Option<AtStop>,
}

/// The program's part of the shutdown.
type AtStop = Box<dyn FnOnce() + Send>;

enum Place {
    Tcp(String),
    Unix(PathBuf),
    /// A listening socket that the program inherited.
    Inherited(i32),
}

/// One limit. `None` means no limit.
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
    /// Calls `action` at the first SIGINT, SIGTERM or Ctrl-C, on a separate thread.
    pub(crate) fn at_stop(&mut self, action: impl FnOnce() + Send + 'static) {
        self.at_stop = Some(Box::new(action));
    }

    /// Takes the option and returns `true` if it is one of these.
    pub(crate) fn take(&mut self, option: &str, args: &mut Args) -> Result<bool, Usage> {
        let limit = match option {
            "--addr" => return self.at(Place::Tcp(args.value()?)),
            "--unix" => return self.at(Place::Unix(args.path()?)),
            "--listen-fd" => return self.at(Place::Inherited(args.number()?)),
            "--grace-ms" => {
                self.grace = Some(args.millis()?.unwrap_or_default());
                return Ok(true);
            }
            "--proxy-protocol" => {
                let networks = args.value()?;
                let networks: Result<_, _> = networks.split(',').map(str::parse).collect();
                self.proxies =
                    networks.map_err(|error: NetworkError| args.bad(&error.to_string()))?;
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

    fn at(&mut self, place: Place) -> Result<bool, Usage> {
        let option = place.option();
        match self.place.replace(place) {
            None => Ok(true),
            Some(other) if other.option() == option => {
                Err(Usage::wrong("more than one address to listen on"))
            }
            Some(other) => {
                Err(Usage::wrong(format!("{} and {option} exclude each other", other.option())))
            }
        }
    }

    /// Listens, prints the address, and serves until a signal. Running requests then finish.
    pub(crate) fn serve(self, server: Server) -> Result<ExitCode, Usage> {
        let server = self.limits.iter().fold(server, |server, limit| limit.of_http(server));
        let server = server.proxy_protocol(self.proxies);
        let certificate = self.tls.read()?;
        let server = match &certificate {
            Some(certificate) => certificate.secure(server),
            None => server,
        };
        let place = self.place.unwrap_or_else(|| Place::Tcp("127.0.0.1:8080".to_owned()));
        let listener = place.listen().map_err(|error| place.failed(&error))?;
        let listening = server.listen_on(listener);
        run(listening, certificate, self.at_stop, self.grace, true)
    }

    /// Serves over FastCGI. Without an address it uses the socket on standard input and prints nothing.
    pub(crate) fn serve_fcgi(self, server: fcgi::Server) -> Result<ExitCode, Usage> {
        if self.tls.read()?.is_some() {
            return Err(Usage::wrong("--tls-cert and --tls-key are not supported with --fcgi"));
        }
        if !self.proxies.is_empty() {
            return Err(Usage::wrong("--proxy-protocol is not supported with --fcgi"));
        }
        let server = self.limits.iter().fold(server, |server, limit| limit.of_fcgi(server));
        let listener = self.place.as_ref().map_or_else(from_stdin, Place::listen);
        let listener = listener.map_err(|error| match &self.place {
            Some(place) => place.failed(&error),
            None => Usage::wrong(format!(
                "--fcgi without --addr, --unix or --listen-fd: standard input: {error}"
            )),
        })?;
        let listening = server.listen_on(listener);
        run(listening, None, self.at_stop, self.grace, self.place.is_some())
    }
}

impl Place {
    fn option(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "--addr",
            Self::Unix(_) => "--unix",
            Self::Inherited(_) => "--listen-fd",
        }
    }

    fn listen(&self) -> io::Result<Listener> {
        match self {
            Self::Tcp(addr) => Listener::bind_tcp(addr.as_str()),
            Self::Unix(path) => bind_unix(path),
            Self::Inherited(number) => inherited(*number),
        }
    }

    fn failed(&self, error: &io::Error) -> Usage {
        let name = match self {
            Self::Tcp(addr) => addr.clone(),
            Self::Unix(path) => path.display().to_string(),
            Self::Inherited(number) => format!("descriptor {number}"),
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

    /// Ignores the limit for a whole request: the web server sets the pace of a request's body.
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

/// Serves until a signal, and then lets running requests finish.
fn run(
    listening: Listening,
    certificate: Option<Certificate>,
    at_stop: Option<AtStop>,
    grace: Option<Duration>,
    aloud: bool,
) -> Result<ExitCode, Usage> {
    // From now on, a signal does not end the program at once.
    let stop = signals::termination().map_err(Usage::wrong)?;
    if let Some(action) = at_stop {
        let stop = stop.clone();
        let waiting = thread::Builder::new().name("at-stop".to_owned()).spawn(move || {
            stop.wait();
            action();
        });
        waiting.map_err(Usage::wrong)?;
    }
    if let Some(certificate) = certificate {
        on_hangup(move || certificate.renew()).map_err(Usage::wrong)?;
    }
    if aloud {
        announce(&listening).map_err(Usage::wrong)?;
    }
    listening.serve_until(&stop, grace.unwrap_or(GRACE)).map_err(Usage::wrong)?;
    Ok(ExitCode::SUCCESS)
}

fn announce(listening: &Listening) -> io::Result<()> {
    let mut out = io::stdout();
    let (scheme, addr) = (listening.scheme(), listening.local_addr());
    match addr.ip() {
        Some(addr) => writeln!(out, "listening on {scheme}://{addr}")?,
        // The address already begins with `unix:`.
        None if scheme == "fcgi" => writeln!(out, "listening on fcgi-{addr}")?,
        None => writeln!(out, "listening on {addr}")?,
    }
    out.flush()
}
