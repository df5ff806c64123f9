//! Serves the statistics page: few clients, so one loop, counted like any frontend.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tower::{Service, ServiceExt};

use super::record::Recorder;
use super::stop::Stopping;
use super::wire::Wire;

/// Serves `service` on `listener` until the balancer stops.
pub async fn serve<S, B>(listener: TcpListener, service: S, recorder: Recorder, stopping: Stopping)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let places = Arc::new(tokio::sync::Semaphore::new(recorder.frontend().maxconn));
    let mut stop = stopping;
    loop {
        let arrival = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            arrival = arrival => arrival,
            () = stop.wait() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, most likely; looking again at once would only burn.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (service, recorder) = (service.clone(), recorder.clone());
        tokio::spawn(async move {
            let connected = recorder.frontend().connected(0, recorder.clock().now_ms());
            connection(stream, service, &recorder).await;
            drop((connected, place));
        });
    }
}

async fn connection<S, B>(stream: TcpStream, service: S, recorder: &Recorder)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let wire = Wire::new(stream, recorder.client_bytes(), PATIENCE);
    let service = service_fn(|request| {
        let service = service.clone();
        async move {
            let ticket = recorder.begin();
            let response = service.oneshot(request).await?;
            ticket.intercepted(response.status().as_u16());
            Ok::<_, Infallible>(response)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(wire), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "statistics connection ended");
    }
}

/// For a client's next request, and for its reading of an answer: the lab's `stats timeout`.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);
