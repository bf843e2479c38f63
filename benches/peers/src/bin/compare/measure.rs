//! One measurement: starts its programs and ends them.

use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::child::{self, Interrupted, Server};
use crate::figures::{Client, Figures, Wrk};
use crate::groups::{Carry, End, HANGUP, How, Load, Peer, Program};
use crate::idle;
use crate::nginx::Nginx;
use crate::options::Options;
use crate::programs::{HERE, Programs};
use crate::site::{FILE, Site};

/// The extra time that a program gets beyond the time it was told to run.
const SLACK: Duration = Duration::from_secs(15);

/// wrk's threads, if there are enough connections for them.
const WRK_THREADS: usize = 2;

const GENERATOR: Program = Program::Ours("floor-client", &[]);

pub(crate) struct Bench<'a> {
    pub(crate) options: &'a Options,
    pub(crate) programs: &'a Programs,
    pub(crate) interrupted: &'a Interrupted,
}

impl Bench<'_> {
    /// Returns the reason why a peer cannot be measured here.
    pub(crate) fn missing(&self, peer: &Peer) -> Option<&'static str> {
        let (program, load) = match peer.how {
            How::Served(program, load) | How::Gateway(program, load) => (program, Some(load)),
            How::Called { client: program, .. }
            | How::Carried { client: program, .. }
            | How::Idle(program) => (program, None),
            How::Filed { program: Some(program), load, .. } => (program, Some(load)),
            How::Proxied(Some(program), load) => (program, Some(load)),
            How::Proxied(None, _) | How::Filed { program: None, .. } => {
                return (!self.programs.nginx).then_some("nginx is not installed");
            }
        };
        if matches!(program, Program::Go(_)) && !self.programs.go {
            return Some("go is not installed");
        }
        if matches!(peer.how, How::Gateway(..)) && !self.programs.nginx {
            return Some("nginx is not installed");
        }
        let pipelined = load.is_some_and(|load| load.deep > 1);
        (pipelined && !self.programs.wrk).then_some("wrk is not installed")
    }

    pub(crate) fn measure(&self, peer: &Peer) -> Result<Figures> {
        match peer.how {
            How::Served(program, load) => {
                let server = self.start(program)?;
                self.load(server.url(), &server, load)
            }
            How::Idle(program) => {
                idle::measure(&self.start(program)?, self.options.idle, self.interrupted)
            }
            How::Called { client, server, threads, send } => {
                let server = self.start(server)?;
                let mut command = self.programs.command(client);
                command.args(["-d", &self.options.seconds.to_string()]);
                command.args(["-c", &threads.to_string()]);
                if let Some(bytes) = send {
                    command.args(["--send", &bytes.to_string()]);
                }
                command.arg(server.url());
                Ok(self.client(command)?.of_itself())
            }
            How::Carried { client, server, carry } => self.carry(client, server, carry),
            How::Gateway(program, load) => {
                let responder = self.start(program)?;
                let nginx = Nginx::forwarding(responder.authority(), self.interrupted)?;
                self.load(nginx.url(), &responder, load)
            }
            How::Proxied(program, load) => {
                let upstream = self.start(HANGUP)?;
                match program {
                    Some(program) => {
                        let mut command = self.programs.command(program);
                        command.arg("--upstream").arg(upstream.url());
                        let proxy = Server::start(command, self.interrupted)?;
                        self.load(proxy.url(), &proxy, load)
                    }
                    None => {
                        let nginx = Nginx::proxying(upstream.authority(), self.interrupted)?;
                        self.load(nginx.url(), nginx.server(), load)
                    }
                }
            }
            How::Filed { program, length, load } => {
                let site = Site::new(length)?;
                match program {
                    Some(program) => {
                        let mut command = self.programs.command(program);
                        command.arg("--directory").arg(site.path());
                        let server = Server::start(command, self.interrupted)?;
                        self.load(&format!("{}{FILE}", server.url()), &server, load)
                    }
                    None => {
                        let nginx = Nginx::serving(site.path(), self.interrupted)?;
                        self.load(&format!("{}{FILE}", nginx.url()), nginx.server(), load)
                    }
                }
            }
        }
    }

    fn start(&self, program: Program) -> Result<Server> {
        Server::start(self.programs.command(program), self.interrupted)
    }

    /// Loads a URL and measures `server` meanwhile.
    fn load(&self, url: &str, server: &Server, load: Load) -> Result<Figures> {
        let before = server.cpu_time();
        let used = || Some(server.cpu_time()? - before?);
        if self.programs.wrk {
            let printed = self.run(self.wrk(url, load))?;
            let wrk = Wrk::parse(&printed).ok_or_else(|| format!("wrk printed:\n{printed}"))?;
            Ok(wrk.of_server(used(), server.peak()))
        } else {
            let mut command = self.programs.command(GENERATOR);
            command.args(["-d", &self.seconds(load).to_string()]);
            command.args(["-c", &load.connections.to_string()]);
            command.args(load.fresh.then_some("--fresh")).arg(url);
            Ok(self.client(command)?.of_server(used(), server.peak()))
        }
    }

    fn wrk(&self, url: &str, load: Load) -> Command {
        let mut command = Command::new("wrk");
        command.arg("--latency");
        command.arg(format!("-t{}", WRK_THREADS.min(load.connections)));
        command.arg(format!("-c{}", load.connections));
        command.arg(format!("-d{}s", self.seconds(load)));
        if load.fresh {
            command.args(["-H", "Connection: close"]);
        }
        if load.deep > 1 {
            command.arg("-s").arg(format!("{HERE}/pipeline.lua"));
        }
        command.arg(url);
        if load.deep > 1 {
            command.arg("--").arg(load.deep.to_string());
        }
        command
    }

    fn seconds(&self, load: Load) -> u64 {
        self.options.seconds.max(load.at_least)
    }

    fn carry(&self, client: Program, server: Program, carry: Carry) -> Result<Figures> {
        let server = self.start(server)?;
        let mut command = self.programs.command(client);
        let bytes = self.options.bulk.to_string();
        command.args(["-n", "1"]);
        match carry {
            Carry { up: true, chunked, .. } => {
                command.args(["--send", &bytes]).args(chunked.then_some("--chunked"));
                command.arg(server.url());
            }
            Carry { up: false, chunked, .. } => {
                let kind = if chunked { "chunked" } else { "bytes" };
                command.arg(format!("{}{kind}/{bytes}", server.url()));
            }
        }
        let before = server.cpu_time();
        let client = self.client(command)?;
        Ok(match carry.measured {
            End::Client => client.of_bulk(),
            End::Server => {
                let cpu = server.cpu_time().zip(before).map(|(after, before)| after - before);
                client.of_bulk_server(cpu, server.peak())
            }
        })
    }

    fn client(&self, command: Command) -> Result<Client> {
        let program = command.get_program().display().to_string();
        let printed = self.run(command)?;
        Client::parse(&printed).ok_or_else(|| format!("{program} printed:\n{printed}").into())
    }

    fn run(&self, command: Command) -> Result<String> {
        let limit = Duration::from_secs(self.options.seconds) + SLACK;
        child::output(command, limit, self.interrupted)
    }
}
