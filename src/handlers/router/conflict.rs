//! Which of two patterns is more specific, and why some pairs have no answer.

use http::Method;

use super::pattern::{Pattern, Segment};

/// Two sets of requests that have some in common: whether each has others as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Excess {
    first: bool,
    second: bool,
}

const EQUAL: Excess = Excess { first: false, second: false };
const FIRST: Excess = Excess { first: true, second: false };
const SECOND: Excess = Excess { first: false, second: true };

/// Returns why two patterns conflict: some requests match both, and neither is more specific.
///
/// A pattern is more specific than another if all its requests match the other as well, but not the other
/// way round. A pattern with a host wins over one without.
pub(super) fn conflict(first: &Pattern, second: &Pattern) -> Option<String> {
    if first.host != second.host {
        return None;
    }
    let methods = compare_methods(first, second)?;
    let paths = compare_paths(&first.segments, &second.segments)?;
    let whole = join(methods, paths);
    match (whole.first, whole.second) {
        (false, false) => Some("both match the same requests".to_owned()),
        (true, true) => Some(explain(first, second, methods, paths)),
        _ => None,
    }
}

fn join(one: Excess, other: Excess) -> Excess {
    Excess { first: one.first || other.first, second: one.second || other.second }
}

/// Returns `None` if the methods have none in common. GET includes HEAD.
fn compare_methods(first: &Pattern, second: &Pattern) -> Option<Excess> {
    let is_head_of = |one: &Method, other: &Method| *one == Method::HEAD && *other == Method::GET;
    match (&first.method, &second.method) {
        (one, other) if one == other => Some(EQUAL),
        (None, Some(_)) => Some(FIRST),
        (Some(_), None) => Some(SECOND),
        (Some(one), Some(other)) if is_head_of(other, one) => Some(FIRST),
        (Some(one), Some(other)) if is_head_of(one, other) => Some(SECOND),
        _ => None,
    }
}

/// Returns `None` if no path matches both.
fn compare_paths(first: &[Segment], second: &[Segment]) -> Option<Excess> {
    let mut excess = EQUAL;
    for (one, other) in first.iter().zip(second) {
        excess = join(excess, compare_segments(one, other)?);
    }
    // More segments narrow the rest of the other pattern. They match nothing else.
    match first.len().cmp(&second.len()) {
        std::cmp::Ordering::Less => is_rest(first.last()).then(|| join(excess, FIRST)),
        std::cmp::Ordering::Equal => Some(excess),
        std::cmp::Ordering::Greater => is_rest(second.last()).then(|| join(excess, SECOND)),
    }
}

fn is_rest(segment: Option<&Segment>) -> bool {
    matches!(segment, Some(Segment::Rest(_)))
}

fn compare_segments(first: &Segment, second: &Segment) -> Option<Excess> {
    use Segment::{End, Literal, Rest, Wild};
    match (first, second) {
        (Rest(_), Rest(_)) | (Wild(_), Wild(_)) | (End, End) => Some(EQUAL),
        (Literal(one), Literal(other)) => (one == other).then_some(EQUAL),
        (Rest(_), _) | (Wild(_), Literal(_)) => Some(FIRST),
        (_, Rest(_)) | (Literal(_), Wild(_)) => Some(SECOND),
        (End, _) | (_, End) => None,
    }
}

/// Explains a conflict by three requests: one that both patterns match, and one for each alone.
fn explain(first: &Pattern, second: &Pattern, methods: Excess, paths: Excess) -> String {
    let method = common_method(first, second);
    let common = example_of_both(&first.segments, &second.segments);
    let only = |mine: &Pattern, other: &Pattern, has_more_paths: bool| match has_more_paths {
        true => format!("{method} {}", example_of_first(&mine.segments, &other.segments)),
        false => format!("{} {common}", method_of_first(mine, other)),
    };
    debug_assert!((methods.first || paths.first) && (methods.second || paths.second));
    format!(
        "both match \"{method} {common}\", only {:?} matches \"{}\", and only {:?} matches \"{}\"",
        first.text,
        only(first, second, paths.first),
        second.text,
        only(second, first, paths.second),
    )
}

fn common_method<'a>(first: &'a Pattern, second: &'a Pattern) -> &'a str {
    match (&first.method, &second.method) {
        (Some(one), Some(other)) if *one == Method::GET => other.as_str(),
        (Some(method), _) | (None, Some(method)) => method.as_str(),
        (None, None) => "GET",
    }
}

/// Returns a method of `mine` that `other` does not match. There is one.
fn method_of_first<'a>(mine: &'a Pattern, other: &Pattern) -> &'a str {
    match (&mine.method, &other.method) {
        (Some(method), _) => method.as_str(),
        (None, Some(method)) if *method != Method::POST => "POST",
        (None, _) => "GET",
    }
}

/// Returns a path that both match. There is one.
fn example_of_both(first: &[Segment], second: &[Segment]) -> String {
    let mut path = String::new();
    for index in 0..first.len().max(second.len()) {
        // The rest of one pattern matches what the other has.
        let narrower = match (first.get(index), second.get(index)) {
            (Some(one), Some(other)) => match compare_segments(one, other) {
                Some(FIRST) => other,
                _ => one,
            },
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => break,
        };
        path.push('/');
        push_example(&mut path, narrower);
    }
    path
}

/// Returns a path that `mine` matches and `other` does not. There is one.
fn example_of_first(mine: &[Segment], other: &[Segment]) -> String {
    use Segment::{End, Literal, Rest, Wild};
    let mut path = String::new();
    for (index, segment) in mine.iter().enumerate() {
        path.push('/');
        match (segment, other.get(index)) {
            // An empty rest: a slash at the end, which only `{$}` matches as well.
            (Rest(_), Some(End)) => path.push('x'),
            (Rest(_), _) => {}
            (Wild(name), Some(Literal(literal))) if name.as_bytes() == &**literal => {
                path.extend([name, "x"]);
            }
            _ => push_example(&mut path, segment),
        }
    }
    path
}

/// Adds the shortest example of what a segment matches.
fn push_example(path: &mut String, segment: &Segment) {
    match segment {
        Segment::Literal(literal) => {
            use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
            const PLAIN: &percent_encoding::AsciiSet =
                &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
            path.extend(percent_encode(literal, PLAIN));
        }
        Segment::Wild(name) => path.push_str(name),
        Segment::Rest(_) | Segment::End => {}
    }
}
