//! The measurements: groups of cases, and in each case the peers that are compared.

use crate::Result;

/// A group of cases that are measured in the same way.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) unit: Unit,
    pub(crate) cases: Vec<Case>,
}

/// Measurements that are compared. They follow one another in each round.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) peers: Vec<Peer>,
}

/// A measurement and the name of its peer.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) how: How,
}

/// The unit of a group's main figure.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    Requests,
    Mebibytes,
    /// Memory. Less is better.
    Kibibytes,
}

/// The kind of a measurement.
#[derive(Clone)]
pub(crate) enum How {
    /// A server under load. The server is measured.
    Served(Program, Load),
    /// Idle connections, as many as the options say.
    Idle(Program),
    /// A client for N seconds. The client is measured.
    Called { client: Program, server: Program, threads: usize, send: Option<u64> },
    /// One large body.
    Carried { client: Program, server: Program, carry: Carry },
    /// A FastCGI responder behind nginx under load. The responder is measured.
    Gateway(Program, Load),
    /// A reverse proxy of `hangup-server` under load: a program, or nginx. The proxy is measured.
    Proxied(Option<Program>, Load),
    /// A server of one file of `length` bytes under load: this crate's program, or nginx.
    Filed { program: Option<Program>, length: usize, load: Load },
}

/// The load on a server.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// The number of requests that are sent at once.
    pub(crate) deep: usize,
    /// `true` if each request uses a new connection.
    pub(crate) fresh: bool,
    /// The least number of seconds, for loads that start slowly.
    pub(crate) at_least: u64,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Carry {
    pub(crate) up: bool,
    pub(crate) chunked: bool,
    pub(crate) measured: End,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    Client,
    Server,
}

#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// A binary of this crate, with its options.
    Ours(&'static str, &'static [&'static str]),
    /// A program of the folder `go`.
    Go(&'static str),
}

use Program::{Go, Ours};

const FLOOR: Program = Ours("floor-server", &[]);
const FLOOR_CLOSING: Program = Ours("floor-server", &["--close"]);
const FLOOR_BODIES: Program = Ours("floor-bodies-server", &[]);
const FLOOR_CLIENT: Program = Ours("floor-client", &[]);
pub(crate) const HANGUP: Program = Ours("hangup-server", &[]);
const HANGUP_CONTEXT: Program = Ours("hangup-context-server", &[]);
const HANGUP_BODIES: Program = Ours("hangup-bodies-server", &[]);
const HANGUP_CLIENT: Program = Ours("hangup-client", &[]);
const HYPER: Program = Ours("hyper-server", &[]);

/// The clients. Those that cannot stream a body are marked.
const CLIENTS: [(&str, Program, bool); 7] = [
    ("floor", FLOOR_CLIENT, true),
    ("hangup", HANGUP_CLIENT, true),
    ("ureq", Ours("ureq-client", &[]), true),
    ("attohttpc", Ours("attohttpc-client", &[]), true),
    ("minreq", Ours("minreq-client", &[]), false),
    ("reqwest", Ours("reqwest-client", &[]), true),
    ("go", Go("client"), true),
];

/// Returns the groups of these names, or all.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<Group>> {
    let all = all();
    let known = |name: &String| all.iter().any(|group| group.name == name);
    if names.iter().all(known) {
        let wanted = |group: &Group| names.is_empty() || names.iter().any(|n| n == group.name);
        return Ok(all.into_iter().filter(wanted).collect());
    }
    let list: Vec<_> = all.iter().map(|g| format!("  {:14} {}", g.name, g.about)).collect();
    Err(format!("the groups are\n{}", list.join("\n")).into())
}

pub(crate) fn all() -> Vec<Group> {
    vec![
        keep_alive(),
        routed(),
        pipelined(),
        context(),
        fresh(),
        idle(),
        many(),
        get(),
        post(),
        bulk_client(),
        bulk_server(),
        fastcgi(),
        proxy(),
        files(),
    ]
}

fn keep_alive() -> Group {
    let peers = [
        ("floor", FLOOR),
        ("hangup", HANGUP),
        ("hyper", HYPER),
        ("khttp", Ours("khttp-server", &[])),
        ("tiny_http", Ours("tiny-http-server", &[])),
        ("rouille", Ours("rouille-server", &[])),
        ("go", Go("server")),
    ];
    let case = |connections| served(plural(connections, "connection"), &peers, over(connections));
    Group {
        name: "keep-alive",
        about: "servers: one GET after the other on each connection",
        unit: Unit::Requests,
        cases: [1, 32, 256].map(case).into(),
    }
}

fn routed() -> Group {
    let peers = [("hangup", Ours("hangup-routed-server", &[])), ("axum", Ours("axum-server", &[]))];
    let case = |connections| served(plural(connections, "connection"), &peers, over(connections));
    Group {
        name: "routed",
        about: "servers: a path value among 101 routes, and a response in JSON",
        unit: Unit::Requests,
        cases: [1, 32].map(case).into(),
    }
}

fn pipelined() -> Group {
    let peers = [("hangup", HANGUP), ("hyper", HYPER), ("go", Go("server"))];
    Group {
        name: "pipelined",
        about: "servers: 16 requests at once on each of 32 connections",
        unit: Unit::Requests,
        cases: vec![
            served("one at a time".into(), &peers, over(32)),
            served("16 deep".into(), &peers, Load { deep: 16, ..over(32) }),
        ],
    }
}

fn context() -> Group {
    let peers =
        [("hangup", HANGUP), ("hangup, context asked", HANGUP_CONTEXT), ("go", Go("server"))];
    Group {
        name: "context",
        about: "servers: a handler that asks for its context on every request",
        unit: Unit::Requests,
        cases: vec![served("32 connections".into(), &peers, over(32))],
    }
}

fn fresh() -> Group {
    let peers =
        [("floor", FLOOR_CLOSING), ("hangup", HANGUP), ("hyper", HYPER), ("go", Go("server"))];
    let load = Load { fresh: true, ..over(32) };
    Group {
        name: "new-connection",
        about: "servers: a new connection for each request, 32 at a time",
        unit: Unit::Requests,
        cases: vec![served("32 at a time".into(), &peers, load)],
    }
}

fn idle() -> Group {
    let peers = [("floor", FLOOR), ("hangup", HANGUP), ("hyper", HYPER), ("go", Go("server"))];
    let peers = peers.map(|(name, program)| Peer { name, how: How::Idle(program) });
    Group {
        name: "idle",
        about: "servers: resident memory of a connection that has served one request",
        unit: Unit::Kibibytes,
        cases: vec![Case { name: "after 2 s".into(), peers: peers.into() }],
    }
}

fn many() -> Group {
    let peers = [("floor", FLOOR), ("hangup", HANGUP), ("go", Go("server"))];
    // Connecting so many takes a part of the first second.
    let case = |connections| {
        served(plural(connections, "connection"), &peers, Load { at_least: 3, ..over(connections) })
    };
    Group {
        name: "many",
        about: "servers: many connections, all of them active",
        unit: Unit::Requests,
        cases: [256, 1000, 4000].map(case).into(),
    }
}

fn get() -> Group {
    let case = |threads| Case {
        name: plural(threads, "thread"),
        peers: CLIENTS.map(|(name, client, _)| called(name, client, FLOOR, threads, None)).into(),
    };
    Group {
        name: "get",
        about: "clients: one GET after the other on each thread, over one client",
        unit: Unit::Requests,
        cases: [1, 8].map(case).into(),
    }
}

fn post() -> Group {
    let case = |(name, length): (&str, u64)| Case {
        name: name.into(),
        peers: CLIENTS
            .iter()
            .filter(|(_, _, streams)| *streams)
            .map(|&(name, client, _)| called(name, client, FLOOR_BODIES, 1, Some(length)))
            .collect(),
    };
    Group {
        name: "post",
        about: "clients: one POST after the other, from a reader of known length",
        unit: Unit::Requests,
        cases: [("1 KiB", 1 << 10), ("1 MiB", 1 << 20)].map(case).into(),
    }
}

fn bulk_client() -> Group {
    let about = "clients: one large body, against the floor's server";
    bulk("bulk-client", about, End::Client, |name, carry| {
        let client = if name == "floor" { FLOOR_CLIENT } else { HANGUP_CLIENT };
        How::Carried { client, server: FLOOR_BODIES, carry }
    })
}

fn bulk_server() -> Group {
    let about = "servers: one large body, against the floor's client";
    bulk("bulk-server", about, End::Server, |name, carry| {
        let server = if name == "floor" { FLOOR_BODIES } else { HANGUP_BODIES };
        How::Carried { client: FLOOR_CLIENT, server, carry }
    })
}

fn bulk(
    name: &'static str,
    about: &'static str,
    measured: End,
    how: fn(&str, Carry) -> How,
) -> Group {
    let ways = [
        ("down, length", false, false),
        ("down, chunked", false, true),
        ("up, length", true, false),
        ("up, chunked", true, true),
    ];
    let case = |(name, up, chunked): (&str, _, _)| Case {
        name: name.into(),
        peers: ["floor", "hangup"]
            .map(|name| Peer { name, how: how(name, Carry { up, chunked, measured }) })
            .into(),
    };
    Group { name, about, unit: Unit::Mebibytes, cases: ways.map(case).into() }
}

fn fastcgi() -> Group {
    let peers = [("hangup", Ours("hangup-fastcgi", &[])), ("go", Go("fastcgi"))];
    let peers = peers.map(|(name, program)| Peer { name, how: How::Gateway(program, over(32)) });
    Group {
        name: "fastcgi",
        about: "FastCGI responders behind nginx",
        unit: Unit::Requests,
        cases: vec![Case { name: "32 connections".into(), peers: peers.into() }],
    }
}

fn proxy() -> Group {
    let peers = [
        ("hangup", Some(Ours("hangup-proxy-server", &[]))),
        ("go", Some(Go("proxy"))),
        ("nginx", None),
    ];
    let case = |connections| Case {
        name: plural(connections, "connection"),
        peers: peers
            .map(|(name, program)| Peer { name, how: How::Proxied(program, over(connections)) })
            .into(),
    };
    Group {
        name: "proxy",
        about: "reverse proxies of one upstream",
        unit: Unit::Requests,
        cases: [1, 32].map(case).into(),
    }
}

fn files() -> Group {
    let peers = [("hangup", Some(Ours("hangup-files-server", &[]))), ("nginx", None)];
    let case = |(name, length, connections): (&str, usize, usize)| Case {
        name: name.into(),
        peers: peers
            .map(|(name, program)| {
                let load = Load { at_least: 2, ..over(connections) };
                Peer { name, how: How::Filed { program, length, load } }
            })
            .into(),
    };
    let sizes = [("1 KiB", 1 << 10, 32), ("64 KiB", 64 << 10, 32), ("100 MiB", 100 << 20, 2)];
    Group {
        name: "files",
        about: "servers: GET of one file, beside nginx with sendfile",
        unit: Unit::Requests,
        cases: sizes.map(case).into(),
    }
}

fn over(connections: usize) -> Load {
    Load { connections, deep: 1, fresh: false, at_least: 0 }
}

fn served(name: String, peers: &[(&'static str, Program)], load: Load) -> Case {
    let peer = |&(name, program)| Peer { name, how: How::Served(program, load) };
    Case { name, peers: peers.iter().map(peer).collect() }
}

fn called(
    name: &'static str,
    client: Program,
    server: Program,
    threads: usize,
    send: Option<u64>,
) -> Peer {
    Peer { name, how: How::Called { client, server, threads, send } }
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
