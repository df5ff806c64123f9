//! One connection and a server of the test's at its other end.

use http_body_util::BodyExt;
use hyper::Request;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::clock::Clock;
use crate::frontend::Frontend;
use crate::io::record::Recorder;
use crate::io::upload::{Source, Uploads};
use crate::pool::server::Row;
use crate::pool::set::Ledger;

const PATIENCE: Duration = Duration::from_secs(5);

/// A channel, and the server's end of it.
async fn channel() -> (Channel, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (far, _) = listener.accept().await.unwrap();
    let name: Arc<str> = Arc::from("s1");
    let frontend = Arc::new(Frontend::new(Arc::clone(&name), 1, 1));
    let ledger = Arc::new(Ledger::new(Arc::clone(&name), 1));
    let row = Arc::new(Row::new(name, 1, 1));
    let sink = Recorder::new(frontend, 0, Clock::start()).server_bytes(&ledger, &row);
    (Channel::new(near, sink, PATIENCE), far)
}

fn ask(channel: &mut Channel, method: &str, source: Source) -> Uploads {
    let request = Request::builder().method(method).uri("/");
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let uploads = Uploads::new(source, PATIENCE);
    let framing = Framing::state(&mut parts.headers, !uploads.is_none());
    channel.ask(&parts, framing, uploads.attempt().unwrap());
    uploads
}

fn empty() -> Source {
    Source::boxed(http_body_util::Empty::new())
}

async fn body(channel: &mut Channel) -> Result<String, Broken> {
    let mut text = String::new();
    while let Some(frame) = poll_fn(|cx| channel.poll_frame(cx)).await {
        let data = frame?.into_data().unwrap_or_default();
        text.push_str(std::str::from_utf8(&data).unwrap());
    }
    Ok(text)
}

async fn heard(far: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        assert_ne!(far.read_buf(&mut text).await.unwrap(), 0, "{text:?}");
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn exchanges_follow_each_other() {
    let (mut channel, mut far) = channel().await;
    for _ in 0..3 {
        ask(&mut channel, "GET", empty());
        let answer = async {
            let heard = heard(&mut far, "\r\n\r\n").await;
            assert_eq!(heard, "GET / HTTP/1.1\r\n\r\n");
            far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
                .await
                .unwrap();
        };
        let (parts, ()) = tokio::join!(channel.answer(&Method::GET), answer);
        assert_eq!(parts.unwrap().status, StatusCode::OK);
        assert_eq!(channel.take_body().as_deref(), Some(&b"hello"[..]));
        channel.settle();
        assert!(channel.is_idle() && channel.seems_open());
    }
    drop(far);
    channel.input.stream().readable().await.unwrap();
    assert!(!channel.seems_open() && !channel.is_open());
}

#[tokio::test]
async fn what_comes_unasked_makes_it_useless() {
    let (mut channel, mut far) = channel().await;
    ask(&mut channel, "HEAD", empty());
    far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
        .await
        .unwrap();
    channel.answer(&Method::HEAD).await.unwrap();
    assert!(channel.body().is_done() && !channel.is_idle());
}

#[tokio::test]
async fn a_response_cut_short_is_an_error() {
    for wire in [
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe",
    ] {
        let (mut channel, mut far) = channel().await;
        ask(&mut channel, "GET", empty());
        far.write_all(wire.as_bytes()).await.unwrap();
        drop(far);
        match channel.answer(&Method::GET).await {
            Ok(_) => assert!(body(&mut channel).await.is_err()),
            Err(broken) => assert!(matches!(broken, Broken::Connection(_)), "{broken}"),
        }
    }
}

/// The server answers at once, and goes on reading: what the client sends arrives, and the
/// connection can be used again.
#[tokio::test]
async fn a_response_may_come_before_the_request_is_sent() {
    let (mut channel, mut far) = channel().await;
    let (client, pieces) = tokio::sync::mpsc::channel::<Bytes>(1);
    let source = Source::boxed(Pieces(pieces).map_err(|never| match never {}));
    ask(&mut channel, "POST", source);
    client.send(Bytes::from_static(b"one")).await.unwrap();
    far.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n")
        .await
        .unwrap();
    channel.answer(&Method::POST).await.unwrap();
    assert!(matches!(channel.sending, Sending::Away(_)));
    heard(&mut far, "3\r\none\r\n").await;
    // Nobody wants the response; the request goes on.
    client.send(Bytes::from_static(b"two")).await.unwrap();
    drop(client);
    heard(&mut far, "3\r\ntwo\r\n0\r\n\r\n").await;
    far.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(body(&mut channel).await.unwrap(), "hi");
    for _ in 0..1000 {
        tokio::task::yield_now().await;
        channel.settle();
    }
    assert!(channel.is_idle());
}

struct Pieces(tokio::sync::mpsc::Receiver<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = ready!(self.0.poll_recv(cx));
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }
}

#[tokio::test]
async fn switched_protocols_begin_with_what_came_along() {
    let (mut channel, mut far) = channel().await;
    ask(&mut channel, "GET", empty());
    far.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nfirst")
        .await
        .unwrap();
    let parts = channel.answer(&Method::GET).await.unwrap();
    assert_eq!(parts.status, StatusCode::SWITCHING_PROTOCOLS);
    let mut pipe = channel.into_pipe().unwrap();
    let mut buf = [0; 5];
    pipe.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"first");
    heard(&mut far, "\r\n\r\n").await;
    pipe.write_all(b"up").await.unwrap();
    heard(&mut far, "up").await;
}
