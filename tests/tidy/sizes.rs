//! How long a file and a function may be.

use super::Finding;
use super::allowed::Rule;
use super::sources::Source;

/// The most lines that a reader can keep in mind. Most files have 100 to 300.
const FILE: usize = 500;

/// A function that does not fit on a screen is two functions.
const FUNCTION: usize = 60;

pub(crate) fn files(sources: &[Source]) -> Vec<Finding> {
    let long = sources.iter().filter(|source| source.lines.len() > FILE);
    long.map(|source| Finding {
        rule: Rule::FileLength,
        place: source.file.clone(),
        line: FILE + 1,
        text: format!(
            "{} lines before the tests, at most {FILE} are allowed; move one subject to a new file",
            source.lines.len()
        ),
    })
    .collect()
}

pub(crate) fn functions(sources: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in sources {
        for (at, line) in source.lines.iter().enumerate() {
            let length = function_length(&source.lines[at..]);
            if length > FUNCTION {
                let name = line.trim().trim_end_matches('{');
                let text = format!(
                    "{length} lines in `{name}`, at most {FUNCTION} are allowed; move a part out"
                );
                let place = source.file.clone();
                found.push(Finding { rule: Rule::FunctionLength, place, line: at + 1, text });
            }
        }
    }
    found
}

/// Returns the length of the function that begins on the first line, or 0 if none does. rustfmt puts the
/// brace that ends a function below its first character.
fn function_length(lines: &[String]) -> usize {
    let code = lines[0].trim_start();
    let before_name = code.split("fn ").next().unwrap_or_default();
    let qualifiers = ["pub", "const", "async", "unsafe", "extern"];
    let is_function = code.contains("fn ")
        && before_name.split_whitespace().all(|word| {
            qualifiers.iter().any(|qualifier| word == *qualifier || word.starts_with("pub("))
        });
    if !is_function {
        return 0;
    }
    let indent = &lines[0][..lines[0].len() - code.len()];
    let ends = |line: &String| {
        let rest = line.strip_prefix(indent).unwrap_or_default();
        rest.ends_with(['}', ';']) && !rest.starts_with(' ')
    };
    lines.iter().position(ends).map_or(0, |last| last + 1)
}

#[test]
fn a_function_ends_at_the_brace_below_its_beginning() {
    let text =
        "    pub(crate) const fn f(\n        a: u8,\n    ) {\n        g({ 1 });\n    }\n    }\n";
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(function_length(&lines), 5);
    assert_eq!(function_length(&["fn f();".to_owned()]), 1);
    assert_eq!(function_length(&lines[3..]), 0);
}
