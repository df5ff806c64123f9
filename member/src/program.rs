//! The program that a member has started itself: in a process group of its own, with the member's
//! output and, secrets apart, its environment. When it is started and stopped is `wrapper`.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use thiserror::Error;

use crate::children::{Children, Offspring, without_secrets};
use crate::ended::Ended;

/// What to run: a program, looked up in `PATH`, and its arguments. No shell sees them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Program {
    /// The program as it was typed.
    pub name: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// Why a program could not be started.
#[derive(Debug, Error)]
#[error("cannot start {name:?}")]
pub struct Unstartable {
    name: OsString,
    source: io::Error,
}

impl Unstartable {
    /// As a shell would give it on: 127 when there is no such program, 126 when it cannot be
    /// executed (POSIX shell, 2.8.2).
    pub fn code(&self) -> u8 {
        match self.source.kind() {
            io::ErrorKind::NotFound => 127,
            _ => 126,
        }
    }

    /// What was attempted, and the cause, on one line.
    pub fn line(&self) -> String {
        format!("{self}: {}", self.source)
    }
}

impl Program {
    /// The first word and those after it; `None` without any.
    pub fn of(words: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut words = words.into_iter();
        let name = words.next()?;
        let args = words.collect();
        Some(Self { name, args })
    }

    /// Starts it.
    ///
    /// # Errors
    /// There is no such program, or it cannot be executed.
    pub fn start(&self, children: &Children) -> Result<Running, Unstartable> {
        let child = children.spawn(&mut self.command());
        let child = child.map_err(|source| Unstartable {
            name: self.name.clone(),
            source,
        })?;
        Ok(Running { child, how: None })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.name);
        command.args(&self.args);
        without_secrets(&mut command);
        // A group of its own: what is typed at a terminal, such as Ctrl-C, reaches the member
        // only, which drains before it passes it on.
        command.process_group(0);
        // For the same reason it may not read from that terminal: it would be stopped.
        if io::stdin().is_terminal() {
            command.stdin(Stdio::null());
        }
        command
    }
}

/// A program that runs, or has run.
#[derive(Debug)]
pub struct Running {
    child: Offspring,
    how: Option<Ended>,
}

impl Running {
    /// Its process id, and that of its process group.
    pub fn pid(&self) -> Pid {
        self.child.pid
    }

    /// Waits until it has ended; may be asked again. What it leaves behind in its process group
    /// is killed, or the next one might find its port taken.
    pub async fn ended(&mut self) -> Ended {
        if let Some(how) = self.how {
            return how;
        }
        // The reaper is gone only when the runtime is; then nobody will know.
        let how = (&mut self.child.ended).await.unwrap_or(Ended::Exited(1));
        self.how = Some(how);
        self.kill();
        how
    }

    /// Sends it a signal, unless it has ended. Its own children are its own affair.
    pub fn signal(&self, signal: Signal) {
        if self.how.is_none() {
            send(self.pid(), signal);
        }
    }

    /// Kills it and whatever else is in its process group.
    pub fn kill(&self) {
        quietly(kill_process_group(self.pid(), Signal::KILL));
    }
}

/// Sends a signal to one process; that it has ended is no news.
pub(crate) fn send(pid: Pid, signal: Signal) {
    quietly(kill_process(pid, signal));
}

fn quietly(sent: Result<(), Errno>) {
    match sent {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => tracing::warn!("cannot signal the app: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(words: &[&str]) -> Program {
        Program::of(words.iter().map(OsString::from)).unwrap()
    }

    #[tokio::test]
    async fn what_cannot_be_started_has_a_shells_code() {
        let children = Children::new().unwrap();
        let check = |name, code| {
            let error = program(&[name]).start(&children).unwrap_err();
            assert_eq!(error.code(), code, "{}", error.line());
            assert!(error.line().contains(name), "{}", error.line());
        };
        check("no-such-program", 127);
        check("/no/such/program", 127);
        check("/etc/passwd", 126);
        check("/", 126);
        assert_eq!(Program::of([]), None);
    }

    #[tokio::test]
    async fn it_is_signalled_alone_and_killed_with_its_children() {
        let children = Children::new().unwrap();
        // The other has the same group, and holds the pipe that is read to its end below.
        let script = "sleep 300 & trap 'exit 3' USR1; echo up; while :; do sleep 0.01; done";
        let mut command = program(&["sh", "-c", script]).command();
        let child = children.spawn(command.stdout(Stdio::piped())).unwrap();
        let mut running = Running { child, how: None };
        let mut out = running.child.pipes.stdout.take().unwrap();
        let read = tokio::task::spawn_blocking(move || {
            let mut up = [0; 3];
            io::Read::read_exact(&mut out, &mut up).unwrap();
            (up, out)
        });
        let (_, mut out) = read.await.unwrap();
        running.signal(Signal::USR1);
        assert_eq!(running.ended().await, Ended::Exited(3));
        assert_eq!(running.ended().await, Ended::Exited(3));
        let rest = tokio::task::spawn_blocking(move || io::read_to_string(&mut out).unwrap());
        assert_eq!(rest.await.unwrap(), "");
    }

    #[test]
    fn secrets_stay_here() {
        let command = program(&["true"]).command();
        let removed = |name: &str| {
            command
                .get_envs()
                .any(|(key, value)| key == name && value.is_none())
        };
        assert!(removed("RAGOT_ENCRYPT") && !removed("RAGOT_NAME"));
    }
}
