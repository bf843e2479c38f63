//! hyper 1 on tokio's runtime with a thread for each core, as in its examples.

use std::convert::Infallible;
use std::io;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use peers::serve;
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let listener = serve::listen()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(accept(listener))
}

async fn accept(listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                // Without it, hyper writes each pipelined response separately.
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            // An error means that the client closed the connection.
            drop(connection.await);
        });
    }
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(b"ok"))))
}
