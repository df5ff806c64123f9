//! The balancer's own checks: one TCP connect, or one `HEAD path HTTP/1.0` as HAProxy's
//! `option httpchk HEAD /` sends it (HAProxy 2.6 manual, section 4.2).

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::upstream::{Refusal, dial_insistently};
use crate::config::CheckPolicy;
use crate::pool::effect::Errand;
use crate::pool::proof::{Finding, Probe, Proof};

/// Asks one server once. A failure is a finding; `None`: the question could not be asked, for
/// want of something of ours.
pub async fn probe(errand: &Errand, policy: CheckPolicy) -> Option<Proof> {
    let began = Instant::now();
    let limit = errand.probe.limit(&policy);
    let path = match errand.probe {
        Probe::Connect => None,
        Probe::Full => errand.check.as_deref(),
    };
    let (finding, code, info) = match dial_insistently(errand.server.addr, limit, &INSISTENT).await
    {
        Err(refusal) => {
            let (finding, info) = conviction(&refusal)?;
            (finding, None, info)
        }
        Ok(stream) => match path {
            None => (Finding::L4Ok, None, Arc::from("")),
            Some(path) => {
                let left = limit.saturating_sub(began.elapsed());
                timeout(left, ask(stream, path)).await.unwrap_or((
                    Finding::L7Tout,
                    None,
                    Arc::from(""),
                ))
            }
        },
    };
    Some(Proof {
        finding,
        code,
        info,
        took: began.elapsed(),
    })
}

/// Room for attempts beside the first, of all probes.
static INSISTENT: Semaphore = Semaphore::const_new(24);

/// What a refused connection proves; `None`: nothing.
fn conviction(refusal: &Refusal) -> Option<(Finding, Arc<str>)> {
    match refusal {
        Refusal::Failed(error) => Some((Finding::L4Con, Arc::from(plain(error)))),
        Refusal::Ours(_) => None,
        Refusal::TimedOut | Refusal::Abandoned => Some((Finding::L4Tout, Arc::from(""))),
    }
}

/// An error in the words of the C library, as HAProxy shows it.
#[must_use]
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned()
}

async fn ask(mut stream: TcpStream, path: &str) -> (Finding, Option<u16>, Arc<str>) {
    let request = format!("HEAD {path} HTTP/1.0\r\n\r\n");
    if let Err(error) = stream.write_all(request.as_bytes()).await {
        return (Finding::L4Con, None, Arc::from(plain(&error)));
    }
    let mut head = Vec::with_capacity(64);
    while !head.contains(&b'\n') && head.len() < MAX_LINE {
        match stream.read_buf(&mut head).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return (Finding::L4Con, None, Arc::from(plain(&error))),
        }
    }
    judge(&head)
}

/// Any 2xx or 3xx passes.
fn judge(head: &[u8]) -> (Finding, Option<u16>, Arc<str>) {
    match status(head) {
        Some(code @ 200..=399) => (Finding::L7Ok, Some(code), Arc::from("")),
        Some(code) => (Finding::L7Sts, Some(code), Arc::from("")),
        None => (Finding::L7Rsp, None, Arc::from("no HTTP status line")),
    }
}

/// The status of `HTTP/1.x NNN ...`.
fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|&byte| byte == b'\n').next()?).ok()?;
    let mut words = line.trim_end().split(' ');
    let version = words.next()?;
    let code = words.next()?;
    let known = version == "HTTP/1.0" || version == "HTTP/1.1";
    if known && code.len() == 3 {
        code.parse().ok().filter(|code| *code >= 100)
    } else {
        None
    }
}

const MAX_LINE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements() {
        let check = |head: &str, finding, code| {
            assert_eq!(judge(head.as_bytes()).0, finding, "{head:?}");
            assert_eq!(judge(head.as_bytes()).1, code, "{head:?}");
        };
        check("HTTP/1.1 200 OK\r\n", Finding::L7Ok, Some(200));
        check("HTTP/1.0 302 Found\r\nx: y\r\n", Finding::L7Ok, Some(302));
        check("HTTP/1.1 204\r\n", Finding::L7Ok, Some(204));
        check("HTTP/1.1 404 Not Found\r\n", Finding::L7Sts, Some(404));
        check("HTTP/1.1 500 Oops\n", Finding::L7Sts, Some(500));
        check("HTTP/2 200\r\n", Finding::L7Rsp, None);
        check("HTTP/1.1 99 x\r\n", Finding::L7Rsp, None);
        check("SSH-2.0-OpenSSH\r\n", Finding::L7Rsp, None);
        check("", Finding::L7Rsp, None);
    }

    #[test]
    fn errors_read_as_the_system_words_them() {
        let error = io::Error::from_raw_os_error(111);
        assert_eq!(plain(&error), "Connection refused");
    }
}
