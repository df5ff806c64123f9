//! The lab's webapp: `GET /` answers who answered, with a session; `POST /delay {"delay": ms}`
//! makes it slow.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, SET_COOKIE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A webapp that is running.
#[derive(Debug)]
pub(super) struct Webapp {
    pub(super) addr: SocketAddr,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    name: String,
    addr: SocketAddr,
    delay_ms: AtomicU64,
    /// Views by session.
    sessions: Mutex<HashMap<String, u64>>,
}

impl Webapp {
    /// Starts one on a free port of loopback.
    pub(super) async fn start(name: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State {
            name: name.to_owned(),
            addr,
            delay_ms: AtomicU64::new(0),
            sessions: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, state));
        Ok(Self { addr, task })
    }

    /// Ends it at once; its connections end with it.
    pub(super) fn stop(self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    let service = service_fn(|request| answer(&state, request));
                    let http = http1::Builder::new();
                    // A client that goes away is no news to a webapp.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(
    state: &State,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let delay = Duration::from_millis(state.delay_ms.load(Relaxed));
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/") => {
            if !delay.is_zero() && request.method() == Method::GET {
                tokio::time::sleep(delay).await;
            }
            greet(state, &request)
        }
        (&Method::POST, "/delay") => set_delay(state, request).await,
        _ => reply(StatusCode::NOT_FOUND, &json!({ "error": "not found" })),
    })
}

fn greet(state: &State, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (id, views) = state.view(session(request));
    let mut response = reply(
        StatusCode::OK,
        &json!({
            "hello": "world!",
            "ip": state.addr.ip().to_string(),
            "host": state.name,
            "tag": format!("demo, port {}", state.addr.port()),
            "sessionViews": views,
            "id": id,
        }),
    );
    let cookie = format!("{SESSION}={id}; Path=/; HttpOnly");
    let ip = state.addr.ip().to_string();
    for (name, value) in [(SET_COOKIE, cookie), (X_BACKEND_IP, ip)] {
        response
            .headers_mut()
            .extend(HeaderValue::try_from(value).map(|value| (name, value)));
    }
    response
}

impl State {
    /// Counts a view of the session, or of a new one.
    fn view(&self, id: Option<String>) -> (String, u64) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MAX_SESSIONS {
            sessions.clear();
        }
        let known = id.filter(|id| sessions.contains_key(id));
        let id = known.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let views = sessions.entry(id.clone()).or_default();
        *views += 1;
        (id, *views)
    }
}

fn session(request: &Request<Incoming>) -> Option<String> {
    let cookies = request.headers().get_all(COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|all| all.split(';'));
    pairs.find_map(|pair| {
        Some(
            pair.trim()
                .strip_prefix(SESSION)?
                .strip_prefix('=')?
                .to_owned(),
        )
    })
}

async fn set_delay(state: &State, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let parsed = body
        .ok()
        .and_then(|body| serde_json::from_slice::<Value>(&body.to_bytes()).ok());
    let delay = parsed
        .and_then(|value| value.get("delay")?.as_u64())
        .filter(|ms| *ms <= MAX_DELAY);
    match delay {
        Some(ms) => {
            state.delay_ms.store(ms, Relaxed);
            reply(
                StatusCode::OK,
                &json!({ "message": format!("delay is {ms} ms") }),
            )
        }
        None => reply(
            StatusCode::BAD_REQUEST,
            &json!({ "error": "expected {\"delay\": milliseconds}, at most 60000" }),
        ),
    }
}

fn reply(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

const X_BACKEND_IP: HeaderName = HeaderName::from_static("x-backend-ip");
const SESSION: &str = "NODESESSID";
const MAX_SESSIONS: usize = 100_000;
const MAX_BODY: usize = 1024;
const MAX_DELAY: u64 = 60_000;
