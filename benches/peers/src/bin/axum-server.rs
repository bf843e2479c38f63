//! axum's router with a response in JSON, on tokio's runtime with a thread for each core.

use std::collections::BTreeMap;
use std::io;

use axum::extract::Path;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use peers::serve;

fn main() -> io::Result<()> {
    let listener = std::net::TcpListener::bind(serve::address())?;
    serve::announce_at(listener.local_addr()?, serve::ITEM)?;
    listener.set_nonblocking(true)?;
    let mut router = Router::new();
    for number in 0..serve::OTHER_ROUTES {
        router = router.route(&format!("/other/{number}"), get(|| async { "other" }));
    }
    let router = router.route("/items/{id}", get(item));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, router).await
    })
}

async fn item(Path(id): Path<u64>) -> Json<BTreeMap<&'static str, u64>> {
    Json(BTreeMap::from([("id", id)]))
}
