//! `compare`: the driver. `BENCHMARKING.md` describes how to run it and how to read its output.
//!
//! | in reading order | contents |
//! | --- | --- |
//! | `main.rs` | the rounds |
//! | `options.rs` | the command line |
//! | `groups.rs` | the measurements: groups, cases, peers |
//! | `targets.rs` | the targets |
//! | `programs.rs` `machine.rs` | building the programs; machine and versions |
//! | `child.rs` `nginx.rs` | running them |
//! | `measure.rs` `idle.rs` | one measurement |
//! | `figures.rs` `results.rs` | its figures, and those of all rounds |
//! | `table.rs` `report.rs` | the output as Markdown, and as JSON |

mod child;
mod figures;
mod groups;
mod idle;
mod machine;
mod measure;
mod nginx;
mod options;
mod programs;
mod report;
mod results;
mod site;
mod table;
mod targets;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use child::Interrupted;
use groups::Group;
use measure::Bench;
use options::Options;
use programs::Programs;
use results::Results;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\n{}", options::USAGE);
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
    let groups = groups::chosen(&options.only)?;
    idle::allow_many_descriptors();
    let programs = Programs::build()?;
    let machine = machine::describe(&programs);
    let bench = Bench { options, programs: &programs, interrupted: &interrupted };
    let mut results = Results::new(groups);
    rounds(&bench, &mut results)?;

    println!("{}", table::Printed { machine: &machine, options, results: &results });
    let file = options.json.clone().unwrap_or_else(|| programs.target.join("peers.json"));
    let report = report::json(&machine, options, &results);
    std::fs::write(&file, serde_json::to_string_pretty(&report)?)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    eprintln!("written: {}", file.display());
    Ok(())
}

/// Each round measures everything once, so a machine whose speed drifts affects all peers. A round that
/// would end after the limit is not started.
fn rounds(bench: &Bench<'_>, results: &mut Results) -> Result<()> {
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    for round in 0..bench.options.rounds {
        if began.elapsed() + longest > bench.options.limit {
            results.skip(format!("rounds from the {}th on: no time was left", round + 1));
            break;
        }
        eprintln!("round {} of {}", round + 1, bench.options.rounds);
        let of_round = Instant::now();
        for group in results.groups() {
            eprintln!("  {} ({:.0} s)", group.name, began.elapsed().as_secs_f64());
            one_round_of(bench, results, &group, round)?;
        }
        results.rounds += 1;
        longest = longest.max(of_round.elapsed());
    }
    Ok(())
}

fn one_round_of(
    bench: &Bench<'_>,
    results: &mut Results,
    group: &Group,
    round: usize,
) -> Result<()> {
    for case in &group.cases {
        for at in 0..case.peers.len() {
            // Each round starts with another peer.
            let peer = &case.peers[(at + round) % case.peers.len()];
            let figures = match bench.missing(peer) {
                Some(why) => {
                    results.skip(format!("{}, {}: {why}", group.name, peer.name));
                    continue;
                }
                None => bench.measure(peer),
            };
            bench.interrupted.check()?;
            if let Err(error) = &figures {
                results.skip(format!("{}, {}, {}: {error}", group.name, case.name, peer.name));
            }
            results.add((group.name, &case.name, peer.name), round, figures.ok());
        }
    }
    Ok(())
}
