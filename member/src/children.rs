//! Child processes, started and reaped in one place. As PID 1 of a container this process also
//! inherits orphans, which nobody else waits for; they are reaped too. As any other process it
//! waits for its own children only, so that it can be part of a larger program.

use std::collections::HashMap;
use std::io;
use std::process::{Child, Command};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus, getpid, wait, waitpid};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

pub use crate::ended::Ended;

/// A child that runs, or has run.
#[derive(Debug)]
pub struct Offspring {
    /// Its process id; its own until `ended` has told that it is over.
    pub pid: Pid,
    /// The ends of its pipes, as its command asked for them. It is not to be waited for.
    pub pipes: Child,
    /// Tells once how it ended; an error if the reaper is gone.
    pub ended: oneshot::Receiver<Ended>,
}

/// The reaper's handle. Cheap to clone; all there are share one table, or as PID 1 one would reap
/// the children of another and tell nobody.
#[derive(Clone, Debug)]
pub struct Children(());

type Waiting = HashMap<Pid, oneshot::Sender<Ended>>;

impl Children {
    /// Begins to reap, on the current tokio runtime, for as long as it runs.
    ///
    /// # Errors
    /// The system's: signals cannot be listened for.
    pub fn new() -> io::Result<Self> {
        let signals = signal(SignalKind::child())?;
        tokio::spawn(Self(()).reap_for_ever(signals));
        Ok(Self(()))
    }

    /// Starts `command`.
    ///
    /// # Errors
    /// The system's: there is no such program, or no process to be had.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Offspring> {
        // Locked until it is noted: a child may end before this returns.
        let mut waiting = self.waiting();
        let pipes = command.spawn()?;
        let pid = i32::try_from(pipes.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("a process without an id"))?;
        let (tell, ended) = oneshot::channel();
        waiting.insert(pid, tell);
        Ok(Offspring { pid, pipes, ended })
    }

    async fn reap_for_ever(self, mut signals: Signal) {
        loop {
            self.reap();
            if signals.recv().await.is_none() {
                return;
            }
        }
    }

    fn reap(&self) {
        let mut waiting = self.waiting();
        if getpid().is_init() {
            while let Some((pid, status)) = ended(wait(WaitOptions::NOHANG)) {
                tell(&mut waiting, pid, status);
            }
            return;
        }
        let pids: Vec<_> = waiting.keys().copied().collect();
        for pid in pids {
            if let Some((pid, status)) = ended(waitpid(Some(pid), WaitOptions::NOHANG)) {
                tell(&mut waiting, pid, status);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        WAITING.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who waits for whom: process ids are the process's, whatever it is made of.
static WAITING: LazyLock<Mutex<Waiting>> = LazyLock::new(Mutex::default);

fn ended(answer: Result<Option<(Pid, WaitStatus)>, Errno>) -> Option<(Pid, WaitStatus)> {
    match answer {
        Ok(ended) => ended,
        Err(Errno::CHILD) => None,
        Err(error) => {
            tracing::debug!(%error, "cannot wait for children");
            None
        }
    }
}

fn tell(waiting: &mut Waiting, pid: Pid, status: WaitStatus) {
    let number = |n: i32| u8::try_from(n).unwrap_or(u8::MAX);
    let exited = status.exit_status().map(|code| Ended::Exited(number(code)));
    let killed = || {
        status
            .terminating_signal()
            .map(|n| Ended::Killed(number(n)))
    };
    // Without either it was stopped or continued, and has not ended.
    let Some(ended) = exited.or_else(killed) else {
        return;
    };
    match waiting.remove(&pid) {
        // Nobody may want to know any more.
        Some(tell) => drop(tell.send(ended)),
        None => tracing::debug!("orphan {pid:?} reaped"),
    }
}

/// The key of the cluster is no other program's business.
pub fn without_secrets(command: &mut Command) {
    for name in SECRETS {
        command.env_remove(name);
    }
}

const SECRETS: [&str; 1] = ["RAGOT_ENCRYPT"];

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn each_child_tells_how_it_ended() {
        let children = Children::new().unwrap();
        let cases = [
            ("exit 0", Ended::Exited(0)),
            ("exit 7", Ended::Exited(7)),
            ("kill -9 $$", Ended::Killed(9)),
        ];
        for (script, expected) in cases {
            let child = children.spawn(&mut sh(script)).unwrap();
            assert_eq!(child.ended.await, Ok(expected), "{script}");
        }
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error() {
        let children = Children::new().unwrap();
        let error = children.spawn(&mut Command::new("/no/such/program"));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
