//! The paths in a file's code.

use super::sources::Source;

/// A path in the code that may lead to another file.
pub(crate) struct Mention {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
    pub(crate) place: Place,
}

/// The kind of code that a path is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Expression,
    Use,
    /// `pub(crate) use`, or the like.
    Reexport,
    /// `pub use`.
    PublicReexport,
}

/// Returns `true` within `pub(in path)`, which imports nothing.
fn is_visibility(tokens: &[(usize, &str)], at: usize) -> bool {
    let before = tokens[..at].iter().rev().map(|token| token.1);
    let mut before = before.skip_while(|token| is_name(token) && *token != "in" || *token == "::");
    before.next() == Some("in") && before.next() == Some("(")
}

impl Source {
    /// Returns the paths in the code: those of `use` items, and those that begin with `crate`, `self`,
    /// `super`, or the name of a module.
    pub(crate) fn mentions(&self) -> Vec<Mention> {
        let tokens = self.tokens();
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            // Not `use<'a>`, which is a part of a type.
            if tokens[at].1 == "use" && tokens.get(at + 1).is_some_and(|next| next.1 != "<") {
                let place = match at.checked_sub(1).map(|before| tokens[before].1) {
                    Some("pub") => Place::PublicReexport,
                    Some(")") => Place::Reexport,
                    _ => Place::Use,
                };
                at = tree(&tokens, at + 1, &[], place, &mut found);
            } else if is_visibility(&tokens, at) {
                at += 1;
            } else if is_name(tokens[at].1) && (at == 0 || tokens[at - 1].1 != "::") {
                at = path(&tokens, at, &mut found);
            } else {
                at += 1;
            }
        }
        found
    }

    /// Returns `true` if the file defines a public item of that name.
    pub(crate) fn has_public_item(&self, name: &str) -> bool {
        let tokens = self.tokens();
        let kinds = ["mod", "struct", "enum", "union", "trait", "fn", "type", "const", "static"];
        tokens
            .windows(3)
            .any(|item| item[0].1 == "pub" && kinds.contains(&item[1].1) && item[2].1 == name)
    }

    /// Splits the code into names, `::` and single characters, each with its line. Comments, strings
    /// and characters are left out.
    fn tokens(&self) -> Vec<(usize, &str)> {
        let mut tokens = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let mut rest = line.as_str();
            while let Some(first) = rest.chars().next() {
                let length = if rest.starts_with("//") {
                    break;
                } else if rest.starts_with("'\"'") {
                    3
                } else if first == '"' {
                    string_length(rest)
                } else if first.is_alphanumeric() || first == '_' {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                    let length = end.unwrap_or(rest.len());
                    tokens.push((index + 1, &rest[..length]));
                    length
                } else if rest.starts_with("::") {
                    tokens.push((index + 1, &rest[..2]));
                    2
                } else {
                    if !first.is_whitespace() {
                        tokens.push((index + 1, &rest[..first.len_utf8()]));
                    }
                    first.len_utf8()
                };
                rest = &rest[length..];
            }
        }
        tokens
    }
}

/// Returns the length of the string literal at the beginning of `text`, as far as it is on this line.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads a `use` tree that begins at `at`, and returns the index behind it.
fn tree(
    tokens: &[(usize, &str)],
    mut at: usize,
    prefix: &[String],
    place: Place,
    found: &mut Vec<Mention>,
) -> usize {
    let mut segments = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.0);
    while let Some(&(_, token)) = tokens.get(at) {
        at += 1;
        match token {
            "::" => {}
            "{" => {
                while let Some(&(_, token)) = tokens.get(at) {
                    match token {
                        "}" => return at + 1,
                        ";" => return at,
                        "," => at += 1,
                        _ => at = tree(tokens, at, &segments, place, found),
                    }
                }
            }
            // The name is that of the definition, for `target`.
            "as" => at += 1,
            "," | ";" | "}" => {
                at -= 1;
                break;
            }
            name => segments.push(name.to_owned()),
        }
    }
    found.push(Mention { line, segments, place });
    at
}

/// Reads the path in an expression or a type that begins at `at`, and returns the index behind it.
fn path(tokens: &[(usize, &str)], mut at: usize, found: &mut Vec<Mention>) -> usize {
    let line = tokens[at].0;
    let mut segments = vec![tokens[at].1.to_owned()];
    at += 1;
    while let [(_, "::"), (_, name), ..] = tokens[at..]
        && is_name(name)
    {
        segments.push(name.to_owned());
        at += 2;
    }
    if segments.len() > 1 {
        found.push(Mention { line, segments, place: Place::Expression });
    }
    at
}
