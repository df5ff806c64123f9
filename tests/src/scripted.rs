//! A server that says exactly the bytes it was told to, for answers that no HTTP library would
//! give.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A server that is running; it ends with this value.
#[derive(Debug)]
pub struct Scripted {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    connections: AtomicU64,
    requests: AtomicU64,
    last: Mutex<String>,
}

impl Scripted {
    /// Answers the first header on each connection with these bytes, then closes.
    pub async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let shared = Arc::<Shared>::default();
        Self {
            addr: listener.local_addr().expect("an address"),
            task: tokio::spawn(serve(listener, answer.into().into(), Arc::clone(&shared))),
            shared,
        }
    }

    /// How many requests it has been sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Relaxed)
    }

    /// How many connections it has been offered, probes among them.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Relaxed)
    }

    /// The header it was last sent, byte for byte.
    #[must_use]
    pub fn last(&self) -> String {
        self.shared
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, answer: Arc<[u8]>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        shared.connections.fetch_add(1, Relaxed);
        connections.spawn(talk(stream, Arc::clone(&answer), Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn talk(mut stream: TcpStream, answer: Arc<[u8]>, shared: Arc<Shared>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        // A connection without a request is a probe.
        if !matches!(stream.read_buf(&mut head).await, Ok(1..)) {
            return;
        }
    }
    shared.requests.fetch_add(1, Relaxed);
    *shared.last.lock().unwrap_or_else(PoisonError::into_inner) =
        String::from_utf8_lossy(&head).into_owned();
    // The other side may have had enough.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}
