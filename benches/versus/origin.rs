//! The server behind every contestant. It looks for the end of a request and for two paths, and
//! answers from memory: it shares a core with wrk, and must not be what is measured.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use e2e::process::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::cores::Pinned;
use crate::own;
use crate::scenario::LARGE;

/// It, running.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) addr: SocketAddr,
    _process: Process,
}

impl Origin {
    /// Starts it on a core.
    pub(crate) async fn start(core: usize) -> Self {
        let _pinned = Pinned::to(core);
        let (process, addr) = own::start(&["origin".to_owned()]).await;
        Self {
            addr,
            _process: process,
        }
    }
}

/// What the process does.
pub(crate) async fn serve() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a free port");
    own::announce(&listener);
    let answers = Arc::new(Answers {
        small: answer(SMALL),
        large: answer(&[b'x'; 64 * 1024]),
    });
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&answers)));
    }
}

struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

/// Until the other side closes or resets.
async fn converse(mut stream: TcpStream, answers: Arc<Answers>) {
    // Without it, the end of a large answer may wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut request = Vec::with_capacity(4 * 1024);
    while stream.read_buf(&mut request).await.is_ok_and(|n| n > 0) {
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        if stream.write_all(answers.to(&request)).await.is_err() {
            return;
        }
        request.clear();
    }
}

impl Answers {
    fn to(&self, request: &[u8]) -> &[u8] {
        let target = request.strip_prefix(b"GET ").unwrap_or_default();
        if target.starts_with(LARGE.as_bytes()) {
            &self.large
        } else if request.starts_with(b"HEAD ") {
            &self.small[..self.small.len() - SMALL.len()]
        } else {
            &self.small
        }
    }
}

fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

const SMALL: &[u8] = b"hello world\n";
