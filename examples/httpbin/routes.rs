//! The table of routes: paths, methods and endpoints.

use hangup::http::Method;
use hangup::{Request, ResponseWriter};
use percent_encoding::percent_decode_str;

use crate::answer::Answered;
use crate::{auth, caching, cookies, documents, inspect, statuses, streams};

/// An endpoint. Its last argument holds the values of the path's placeholders.
pub(crate) type Endpoint = fn(&mut ResponseWriter, &mut Request, &[String]) -> Answered;

pub(crate) struct Route {
    /// The pattern, as in `/status/{codes}`. A name in braces stands for one segment that is not empty.
    /// A name that ends in `...` stands for the rest of the path.
    pub(crate) pattern: &'static str,
    pub(crate) methods: &'static [Method],
    pub(crate) endpoint: Endpoint,
    /// The text for the page that lists the routes.
    pub(crate) about: &'static str,
}

const GET: &[Method] = &[Method::GET, Method::HEAD];
const POST: &[Method] = &[Method::POST];
const PUT: &[Method] = &[Method::PUT];
const PATCH: &[Method] = &[Method::PATCH];
const DELETE: &[Method] = &[Method::DELETE];
const GET_OR_POST: &[Method] = &[Method::GET, Method::HEAD, Method::POST];

/// Every method but OPTIONS and CONNECT, which no endpoint takes.
pub(crate) const ALL: &[Method] = &[
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::TRACE,
];

/// All routes. The first that matches a path is used.
#[rustfmt::skip] // A table.
pub(crate) const ROUTES: &[Route] = &[
    route("/", GET, documents::index, "this list"),

    route("/get", GET, inspect::without_body, "the request, for GET"),
    route("/post", POST, inspect::with_body, "the request, for POST"),
    route("/put", PUT, inspect::with_body, "the request, for PUT"),
    route("/patch", PATCH, inspect::with_body, "the request, for PATCH"),
    route("/delete", DELETE, inspect::with_body, "the request, for DELETE"),
    route("/anything", ALL, inspect::anything, "the request and its method"),
    route("/anything/{path...}", ALL, inspect::anything, "the same, on any path"),
    route("/headers", GET, inspect::headers, "the request's headers"),
    route("/ip", GET, inspect::ip, "the client's address"),
    route("/user-agent", GET, inspect::user_agent, "the client's name"),

    route("/status/{codes}", ALL, statuses::status, "a status: 404, or one of 200:0.9,500:0.1"),
    route("/redirect/{n}", GET, statuses::redirect, "n redirects; ?absolute=true"),
    route("/relative-redirect/{n}", GET, statuses::relative, "n redirects to paths"),
    route("/absolute-redirect/{n}", GET, statuses::absolute, "n redirects to absolute URLs"),
    route("/redirect-to", ALL, statuses::redirect_to, "a redirect: ?url=&amp;status_code="),

    route("/cookies", GET, cookies::cookies, "the request's cookies"),
    route("/cookies/set", GET, cookies::set, "sets cookies from the query"),
    route("/cookies/set/{name}/{value}", GET, cookies::set_one, "sets one cookie"),
    route("/cookies/delete", GET, cookies::delete, "deletes the query's cookies"),

    route("/basic-auth/{user}/{password}", GET, auth::basic, "requires a name and password"),
    route("/hidden-basic-auth/{user}/{password}", GET, auth::hidden, "the same, with 404 instead of 401"),
    route("/bearer", GET, auth::bearer, "requires a token"),

    route("/delay/{seconds}", ALL, streams::delay, "the request after a delay of at most 10 seconds"),
    route("/stream/{n}", GET, streams::stream, "n lines of JSON, one at a time"),
    route("/stream-bytes/{n}", GET, streams::stream_bytes, "random bytes; ?seed=&amp;chunk_size="),
    route("/bytes/{n}", GET, streams::bytes, "random bytes at once; ?seed="),
    route("/range/{n}", GET, streams::range, "letters, or a range of them; ?duration=&amp;chunk_size="),
    route("/drip", GET, streams::drip, "bytes over time; ?duration=&amp;numbytes=&amp;code=&amp;delay="),

    route("/cache", GET, caching::cache, "a 304 to a conditional request"),
    route("/cache/{seconds}", GET, caching::cache_for, "a response that may be cached"),
    route("/etag/{tag}", GET, caching::etag, "If-None-Match and If-Match"),
    route("/response-headers", GET_OR_POST, caching::response_headers, "headers from the query"),

    route("/gzip", GET, documents::gzip, "the request, in gzip"),
    route("/deflate", GET, documents::deflate, "the request, in deflate"),
    route("/base64/{value}", GET, documents::base64, "the decoded value"),
    route("/html", GET, documents::html, "a page"),
    route("/json", GET, documents::json, "a slide show in JSON"),
    route("/xml", GET, documents::xml, "the same in XML"),
    route("/robots.txt", GET, documents::robots, "rules for robots"),
    route("/deny", GET, documents::deny, "a page that they must not read"),
    route("/encoding/utf8", GET, documents::utf8, "many scripts in UTF-8"),
    route("/image/png", GET, documents::png, "a picture"),
    route("/links/{n}", GET, documents::links, "pages that link to each other"),
    route("/links/{n}/{at}", GET, documents::links_page, "one of them"),
    route("/forms/post", GET, documents::form, "a form to fill in"),
    route("/uuid", GET, documents::uuid, "a random UUID"),
];

const fn route(
    pattern: &'static str,
    methods: &'static [Method],
    endpoint: Endpoint,
    about: &'static str,
) -> Route {
    Route { pattern, methods, endpoint, about }
}

/// Returns the endpoint of a path and the decoded values of its placeholders.
pub(crate) fn find(path: &str) -> Option<(&'static Route, Vec<String>)> {
    ROUTES.iter().find_map(|route| Some((route, arguments(route.pattern, path)?)))
}

fn arguments(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut segments = path.strip_prefix('/')?.split('/');
    let mut arguments = Vec::new();
    for expected in pattern.strip_prefix('/')?.split('/') {
        if expected.ends_with("...}") {
            return Some(arguments);
        }
        let segment = segments.next()?;
        if expected.starts_with('{') && !segment.is_empty() {
            arguments.push(percent_decode_str(segment).decode_utf8_lossy().into_owned());
        } else if segment != expected {
            return None;
        }
    }
    segments.next().is_none().then_some(arguments)
}
