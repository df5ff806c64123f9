//! The counted stream, on both sides: under hyper, which shows no byte counts, and in two halves
//! under a `channel`. It knows whether bytes of a request have left, and notices a peer that has
//! stopped reading; what the bytes mean it does not know.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::patience::Patience;

/// Bytes that have passed one connection.
#[derive(Debug, Default)]
pub struct Meter {
    read: AtomicU64,
    written: AtomicU64,
    reset: AtomicBool,
}

impl Meter {
    /// Bytes read from the peer.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Bytes taken by the kernel for the peer.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Whether a write has met a reset that was not told, and that no read will be told of again.
    #[must_use]
    pub fn was_reset(&self) -> bool {
        self.reset.load(Relaxed)
    }
}

/// Where bytes are counted besides the connection's own [`Meter`].
pub trait Sink: Send + Sync + Unpin + 'static {
    /// Bytes were read from the peer.
    fn read(&self, bytes: u64);
    /// Bytes were written to the peer.
    fn written(&self, bytes: u64);
}

/// A stream that counts.
#[derive(Debug)]
pub struct Wire<S, K> {
    stream: S,
    sink: K,
    meter: Arc<Meter>,
    patience: Patience,
    hears_out: bool,
}

impl<S, K: Sink> Wire<S, K> {
    /// Wraps a stream. A write that makes no progress for `patience` fails with
    /// [`io::ErrorKind::TimedOut`].
    pub fn new(stream: S, sink: K, patience: Duration) -> Self {
        Self {
            stream,
            sink,
            meter: Arc::default(),
            patience: Patience::new(patience),
            hears_out: false,
        }
    }

    /// This connection's own counts.
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// From now on, a peer that has hung up fails what is sent to it.
    pub fn hearing_no_more(mut self) -> Self {
        self.hears_out = false;
        self
    }

    /// What is underneath.
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        offered: usize,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Err(error)) if self.hears_out && is_hang_up(&error) => {
                if error.kind() == io::ErrorKind::ConnectionReset {
                    self.meter.reset.store(true, Relaxed);
                }
                Poll::Ready(Ok(offered))
            }
            Poll::Ready(Ok(bytes)) => {
                self.patience.renew();
                self.meter.written.fetch_add(bytes as u64, Relaxed);
                self.sink.written(bytes as u64);
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending => {
                ready!(self.patience.poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            failed => failed,
        }
    }
}

/// A server's connection in two halves, so that a request and its response may pass at once. They
/// count together.
///
/// A server that has had enough may have answered before it hung up: what can no longer be sent
/// to it is dropped, uncounted, and reading tells how it ended.
pub fn halves<K: Sink + Clone>(
    stream: TcpStream,
    sink: K,
    patience: Duration,
) -> (Wire<OwnedReadHalf, K>, Wire<OwnedWriteHalf, K>) {
    let (read, write) = stream.into_split();
    let input = Wire::new(read, sink.clone(), patience);
    let output = Wire {
        stream: write,
        sink,
        meter: input.meter(),
        patience: Patience::new(patience),
        hears_out: true,
    };
    (input, output)
}

/// Whether an idle connection is still open: nothing to read, neither an end nor bytes nobody
/// asked for.
#[must_use]
pub fn is_quiet(stream: &TcpStream) -> bool {
    peek(stream).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// The same as far as the runtime has been told: asks the system only if there was news.
#[must_use]
pub fn has_been_quiet(stream: &TcpStream) -> bool {
    stream
        .try_io(Interest::READABLE, || peek(stream))
        .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

fn peek(stream: &TcpStream) -> io::Result<usize> {
    SockRef::from(stream).peek(&mut [std::mem::MaybeUninit::uninit()])
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

impl<S: AsyncRead + Unpin, K: Sink> AsyncRead for Wire<S, K> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let bytes = (buf.filled().len() - before) as u64;
        self.meter.read.fetch_add(bytes, Relaxed);
        self.sink.read(bytes);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin, K: Sink> AsyncWrite for Wire<S, K> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(cx, buf.len(), result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A header and a small body: copying them together costs less than a gathering write.
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        let result = if let [only] = bufs {
            Pin::new(&mut self.stream).poll_write(cx, only)
        } else if total <= SMALL {
            let mut joined = [0; SMALL];
            let mut end = 0;
            for buf in bufs {
                joined[end..end + buf.len()].copy_from_slice(buf);
                end += buf.len();
            }
            Pin::new(&mut self.stream).poll_write(cx, &joined[..end])
        } else {
            Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
        };
        self.wrote(cx, total, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

const SMALL: usize = 2048;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    struct Nowhere;

    impl Sink for Nowhere {
        fn read(&self, _: u64) {}
        fn written(&self, _: u64) {}
    }

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn bytes_are_counted_both_ways() {
        let (near, mut far) = pair().await;
        let mut wire = Wire::new(near, Nowhere, Duration::from_secs(5));
        let meter = wire.meter();
        wire.write_all(b"hello").await.unwrap();
        far.write_all(b"you").await.unwrap();
        let mut buf = [0; 3];
        wire.read_exact(&mut buf).await.unwrap();
        assert_eq!((meter.written(), meter.read()), (5, 3));
    }

    #[tokio::test]
    async fn a_look_tells_open_from_closed_and_from_talking() {
        let (near, far) = pair().await;
        assert!(is_quiet(&near) && has_been_quiet(&near));
        drop(far);
        near.readable().await.unwrap();
        assert!(!is_quiet(&near) && !has_been_quiet(&near));

        let (near, mut far) = pair().await;
        far.write_all(b"unasked").await.unwrap();
        near.readable().await.unwrap();
        assert!(!is_quiet(&near) && !has_been_quiet(&near));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (near, _far) = tokio::io::duplex(16);
        let mut wire = Wire::new(near, Nowhere, Duration::from_secs(50));
        let error = wire.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
