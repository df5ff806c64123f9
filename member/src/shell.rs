//! One command run by the shell, within limits: its time, and how much of its output is kept.
//! What it is run for is not known here.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::time::{Instant, timeout};

use crate::children::{Children, Ended, without_secrets};

/// Where the shell is, as POSIX systems and Serf have it.
pub const SHELL: &str = "/bin/sh";

/// How long a command may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Then it is worth a warning. Serf's figure.
    pub slow: Duration,
    /// Then it is killed, with everything in its process group. Serf waits for ever.
    pub most: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            slow: Duration::from_secs(1),
            most: Duration::from_secs(30),
        }
    }
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended; `None`: it was killed for taking too long.
    pub ended: Option<Ended>,
    /// How long it took.
    pub took: Duration,
    /// What it wrote to standard output and standard error.
    pub output: Output,
}

impl Outcome {
    /// Tells the log how `what` went: nothing when it went well.
    pub fn report(&self, what: &str, limits: Limits) {
        let text = self.output.text();
        let last = text.lines().last().unwrap_or_default();
        let Self { ended, took, .. } = self;
        match ended {
            Some(Ended::Exited(0)) => {}
            Some(Ended::Exited(code)) => tracing::warn!("{what} ended with {code}: {last}"),
            Some(Ended::Killed(signal)) => tracing::warn!("{what} died of signal {signal}: {last}"),
            None => tracing::error!(
                "{what} took longer than {:?} and was killed: {last}",
                limits.most
            ),
        }
        if ended.is_some() && *took > limits.slow {
            tracing::warn!("{what} took {took:?}, and the next had to wait");
        }
        if !text.is_empty() {
            let written = self.output.written;
            tracing::debug!("{what}, {written} bytes of output: {text}");
        }
    }
}

/// The end of what a command wrote.
#[derive(Debug, Default)]
pub struct Output {
    kept: Vec<u8>,
    /// How many bytes it wrote in all, as far as they were read.
    pub written: u64,
}

impl Output {
    /// What is kept: the last 8 KiB, as Serf does it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).trim_end().to_owned()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        self.kept.extend_from_slice(bytes);
        let surplus = self.kept.len().saturating_sub(OUTPUT);
        self.kept.drain(..surplus);
    }
}

/// Runs `command` with `variables` added to our environment and `input` on its standard input,
/// which it need not read.
///
/// # Errors
/// The system's: there is no shell, or no process to be had.
pub async fn run(
    children: &Children,
    command: &str,
    variables: &[(String, String)],
    input: &str,
    limits: Limits,
) -> io::Result<Outcome> {
    let began = Instant::now();
    let (from, to) = io::pipe()?;
    let mut shell = Command::new(SHELL);
    without_secrets(&mut shell);
    shell
        .args(["-c", command])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(to.try_clone()?)
        .stderr(to)
        .process_group(0);
    let mut child = children.spawn(&mut shell)?;
    // It holds the other end of the pipe: the output would never end.
    drop(shell);
    let stdin = child.pipes.stdin.take().map(OwnedFd::from);
    let mut from = Receiver::from_owned_fd(OwnedFd::from(from))?;
    let mut output = Output::default();
    let ended = {
        let busy = async { tokio::join!(feed(stdin, input), listen(&mut from, &mut output)) };
        let run = async {
            tokio::pin!(busy);
            tokio::select! {
                ended = &mut child.ended => ended,
                // Silent, but not at its end.
                _ = &mut busy => (&mut child.ended).await,
            }
        };
        timeout(limits.most, run).await
    };
    let ended = match ended {
        // The reaper is gone only when the runtime is.
        Ok(ended) => Some(ended.map_err(io::Error::other)?),
        Err(_) => {
            kill(child.pid);
            // It is gone at once, unless the kernel itself holds it.
            let _ = timeout(REAPED, &mut child.ended).await;
            None
        }
    };
    let took = began.elapsed();
    // The rest; not for ever, since what it left running may hold the pipe open.
    let _ = timeout(REST, listen(&mut from, &mut output)).await;
    Ok(Outcome {
        ended,
        took,
        output,
    })
}

/// Writes and closes. One that does not read, or not all, is not wrong.
async fn feed(stdin: Option<OwnedFd>, input: &str) {
    let Some(Ok(mut stdin)) = stdin.map(Sender::from_owned_fd) else {
        return;
    };
    if let Err(error) = stdin.write_all(input.as_bytes()).await {
        tracing::debug!("a command does not read its input: {error}");
    }
}

async fn listen(from: &mut Receiver, output: &mut Output) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        output.take(&buffer[..length]);
    }
}

fn kill(group: Pid) {
    if let Err(error) = kill_process_group(group, Signal::KILL) {
        tracing::debug!("cannot kill process group {group:?}: {error}");
    }
}

const OUTPUT: usize = 8 * 1024;
/// For what is in the pipe still. Where nobody else holds it, it ends at once.
const REST: Duration = Duration::from_millis(100);
const REAPED: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    async fn sh(command: &str, input: &str, most: Duration) -> Outcome {
        let children = Children::new().unwrap();
        let variables = [("GREETING".to_owned(), "hello".to_owned())];
        let limits = Limits {
            most,
            ..Limits::default()
        };
        run(&children, command, &variables, input, limits)
            .await
            .unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn input_variables_output_and_code() {
        let script = "read a b; echo $GREETING $b $a >&2; echo out; exit 3";
        let outcome = sh(script, "1 2\n", LONG).await;
        assert_eq!(outcome.ended, Some(Ended::Exited(3)));
        assert_eq!(outcome.output.text(), "hello 2 1\nout");
    }

    #[tokio::test]
    async fn the_last_words_are_heard() {
        for _ in 0..50 {
            let outcome = sh("echo last words", "", LONG).await;
            assert_eq!(outcome.output.text(), "last words");
        }
    }

    #[tokio::test]
    async fn one_that_does_not_read_is_not_waited_for() {
        let outcome = sh("exit 0", &"x".repeat(1 << 20), LONG).await;
        assert_eq!(outcome.ended, Some(Ended::Exited(0)));
        // Read to the end, more than a pipe holds.
        let outcome = sh("wc -c", &"x".repeat(1 << 20), LONG).await;
        assert_eq!(outcome.output.text(), "1048576");
    }

    #[tokio::test]
    async fn a_flood_is_counted_and_its_end_kept() {
        let outcome = sh("head -c 3000000 /dev/zero; echo; echo last", "", LONG).await;
        assert_eq!(outcome.output.written, 3_000_006);
        assert!(outcome.output.text().ends_with("\nlast"));
        assert!(outcome.output.kept.len() <= OUTPUT);
    }

    #[tokio::test]
    async fn one_that_hangs_is_killed_with_its_children() {
        let script = "sleep 600 & echo $!; wait";
        let outcome = sh(script, "", Duration::from_millis(300)).await;
        assert_eq!(outcome.ended, None);
        let sleeper: i32 = outcome.output.text().parse().unwrap();
        let gone = |state: &str| state.contains(") Z ");
        let mut state = String::new();
        for _ in 0..1000 {
            // As an orphan it is reaped by PID 1, which may take its time.
            match std::fs::read_to_string(format!("/proc/{sleeper}/stat")) {
                Err(_) => return,
                Ok(stat) if gone(&stat) => return,
                Ok(stat) => state = stat,
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("still there: {state}");
    }

    #[tokio::test]
    async fn what_stays_in_the_background_is_not_waited_for() {
        let outcome = sh("sleep 5 & echo done", "", LONG).await;
        assert_eq!(outcome.ended, Some(Ended::Exited(0)));
        assert_eq!(outcome.output.text(), "done");
        assert!(outcome.took < Duration::from_secs(4), "{:?}", outcome.took);
    }
}
