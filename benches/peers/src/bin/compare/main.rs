//! `compare [--rounds N] [--seconds N] [--connections N,N…] LIFECYCLE LOAD`: the driver; the crate's
//! documentation says how to run it and what it measures.

mod child;
mod figures;
mod machine;

use std::error::Error;
use std::num::ParseIntError;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use child::{Interrupted, Server};
use figures::{Figures, Table};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Counts = std::result::Result<Vec<usize>, ParseIntError>;

const USAGE: &str = "usage: compare [--rounds N] [--seconds N] [--connections N,N…] LIFECYCLE LOAD";

/// What a load generator may take beyond the time that it was told to run.
const SLACK: Duration = Duration::from_secs(10);

/// wrk's threads, as far as there are connections for them.
const WRK_THREADS: usize = 2;

struct Options {
    rounds: usize,
    seconds: u64,
    connections: Vec<usize>,
    lifecycle: PathBuf,
    load: PathBuf,
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match compare(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<()> {
    let interrupted = Interrupted::on_signals()?;
    let bench = Bench { options, interrupted: &interrupted };
    let floor = Server::start("floor-server", &sibling("floor-server")?, &interrupted)?;
    let lifecycle = Server::start("lifecycle", &options.lifecycle, &interrupted)?;
    let servers = [&floor, &lifecycle];
    let clients = [
        ("floor-load", sibling("floor-load")?),
        ("ureq-load", sibling("ureq-load")?),
        ("load", options.load.clone()),
    ];

    let mut server_table = Table::new(servers.map(|server| server.name), &options.connections);
    let mut client_table = Table::new(clients.each_ref().map(|c| c.0), &options.connections);
    let wrk = child::is_installed("wrk");
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for &connections in &options.connections {
            if wrk {
                // Who comes first changes from round to round.
                for at in rotated(servers.len(), round) {
                    let figures = bench.wrk(servers[at], connections)?;
                    server_table.add(servers[at].name, connections, figures);
                }
            }
            for at in rotated(clients.len(), round) {
                let (name, program) = &clients[at];
                let figures = bench.load(program, connections, &floor)?;
                client_table.add(name, connections, figures);
            }
        }
    }

    println!("{}", machine::describe());
    println!("{} rounds of {} s each, interleaved\n", options.rounds, options.seconds);
    if wrk {
        println!("Servers, driven by wrk -t{WRK_THREADS}:\n\n{server_table}");
    } else {
        println!("Servers: not measured, wrk is not installed.\n");
    }
    println!("Clients, against floor-server:\n\n{client_table}");
    Ok(())
}

/// All of `0..len`, beginning elsewhere each round.
fn rotated(len: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..len).map(move |at| (at + round) % len)
}

/// The program of this crate that is called `name`: it was built beside this one.
fn sibling(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// One measurement at a time.
struct Bench<'a> {
    options: &'a Options,
    interrupted: &'a Interrupted,
}

impl Bench<'_> {
    fn wrk(&self, server: &Server, connections: usize) -> Result<Figures> {
        let mut command = Command::new("wrk");
        command.arg("--latency");
        command.arg(format!("-t{}", WRK_THREADS.min(connections)));
        command.arg(format!("-c{connections}"));
        command.arg(format!("-d{}s", self.options.seconds));
        command.arg(server.url());
        let cpu_before = server.cpu_time();
        let printed = self.run(command)?;
        let cpu = server.cpu_time().zip(cpu_before).map(|(after, before)| after - before);
        Figures::from_wrk(&printed, cpu).ok_or_else(|| format!("wrk printed:\n{printed}").into())
    }

    fn load(&self, program: &Path, connections: usize, server: &Server) -> Result<Figures> {
        let mut command = Command::new(program);
        command.arg("-d").arg(self.options.seconds.to_string());
        command.arg("-c").arg(connections.to_string());
        command.arg(server.url());
        let printed = self.run(command)?;
        Figures::from_json(&printed)
            .ok_or_else(|| format!("{} printed:\n{printed}", program.display()).into())
    }

    fn run(&self, command: Command) -> Result<String> {
        let limit = Duration::from_secs(self.options.seconds) + SLACK;
        child::output(command, limit, self.interrupted)
    }
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Options> {
        let (mut rounds, mut seconds, mut connections) = (5, 3, vec![1, 32]);
        let mut programs = Vec::new();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--rounds" => rounds = value()?.parse()?,
                "--seconds" => seconds = value()?.parse()?,
                "--connections" => {
                    let counts = value()?;
                    connections = counts.split(',').map(str::parse).collect::<Counts>()?;
                }
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}").into());
                }
                _ => programs.push(PathBuf::from(arg)),
            }
        }
        if rounds == 0 || seconds == 0 || connections.contains(&0) {
            return Err("nothing to measure".into());
        }
        let [lifecycle, load] =
            programs.try_into().map_err(|_| "two programs are compared with the peers")?;
        Ok(Options { rounds, seconds, connections, lifecycle, load })
    }
}
