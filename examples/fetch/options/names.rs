//! The names of all options, and the scan of the command line by curl's rules.
//!
//! Short options combine: `-sSLo file` and `-sSLofile`. A value may begin with a dash. A long option's
//! value is the next argument; `--name=value` is not an option. `--no-name` reverses a switch.

use std::ffi::OsString;

use crate::options::given::Given;
use crate::support::Usage;

/// The value of an option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Value,
    /// No value. `--no-` reverses it.
    Switch,
    /// No value, and no reverse.
    Nothing,
}

use Takes::{Nothing, Switch, Value};

/// The letter, or a space for none, the name, and the value of each option.
const OPTIONS: &[(char, &str, Takes)] = &[
    ('#', "progress-bar", Switch),
    ('0', "http1.0", Nothing),
    ('4', "ipv4", Nothing),
    ('6', "ipv6", Nothing),
    ('A', "user-agent", Value),
    ('C', "continue-at", Value),
    ('D', "dump-header", Value),
    ('E', "cert", Value),
    ('F', "form", Value),
    ('G', "get", Switch),
    ('H', "header", Value),
    ('I', "head", Switch),
    ('J', "remote-header-name", Switch),
    ('L', "location", Switch),
    ('N', "buffer", Switch),
    ('O', "remote-name", Switch),
    ('S', "show-error", Switch),
    ('T', "upload-file", Value),
    ('U', "proxy-user", Value),
    ('V', "version", Nothing),
    ('X', "request", Value),
    ('Y', "speed-limit", Value),
    ('Z', "parallel", Switch),
    (':', "next", Nothing),
    ('b', "cookie", Value),
    ('c', "cookie-jar", Value),
    ('d', "data", Value),
    ('e', "referer", Value),
    ('f', "fail", Switch),
    ('g', "globoff", Switch),
    ('h', "help", Nothing),
    ('i', "include", Switch),
    ('j', "junk-session-cookies", Switch),
    ('k', "insecure", Switch),
    ('m', "max-time", Value),
    ('n', "netrc", Switch),
    ('o', "output", Value),
    ('p', "proxytunnel", Switch),
    ('q', "disable", Switch),
    ('r', "range", Value),
    ('s', "silent", Switch),
    ('u', "user", Value),
    ('v', "verbose", Switch),
    ('w', "write-out", Value),
    ('x', "proxy", Value),
    ('y', "speed-time", Value),
    (' ', "basic", Switch),
    (' ', "cacert", Value),
    (' ', "clobber", Switch),
    (' ', "compressed", Switch),
    (' ', "connect-timeout", Value),
    (' ', "create-dirs", Switch),
    (' ', "data-ascii", Value),
    (' ', "data-binary", Value),
    (' ', "data-raw", Value),
    (' ', "data-urlencode", Value),
    (' ', "expect100-timeout", Value),
    (' ', "fail-early", Switch),
    (' ', "fail-with-body", Switch),
    (' ', "form-string", Value),
    (' ', "http1.1", Nothing),
    (' ', "json", Value),
    (' ', "key", Value),
    (' ', "limit-rate", Value),
    (' ', "location-trusted", Switch),
    (' ', "max-filesize", Value),
    (' ', "max-redirs", Value),
    (' ', "netrc-file", Value),
    (' ', "netrc-optional", Switch),
    (' ', "noproxy", Value),
    (' ', "oauth2-bearer", Value),
    (' ', "output-dir", Value),
    (' ', "parallel-immediate", Switch),
    (' ', "parallel-max", Value),
    (' ', "path-as-is", Switch),
    (' ', "post301", Switch),
    (' ', "post302", Switch),
    (' ', "post303", Switch),
    (' ', "progress-meter", Switch),
    (' ', "proxy-basic", Switch),
    (' ', "proxy-cacert", Value),
    (' ', "proxy-insecure", Switch),
    (' ', "remote-name-all", Switch),
    (' ', "remove-on-error", Switch),
    (' ', "resolve", Value),
    (' ', "retry", Value),
    (' ', "retry-all-errors", Switch),
    (' ', "retry-connrefused", Switch),
    (' ', "retry-delay", Value),
    (' ', "retry-max-time", Value),
    (' ', "socks5", Value),
    (' ', "socks5-hostname", Value),
    (' ', "suppress-connect-headers", Switch),
    (' ', "tlsv1.2", Nothing),
    (' ', "tlsv1.3", Nothing),
    (' ', "trace", Value),
    (' ', "trace-ascii", Value),
    (' ', "trace-time", Switch),
    (' ', "unix-socket", Value),
    (' ', "url", Value),
    (' ', "url-query", Value),
];

/// One piece of the command line.
pub(super) enum Piece {
    Option(Given),
    Url(OsString),
}

/// Splits the command line into options and URLs.
pub(super) fn scan(args: impl IntoIterator<Item = OsString>) -> Result<Vec<Piece>, Usage> {
    let mut args = args.into_iter();
    let mut pieces = Vec::new();
    let mut only_urls = false;
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--") if !only_urls => only_urls = true,
            Some(long) if !only_urls && long.starts_with("--") => {
                pieces.push(Piece::Option(by_name(long, &mut args)?));
            }
            _ if !only_urls && arg.as_encoded_bytes().starts_with(b"-") => {
                by_letters(&arg, &mut args, &mut pieces)?;
            }
            _ => pieces.push(Piece::Url(arg)),
        }
    }
    Ok(pieces)
}

fn by_name(long: &str, args: &mut impl Iterator<Item = OsString>) -> Result<Given, Usage> {
    let name = &long[2..];
    let find = |name: &str| OPTIONS.iter().find(|(_, known, _)| *known == name);
    let (option, on) = match find(name) {
        Some(option) => (option, true),
        None => match name.strip_prefix("no-").and_then(find) {
            Some(option) if option.2 == Switch => (option, false),
            Some(_) => return Err(wrong(long, "this option cannot be reversed with --no-")),
            None => return Err(wrong(long, "unknown option (see --help)")),
        },
    };
    let value = match option.2 {
        Value => Some(args.next().ok_or_else(|| wrong(long, "a value is missing"))?),
        Switch | Nothing => None,
    };
    Ok(Given::new(option.1, long.to_owned(), value, on))
}

/// Reads `-sSo FILE`. An option that takes a value takes the rest of the argument, or the next one.
fn by_letters(
    arg: &OsString,
    args: &mut impl Iterator<Item = OsString>,
    pieces: &mut Vec<Piece>,
) -> Result<(), Usage> {
    let bytes = arg.as_encoded_bytes();
    if bytes.len() == 1 {
        return Err(wrong("-", "unknown option (see --help)"));
    }
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        let letter = char::from(*byte);
        let found = OPTIONS.iter().find(|(known, ..)| *known == letter && letter != ' ');
        let Some((_, name, takes)) = found else {
            let shown = arg.to_string_lossy();
            return Err(wrong(&shown, &format!("unknown option -{letter} (see --help)")));
        };
        let shown = format!("-{letter}");
        if *takes != Value {
            // `-N` is the reverse of its switch.
            pieces.push(Piece::Option(Given::new(name, shown, None, letter != 'N')));
            continue;
        }
        let rest = &bytes[at + 1..];
        let value = match rest.is_empty() {
            true => args.next().ok_or_else(|| wrong(&shown, "a value is missing"))?,
            false => tail(arg, rest).ok_or_else(|| wrong(&shown, "its value is not UTF-8"))?,
        };
        pieces.push(Piece::Option(Given::new(name, shown, Some(value), true)));
        return Ok(());
    }
    Ok(())
}

/// Returns the end of an argument.
fn tail(arg: &OsString, rest: &[u8]) -> Option<OsString> {
    let text = arg.to_str()?;
    text.get(text.len() - rest.len()..).map(OsString::from)
}

fn wrong(option: &str, why: &str) -> Usage {
    Usage::wrong(format!("{option}: {why}"))
}
