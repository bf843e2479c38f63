//! hangup's router with a response in JSON.

use std::collections::BTreeMap;
use std::io;

use hangup::{Json, RequestExt, Router, Server};
use peers::serve;

fn main() -> io::Result<()> {
    let mut router = Router::new();
    for number in 0..serve::OTHER_ROUTES {
        router = router.respond(&format!("GET /other/{number}"), |_| Ok("other"));
    }
    let router = router.respond("GET /items/{id}", |r| {
        let id = r.parse_path_value::<u64>("id")?;
        Ok(Json(BTreeMap::from([("id", id)])))
    });
    serve::run_at(Server::with_handler(router).listen(serve::address())?, serve::ITEM)
}
