//! The paths of the webapp. `HEAD` and the members' probes are not counted.

use std::io;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TRAILER, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::State;
use crate::bytes_of::{Pattern, hash};

type Answer = Response<BoxBody<Bytes, io::Error>>;

/// Answers a request; an error hangs up without a word.
pub(super) async fn answer(state: &State, request: Request<Incoming>) -> io::Result<Answer> {
    let path = request.uri().path().to_owned();
    if request.method() != Method::HEAD {
        let mut hits = state.hits.lock().unwrap_or_else(PoisonError::into_inner);
        *hits.entry(path.clone()).or_default() += 1;
    }
    let words: Vec<&str> = path.split('/').skip(1).collect();
    let number = |at: usize| {
        words
            .get(at)
            .and_then(|word| word.parse().ok())
            .unwrap_or(0)
    };
    Ok(match words[0] {
        "health" => status(state.health.load(Relaxed)),
        "head" => text(head(&request)),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(number(1))).await;
            text(state.name.clone())
        }
        "hang" => std::future::pending().await,
        "hangup" => return Err(io::ErrorKind::ConnectionReset.into()),
        "status" => status(u16::try_from(number(1)).unwrap_or(500)),
        "big" => Response::new(
            Pattern::new(1, number(1))
                .map_err(|never| match never {})
                .boxed(),
        ),
        "hash" => digest(request).await?,
        "echo" => Response::new(request.into_body().map_err(io::Error::other).boxed()),
        "count" => count(request).await,
        "drip" => drip(number(1), Duration::from_millis(number(2)), None),
        "short" => short(number(1)),
        "torn" => drip(number(1), Duration::ZERO, Some(io::ErrorKind::BrokenPipe)),
        "trailers" => with_trailers(),
        "early" => early(),
        "ws" => websocket(request),
        _ => text(state.name.clone()),
    })
}

fn text(text: String) -> Answer {
    Response::new(Full::from(text).map_err(|never| match never {}).boxed())
}

fn status(code: u16) -> Answer {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
    *response.status_mut() = StatusCode::from_u16(code).expect("a status");
    response
}

/// The request's header as it came.
fn head(request: &Request<Incoming>) -> String {
    let mut text = format!(
        "{} {} {:?}\n",
        request.method(),
        request.uri(),
        request.version()
    );
    for (name, value) in request.headers() {
        text.push_str(&format!(
            "{name}: {}\n",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    text
}

async fn digest(request: Request<Incoming>) -> io::Result<Answer> {
    let (hash, length) = hash(request.into_body()).await.map_err(io::Error::other)?;
    Ok(text(format!("{hash} {length}")))
}

/// The body's length and its trailers.
async fn count(request: Request<Incoming>) -> Answer {
    match request.into_body().collect().await {
        Ok(body) => {
            let trailers = format!("{:?}", body.trailers());
            text(format!("{} {trailers}", body.to_bytes().len()))
        }
        Err(_) => status(400),
    }
}

/// So many chunks of seven bytes with a pause after each, and perhaps a bad end.
fn drip(chunks: u64, pause: Duration, end: Option<io::ErrorKind>) -> Answer {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for _ in 0..chunks {
            // Nobody reads any more: that is an end as well.
            if sender
                .send(Ok(Frame::data(Bytes::from_static(b"drip..."))))
                .await
                .is_err()
            {
                return;
            }
            tokio::time::sleep(pause).await;
        }
        if let Some(kind) = end {
            let _ = sender.send(Err(kind.into())).await;
        }
    });
    Response::new(Channel(receiver).boxed())
}

/// Promises a thousand bytes, hangs up after so many.
fn short(chunks: u64) -> Answer {
    let mut response = drip(chunks, Duration::ZERO, Some(io::ErrorKind::BrokenPipe));
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from_static("1000"));
    response
}

/// Chunked, for only that can carry trailers.
fn with_trailers() -> Answer {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("42"));
    let (sender, receiver) = mpsc::channel(2);
    for frame in [
        Frame::data(Bytes::from_static(b"body")),
        Frame::trailers(trailers),
    ] {
        sender.try_send(Ok(frame)).expect("room for two");
    }
    let mut response = Response::new(Channel(receiver).boxed());
    response
        .headers_mut()
        .insert(TRAILER, HeaderValue::from_static("x-sum"));
    response
}

/// Answers without reading the body, and reads none of it afterwards.
fn early() -> Answer {
    let mut response = text("too much".to_owned());
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Echoes every message.
fn websocket(mut request: Request<Incoming>) -> Answer {
    let key = request
        .headers()
        .get("sec-websocket-key")
        .map(|key| derive_accept_key(key.as_bytes()));
    let Some(accept) = key.and_then(|key| HeaderValue::try_from(key).ok()) else {
        return status(400);
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let stream = TokioIo::new(upgraded);
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            let bye = message.to_text().is_ok_and(|text| text == "bye");
            if bye
                || !(message.is_text() || message.is_binary())
                || socket.send(message).await.is_err()
            {
                break;
            }
        }
        let _ = socket.close(None).await;
    });
    let mut response = status(101);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert("sec-websocket-accept", accept);
    response
}

/// A body fed through a channel.
struct Channel(mpsc::Receiver<io::Result<Frame<Bytes>>>);

impl Body for Channel {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx)
    }
}
