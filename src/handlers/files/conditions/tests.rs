//! Each field alone by table, and all combinations of fields, validators and methods.

use http::HeaderValue;

use super::*;

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

const TAG: &str = "\"a\"";

fn fields(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

fn both() -> Validators<'static> {
    Validators { etag: Some(TAG), last_modified: date::parse(SAME) }
}

const WHOLE: Verdict = Verdict::Proceed { ranges: false };
const PARTS: Verdict = Verdict::Proceed { ranges: true };

#[test]
fn h08_each_precondition_by_table() {
    use Verdict::{Failed, NotModified};
    for (name, value, expected) in [
        (IF_MATCH, "\"a\"", WHOLE),
        (IF_MATCH, "*", WHOLE),
        (IF_MATCH, "\"b\", \"a\"", WHOLE),
        (IF_MATCH, "\"b\",\"a\"", WHOLE),
        (IF_MATCH, ", ,\"a\",", WHOLE),
        (IF_MATCH, "\"b\"", Failed),
        (IF_MATCH, "\"A\"", Failed),
        (IF_MATCH, "W/\"a\"", Failed),
        (IF_MATCH, "a", Failed),
        (IF_MATCH, "\"a", Failed),
        (IF_MATCH, "\"a\"b", WHOLE),
        (IF_MATCH, "\"b\" \"a\"", Failed),
        (IF_MATCH, "\"*\"", Failed),
        (IF_MATCH, "", Failed),
        (IF_NONE_MATCH, "\"a\"", NotModified),
        (IF_NONE_MATCH, "W/\"a\"", NotModified),
        (IF_NONE_MATCH, "*", NotModified),
        (IF_NONE_MATCH, " * ", NotModified),
        (IF_NONE_MATCH, "\"x,y\", \"a\"", NotModified),
        (IF_NONE_MATCH, "W/\"b\", W/\"a\"", NotModified),
        (IF_NONE_MATCH, "\"b\"", WHOLE),
        (IF_NONE_MATCH, "w/\"a\"", WHOLE),
        (IF_NONE_MATCH, "a", WHOLE),
        (IF_NONE_MATCH, "\"a b\", \"a\"", WHOLE),
        (IF_NONE_MATCH, "\"b\" \"a\"", WHOLE),
        (IF_NONE_MATCH, "", WHOLE),
        (IF_MODIFIED_SINCE, BEFORE, WHOLE),
        (IF_MODIFIED_SINCE, SAME, NotModified),
        (IF_MODIFIED_SINCE, AFTER, NotModified),
        (IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT", NotModified),
        (IF_MODIFIED_SINCE, "Sun Nov  6 08:49:37 1994", NotModified),
        (IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 CET", WHOLE),
        (IF_MODIFIED_SINCE, "784111777", WHOLE),
        (IF_MODIFIED_SINCE, "", WHOLE),
        (IF_UNMODIFIED_SINCE, BEFORE, Failed),
        (IF_UNMODIFIED_SINCE, SAME, WHOLE),
        (IF_UNMODIFIED_SINCE, AFTER, WHOLE),
        (IF_UNMODIFIED_SINCE, "yesterday", WHOLE),
        (IF_RANGE, "\"b\"", WHOLE),
    ] {
        let verdict = evaluate(&Method::GET, &fields(&[(name.clone(), value)]), both());
        assert_eq!(verdict, expected, "{name}: {value}");
    }
}

#[test]
fn h08_if_range_by_table() {
    for (method, value, expected) in [
        (Method::GET, None, PARTS),
        (Method::HEAD, None, WHOLE),
        (Method::POST, None, WHOLE),
        (Method::GET, Some("\"a\""), PARTS),
        (Method::GET, Some(" \"a\" "), PARTS),
        (Method::HEAD, Some("\"a\""), WHOLE),
        (Method::GET, Some("\"b\""), WHOLE),
        (Method::GET, Some("W/\"a\""), WHOLE),
        (Method::GET, Some("*"), WHOLE),
        (Method::GET, Some("\"a\", \"b\""), WHOLE),
        (Method::GET, Some(SAME), PARTS),
        (Method::GET, Some(BEFORE), WHOLE),
        (Method::GET, Some(AFTER), WHOLE),
        (Method::GET, Some("a"), WHOLE),
        (Method::GET, Some(""), WHOLE),
    ] {
        let mut headers = fields(&[(RANGE, "bytes=0-0")]);
        if let Some(value) = value {
            headers.append(IF_RANGE, HeaderValue::from_static(value));
        }
        assert_eq!(evaluate(&method, &headers, both()), expected, "{method} {value:?}");
    }
    let weak = Validators { etag: Some("W/\"a\""), last_modified: None };
    let headers = fields(&[(RANGE, "bytes=0-0"), (IF_RANGE, "W/\"a\"")]);
    assert_eq!(evaluate(&Method::GET, &headers, weak), WHOLE);
    let twice = fields(&[(RANGE, "bytes=0-0"), (IF_RANGE, TAG), (IF_RANGE, TAG)]);
    assert_eq!(evaluate(&Method::GET, &twice, both()), WHOLE);
}

#[test]
fn h08_fields_may_stand_on_several_lines() {
    let headers = fields(&[(IF_NONE_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")]);
    assert_eq!(evaluate(&Method::GET, &headers, both()), Verdict::NotModified);
    let headers = fields(&[(IF_MATCH, "\"b\""), (IF_MATCH, "\"a\"")]);
    assert_eq!(evaluate(&Method::GET, &headers, both()), WHOLE);
    let headers = fields(&[(IF_MODIFIED_SINCE, AFTER), (IF_MODIFIED_SINCE, AFTER)]);
    assert_eq!(evaluate(&Method::GET, &headers, both()), WHOLE);
}

/// The truth of a field, given the validators; `None` if it is absent or does not apply.
type Truth = Option<bool>;

/// RFC 9110 section 13.2.2, word by word.
fn expected(method: &Method, truth: [Truth; 4], range: bool, if_range: Truth) -> Verdict {
    let [if_match, if_unmodified, if_none_match, if_modified] = truth;
    let reads = [Method::GET, Method::HEAD].contains(method);
    if if_match == Some(false) {
        return Verdict::Failed;
    }
    if if_match.is_none() && if_unmodified == Some(false) {
        return Verdict::Failed;
    }
    if if_none_match == Some(false) {
        return if reads { Verdict::NotModified } else { Verdict::Failed };
    }
    if if_none_match.is_none() && reads && if_modified == Some(false) {
        return Verdict::NotModified;
    }
    Verdict::Proceed { ranges: *method == Method::GET && range && if_range != Some(false) }
}

#[test]
fn h08_all_combinations_follow_the_order_of_section_13_2_2() {
    // A value, and its truth with an entity tag and with a date.
    type Choice = Option<(&'static str, bool)>;
    let tags: [Choice; 3] = [None, Some(("\"a\"", true)), Some(("\"b\"", false))];
    let not_tags: [Choice; 3] = [None, Some(("\"b\"", true)), Some(("\"a\"", false))];
    let until: [Choice; 3] = [None, Some((SAME, true)), Some((BEFORE, false))];
    let since: [Choice; 3] = [None, Some((BEFORE, true)), Some((SAME, false))];
    let if_range: [Choice; 5] = [
        None,
        Some((TAG, true)),
        Some(("\"b\"", false)),
        Some((SAME, true)),
        Some((BEFORE, false)),
    ];
    let mut count = 0;
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        for (has_tag, has_date) in [(true, true), (true, false), (false, true), (false, false)] {
            let current = Validators {
                etag: has_tag.then_some(TAG),
                last_modified: date::parse(SAME).filter(|_| has_date),
            };
            for index in 0..3 * 3 * 3 * 3 * 5 * 2 {
                let choices = [
                    (IF_MATCH, tags[index % 3]),
                    (IF_UNMODIFIED_SINCE, until[index / 3 % 3]),
                    (IF_NONE_MATCH, not_tags[index / 9 % 3]),
                    (IF_MODIFIED_SINCE, since[index / 27 % 3]),
                    (IF_RANGE, if_range[index / 81 % 5]),
                    (RANGE, (index / 405 == 1).then_some(("bytes=0-0", true))),
                ];
                let mut headers = HeaderMap::new();
                for (name, choice) in &choices {
                    if let Some((value, _)) = choice {
                        headers.insert(name, HeaderValue::from_static(value));
                    }
                }
                let truth = |place: usize| choices[place].1.map(|(_, truth)| truth);
                // Without a tag no tag matches. Without a date a condition on it does not apply.
                let verdict = expected(
                    &method,
                    [
                        truth(0).map(|truth| truth && has_tag),
                        truth(1).filter(|_| has_date),
                        truth(2).map(|truth| truth || !has_tag),
                        truth(3).filter(|_| has_date),
                    ],
                    choices[5].1.is_some(),
                    choices[4].1.map(|(value, truth)| {
                        truth && if value.starts_with('"') { has_tag } else { has_date }
                    }),
                );
                assert_eq!(evaluate(&method, &headers, current), verdict, "{method} {headers:?}");
                count += 1;
            }
        }
    }
    assert_eq!(count, 9_720);
}
