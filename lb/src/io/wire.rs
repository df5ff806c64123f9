//! The counted stream under hyper, on both sides. hyper shows neither byte counts, nor whether
//! bytes of a request have left, nor lets one look at an idle connection; this does all three,
//! and notices a peer that has stopped reading.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::patience::Patience;

/// Bytes that have passed one connection.
#[derive(Debug, Default)]
pub struct Meter {
    read: AtomicU64,
    written: AtomicU64,
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

    /// A peer that has had enough may have answered before it hung up: what can no longer be sent
    /// to it is dropped, uncounted, and reading tells how it ended.
    pub fn hearing_out(mut self) -> Self {
        self.hears_out = true;
        self
    }

    /// This connection's own counts.
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        offered: usize,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Err(error)) if self.hears_out && is_hang_up(&error) => {
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
        let result = if total <= SMALL {
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

/// A TCP stream that can be looked at while hyper owns it. The lock is held for one system call
/// and only ever wanted by the one worker that owns the connection.
#[derive(Clone, Debug)]
pub struct Watched(Arc<Mutex<TcpStream>>);

impl Watched {
    /// Shares a stream.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    /// Whether an idle connection is still open: nothing to read, neither an end nor bytes nobody
    /// asked for.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let peeked = self.with(|stream| SockRef::from(&*stream).peek(&mut byte));
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn with<T>(&self, act: impl FnOnce(&mut TcpStream) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true // TcpStream's are
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| Pin::new(stream).poll_shutdown(cx))
    }
}

const SMALL: usize = 2048;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

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
        let watched = Watched::new(near);
        assert!(watched.is_quiet());
        drop(far);
        watched
            .with(|stream| SockRef::from(&*stream).set_nonblocking(true))
            .unwrap();
        poll_fn(|cx| watched.with(|stream| stream.poll_read_ready(cx)))
            .await
            .unwrap();
        assert!(!watched.is_quiet());

        let (near, mut far) = pair().await;
        far.write_all(b"unasked").await.unwrap();
        near.readable().await.unwrap();
        assert!(!Watched::new(near).is_quiet());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (near, _far) = tokio::io::duplex(16);
        let mut wire = Wire::new(near, Nowhere, Duration::from_secs(50));
        let error = wire.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
