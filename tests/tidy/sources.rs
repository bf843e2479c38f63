//! The crate's source files.

use std::fs;
use std::path::Path;

/// One file below `src`, up to its unit tests.
pub(crate) struct Source {
    /// The path from the root of the repository, with `/`.
    pub(crate) file: String,
    /// The module that the file is, from the root of the crate: `["client", "pool"]`.
    pub(crate) module: Vec<String>,
    /// The lines before `#[cfg(test)]` modules.
    pub(crate) lines: Vec<String>,
}

/// Reads every file below `src` that is not a test.
pub(crate) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(&root.join("src"), "src", &mut found);
    found.sort_by(|one, other| one.file.cmp(&other.file));
    assert!(found.len() > 50, "the sources are below {}", root.display());
    found
}

fn collect(directory: &Path, name: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).expect("a directory of the sources").flatten() {
        let inner = entry.file_name().into_string().expect("a name in UTF-8");
        let file = format!("{name}/{inner}");
        if entry.path().is_dir() {
            collect(&entry.path(), &file, found);
        } else if inner.ends_with(".rs") && !is_test(&inner) {
            let text = fs::read_to_string(entry.path()).expect("a readable file");
            found.push(Source::new(&file, &text));
        }
    }
}

fn is_test(name: &str) -> bool {
    matches!(name, "tests.rs" | "model.rs" | "models.rs" | "splits.rs")
}

fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

/// Returns the lines up to the first inline module of tests.
fn before_tests(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let begins_tests = |at: usize| {
        lines[at].contains("cfg(") && lines[at].contains("test") && {
            let next = lines.get(at + 1).copied().unwrap_or_default();
            next.starts_with("mod ") && next.ends_with('{')
        }
    };
    let end = (0..lines.len()).find(|&at| begins_tests(at)).unwrap_or(lines.len());
    lines[..end].iter().map(|line| (*line).to_owned()).collect()
}

impl Source {
    pub(crate) fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), module: module_of(file), lines: before_tests(text) }
    }

    /// Returns the directory below `src`, or the file at its top, that the file belongs to.
    pub(crate) fn room(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    /// Returns the documentation, as paragraphs with the number of their first line. Code blocks,
    /// tables and headings are left out.
    pub(crate) fn documentation(&self) -> Vec<(usize, String)> {
        let mut paragraphs: Vec<(usize, String)> = Vec::new();
        let (mut in_code, mut goes_on) = (false, false);
        for (index, line) in self.lines.iter().enumerate() {
            let line = line.trim_start();
            let text = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            let Some(text) = text.map(str::trim) else {
                (in_code, goes_on) = (false, false);
                continue;
            };
            let fence = text.starts_with("```");
            in_code ^= fence;
            if in_code || fence || text.is_empty() || text.starts_with(['#', '|']) {
                goes_on = false;
                continue;
            }
            let item = text.strip_prefix("* ").or_else(|| text.strip_prefix("- "));
            match paragraphs.last_mut() {
                Some((_, paragraph)) if goes_on && item.is_none() => {
                    paragraph.push(' ');
                    paragraph.push_str(text);
                }
                _ => paragraphs.push((index + 1, item.unwrap_or(text).to_owned())),
            }
            goes_on = true;
        }
        paragraphs
    }
}
