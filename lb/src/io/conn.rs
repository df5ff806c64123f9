//! One client connection: hyper's server over a counted wire, each request handed to the proxy.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::stop::Stopping;
use super::upload::Source;
use super::wire::Wire;
use crate::headers::Ends;
use crate::proxy::Proxy;

/// Serves one connection to its end. When `stopping` turns true the request in flight is
/// finished and no other is read.
pub async fn serve(stream: TcpStream, client: SocketAddr, proxy: Proxy, mut stopping: Stopping) {
    let (recorder, timeouts) = (
        proxy.shard.recorder().clone(),
        proxy.shard.policy().timeouts,
    );
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // A client that has gone meanwhile is noticed by the first read.
    let _ = stream.set_nodelay(true);
    let ends = Ends { client, local };
    let wire = Wire::new(stream, recorder.client_bytes(), timeouts.client);
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let proxy = &proxy;
        async move {
            let request = request.map(Source::Incoming);
            Ok::<_, Infallible>(proxy.answer(request, Some(ends)).await)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.request)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        if error.is_parse() || error.is_timeout() {
            recorder.unreadable();
        }
        tracing::debug!(%client, %error, "client connection ended");
    }
}
