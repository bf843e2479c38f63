//! The table of routes: paths, methods and endpoints.

use hangup::http::Method;
use hangup::{Request, ResponseWriter, Router};

use crate::answer::Answered;
use crate::{auth, caching, cookies, digest, documents, inspect, statuses, streams};

/// An endpoint.
pub(crate) type Endpoint = fn(&mut ResponseWriter, &mut Request) -> Answered;

pub(crate) struct Route {
    /// The pattern without its method, as in `/status/{codes}`.
    pub(crate) pattern: &'static str,
    pub(crate) methods: &'static [Method],
    pub(crate) endpoint: Endpoint,
    /// The text for the page that lists the routes.
    pub(crate) about: &'static str,
}

/// HEAD as well.
const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const PUT: &[Method] = &[Method::PUT];
const PATCH: &[Method] = &[Method::PATCH];
const DELETE: &[Method] = &[Method::DELETE];
const GET_OR_POST: &[Method] = &[Method::GET, Method::POST];

/// Every method but OPTIONS and CONNECT, which no endpoint takes.
const ALL: &[Method] =
    &[Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE];

/// All routes.
#[rustfmt::skip] // A table.
pub(crate) const ROUTES: &[Route] = &[
    route("/{$}", GET, documents::index, "this list"),

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
    route("/digest-auth/{qop}/{user}/{password}", ALL, digest::digest, "requires a digest of them"),
    route("/digest-auth/{qop}/{user}/{password}/{algorithm}", ALL, digest::digest, "the same; MD5, SHA-256 or SHA-512"),
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

/// Returns the router of all routes.
pub(crate) fn router() -> Router {
    let routes =
        ROUTES.iter().flat_map(|route| route.methods.iter().map(move |method| (route, method)));
    routes.fold(Router::new(), |router, (route, method)| {
        router.route(&format!("{method} {}", route.pattern), route.endpoint)
    })
}
