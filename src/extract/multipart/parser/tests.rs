use super::*;

/// The parts that a parser finds in a body, or its error.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parsed {
    /// The head, the content, and `true` if the part has ended.
    parts: Vec<(String, Vec<u8>, bool)>,
    end: Option<&'static str>,
}

fn parse(boundary: &str, pieces: &[&[u8]], most_at_once: usize) -> Parsed {
    let mut parser = Parser::new(boundary.as_bytes(), 100);
    let (mut parsed, mut held) = (Parsed::default(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        let mut input = &held[..];
        loop {
            let (consumed, next) = match parser.advance(input) {
                Ok(step) => step,
                Err(Fault::Delimiter) => return Parsed { end: Some("delimiter"), ..parsed },
                Err(Fault::HeadTooLarge) => return Parsed { end: Some("head"), ..parsed },
            };
            input = &input[consumed..];
            match next {
                Next::NeedInput => break,
                Next::Head(head) => {
                    let head = String::from_utf8_lossy(&head).into_owned();
                    parsed.parts.push((head, Vec::new(), false));
                }
                Next::Content(count) => {
                    let taken = count.min(most_at_once);
                    parsed.parts.last_mut().unwrap().1.extend_from_slice(&input[..taken]);
                    input = &input[taken..];
                    parser.content_taken(taken);
                }
                Next::PartEnd => parsed.parts.last_mut().unwrap().2 = true,
                Next::End => parsed.end = Some("end"),
            }
        }
        assert!(input.len() < boundary.len() + 8, "few bytes are held back");
        held = input.to_vec();
    }
    if parsed.end.is_none() && parser.may_end() {
        parsed.end = Some("end");
    }
    parsed
}

/// Parses a body in one piece, and checks that each other way to cut it gives the same.
fn parts(boundary: &str, body: &[u8]) -> Parsed {
    let whole = parse(boundary, &[body], usize::MAX);
    for at in 0..=body.len() {
        let pieces = [&body[..at], &body[at..]];
        assert_eq!(parse(boundary, &pieces, usize::MAX), whole, "cut at {at}");
        assert_eq!(parse(boundary, &pieces, 1), whole, "cut at {at}, taken byte by byte");
    }
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(parse(boundary, &bytes, usize::MAX), whole, "byte by byte");
    whole
}

/// Shows the contents of the parts in brackets, and how the body ended.
fn shown(boundary: &str, body: &str) -> String {
    let parsed = parts(boundary, body.as_bytes());
    let mut text = String::new();
    for (head, content, ended) in parsed.parts {
        let content = String::from_utf8(content).unwrap();
        let head = head.trim_end().replace("\r\n", "|");
        text += &format!("{head}[{content}{}", if ended { "]" } else { "" });
    }
    text + parsed.end.unwrap_or("…")
}

#[test]
fn h04_parts_are_cut_at_their_delimiters() {
    for (body, expected) in [
        ("--b--", "end"),
        ("--b--\r\n", "end"),
        ("--b\r\n\r\n\r\n--b--", "[]end"),
        ("--b\r\nA: 1\r\nB: 2\r\n\r\ntext\r\n--b--\r\n", "A: 1|B: 2[text]end"),
        ("--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n", "[one][two]end"),
        // Line ends belong to the content but for the last.
        ("--b\r\n\r\n\r\n\r\na\r\n\r\n\r\n--b--", "[\r\n\r\na\r\n\r\n]end"),
        ("--b\r\n\r\na\r\r\n--b--", "[a\r]end"),
        ("--b\r\n\r\na\n--b\n\n--b--\r\n--b--", "[a\n--b\n\n--b--]end"),
        // The preamble and the epilogue are ignored.
        ("preamble\r\n\r\n--b\r\n\r\na\r\n--b--\r\nepilogue\r\n--b\r\n\r\nx", "[a]end"),
        ("\r\n--b\r\n\r\na\r\n--b--", "[a]end"),
        ("--bc\r\n--b\r\n\r\na\r\n--b--", "[a]end"),
        // Padding.
        ("--b \t \r\n\r\na\r\n--b\t\r\n\r\nc\r\n--b-- \t\r\n", "[a][c]end"),
        // An empty part may lack its line end.
        ("--b\r\nA: 1\r\n\r\n--b\r\n\r\n--b--", "A: 1[][]end"),
        // Text that only looks like a delimiter.
        (
            "--b\r\n\r\n\r\n--bc\r\n--b-c\r\n--b_\r\n-- b\r\n--b--",
            "[\r\n--bc\r\n--b-c\r\n--b_\r\n-- b]end",
        ),
        ("--b\r\n\r\n--b-x--b\r\n--b--", "[--b-x--b]end"),
        ("--b\r\n\r\nx--b--\r\n--b--", "[x--b--]end"),
        // Line feeds alone, if the first delimiter has one.
        ("--b\nA: 1\n\none\n--b\n\ntwo\r\n--b--\n", "A: 1[one][two\r]end"),
        ("x\n--b\n\none\n--b--", "[one]end"),
        ("x\n--b\r\n\r\none\n--b\r\n--b--", "[one\n--b]end"),
        ("--b\n\none\n--b\r\n", "[one]delimiter"),
        ("--b\r\n\r\none\r\n--b\n", "[one]delimiter"),
        // Bodies that are cut off.
        ("", "…"),
        ("--", "…"),
        ("--b", "…"),
        ("--b-", "…"),
        ("--b\r\n", "…"),
        ("--b\r\nA: 1\r\n", "…"),
        ("--b\r\n\r\na\r\n--", "[a…"),
        ("--b\r\n\r\na\r\n--b", "[a…"),
        ("--b\r\n\r\na\r\n--b-", "[a…"),
        ("--b\r\n\r\na\r\n--b\r\n", "[a]…"),
        // Delimiters with text behind them.
        ("--b x\r\n", "delimiter"),
        ("--b\r\n\r\na\r\n--b\rx", "[a]delimiter"),
        ("--b\r\n\r\na\r\n--b--x", "[a]delimiter"),
    ] {
        let expected = match expected.strip_suffix('…') {
            // The last bytes of a content that was cut off may be held back.
            Some(begun) if body.ends_with('-') || body.ends_with('b') => format!("{begun}…"),
            _ => expected.to_owned(),
        };
        assert_eq!(shown("b", body), expected, "{body:?}");
    }
}

#[test]
fn h04_boundaries_of_every_shape_are_found() {
    for boundary in ["-", "--", "aaaa", "a--a", "'()+_,-./:=? x", &"0".repeat(70)] {
        let body = format!(
            "--{boundary}\r\n\r\n\r\n--\r\n-{boundary}\r\n--{}\r\n--{boundary}\r\n\r\n\r\n--{boundary}--",
            &boundary[1..]
        );
        let expected = format!("[\r\n--\r\n-{boundary}\r\n--{}][]end", &boundary[1..]);
        // A line that begins with the delimiter is one.
        if !boundary.starts_with('-') && boundary != "aaaa" {
            assert_eq!(shown(boundary, &body), expected, "{boundary}");
        }
        let simple = format!("--{boundary}\r\n\r\nx\r\n--{boundary}--");
        assert_eq!(shown(boundary, &simple), "[x]end", "{boundary}");
    }
}

#[test]
fn h04_a_long_head_is_an_error() {
    let body = |length: usize| format!("--b\r\n{}\r\n\r\na\r\n--b--", "x".repeat(length));
    assert!(shown("b", &body(96)).ends_with("[a]end"));
    assert_eq!(shown("b", &body(97)), "head");
    assert_eq!(shown("b", &format!("--b\r\n{}", "x\n".repeat(100))), "head");
    assert_eq!(shown("b", &format!("--b{}\r\n", " ".repeat(1001))), "delimiter");
}

#[test]
fn h04_a_damaged_body_is_read_the_same_however_it_is_cut() {
    let body = b"p\r\n--b\r\nA: 1\r\n\r\none\r\n--b \r\n\r\n\r\n--b\r\n\r\n--b--\r\ne";
    for at in 0..body.len() {
        for byte in b"\0\r\n -bx" {
            parts("b", &[&body[..at], &[*byte], &body[at + 1..]].concat());
            parts("b", &[&body[..at], &[*byte], &body[at..]].concat());
        }
        parts("b", &[&body[..at], &body[at + 1..]].concat());
    }
}

/// Every line of the content begins as the delimiter does.
#[test]
fn h04_hostile_content_is_kept() {
    let boundary = "a".repeat(70);
    let content = format!("\r\n--{}", "a".repeat(69)).repeat(200) + "\r\n\r\r\n";
    let body = format!("--{boundary}\r\n\r\n{content}\r\n--{boundary}--");
    let parsed = parse(&boundary, &[body.as_bytes()], usize::MAX);
    assert_eq!(parsed.parts, [("\r\n".to_owned(), content.into_bytes(), true)]);
    assert_eq!(parsed.end, Some("end"));
}
