//! Clients of the balancer: one request on a fresh connection, several on one, and bytes as they
//! are typed. Every wait is bounded.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderMap};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Why there was no answer.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// No answer here takes longer.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The trailers, if there were any.
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first value of a header field; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    async fn of(response: Response<Incoming>) -> Result<Self, Failure> {
        let (parts, body) = response.into_parts();
        let collected = body.collect().await?;
        Ok(Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            trailers: collected.trailers().cloned(),
            body: collected.to_bytes(),
        })
    }
}

/// One GET on a fresh connection.
///
/// # Errors
///
/// No connection, or no complete answer within [`PATIENCE`].
pub async fn get(addr: SocketAddr, path: &str) -> Result<Answer, Failure> {
    call(addr, Method::GET, path, "").await
}

/// One POST on a fresh connection.
///
/// # Errors
///
/// As [`get`].
pub async fn post(addr: SocketAddr, path: &str, body: &str) -> Result<Answer, Failure> {
    call(addr, Method::POST, path, body).await
}

/// One request on a fresh connection.
///
/// # Errors
///
/// As [`get`].
pub async fn call(
    addr: SocketAddr,
    method: Method,
    path: &str,
    body: &str,
) -> Result<Answer, Failure> {
    let request = request(addr, method, path, Bytes::copy_from_slice(body.as_bytes()));
    send(addr, request).await
}

/// Any request on a fresh connection.
///
/// # Errors
///
/// As [`get`].
pub async fn send<B>(addr: SocketAddr, request: Request<B>) -> Result<Answer, Failure>
where
    B: Body<Data: Send> + Send + 'static,
    B::Error: Into<Failure>,
{
    let exchange = async { Answer::of(open(addr, request).await?).await };
    timeout(PATIENCE, exchange)
        .await
        .map_err(|_| Failure::from("no answer in time"))?
}

/// Any request on a fresh connection, its answer's body still to come.
///
/// # Errors
///
/// No connection, or no header of an answer.
pub async fn open<B>(addr: SocketAddr, request: Request<B>) -> Result<Response<Incoming>, Failure>
where
    B: Body<Data: Send> + Send + 'static,
    B::Error: Into<Failure>,
{
    let mut sender = connect(addr).await?;
    Ok(sender.send_request(request).await?)
}

/// A request as browsers make it.
pub fn request<B: Into<Bytes>>(
    addr: SocketAddr,
    method: Method,
    path: &str,
    body: B,
) -> Request<Full<Bytes>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, addr.to_string());
    request
        .body(Full::new(body.into()))
        .expect("a proper request")
}

/// A connection for several requests, one after the other.
#[derive(Debug)]
pub struct KeepAlive {
    addr: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl KeepAlive {
    /// Connects.
    pub async fn to(addr: SocketAddr) -> Self {
        Self::open(addr).await.expect("a connection")
    }

    /// Connects, which may fail.
    ///
    /// # Errors
    ///
    /// No connection.
    pub async fn open(addr: SocketAddr) -> Result<Self, Failure> {
        let sender = connect(addr).await?;
        Ok(Self { addr, sender })
    }

    /// One GET.
    ///
    /// # Errors
    ///
    /// As [`get`], and when the connection has been closed.
    pub async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        self.send(request(self.addr, Method::GET, path, "")).await
    }

    /// Any request.
    ///
    /// # Errors
    ///
    /// As [`KeepAlive::get`].
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let exchange = async {
            self.sender.ready().await?;
            Answer::of(self.sender.send_request(request).await?).await
        };
        timeout(PATIENCE, exchange)
            .await
            .map_err(|_| Failure::from("no answer in time"))?
    }

    /// Whether it is known to be of no use any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

async fn connect<B>(addr: SocketAddr) -> Result<SendRequest<B>, Failure>
where
    B: Body<Data: Send> + Send + 'static,
    B::Error: Into<Failure>,
{
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // How the connection ends is seen in the answer.
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}

/// A connection that is sent bytes as they are.
#[derive(Debug)]
pub struct Raw(TcpStream);

impl Raw {
    /// Connects.
    pub async fn to(addr: SocketAddr) -> Self {
        Self(TcpStream::connect(addr).await.expect("a connection"))
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0
            .write_all(bytes.as_ref())
            .await
            .expect("the other side reads");
    }

    /// Everything up to and including `end`.
    pub async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        self.bounded(end, async |stream| {
            while !bytes.ends_with(end.as_bytes()) {
                match stream.read_u8().await {
                    Ok(byte) => bytes.push(byte),
                    Err(error) => panic!("{error} after {}", String::from_utf8_lossy(&bytes)),
                }
            }
        })
        .await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything until the other side closes, however it does.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        self.bounded("the end", async |stream| {
            // A reset is an end, too.
            let _ = stream.read_to_end(&mut bytes).await;
        })
        .await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether something arrives within `limit`.
    pub async fn hears_within(&mut self, limit: Duration) -> bool {
        let mut byte = [0];
        matches!(timeout(limit, self.0.peek(&mut byte)).await, Ok(Ok(1)))
    }

    /// The stream itself.
    #[must_use]
    pub fn into_inner(self) -> TcpStream {
        self.0
    }

    async fn bounded(&mut self, what: impl Display, read: impl AsyncFnOnce(&mut TcpStream)) {
        let ended = timeout(PATIENCE, read(&mut self.0)).await;
        assert!(
            ended.is_ok(),
            "{what:?} did not come in time",
            what = what.to_string()
        );
    }
}

/// One exchange of bytes: sends `text`, reads to the end.
pub async fn exchange(addr: SocketAddr, text: &str) -> String {
    let mut raw = Raw::to(addr).await;
    raw.send(text).await;
    raw.rest().await
}

/// Who answers `count` requests in turn, each on a fresh connection.
pub async fn roll_call(addr: SocketAddr, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(get(addr, "/").await.expect("an answer").text());
    }
    names
}
