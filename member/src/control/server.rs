//! Answers the control socket: who may ask, how long a line may be, how many at once, and how
//! long somebody may take. What is answered is a [`Desk`]'s.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::endpoint::Endpoint;
use super::message::{Answer, Request};

/// An answer under way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Who answers.
pub trait Desk: Send + Sync + 'static {
    /// Answers `request`: what goes before the last line is told to `reply`. It is dropped when
    /// whoever asked has gone.
    fn answer<'a>(&'a self, request: Request, reply: &'a Reply) -> Answering<'a>;
}

/// Where an answer goes, line by line.
#[derive(Clone, Debug)]
pub struct Reply(mpsc::Sender<Told>);

#[derive(Debug)]
enum Told {
    Line(Answer),
    /// Everything before it has been written.
    Flush(oneshot::Sender<()>),
}

impl Reply {
    /// Tells one line; waits while whoever asked is slow to read. What nobody reads any more is
    /// lost.
    pub async fn tell(&self, answer: Answer) {
        // An error means that the connection has ended, and with it this answer.
        let _ = self.0.send(Told::Line(answer)).await;
    }

    /// Tells one line, unless whoever asked is too slow to read.
    pub fn offer(&self, answer: Answer) {
        if self.0.try_send(Told::Line(answer)).is_err() {
            tracing::debug!("a line of an answer is not read");
        }
    }

    /// Waits until everything told has been written.
    pub async fn flush(&self) {
        let (written, told) = oneshot::channel();
        if self.0.send(Told::Flush(written)).await.is_ok() {
            // An error means that the connection has ended.
            let _ = told.await;
        }
    }
}

/// Answers whoever connects, until it is dropped; the socket is removed then.
pub async fn serve(endpoint: Endpoint, desk: Arc<dyn Desk>) {
    let listener = match endpoint.listener() {
        Ok(listener) => listener,
        Err(error) => {
            let path = endpoint.path().display();
            return tracing::error!(%error, "nobody answers at the control socket {path}");
        }
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely; looking again at once would only burn.
                tracing::debug!(%error, "control connection not accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let place = Arc::clone(&places).try_acquire_owned();
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let refusal = match (&place, stranger(&stream)) {
                (_, Some(why)) => Some(why),
                (Err(_), _) => Some(format!(
                    "{CONNECTIONS} connections are open already; close one"
                )),
                _ => None,
            };
            let (reader, writer) = stream.into_split();
            let ended = match refusal {
                Some(why) => part(BufReader::new(reader), writer, why).await,
                None => converse(reader, writer, &*desk).await,
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "control connection ended");
            }
        });
    }
}

/// Why whoever connected may not ask, if so.
fn stranger(stream: &UnixStream) -> Option<String> {
    let ours = rustix::process::geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == ours || peer.uid() == 0 => None,
        Ok(peer) => Some(format!(
            "user {} may not ask; only user {ours} and root may",
            peer.uid()
        )),
        Err(error) => Some(format!("it cannot be told who asks: {error}")),
    }
}

async fn converse(
    reader: OwnedReadHalf,
    mut writer: OwnedWriteHalf,
    desk: &dyn Desk,
) -> io::Result<()> {
    let mut reader = BufReader::new(reader);
    loop {
        let Ok(line) = timeout(IDLE, line(&mut reader)).await else {
            return Ok(());
        };
        let last = match line? {
            Line::End => return Ok(()),
            Line::Blank => continue,
            Line::TooLong => {
                let why = format!("a request may have {LINE_BYTES} bytes at most");
                return part(reader, writer, why).await;
            }
            Line::Request(request) => match answer(request, desk, &mut writer).await? {
                Some(last) => last,
                None => return Ok(()),
            },
            Line::Nonsense(why) => Answer::Error(why),
        };
        write(&mut writer, &last).await?;
    }
}

/// Says why it ends, and takes some of what is still being sent: closed at once, the other side
/// would fail before it has read why.
async fn part(
    mut reader: BufReader<OwnedReadHalf>,
    mut writer: OwnedWriteHalf,
    why: String,
) -> io::Result<()> {
    write(&mut writer, &Answer::Error(why)).await?;
    writer.shutdown().await?;
    let rest = async {
        let mut left = PARTING_BYTES;
        while left > 0 {
            match reader.fill_buf().await?.len() {
                0 => break,
                read => {
                    reader.consume(read);
                    left = left.saturating_sub(read);
                }
            }
        }
        Ok(())
    };
    timeout(PARTING, rest).await.unwrap_or(Ok(()))
}

/// Has `request` answered but for the last line, which is returned; `None` when whoever asked has
/// gone.
async fn answer(
    request: Request,
    desk: &dyn Desk,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Option<Answer>> {
    let (tell, mut told) = mpsc::channel(WAITING);
    let reply = Reply(tell);
    let mut last = desk.answer(request, &reply);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            Some(told) = told.recv() => pass_on(writer, told).await?,
            last = &mut last => {
                while let Ok(told) = told.try_recv() {
                    pass_on(writer, told).await?;
                }
                return Ok(Some(last));
            }
            _ = look.tick() => if hung_up(writer).await { return Ok(None) },
        }
    }
}

async fn pass_on(writer: &mut OwnedWriteHalf, told: Told) -> io::Result<()> {
    match told {
        Told::Line(line) => write(writer, &line).await,
        Told::Flush(written) => {
            // Nobody waiting is no harm.
            let _ = written.send(());
            Ok(())
        }
    }
}

/// Whether the other side is closed for good; that it has nothing more to ask is no hanging up.
async fn hung_up(writer: &OwnedWriteHalf) -> bool {
    let ready = timeout(Duration::ZERO, writer.ready(Interest::WRITABLE)).await;
    matches!(ready, Ok(Ok(ready)) if ready.is_write_closed())
}

enum Line {
    End,
    Blank,
    TooLong,
    Nonsense(String),
    Request(Request),
}

async fn line(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Line> {
    let mut bytes = Vec::new();
    let mut bounded = reader.take(LINE_BYTES + 1);
    let length = bounded.read_until(b'\n', &mut bytes).await?;
    let text = bytes.trim_ascii();
    Ok(match text {
        _ if length == 0 => Line::End,
        _ if length as u64 > LINE_BYTES => Line::TooLong,
        b"" => Line::Blank,
        text => match serde_json::from_slice(text) {
            Ok(request) => Line::Request(request),
            Err(error) => Line::Nonsense(format!(
                "expected a request such as {{\"command\":\"list\"}}: {error}"
            )),
        },
    })
}

async fn write(writer: &mut OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    let written = timeout(PATIENCE, writer.write_all(&line)).await;
    written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// At once; who operates opens one or two.
const CONNECTIONS: usize = 16;
/// A request with every tag a node may have is a tenth of it.
const LINE_BYTES: u64 = 64 * 1024;
/// For a request, and for the next.
const IDLE: Duration = Duration::from_secs(60);
/// For somebody to read one line of an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// For somebody who is shown out, and how much of what he says is still taken.
const PARTING: Duration = Duration::from_secs(1);
const PARTING_BYTES: usize = 1 << 20;
/// Lines of an answer that wait to be written.
const WAITING: usize = 16;
/// How often it is seen whether somebody who is only told things is still there.
const LOOK: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
