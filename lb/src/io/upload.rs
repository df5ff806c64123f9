//! The request's body on its way to a server: streamed, never stored, given back if it was never
//! touched, with the client's patience limited.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::patience::Patience;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Where a request's body comes from.
pub enum Source {
    /// hyper's server.
    Incoming(Incoming),
    /// An embedder's.
    Boxed(Pin<Box<dyn Body<Data = Bytes, Error = Cause> + Send>>),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Incoming(_)) {
            "Incoming"
        } else {
            "Boxed"
        })
    }
}

impl Source {
    /// Any body.
    pub fn boxed<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Cause>,
    {
        Self::Boxed(Box::pin(body.map_err(Into::into)))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        match self {
            Self::Incoming(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|f| f.map_err(Cause::from))),
            Self::Boxed(body) => body.as_mut().poll_frame(cx),
        }
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Incoming(body) => body.is_end_stream(),
            Self::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Incoming(body) => body.size_hint(),
            Self::Boxed(body) => body.size_hint(),
        }
    }
}

/// How far a body has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// There is none, or nothing of it has been asked for.
    Whole,
    /// Part of it is gone.
    Begun,
    /// All of it has been handed on.
    Sent,
    /// The client stopped sending it.
    ClientTimeout,
    /// The client went away.
    ClientGone,
}

/// One request's body across several attempts.
#[derive(Debug)]
pub struct Uploads {
    shared: Option<Arc<Shared>>,
    patience: Duration,
}

#[derive(Debug)]
struct Shared {
    source: Mutex<Option<Source>>,
    progress: AtomicU8,
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Option<Source>> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, progress: Progress) {
        self.progress.store(progress as u8, Relaxed);
    }
}

impl Uploads {
    /// A request's body, whose client may pause for `patience`.
    #[must_use]
    pub fn new(source: Source, patience: Duration) -> Self {
        let shared = (!source.is_empty()).then(|| {
            Arc::new(Shared {
                source: Mutex::new(Some(source)),
                progress: AtomicU8::new(0),
            })
        });
        Self { shared, patience }
    }

    /// Whether the request has no body at all.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.shared.is_none()
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match self
            .shared
            .as_ref()
            .map_or(0, |shared| shared.progress.load(Relaxed))
        {
            0 => Progress::Whole,
            1 => Progress::Begun,
            2 => Progress::Sent,
            3 => Progress::ClientTimeout,
            _ => Progress::ClientGone,
        }
    }

    /// Whether an attempt can be made with it: there is none, or it came back whole.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.shared
            .as_ref()
            .is_none_or(|shared| shared.slot().is_some())
    }

    /// Whether nothing of it stands in the way of using the connection again.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_none() || self.progress() == Progress::Sent
    }

    /// The body for one attempt; `None` if it is not intact. Comes back by itself if the attempt
    /// never touches it.
    #[must_use]
    pub fn attempt(&self) -> Option<Upload> {
        let Some(shared) = &self.shared else {
            return Some(Upload(None));
        };
        let source = shared.slot().take()?;
        Some(Upload(Some(Box::new(Sending {
            source: Some(source),
            shared: Arc::clone(shared),
            patience: Patience::new(self.patience),
            touched: false,
        }))))
    }
}

/// The body of one attempt.
#[derive(Debug)]
pub struct Upload(Option<Box<Sending>>);

#[derive(Debug)]
struct Sending {
    source: Option<Source>,
    shared: Arc<Shared>,
    patience: Patience,
    touched: bool,
}

impl Sending {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        if !std::mem::replace(&mut self.touched, true) {
            self.shared.set(Progress::Begun);
        }
        match source.poll(cx) {
            Poll::Pending => self.wait(cx),
            Poll::Ready(None) => {
                self.shared.set(Progress::Sent);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.patience.renew();
                if frame.is_trailers() || source.is_empty() {
                    self.shared.set(Progress::Sent);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(cause))) => {
                self.shared.set(Progress::ClientGone);
                Poll::Ready(Some(Err(cause)))
            }
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        ready!(self.patience.poll(cx));
        self.shared.set(Progress::ClientTimeout);
        Poll::Ready(Some(Err("the client stopped sending".into())))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.touched {
            *self.shared.slot() = self.source.take();
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        match &mut self.0 {
            Some(sending) => sending.poll(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source().is_none_or(Source::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        self.source()
            .map_or_else(|| SizeHint::with_exact(0), Source::size_hint)
    }
}

impl Upload {
    /// As much of it as was said to come has been sent, whatever follows.
    pub fn finish(mut self) {
        if let Some(sending) = &mut self.0 {
            sending.touched = true;
            sending.shared.set(Progress::Sent);
        }
    }

    fn source(&self) -> Option<&Source> {
        self.0.as_ref().and_then(|sending| sending.source.as_ref())
    }
}
