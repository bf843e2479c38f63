//! The table of docs/conformance.md: requirements of the HTTP RFCs, and the tests that show them.
//!
//! A test whose name is gone fails here, and so does a page that is not made of this table. To renew the page:
//! `HANGUP_RENEW=1 cargo test --test tidy conformance`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A section of an RFC, the requirement, and the names of tests.
type Row = (&'static str, &'static str, &'static [&'static str]);

#[rustfmt::skip] // Tables.
const RFC_9112: &[Row] = &[
    ("2.2", "a line ends in CRLF; bare CR and bare LF are refused", &["line_ends_are_crlf_and_nothing_else", "bare_cr_is_refused_everywhere", "bare_lf_is_no_line_end"]),
    ("2.2", "empty lines before a request are skipped", &["s10_two_empty_lines_before_a_request_are_skipped", "a_third_empty_line_is_refused"]),
    ("2.2", "whitespace before the first field is refused", &["folded_lines_are_refused_in_requests"]),
    ("2.3", "a request of an unknown minor version is served as HTTP/1.1", &["h07_an_unknown_minor_version_is_read_as_http_1_1"]),
    ("3", "a malformed request line gets a 400 and ends the connection", &["request_lines_that_are_none", "s09_a_malformed_request_gets_its_status_and_ends_the_connection"]),
    ("3.2", "request targets, and a missing or repeated Host", &["targets_that_are_none", "hosts_that_are_not", "hosts_that_are_hosts"]),
    ("3.2.2", "the authority of an absolute target replaces Host", &["s09_the_authority_of_an_absolute_target_replaces_host"]),
    ("5.1", "whitespace before the colon is refused in requests", &["space_before_the_colon_is_refused", "blanks_before_a_colon_are_removed_in_responses_only"]),
    ("5.2", "folded lines are refused in requests, and joined in responses", &["folded_lines_are_refused_in_requests", "folded_lines_are_joined_in_responses"]),
    ("6.1", "Transfer-Encoding beside Content-Length is refused", &["both_length_and_encoding_are_refused_in_requests"]),
    ("6.1", "unknown and misplaced codings are refused", &["transfer_encodings_that_are_refused", "transfer_encoding_in_http_10_is_refused"]),
    ("6.2", "Content-Length is a number, and one", &["lengths_that_are_numbers", "repeated_lengths_are_refused_in_requests_even_if_equal", "repeated_lengths_count_once_in_responses_if_all_are_equal"]),
    ("6.3", "a response to HEAD, a 204 and a 304 have no body", &["s12_204_and_304_have_neither_body_nor_length", "s12_head_has_the_fields_of_get_and_no_body"]),
    ("6.3", "a successful response to CONNECT is a tunnel", &["s12_a_tunnel_has_no_length_and_no_coding"]),
    ("7.1", "chunks, however they are cut", &["a_damaged_body_has_one_verdict_however_it_is_cut", "sizes_that_are_no_hexadecimal_numbers", "a_chunked_body_is_incomplete_up_to_its_very_last_byte"]),
    ("7.1.1", "chunk extensions are ignored, within a limit", &["tiny_chunks_with_extensions_cannot_go_on_for_ever", "s09_blanks_before_a_chunk_extension_are_ignored"]),
    ("7.1.2", "trailers are kept apart from the headers; framing and routing are forbidden there", &["s12_trailers_follow_a_chunked_body", "trailers_about_framing_or_routing_are_refused", "s12_a_field_that_is_forbidden_in_trailers_aborts_the_response"]),
    ("8", "an incomplete message is not taken for a whole one", &["s13_a_begun_body_of_declared_length_stays_short", "s13_a_begun_chunked_body_is_never_ended_properly", "s13_a_begun_body_that_ends_with_the_connection_is_reset"]),
    ("9.3", "persistence, also with HTTP/1.0", &["s12_http_1_0_keeps_a_connection_that_it_asks_to_keep", "s12_http_1_0_is_closed_after_a_body_of_unknown_length", "s12_connection_close_set_by_the_handler_closes_the_connection"]),
    ("9.3.2", "pipelined requests are answered in order", &["s18_pipelined_requests_are_answered_in_order", "s18_requests_may_be_cut_anywhere"]),
    ("9.5", "time limits", &["s15_an_idle_connection_is_closed", "s15_an_incomplete_head_closes_the_connection_without_a_response"]),
    ("9.6", "a closed connection is read out, so that the last response arrives", &["s08_unread_input_behind_a_last_request_does_not_reset_the_connection", "s08_the_server_sends_fin_at_once_and_waits_for_the_clients"]),
    ("11.1", "no header value splits a response", &["s12_a_header_value_with_a_line_break_is_an_error_and_no_second_header"]),
    ("11.2", "nothing is smuggled through the reverse proxy", &["h11_nothing_but_one_well_framed_request_reaches_the_upstream"]),
];

#[rustfmt::skip]
const RFC_9110: &[Row] = &[
    ("6.5", "trailers in both directions through the reverse proxy", &["h11_trailers_pass_in_both_directions"]),
    ("6.6.1", "one Date in a response", &["s12_a_response_has_one_date"]),
    ("7.6.1", "fields of the connection are not forwarded", &["h11_fields_of_the_connection_are_not_forwarded", "h11_fields_of_the_connection_are_found"]),
    ("7.6.2", "Max-Forwards", &["h11_trace_shows_the_request_without_secrets"]),
    ("7.6.3", "Via, and loops seen in it", &["h11_host_and_via_follow_the_options", "h11_a_loop_is_seen_in_via"]),
    ("7.8", "Upgrade", &["s06_a_101_is_sent_behind_the_100", "h11_an_upgraded_connection_passes_bytes_and_half_closes"]),
    ("8.3", "Content-Type", &["s12_the_type_is_sniffed_when_none_is_set", "h08_types_by_extension"]),
    ("8.6", "Content-Length is that of the body", &["s12_a_short_body_gets_a_content_length", "s12_more_than_declared_is_refused", "s12_less_than_declared_closes_the_connection"]),
    ("9.3.2", "HEAD is GET without the body", &["s12_head_has_the_content_type_of_get", "h08_head_equals_the_head_of_get"]),
    ("9.3.7", "OPTIONS, also of the server as a whole", &["h07_options_of_the_whole_server_never_reach_the_handler", "h06_the_method_is_part_of_the_pattern"]),
    ("10.1.1", "Expect: 100-continue", &["s11_a_100_is_sent_with_the_first_read_and_once", "s11_an_http_1_0_client_gets_no_100", "s11_an_unknown_expectation_is_417", "h09_an_upload_over_the_limit_gets_no_100"]),
    ("11.6", "credentials and their challenges", &["h09_basic_credentials_are_checked", "h09_bearer_tokens_are_checked"]),
    ("12.5.3", "Accept-Encoding by weights", &["h09_the_weights_choose_the_coding", "h08_compressed_siblings_by_accept_encoding"]),
    ("12.5.5", "Vary", &["h09_vary_is_merged"]),
    ("13.1", "If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since", &["h08_each_precondition_by_table"]),
    ("13.1.5", "If-Range", &["h08_if_range_by_table"]),
    ("13.2.2", "the order of preconditions", &["h08_all_combinations_follow_the_order_of_section_13_2_2", "h08_if_range_and_preconditions_come_before_the_range"]),
    ("14.2", "Range: one and several, merged and bounded", &["h08_ranges_by_table", "h08_one_range_is_a_206_with_its_bytes", "h08_several_ranges_are_parts_in_the_order_asked_for", "h08_ranges_never_multiply_the_output"]),
    ("15.5.17", "416 with the length of the file", &["h08_ranges_that_cannot_be_satisfied_and_those_that_are_ignored"]),
    ("15.2", "interim responses come first, and not to HTTP/1.0", &["s12_interim_responses_come_first_and_are_not_sent_to_http_1_0", "h11_interim_responses_arrive_at_once_and_not_at_old_clients"]),
    ("15.3.6", "a 205 has no body and says so", &["s12_205_has_no_body_and_a_length_of_zero"]),
    ("15.5.6", "405 with Allow", &["h06_the_method_is_part_of_the_pattern", "h08_other_methods_are_refused_where_there_is_a_file"]),
];

#[rustfmt::skip]
const RFC_9111: &[Row] = &[
    ("4.3.4", "a 304 has the fields that would update a stored response", &["h08_preconditions_of_a_file", "h09_a_304_has_the_etag_that_the_client_has"]),
    ("5.2", "Cache-Control of files by an option", &["h08_options_of_the_response"]),
];

fn page() -> String {
    let mut page = "# Conformance

Requirements for servers, and the tests that show them. A test checks that each of these tests exists. The page is made
of the table in `tests/tidy/conformance.rs`.
"
    .to_owned();
    for (title, rows) in [
        ("RFC 9112: HTTP/1.1", RFC_9112),
        ("RFC 9110: HTTP semantics", RFC_9110),
        ("RFC 9111: caching, as far as it concerns a file server", RFC_9111),
    ] {
        let _ = write!(
            page,
            "\n## {title}\n\n| section | requirement | tests |\n| --- | --- | --- |\n"
        );
        for (section, requirement, tests) in rows {
            let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
            let _ = writeln!(page, "| {section} | {requirement} | {} |", tests.join(", "));
        }
    }
    page
}

/// Returns the names of all functions below `directory`.
fn functions(directory: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("a directory of the sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            functions(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a readable file");
            into.extend(text.lines().filter_map(|line| {
                let name = line.trim_start().strip_prefix("fn ")?;
                name.split(['(', '<']).next().map(str::to_owned)
            }));
        }
    }
}

#[test]
fn conformance_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    functions(&root.join("src"), &mut known);
    functions(&root.join("tests"), &mut known);
    let rows = [RFC_9112, RFC_9110, RFC_9111].concat();
    let named = rows.iter().flat_map(|(_, _, tests)| tests.iter());
    let missing: Vec<_> = named.filter(|name| !known.contains(**name)).collect();
    assert!(missing.is_empty(), "no test has these names: {missing:#?}");
}

#[test]
fn conformance_is_the_page_of_the_docs() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    if std::env::var_os("HANGUP_RENEW").is_some() {
        fs::write(&file, page()).expect("a writable file");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == page(), "renew it: HANGUP_RENEW=1 cargo test --test tidy conformance");
}
