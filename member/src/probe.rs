//! Asks the webapp whether it is well: a TCP connect, or an HTTP request for a path. What
//! the answers mean is `wellness`; who is told is the caller's affair.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use crate::node::Word;
use crate::wellness::{Failure, Wellness};

/// What to ask.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Probe {
    /// Where the webapp listens.
    pub address: SocketAddr,
    /// The path that must answer 2xx or 3xx; `None`: a connect is enough.
    pub path: Option<Arc<str>>,
}

/// How often to ask, and how long to wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rhythm {
    /// Between two probes until the webapp answers.
    pub eager: Duration,
    /// Between two connects once it does; a crash is noticed within this.
    pub connect: Duration,
    /// Between two HTTP requests once it does; connects fill the gaps.
    pub request: Duration,
    /// The longest wait for one answer.
    pub limit: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            // A refused connect on one host costs microseconds; waiting costs the join.
            eager: Duration::from_millis(10),
            connect: Duration::from_millis(200),
            request: Duration::from_secs(1),
            limit: Duration::from_millis(500),
        }
    }
}

impl Probe {
    /// Asks for ever, and says each new word. A webapp that answers at once is ready at once.
    pub async fn watch(&self, rhythm: Rhythm, wellness: &mut Wellness, say: impl Fn(Word)) {
        let mut next_request = Instant::now();
        let mut unanswered = 0;
        loop {
            let began = Instant::now();
            let ask_http = began >= next_request || !wellness.is_ready();
            let outcome = match &self.path {
                Some(path) if ask_http => {
                    next_request = began + rhythm.request;
                    self.request(path, rhythm.limit).await
                }
                _ => self.connect(rhythm.limit).await.map(drop),
            };
            // A connect alone proves nothing about a path, so it cannot clear its failures.
            let tells = self.path.is_none() || ask_http || outcome.is_err();
            if tells && let Some(word) = wellness.observe(&outcome) {
                say(word);
            }
            if let Err(failure) = &outcome {
                next_request = Instant::now();
                unanswered += 1;
                if unanswered == WORTH_A_WORD && wellness.is_starting() {
                    tracing::warn!("no webapp at {}: {failure}; trying on", self.address);
                }
            }
            let ready = wellness.is_ready();
            let pause = if ready { rhythm.connect } else { rhythm.eager };
            sleep_until(began + pause).await;
        }
    }

    async fn connect(&self, limit: Duration) -> Result<TcpStream, Failure> {
        match timeout(limit, TcpStream::connect(self.address)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// HEAD, as the lab's `option httpchk` asks; GET of a webapp that knows no HEAD.
    async fn request(&self, path: &str, limit: Duration) -> Result<(), Failure> {
        let head = self.ask("HEAD", path, limit).await;
        let status = match head {
            Ok(405 | 501) => self.ask("GET", path, limit).await?,
            head => head?,
        };
        match status {
            200..=399 => Ok(()),
            status => Err(Failure::Status(status)),
        }
    }

    async fn ask(&self, method: &str, path: &str, limit: Duration) -> Result<u16, Failure> {
        let exchange = async {
            let mut stream = self.connect(limit).await?;
            let host = self.address;
            let request = format!(
                "{method} {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: ragot-member\r\n\r\n"
            );
            let sent = stream.write_all(request.as_bytes()).await;
            sent.map_err(|error| failure(&error))?;
            read_status(&mut stream).await
        };
        timeout(limit, exchange)
            .await
            .unwrap_or(Err(Failure::Timeout))
    }
}

/// The status of `HTTP/1.x NNN`, however the bytes are cut.
async fn read_status(stream: &mut TcpStream) -> Result<u16, Failure> {
    let mut line = [0; STATUS_LINE];
    let read = stream.read_exact(&mut line).await;
    read.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::NotHttp,
        _ => failure(&error),
    })?;
    let text = std::str::from_utf8(&line).map_err(|_| Failure::NotHttp)?;
    let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..));
    let status = status.and_then(|status| status.parse().ok());
    status.ok_or(Failure::NotHttp)
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::TimedOut => Failure::Timeout,
        kind => Failure::Other(kind.to_string()),
    }
}

/// Failures after which a webapp that never answered is worth a line: about 2 s.
const WORTH_A_WORD: u32 = 200;
/// `HTTP/1.1 200`
const STATUS_LINE: usize = 12;

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);

    /// A webapp that answers every connection with `answer`, or not at all.
    async fn webapp(answer: Option<&'static str>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, answer));
        address
    }

    async fn serve(listener: TcpListener, answer: Option<&'static str>) {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            match answer {
                Some(answer) => {
                    let mut request = [0; 512];
                    let length = stream.read(&mut request).await.unwrap_or(0);
                    let head = request[..length].starts_with(b"HEAD");
                    let text = if head || !answer.contains("405") {
                        answer
                    } else {
                        OK
                    };
                    // A bare connect has gone by now.
                    let _ = stream.write_all(text.as_bytes()).await;
                }
                None => open.push(stream),
            }
        }
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    async fn asked(address: SocketAddr) -> Result<(), Failure> {
        let probe = Probe {
            address,
            path: Some("/".into()),
        };
        probe.request("/", LIMIT).await
    }

    #[tokio::test]
    async fn each_answer_is_named() {
        let cases = [
            (Some(OK), Ok(())),
            (Some("HTTP/1.0 302 Found\r\n\r\n"), Ok(())),
            (Some("HTTP/1.1 503 Busy\r\n\r\n"), Err(Failure::Status(503))),
            (Some("HTTP/1.1 405 No HEAD\r\n\r\n"), Ok(())),
            (Some("SSH-2.0-OpenSSH\r\n"), Err(Failure::NotHttp)),
            (Some("hi"), Err(Failure::NotHttp)),
            (None, Err(Failure::Timeout)),
        ];
        for (answer, expected) in cases {
            assert_eq!(asked(webapp(answer).await).await, expected, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        assert_eq!(asked(address).await, Err(Failure::Refused));
        let probe = Probe {
            address,
            path: None,
        };
        assert_eq!(probe.connect(LIMIT).await.map(drop), Err(Failure::Refused));
    }

    #[tokio::test]
    async fn a_webapp_is_followed_through_its_life() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let (say, mut words) = mpsc::unbounded_channel();
        let watcher = tokio::spawn(async move {
            let probe = Probe {
                address,
                path: Some("/".into()),
            };
            let say = |word| say.send(word).unwrap();
            probe
                .watch(Rhythm::default(), &mut Wellness::starting(), say)
                .await;
        });
        for _ in 0..2 {
            let listener = TcpListener::bind(address).await.unwrap();
            let app = tokio::spawn(serve(listener, Some(OK)));
            assert_eq!(words.recv().await, Some(Word::Ready));
            app.abort();
            assert_eq!(
                words.recv().await,
                Some(Word::Down("connection refused".into()))
            );
        }
        watcher.abort();
    }
}
