//! Which words the documentation avoids.

use super::Finding;
use super::allowed::Rule;
use super::sources::Source;

/// Words that make a sentence hard to read, and what to write instead.
const BANNED: &[(&str, &str)] = &[
    ("whoever", "name the caller, the thread or the type"),
    ("whomever", "name the caller, the thread or the type"),
    ("somebody", "name the caller, the thread or the type"),
    ("nobody", "name the caller, the thread or the type"),
    ("everybody", "name the callers, the threads or the types"),
    ("anybody", "name the caller, the thread or the type"),
    ("of its own", "write `its`, `a separate` or `another`"),
    ("of their own", "write `their` or `separate`"),
    ("of his own", "write `separate`"),
    ("is told by", "say what reports it: `send` reports an invalid URL"),
    ("are told by", "say what reports it: `send` reports an invalid URL"),
    ("comes of it", "write `the result` or name it"),
    ("in good order", "say how: with FIN, with `close_notify`"),
];

/// Words that must not begin a sentence.
const BEGINNINGS: &[&str] = &["What", "Whatever", "Whether", "Who", "Whom", "Whose", "Whoever"];

pub(crate) fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in sources {
        for (line, paragraph) in source.documentation() {
            for text in violations(&paragraph) {
                found.push(Finding { rule: Rule::Prose, place: source.file.clone(), line, text });
            }
        }
    }
    found
}

fn violations(paragraph: &str) -> Vec<String> {
    let words = paragraph.to_lowercase();
    let is_whole = |at: usize, length: usize| {
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !letter(words[..at].chars().next_back()) && !letter(words[at + length..].chars().next())
    };
    let banned = BANNED.iter().filter(|(phrase, _)| {
        words.match_indices(phrase).any(|(at, found)| is_whole(at, found.len()))
    });
    let mut violations: Vec<String> = banned
        .map(|(phrase, instead)| format!("the documentation says `{phrase}`; {instead}"))
        .collect();
    for sentence in sentences(paragraph) {
        let first = sentence.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        if BEGINNINGS.contains(&first) && !sentence.ends_with('?') {
            let short: String = sentence.chars().take(50).collect();
            violations.push(format!(
                "`{short}…` begins with `{first}`; begin with the subject or with a verb: Returns, Sets"
            ));
        }
    }
    violations
}

fn sentences(paragraph: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut rest = paragraph;
    while let Some(end) = [". ", "? ", "! ", ": "].iter().filter_map(|mark| rest.find(mark)).min() {
        let (sentence, next) = rest.split_at(end + 1);
        sentences.push(sentence.trim());
        rest = next;
    }
    sentences.push(rest.trim());
    sentences
}

#[test]
fn sentences_and_words_are_found() {
    let found = |text: &str| violations(text).len();
    assert_eq!(found("Returns what is left. Waits for anyone who calls."), 0);
    assert_eq!(found("What is left. Whether it waits: who knows?"), 2);
    assert_eq!(found("Sets a limit. Who waits, waits; nobody of its own thread does."), 3);
    assert_eq!(found("What now?"), 0);
}
