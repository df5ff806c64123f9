//! The signals that end a process, and those that are passed on to a program it has started.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// SIGTERM and SIGINT. What comes twice at once is one: GNU's `timeout` signals the process and then its
/// group.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    last: Option<(Number, Instant)>,
}

impl Signals {
    /// Listens from now on, in place of the default of ending at once.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            last: None,
        })
    }

    /// The exit code of a program that the next signal ends: 128 and its number.
    pub async fn next(&mut self) -> u8 {
        match self.asked().await {
            Number::INT => 130,
            _ => 143,
        }
    }

    /// The next signal itself.
    pub async fn asked(&mut self) -> Number {
        loop {
            let number = tokio::select! {
                _ = self.terminate.recv() => Number::TERM,
                _ = self.interrupt.recv() => Number::INT,
            };
            let now = Instant::now();
            let before = self.last.replace((number, now));
            let is_same = |(before, at): (Number, Instant)| number == before && now < at + SAME;
            if !before.is_some_and(is_same) {
                return number;
            }
        }
    }
}

/// The signals that mean something to a program and nothing to the one around it: SIGHUP, SIGQUIT,
/// SIGUSR1, SIGUSR2, SIGWINCH and SIGCONT.
#[derive(Debug)]
pub struct Passing(Vec<(Number, Signal)>);

impl Passing {
    /// Listens from now on, in place of their defaults, which may be to end. One that is ignored,
    /// as `nohup` has it, stays so: whoever is started inherits that.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new() -> io::Result<Self> {
        let ignored = ignored();
        let passed = PASSED.into_iter();
        let heard = passed.filter(|number| ignored & bit(*number) == 0);
        let listen = |number: Number| {
            let kind = SignalKind::from_raw(number.as_raw());
            signal(kind).map(|signal| (number, signal))
        };
        heard.map(listen).collect::<io::Result<_>>().map(Self)
    }

    /// The next of them.
    pub async fn next(&mut self) -> Number {
        poll_fn(|cx| {
            let mut all = self.0.iter_mut();
            let next = all.find_map(|(number, signal)| match signal.poll_recv(cx) {
                Poll::Ready(Some(())) => Some(*number),
                _ => None,
            });
            next.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// From now on SIGHUP does not end this process, as it does not end HAProxy; where `rereads` is
/// false, a line in the log says that there is nothing to read again. Where it is ignored, as
/// `nohup` has it, it stays so.
///
/// # Errors
///
/// The system's.
pub fn outlive_hangups(rereads: bool) -> io::Result<()> {
    if ignored() & bit(Number::HUP) != 0 {
        return Ok(());
    }
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            if !rereads {
                tracing::info!("SIGHUP: there is no keyring file to read again");
            }
        }
    });
    Ok(())
}

/// The signals this process ignores, as proc(5) has them: bit 0 is signal 1. None where that
/// cannot be known.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

fn bit(number: Number) -> u64 {
    1 << (number.as_raw() - 1)
}

/// Sooner than anybody means a second one.
const SAME: Duration = Duration::from_millis(50);

const PASSED: [Number; 6] = [
    Number::HUP,
    Number::QUIT,
    Number::USR1,
    Number::USR2,
    Number::WINCH,
    Number::CONT,
];

#[cfg(test)]
mod tests {
    use rustix::process::{getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn each_is_heard_as_itself() {
        let mut passing = Passing::new().unwrap();
        let heard: Vec<_> = passing.0.iter().map(|(number, _)| *number).collect();
        for number in heard {
            kill_process(getpid(), number).unwrap();
            assert_eq!(passing.next().await, number);
        }
    }

    /// The clock stands still but where the test moves it.
    #[tokio::test(start_paused = true)]
    async fn one_that_is_sent_twice_at_once_counts_once() {
        let mut signals = Signals::new().unwrap();
        let mut witness = signal(SignalKind::terminate()).unwrap();
        let mut counted = 0;
        for (after, count) in [(0, 1), (49, 1), (50, 2), (1, 2), (1000, 3)] {
            tokio::time::advance(Duration::from_millis(after)).await;
            kill_process(getpid(), Number::TERM).unwrap();
            witness.recv().await;
            let next = poll_fn(|cx| Poll::Ready(std::pin::pin!(signals.asked()).poll(cx))).await;
            counted += usize::from(next.is_ready());
            assert_eq!(counted, count, "{after} ms after the last");
        }
    }
}
