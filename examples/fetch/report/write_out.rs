//! The format of `-w`: `%{name}`, `%header{name}`, `%%`, and escapes.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::report::Report;
use crate::report::variables::NAMES;
use crate::support::complain;

/// The streams that a format can choose by `%{stderr}` and `%{stdout}`.
enum Stream {
    Stdout,
    Stderr,
}

impl Report {
    /// Expands a format and writes it.
    pub(crate) fn write_out(&self, format: &str) {
        let mut stream = Stream::Stdout;
        let mut text = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['%', '\\']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let (piece, used) = self.expand(rest);
            match piece {
                Piece::Text(piece) => text.push_str(&piece),
                Piece::Switch(next) => {
                    stream.write(&std::mem::take(&mut text));
                    stream = next;
                }
                Piece::End => return stream.write(&text),
            }
            rest = &rest[used..];
        }
        stream.write(&(text + rest));
    }

    /// Expands the start of `rest`. Returns the piece and the length of that start.
    fn expand(&self, rest: &str) -> (Piece, usize) {
        for (escape, meaning) in [("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r"), ("%%", "%")] {
            if rest.starts_with(escape) {
                return (Piece::Text(meaning.to_owned()), escape.len());
            }
        }
        let within = |start: &str| Some(rest.strip_prefix(start)?.split_once('}')?.0);
        if let Some(name) = within("%{") {
            return (self.piece(name), name.len() + "%{}".len());
        }
        if let Some(name) = within("%header{") {
            let value = self.field(name).unwrap_or_default();
            return (Piece::Text(value), name.len() + "%header{}".len());
        }
        (Piece::Text(rest[..1].to_owned()), 1)
    }

    fn piece(&self, name: &str) -> Piece {
        match name {
            "stderr" => Piece::Switch(Stream::Stderr),
            "stdout" => Piece::Switch(Stream::Stdout),
            // The rest is for failures only.
            "onerror" if self.exit_code == 0 => Piece::End,
            "onerror" => Piece::Text(String::new()),
            "json" => Piece::Text(self.json().to_string()),
            "header_json" => Piece::Text(self.header_json()),
            name => Piece::Text(match self.value(name) {
                Some(value) => value.text(),
                None => {
                    complain!("fetch: unknown --write-out variable: '{name}'");
                    String::new()
                }
            }),
        }
    }

    /// Returns all variables as JSON.
    fn json(&self) -> Value {
        let known = |name: &&str| Some(((*name).to_owned(), self.value(name)?.json()));
        let mut all: Map<String, Value> = NAMES.iter().filter_map(known).collect();
        let agent = concat!("hangup-fetch/", env!("CARGO_PKG_VERSION"));
        all.insert("curl_version".to_owned(), json!(agent));
        Value::Object(all)
    }

    /// Returns the fields of the last head as JSON: a list of values for each name, in their order.
    fn header_json(&self) -> String {
        let mut all: Vec<(String, Vec<String>)> = Vec::new();
        for (name, value) in &self.fields {
            let (name, value) = (name.to_ascii_lowercase(), String::from_utf8_lossy(value));
            match all.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value.into_owned()),
                None => all.push((name, vec![value.into_owned()])),
            }
        }
        let line =
            |(name, values): &(String, Vec<String>)| format!("{}:{}", json!(name), json!(values));
        format!("{{{}\n}}", all.iter().map(line).collect::<Vec<_>>().join(",\n"))
    }
}

enum Piece {
    Text(String),
    Switch(Stream),
    End,
}

impl Stream {
    /// Writes to the stream. After a write error of the body the report may fail as well.
    fn write(&self, text: &str) {
        let _ = match self {
            Self::Stdout => io::stdout().write_all(text.as_bytes()),
            Self::Stderr => io::stderr().write_all(text.as_bytes()),
        };
    }
}
