//! Asks a running process over its control socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::message::{Answer, Request};

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no process answers at {path}: {source}; is it running with --control {path}?", path = path.display())]
    Nobody {
        /// Where.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Somebody does, but may not be asked.
    #[error("{path}: only the user it runs as and root may ask it: {source}", path = path.display())]
    Forbidden {
        /// Where.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// No socket can have that name.
    #[error("--control {path:?}: expected a path of at most 107 bytes (unix(7))")]
    TooLong {
        /// Which.
        path: PathBuf,
    },
    /// It does not say anything, or something else than an answer.
    #[error("{path}: {what}", path = path.display())]
    Silent {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl ClientError {
    /// Why `path` cannot be connected to.
    fn of(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::Forbidden { path, source },
            io::ErrorKind::InvalidInput => Self::TooLong { path },
            _ => Self::Nobody { path, source },
        }
    }
}

/// A request and its answer, line by line.
#[derive(Debug)]
pub struct Conversation {
    path: PathBuf,
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// Held, since whoever hangs up is not answered any more.
    _writer: OwnedWriteHalf,
}

impl Conversation {
    /// Asks the process at `path`.
    ///
    /// # Errors
    /// Nobody listens there, or takes the request.
    pub async fn begin(path: &Path, request: &Request) -> Result<Self, ClientError> {
        let nobody = |source| ClientError::of(path, source);
        let mut line = serde_json::to_vec(request).map_err(|error| nobody(error.into()))?;
        line.push(b'\n');
        let stream = timeout(PATIENCE, UnixStream::connect(path)).await;
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let stream = stream.map_err(late).flatten().map_err(nobody)?;
        let (reader, mut writer) = stream.into_split();
        // Whoever refuses to listen has said why, which is read next.
        let _ = writer.write_all(&line).await;
        Ok(Self {
            path: path.to_owned(),
            lines: BufReader::new(reader).lines(),
            _writer: writer,
        })
    }

    /// The next line of the answer; `None` when the other side has ended. Waits at most for
    /// `limit`.
    ///
    /// # Errors
    /// Nothing is said in time, or it is no answer.
    pub async fn next(&mut self, limit: Option<Duration>) -> Result<Option<Answer>, ClientError> {
        let silent = |what: String| ClientError::Silent {
            path: self.path.clone(),
            what,
        };
        let line = match limit {
            None => self.lines.next_line().await,
            Some(limit) => match timeout(limit, self.lines.next_line()).await {
                Ok(line) => line,
                Err(_) => return Err(silent(format!("no answer within {limit:?}"))),
            },
        };
        match line.map_err(|error| silent(error.to_string()))? {
            None => Ok(None),
            Some(line) => match serde_json::from_str(&line) {
                Ok(answer) => Ok(Some(answer)),
                Err(error) => Err(silent(format!("that is no answer: {error}"))),
            },
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn why_it_cannot_be_asked_is_told_apart() {
        let begin = async |path: &str| {
            let begun = Conversation::begin(Path::new(path), &Request::Info {}).await;
            begun.unwrap_err().to_string()
        };
        let nobody = begin("/nonexistent/c.sock").await;
        assert!(nobody.contains("is it running with --control"), "{nobody}");
        let long = begin(&format!("/{}", "x".repeat(107))).await;
        assert!(long.contains("at most 107 bytes"), "{long}");
        // Root may ask everybody.
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let denied = ClientError::of(Path::new("/c.sock"), denied).to_string();
        assert!(denied.contains("only the user it runs as"), "{denied}");
    }
}
