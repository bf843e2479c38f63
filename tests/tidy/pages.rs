//! The pages for those who come from another library name only methods that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Methods of other crates that the pages name beside ours.
const OF_OTHERS: [&str; 5] =
    ["body_mut", "crossbeam_channel", "from_secs", "from_utf8_lossy", "into_body"];

/// Returns the names with an underscore in the code of `text`: those are functions and methods.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split('`').skip(1).step_by(2);
    let names = code.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'));
    names.filter(|name| name.contains('_') && name.chars().all(|c| !c.is_uppercase()))
}

/// Returns the names in the last cells of the tables that neither the public API nor another crate has.
fn unknown<'a>(page: &'a str, api: &BTreeSet<&str>) -> Vec<&'a str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    // A vertical bar in code is escaped, and begins no cell.
    let cells = rows.filter_map(|row| row.rsplit_once(" | ")).map(|(_, ours)| ours);
    let known = |name: &&str| !api.contains(name) && !OF_OTHERS.contains(name);
    cells.flat_map(functions).filter(known).collect()
}

#[test]
fn the_pages_name_methods_that_exist() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let api = fs::read_to_string(docs.join("public-api.txt")).unwrap();
    let api = api.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let mut pages = 0;
    for file in fs::read_dir(&docs).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("coming-from-") {
            let page = fs::read_to_string(&file).unwrap();
            assert_eq!(unknown(&page, &api), Vec::<&str>::new(), "docs/{name}");
            pages += 1;
        }
    }
    assert!(pages > 3, "{pages} pages");
}

#[test]
fn an_unknown_name_is_found_in_the_last_cell() {
    let api = ["set_header"].into();
    let page =
        "| Go | hangup |\n| `SetHead` or `set_it` | `w.set_header(..)`, `w.set_heder(..)` |\n";
    assert_eq!(unknown(page, &api), ["set_heder"]);
}
