//! The figures of each round as JSON.

use serde_json::{Map, Value, json};

use crate::figures::Figures;
use crate::groups::{Group, Unit};
use crate::machine::Machine;
use crate::options::Options;
use crate::results::{Results, Spread};
use crate::targets::{Bound, TARGETS, Target};

pub(crate) fn json(machine: &Machine, options: &Options, results: &Results) -> Value {
    let facts = machine.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    let groups: Vec<_> = results.groups().iter().map(|group| of_group(results, group)).collect();
    let targets: Vec<_> = TARGETS.iter().filter_map(|target| of_target(results, target)).collect();
    json!({
        "machine": facts.collect::<Map<_, _>>(),
        "rounds": results.rounds,
        "seconds": options.seconds,
        "bulk_bytes": options.bulk,
        "idle_connections": options.idle,
        "groups": groups,
        "targets": targets,
        "skipped": results.skipped,
    })
}

fn of_group(results: &Results, group: &Group) -> Value {
    let unit = match group.unit {
        Unit::Requests => "requests/s",
        Unit::Mebibytes => "MiB/s",
        Unit::Kibibytes => "KiB",
    };
    let mut rows = Vec::new();
    for case in &group.cases {
        for peer in &case.peers {
            let row = (group.name, case.name.as_str(), peer.name);
            let rounds = results.rounds_of(row).iter();
            let rounds: Vec<_> = rounds.map(|round| round.as_ref().map(Figures::json)).collect();
            let value = of_spread(results.spread(row, |figures| Some(figures.value)));
            rows.push(json!({
                "case": case.name, "peer": peer.name, "value": value, "rounds": rounds,
            }));
        }
    }
    json!({ "group": group.name, "about": group.about, "unit": unit, "rows": rows })
}

fn of_target(results: &Results, target: &Target) -> Option<Value> {
    let spread = results.of_target(target)?;
    let (bound, is) = match target.bound {
        Bound::AtLeast(least) => ("at_least", least),
        Bound::AtMost(most) => ("at_most", most),
    };
    let margin = target.bound.margin(spread.median);
    Some(json!({
        "what": target.what, "of": target.of, "to": target.to, bound: is,
        "value": of_spread(spread), "met": margin >= 0.0, "margin": margin,
    }))
}

fn of_spread(spread: Spread) -> Value {
    json!({ "median": spread.median, "min": spread.min, "max": spread.max })
}
