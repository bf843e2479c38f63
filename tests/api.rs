//! Holds every public type to its automatic traits, and to `Debug`.
//!
//! `docs/public-api.txt` lists the public types, and a test compares: a type that is in no table below
//! fails. A type that no longer fits its table does not compile.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

/// Checks that each type implements the traits, and returns the types' names.
macro_rules! all {
    ($traits:ident: $($type:ty),+ $(,)?) => {{
        $($traits::<$type>();)+
        [$(stringify!($type)),+]
    }};
}

fn shared<T: Debug + Send + Sync + Unpin + 'static>() {}
fn borrowed<T: Debug + Send + Sync>() {}
fn sent<T: Debug + Send>() {}
fn local<T: Debug>() {}

/// A layer and a handler, to name the type of both together.
type Layered = hangup::Layered<
    fn(
        &mut hangup::ResponseWriter,
        &mut hangup::Request,
        &dyn hangup::Handler,
    ) -> hangup::Result<()>,
    fn(&mut hangup::ResponseWriter, &mut hangup::Request) -> hangup::Result<()>,
>;

fn root() -> Vec<&'static str> {
    shared::<Layered>();
    let shared = all!(shared:
        hangup::Body,
        hangup::Context,
        hangup::ContextError,
        hangup::Error,
        hangup::ErrorKind,
        hangup::ErrorStream,
        hangup::Multipart,
        hangup::Part,
        hangup::TimeLimit,
        hangup::TlsInfo,
        hangup::TlsVersion,
        hangup::Variables,
        hangup::MappedReader,
    );
    let borrowed = all!(borrowed: hangup::Piece<'_>);
    // One thread writes a response.
    let sent = all!(sent: hangup::ResponseWriter<'_>);
    // A filter sees them during one call.
    let local = all!(local: hangup::FilterOutput<'_>, hangup::Head<'_>);
    [&shared[..], &borrowed, &sent, &local, &["hangup::Layered"]].concat()
}

fn client() -> Vec<&'static str> {
    let shared = all!(shared:
        hangup::client::CallId,
        hangup::client::CallOptions,
        hangup::client::Client,
        hangup::client::ClientBuilder,
        hangup::client::Connection,
        hangup::client::Cookie,
        hangup::client::CookieJar,
        hangup::client::Encoded,
        hangup::client::EventStream,
        hangup::client::Jitter,
        hangup::client::LoadedCookies,
        hangup::client::Netrc,
        hangup::client::Progress,
        hangup::client::Proxy,
        hangup::client::ProxyFailure,
        hangup::client::ProxyPolicy,
        hangup::client::RedirectAction,
        hangup::client::RedirectPolicy,
        hangup::client::Redirected,
        hangup::client::RequestBuilder,
        hangup::client::Retry,
        hangup::client::ServerEvent,
        hangup::client::Timings,
    );
    let borrowed = all!(borrowed:
        hangup::client::Attempt<'_>,
        hangup::client::CallEvent<'_>,
        hangup::client::Hop<'_>,
        hangup::client::Next<'_>,
        hangup::client::RawHead<'_>,
    );
    // It calls closures that only one thread may call.
    let sent = all!(sent: hangup::client::EventSource<fn() -> hangup::client::RequestBuilder>);
    [&shared[..], &borrowed, &sent].concat()
}

/// The parts that a service is built of.
fn services() -> Vec<&'static str> {
    let shared = all!(shared:
        hangup::Html<&'static str>,
        hangup::InterimSender,
        hangup::Json<u8>,
        hangup::OutcomeKind,
        hangup::Redirect,
        hangup::SameSite,
        hangup::SetCookie,
        hangup::cgi::Script,
        hangup::events::Event,
        hangup::extract::MultipartLimits,
        hangup::extract::MultipartReader,
        hangup::extract::Pairs,
        hangup::fcgi::Upstream,
        hangup::files::Files,
        hangup::metrics::Metrics,
        hangup::reverse_proxy::Balance,
        hangup::reverse_proxy::ForwardedFields,
        hangup::reverse_proxy::ReverseProxy,
        hangup::router::PatternError,
        hangup::router::Router,
        hangup::websocket::Upgrade,
        hangup::websocket::Upgraded,
    );
    let borrowed = all!(borrowed:
        hangup::extract::Cookies<'_>,
        hangup::extract::PartReader<'_>,
        hangup::reverse_proxy::Call<'_>,
    );
    // One thread writes a response, and sees how it ends.
    let sent = all!(sent: hangup::events::EventWriter<'_>);
    let local = all!(local: hangup::ResponseOutcome<'_>);
    [&shared[..], &borrowed, &sent, &local].concat()
}

fn layers() -> Vec<&'static str> {
    let local = all!(local: hangup::layers::Record<'_>);
    let shared = all!(shared:
        hangup::layers::AccessLog,
        hangup::layers::BasicAuth,
        hangup::layers::BearerAuth,
        hangup::layers::BodyLimit,
        hangup::layers::Compress,
        hangup::layers::ConcurrencyLimit,
        hangup::layers::Cors,
        hangup::layers::CrossOriginProtection,
        hangup::layers::ETag,
        hangup::layers::PanicPage,
        hangup::layers::RateLimit<String>,
        hangup::layers::RequestId,
        hangup::layers::SecurityHeaders,
        hangup::layers::Timeout,
        hangup::layers::TrustedProxies,
        hangup::layers::User,
    );
    [&shared[..], &local].concat()
}

fn servers() -> Vec<&'static str> {
    all!(shared:
        hangup::fcgi::Server,
        hangup::server::ConnState,
        hangup::server::Connection,
        hangup::server::Connections,
        hangup::server::Group,
        hangup::server::GroupHandle,
        hangup::server::Histogram,
        hangup::server::Listening,
        hangup::server::Requests,
        hangup::server::Server,
        hangup::server::ServerHandle,
        hangup::server::Snapshot,
        hangup::server::Stats,
        hangup::server::Timeouts,
        hangup::testing::TestServer,
    )
    .to_vec()
}

fn testing() -> Vec<&'static str> {
    all!(shared:
        hangup::testing::BlackHole,
        hangup::testing::Peer,
        hangup::testing::Received,
        hangup::testing::Recorder,
        hangup::testing::Script,
        hangup::testing::ScriptDialer,
    )
    .to_vec()
}

fn h1() -> Vec<&'static str> {
    all!(shared:
        hangup::h1::BodyDecoder,
        hangup::h1::BodyError,
        hangup::h1::BodyLimits,
        hangup::h1::CloseReason,
        hangup::h1::FieldError,
        hangup::h1::Framing,
        hangup::h1::FramingError,
        hangup::h1::HeadError,
        hangup::h1::HeadScanner,
        hangup::h1::Limits,
        hangup::h1::Next,
        hangup::h1::RequestHead,
        hangup::h1::ResponseFraming,
        hangup::h1::ResponseHead,
        hangup::h1::StartLineError,
        hangup::h1::chunked::ChunkHeader,
        hangup::h1::chunked::ForbiddenTrailer,
    )
    .to_vec()
}

fn net() -> Vec<&'static str> {
    let borrowed = all!(borrowed: hangup::net::DialEvent<'_>);
    let shared = all!(shared:
        hangup::net::Addr,
        hangup::net::DialError,
        hangup::net::DialOptions,
        hangup::net::Dialed,
        hangup::net::Duplex,
        hangup::net::Hangup,
        hangup::net::ListenOptions,
        hangup::net::Listener,
        hangup::net::Network,
        hangup::net::NetworkError,
        hangup::net::Parked,
        hangup::net::Phase,
        hangup::net::Readiness,
        hangup::net::Resolver,
        hangup::net::Stream,
        hangup::net::Target,
    );
    [&shared[..], &borrowed].concat()
}

#[cfg(feature = "tls")]
fn tls() -> Vec<&'static str> {
    all!(shared:
        hangup::tls::Acceptor,
        hangup::tls::AcceptorBuilder,
        hangup::tls::ClientCertificates,
        hangup::tls::Connector,
        hangup::tls::ConnectorBuilder,
        hangup::tls::Identity,
        hangup::tls::Roots,
    )
    .to_vec()
}

#[cfg(not(feature = "tls"))]
fn tls() -> Vec<&'static str> {
    Vec::new()
}

/// The names of the structs and enums in the list of the public API, without their generics.
fn listed(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| {
        let (marks, name) = line.split_once("struct ").or_else(|| line.split_once("enum "))?;
        let is_item = marks.is_empty() || marks.ends_with("] ");
        is_item.then(|| without_generics(name))
    });
    types.collect()
}

fn without_generics(name: &str) -> String {
    name.split(['<', '(', ' ']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_public_type_has_its_automatic_traits() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/public-api.txt");
    let mut listed = listed(&std::fs::read_to_string(path).expect("the list of the public API"));
    // The list is that of all features. The tests have all but TLS in any build.
    listed.retain(|name| cfg!(feature = "tls") || !name.starts_with("hangup::tls::"));
    let tables =
        [root(), client(), services(), layers(), servers(), testing(), h1(), net(), tls()].concat();
    let checked: BTreeSet<String> = tables.iter().map(|name| without_generics(name)).collect();
    let missing: Vec<_> = listed.difference(&checked).collect();
    assert!(missing.is_empty(), "in no table of tests/api.rs: {missing:?}");
    let gone: Vec<_> = checked.difference(&listed).collect();
    assert!(
        gone.is_empty(),
        "not in docs/public-api.txt: {gone:?}; renew it: .ci/public-api --renew"
    );
}
