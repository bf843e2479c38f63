//! A handler that chooses another by method, host and path.
//!
//! ```
//! use hangup::{Json, RequestExt, Router};
//!
//! let router = Router::new()
//!     .respond("GET /items/{id}", |r| Ok(Json(r.parse_path_value::<u64>("id")?)))
//!     .route("DELETE /items/{id}", |w, r| {
//!         println!("deleting {}", r.parse_path_value::<u64>("id")?);
//!         w.set_status(204);
//!         Ok(())
//!     });
//! # let request = hangup::Request::get("/items/7").body("")?;
//! # assert_eq!(hangup::testing::call(&router, request)?.body_mut().read_text(9)?, "7");
//! # Ok::<(), hangup::Error>(())
//! ```
//!
//! # Patterns
//!
//! A pattern is `[METHOD ][HOST]/[PATH]`, in the language of Go 1.22's `ServeMux`:
//!
//! | pattern | matches |
//! | --- | --- |
//! | `/about` | this path, with every method and host |
//! | `GET /about` | GET and HEAD |
//! | `example.com/about` | the host `example.com`, in any case and with any port |
//! | `[::1]/about` | an IPv6 address |
//! | `/items/{id}` | one segment after `/items/`, which is not empty |
//! | `/files/{path...}` | everything below `/files/`, and `/files/` itself |
//! | `/static/` | the same, without a name for it |
//! | `/static/{$}` | only `/static/` |
//! | `/` | every path |
//!
//! A wildcard is a whole segment. Its name is an identifier. The value is
//! [`path_value`](crate::RequestExt::path_value), and
//! [`parse_path_value`](crate::RequestExt::parse_path_value) makes it a number or anything else.
//!
//! Patterns and paths are split at slashes first. Then each segment is percent-decoded. So `%2F` stays
//! inside a segment: `/items/{id}` matches `/items/a%2Fb`, with the value `a/b`. In the value of
//! `{path...}`, it cannot be told from a slash. A path with invalid percent-encoding, or a value that is not
//! UTF-8, is answered with 400. A value may be `..`, by `%2e%2e`: use none as a file's name unchecked.
//!
//! # Precedence
//!
//! The order of registration does not matter. If several patterns match, the most specific one wins: the
//! one whose requests all match the others as well. `/items/new` wins over `/items/{id}`, that over
//! `/items/`, and `GET /items/` over `/items/`. A pattern with a host wins over one without.
//!
//! Patterns conflict if some requests match both and neither is more specific, such as `/{kind}/new` and
//! `/items/{id}`, which both match `/items/new`. Registering the second one panics. The message names both,
//! the line of the first, and a request for each.
//!
//! # Other responses
//!
//! | request | response |
//! | --- | --- |
//! | nothing matches | the handler of [`not_found`](Router::not_found), or the error 404 |
//! | only the method does not match | the error 405 with `Allow` |
//! | `OPTIONS`, without a handler for it | 204 with `Allow` |
//! | `/static`, if only `/static/` is registered | 308 to `/static/` |
//! | a path with `//`, `/./` or `/../` that matches without them | 308 to the clean path |
//!
//! Redirects keep the query. CONNECT is never redirected. The errors 404 and 405 are returned as those of any
//! handler are, so layers and a server's [`on_error`](crate::Server::on_error) see them.
//!
//! # Nesting
//!
//! [`nest`](Router::nest) puts a handler below a prefix, usually another router. The handler sees the path
//! without it. [`original_uri`](crate::RequestExt::original_uri) still returns the whole one. A redirect of a
//! nested router leads to the whole path. The values of wildcards in the prefix remain visible.
//!
//! ```
//! use hangup::{HandlerExt, Request, RequestExt, Router, testing};
//!
//! let items = Router::new()
//!     .respond("GET /{id}", |r| Ok(format!("{:?} {:?}", r.path_value("user"), r.path_value("id"))))
//!     .layer_fn(|w, r, next| {
//!         w.set_header("cache-control", "no-store")?; // for these routes only
//!         next.handle(w, r)
//!     });
//! let router = Router::new().nest("/users/{user}/items", items);
//!
//! let mut response = testing::call(&router, Request::get("/users/ann/items/7").body("")?)?;
//! assert_eq!(response.body_mut().read_text(99)?, r#"Some("ann") Some("7")"#);
//! # Ok::<(), hangup::Error>(())
//! ```
//!
//! A nested router decides on its own. If none of its patterns matches, the outer router does not try others:
//! a 405 is that of the nested router, and a 404 is that of its `not_found`. Without one, it uses that of the
//! nearest router around it that has one, which sees the whole path.
//!
//! [`matched_pattern`](crate::RequestExt::matched_pattern) returns the pattern with all prefixes, such as
//! `GET /users/{user}/items/{id}`. An access log or a metric reads it after the router has returned.
//!
//! # Cost
//!
//! A look-up takes time by the number of segments of the path, not by the number of routes. It allocates
//! nothing, unless the path is percent-encoded or the handler is nested.
//!
//! # A service
//!
//! JSON with path values, 404, 405, a limit on bodies, an access log and a graceful shutdown. Needs the
//! features `json` and `signals`.
//!
//! ```no_run
//! use hangup::http::StatusCode;
//! use hangup::layers::{AccessLog, BodyLimit};
//! use hangup::{HandlerExt, Json, RequestExt, Router, Server, signals};
//! use serde::{Deserialize, Serialize};
//! use std::sync::{Arc, Mutex};
//! use std::{io, time::Duration};
//!
//! #[derive(Clone, Deserialize, Serialize)]
//! struct Item {
//!     name: String,
//! }
//!
//! fn main() -> io::Result<()> {
//!     let items = Arc::new(Mutex::new(Vec::<Item>::new()));
//!     let stored = Arc::clone(&items);
//!     let router = Router::new()
//!         .respond("GET /items/{id}", move |r| {
//!             let id: usize = r.parse_path_value("id")?; // or 400
//!             Ok(stored.lock().unwrap().get(id).cloned().map(Json)) // or 404
//!         })
//!         .respond("POST /items", move |r| {
//!             let item: Item = r.json(64 * 1024)?; // or 400, 413, 415, 422
//!             let mut items = items.lock().unwrap();
//!             items.push(item.clone());
//!             let location = format!("/items/{}", items.len() - 1);
//!             Ok((StatusCode::CREATED, [("location", location)], Json(item)))
//!         })
//!         .layer(BodyLimit::new(1 << 20)) // for every route
//!         .layer(AccessLog::common().to(io::stdout()));
//!     Server::with_handler(router)
//!         .on_error(|_, status, _| (status, Json(status.canonical_reason())))
//!         .listen("127.0.0.1:8080")?
//!         .serve_until(&signals::termination()?, Duration::from_secs(10))
//! }
//! ```

mod conflict;
mod error;
mod host;
mod nest;
mod path;
mod pattern;
mod serve;
mod tree;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

pub use error::PatternError;
use pattern::Pattern;
use tree::Tree;

use crate::{Handler, IntoResponse, Request, ResponseWriter, Result, respond};

/// A handler that chooses another by method, host and path.
///
/// The [module](self) describes the patterns. A router works over HTTP, FastCGI and CGI.
///
/// ```
/// use hangup::{Html, Json, RequestExt, Router, Server};
///
/// let router = Router::new()
///     .respond("GET /{$}", |_| Ok(Html("<h1>hello</h1>")))
///     .respond("GET /items/{id}", |r| Ok(Json(r.parse_path_value::<u64>("id")?)));
/// let server = Server::with_handler(router);
/// # drop(server);
/// ```
#[derive(Default)]
pub struct Router {
    routes: Vec<Route>,
    tree: Tree,
    not_found: Option<Arc<dyn Handler>>,
}

struct Route {
    pattern: Pattern,
    action: Action,
    /// Where the program has registered it.
    place: &'static Location<'static>,
}

#[derive(Clone)]
enum Action {
    Handle(Arc<dyn Handler>),
    /// Runs without the prefix that the pattern matches.
    Nest(Arc<dyn Handler>),
}

impl Router {
    /// Creates a router without routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function or closure that writes the response.
    ///
    /// # Panics
    ///
    /// If the pattern is invalid or conflicts with another. [`try_route`](Self::try_route) returns the error.
    #[must_use]
    #[track_caller]
    pub fn route<F>(self, pattern: &str, handler: F) -> Self
    where
        F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
    {
        self.route_handler(pattern, handler)
    }

    /// Adds any handler: one with layers, a struct, an `Arc`.
    ///
    /// # Panics
    ///
    /// As [`route`](Self::route).
    #[must_use]
    #[track_caller]
    pub fn route_handler(mut self, pattern: &str, handler: impl Handler) -> Self {
        match self.try_route_handler(pattern, handler) {
            Ok(_) => self,
            Err(error) => panic!("{error}"),
        }
    }

    /// Adds a function or closure that returns the response: text, [`Json`](crate::Json), or any other value
    /// that [`IntoResponse`] lists. The value cannot borrow from the request, so text of the request is
    /// copied:
    ///
    /// ```
    /// use hangup::{RequestExt, Router};
    ///
    /// let router = Router::new()
    ///     .respond("GET /hello/{name}", |r| Ok(r.path_value("name").map(str::to_owned)));
    /// # drop(router);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`route`](Self::route).
    #[must_use]
    #[track_caller]
    pub fn respond<F, T>(self, pattern: &str, function: F) -> Self
    where
        F: Fn(&mut Request) -> Result<T> + Send + Sync + 'static,
        T: IntoResponse + 'static,
    {
        self.route_handler(pattern, respond(function))
    }

    /// Puts a handler, such as another router, below a prefix. See [the module](self#nesting).
    ///
    /// The prefix is a pattern without a method, `{$}` and dots. Below `/items`, the paths `/items` and
    /// `/items/` are both `/` for the handler. Below `/docs/`, the path `/docs` is redirected to `/docs/`,
    /// so that relative links work.
    ///
    /// # Panics
    ///
    /// As [`route`](Self::route).
    #[must_use]
    #[track_caller]
    pub fn nest(mut self, prefix: &str, handler: impl Handler) -> Self {
        match self.try_nest(prefix, handler) {
            Ok(_) => self,
            Err(error) => panic!("{error}"),
        }
    }

    /// Sets the handler for requests that no pattern matches. By default they fail with the status 404.
    ///
    /// The status is 404 when the handler begins. A handler that returns its response gives it the status:
    ///
    /// ```
    /// use hangup::{Request, Router, http::StatusCode, respond, testing};
    ///
    /// let router = Router::new()
    ///     .not_found(respond(|r| Ok((StatusCode::NOT_FOUND, format!("no {}\n", r.uri().path())))));
    /// let response = testing::call(&router, Request::get("/x").body("")?)?;
    /// assert_eq!(response.status(), 404);
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// It also serves the nested routers that have none. It is not called for the status 405.
    #[must_use]
    pub fn not_found(mut self, handler: impl Handler) -> Self {
        self.not_found = Some(Arc::new(handler));
        self
    }

    /// Adds a route as [`route`](Self::route) does.
    ///
    /// # Errors
    ///
    /// The pattern is invalid or conflicts with another. The router is unchanged then.
    #[track_caller]
    pub fn try_route<F>(&mut self, pattern: &str, handler: F) -> Result<&mut Self, PatternError>
    where
        F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
    {
        self.try_route_handler(pattern, handler)
    }

    /// Adds a route as [`route_handler`](Self::route_handler) does.
    ///
    /// # Errors
    ///
    /// As [`try_route`](Self::try_route).
    #[track_caller]
    pub fn try_route_handler(
        &mut self,
        pattern: &str,
        handler: impl Handler,
    ) -> Result<&mut Self, PatternError> {
        let pattern = Pattern::parse(pattern)?;
        self.check(&pattern)?;
        self.add(pattern, Action::Handle(Arc::new(handler)), Location::caller());
        Ok(self)
    }

    /// Adds a route as [`respond`](Self::respond) does.
    ///
    /// # Errors
    ///
    /// As [`try_route`](Self::try_route).
    #[track_caller]
    pub fn try_respond<F, T>(
        &mut self,
        pattern: &str,
        function: F,
    ) -> Result<&mut Self, PatternError>
    where
        F: Fn(&mut Request) -> Result<T> + Send + Sync + 'static,
        T: IntoResponse + 'static,
    {
        self.try_route_handler(pattern, respond(function))
    }

    /// Puts a handler below a prefix as [`nest`](Self::nest) does.
    ///
    /// # Errors
    ///
    /// As [`try_route`](Self::try_route).
    #[track_caller]
    pub fn try_nest(
        &mut self,
        prefix: &str,
        handler: impl Handler,
    ) -> Result<&mut Self, PatternError> {
        let (exact, below) = Pattern::parse_prefix(prefix)?;
        for pattern in exact.iter().chain([&below]) {
            self.check(pattern)?;
        }
        let action = Action::Nest(Arc::new(handler));
        for pattern in exact.into_iter().chain([below]) {
            self.add(pattern, action.clone(), Location::caller());
        }
        Ok(self)
    }

    /// Refuses a pattern that conflicts with another.
    fn check(&self, pattern: &Pattern) -> Result<(), PatternError> {
        self.tree.visit_related(pattern, |route| {
            let Route { pattern: other, place, .. } = &self.routes[route];
            match conflict::conflict(pattern, other) {
                Some(why) => Err(PatternError::conflict(&pattern.text, &other.text, place, why)),
                None => Ok(()),
            }
        })
    }

    fn add(&mut self, pattern: Pattern, action: Action, place: &'static Location<'static>) {
        self.tree.insert(&pattern, self.routes.len());
        self.routes.push(Route { pattern, action, place });
    }
}

impl fmt::Debug for Router {
    /// Lists the patterns, in the order in which they were registered.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<_> = self.routes.iter().map(|route| &route.pattern.text).collect();
        f.debug_struct("Router").field("patterns", &patterns).finish_non_exhaustive()
    }
}
