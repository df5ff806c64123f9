//! One client connection: hyper's server over a counted wire, each request handed to the proxy.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::patience::Lender;
use super::stop::Stopping;
use super::upload::Source;
use super::wire::Wire;
use crate::frontend::Seat;
use crate::headers::{Caller, Ends};
use crate::proxy::Proxy;

/// Serves one connection to its end. When `stopping` turns true the request in flight is
/// finished and no other is read.
pub async fn serve(
    stream: TcpStream,
    client: SocketAddr,
    proxy: Proxy,
    mut stopping: Stopping,
    seat: Arc<Seat>,
) {
    let (recorder, timeouts) = (
        proxy.shard.recorder().clone(),
        proxy.shard.policy().timeouts,
    );
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let caller = Caller::from(Ends { client, local });
    let wire = Wire::new(stream, recorder.client_bytes(), timeouts.client);
    // Bytes read when the last request was answered: what came since belongs to the next one.
    let (meter, answered) = (wire.meter(), AtomicU64::new(0));
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let (proxy, caller, seat) = (&proxy, &caller, &seat);
        let (meter, answered) = (&meter, &answered);
        async move {
            let request = request.map(Source::Incoming);
            let response = proxy.answer(request, Some(caller), Some(seat)).await;
            answered.store(meter.read(), Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(Lender::default())
        .header_read_timeout(timeouts.request)
        .max_header_size(MAX_HEADER)
        .max_buf_size(MAX_BUFFER)
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
        if error.is_parse() {
            recorder.unreadable();
        } else if error.is_timeout() && meter.read() > answered.load(Relaxed) {
            recorder.unfinished();
        }
        tracing::debug!(%client, %error, "client connection ended");
    }
}

/// HAProxy's `tune.bufsize`, twice: a header that fits there fits here.
const MAX_HEADER: usize = 32 * 1024;
/// What a client may have read ahead of what is relayed.
const MAX_BUFFER: usize = 128 * 1024;
