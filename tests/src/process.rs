//! A child process: what it writes is kept, it can be signalled, and it ends with its handle. No
//! process is ever found by its name.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cluster;
use crate::deadline::{eventually, within};

/// An address of loopback that nobody else is given. What listens there can end and come back to its
/// port: on the common 127.0.0.1 the kernel may meanwhile have given it to a connection.
#[must_use]
pub fn own_ip() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let [.., middle, last] = NEXT.fetch_add(1, Relaxed).to_be_bytes();
    let process = (std::process::id() % 199) as u8;
    Ipv4Addr::new(127, 20 + process, middle, last)
}

/// An address that was free a moment ago, for programs that cannot say which port they took.
#[must_use]
pub fn free_port() -> SocketAddr {
    free_tcp(Ipv4Addr::LOCALHOST)
}

/// The same where nobody else takes it.
#[must_use]
pub fn own_port() -> SocketAddr {
    free_tcp(own_ip())
}

fn free_tcp(ip: Ipv4Addr) -> SocketAddr {
    let listener = TcpListener::bind((ip, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}

/// An address for gossip at `ip` that was free a moment ago, for who must be found there again.
#[must_use]
pub fn free_at(ip: impl Into<IpAddr>) -> SocketAddr {
    let socket = UdpSocket::bind((ip.into(), 0)).expect("a free port");
    socket.local_addr().expect("an address")
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    out: Lines,
    err: Lines,
}

impl Process {
    /// Starts a program with none of our variables in its environment but the name of this test's
    /// cluster.
    #[must_use]
    pub fn start<A: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = A>) -> Self {
        Self::start_in(&[], program, args)
    }

    /// The same with variables.
    #[must_use]
    pub fn start_in<A: AsRef<OsStr>>(
        variables: &[(&str, &str)],
        program: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut command = Command::new(program);
        let ours = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("RAGOT_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        command.env("RAGOT_CLUSTER", cluster::name());
        command.envs(variables.iter().copied()).args(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program:?}: {error}"));
        Self {
            name: program
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            out: Lines::of(child.stdout.take()),
            err: Lines::of(child.stderr.take()),
            child,
        }
    }

    /// The first line on standard error that has `needle` in it, once there is one.
    pub async fn said(&mut self, needle: &str) -> String {
        let what = format!("{} says {needle:?}", self.name);
        let (name, err, child) = (&self.name, &self.err, Mutex::new(&mut self.child));
        eventually(what, async || {
            let ended = child.lock().unwrap().try_wait().unwrap();
            if ended.is_some() {
                err.to_end();
            }
            let line = err.find(needle);
            assert!(
                line.is_some() || ended.is_none(),
                "{name} ended: {}",
                err.text()
            );
            line
        })
        .await
    }

    /// The first line on standard output that has `needle` in it, once there is one.
    pub async fn printed(&self, needle: &str) -> String {
        let what = format!("{} prints {needle:?}; {}", self.name, self.err.text());
        eventually(what, async || self.out.find(needle)).await
    }

    /// Waits until the last line on standard error that has `needle` in it ends so.
    pub async fn said_last(&self, needle: &str, end: &str) {
        let what = format!("{} says last {needle:?} ... {end:?}", self.name);
        eventually(what, async || {
            let text = self.err.text();
            let last = text.lines().rfind(|line| line.contains(needle));
            last.filter(|line| line.ends_with(end)).map(drop)
        })
        .await;
    }

    /// Its number, for what `/proc` knows of it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has started, the first of them.
    #[must_use]
    pub fn child(&self) -> Option<Pid> {
        let id = self.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        let first = children.split_whitespace().next()?;
        Pid::from_raw(first.parse().ok()?)
    }

    /// Everything on standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.err.text()
    }

    /// Everything on standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.out.text()
    }

    /// Waits until everything has been read of one that has ended.
    fn read_to_end(&self) {
        self.out.to_end();
        self.err.to_end();
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("a standard input");
        writeln!(stdin, "{line}").expect("it reads what is typed");
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.is_running() {
            kill_process(self.pid(), signal).expect("a child can be signalled");
        }
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be waited for")
            .is_none()
    }

    /// How it ended, and how long that took from now. What it said is read to the end.
    pub async fn ended(&mut self, limit: Duration) -> (ExitStatus, Duration) {
        let (name, child) = (&self.name, Mutex::new(&mut self.child));
        let ask = async || {
            child
                .lock()
                .unwrap()
                .try_wait()
                .expect("a child can be waited for")
        };
        let how = within(limit, format!("{name} ends"), ask).await;
        self.read_to_end();
        how
    }

    /// Asks it to end and waits until it has, with which code.
    pub async fn stop(&mut self) -> i32 {
        self.signal(Signal::TERM);
        let (status, _) = self.ended(Duration::from_secs(40)).await;
        status
            .code()
            .unwrap_or_else(|| panic!("{} died of {status}: {}", self.name, self.stderr()))
    }

    /// Kills it; it is gone when this returns.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A line of `/proc/PID/status`, as `VmRSS`, in KiB.
    #[must_use]
    pub fn memory(&self, line: &str) -> u64 {
        self.kibibytes("status", line)
    }

    /// A line of `/proc/PID/smaps_rollup`, as `Pss`, in KiB.
    #[must_use]
    pub fn memory_map(&self, line: &str) -> u64 {
        self.kibibytes("smaps_rollup", line)
    }

    /// Processor time spent so far, in the kernel and outside.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        // In nanoseconds for each thread; those that have ended are not in it (proc(5)).
        let tasks = format!("/proc/{}/task", self.child.id());
        let tasks = std::fs::read_dir(tasks).expect("a running child");
        let spent = tasks.flatten().filter_map(|task| {
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(spent.sum())
    }

    fn kibibytes(&self, file: &str, line: &str) -> u64 {
        let path = format!("/proc/{}/{file}", self.child.id());
        let text = std::fs::read_to_string(path).expect("a running child");
        let found = text
            .lines()
            .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
        let number = found.and_then(|rest| rest.trim().split(' ').next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no {line} in {text}"))
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A stopped one cannot be waited for before it goes on; SIGKILL ends it all the same.
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- {} said:\n{}", self.name, self.stderr());
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<String>>>, Arc<Mutex<Option<JoinHandle<()>>>>);

impl Lines {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let lines = Self::default();
        let kept = lines.clone();
        let pipe = BufReader::new(pipe.expect("a pipe"));
        let reader = std::thread::spawn(move || {
            for line in pipe.lines().map_while(Result::ok) {
                kept.0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        *lines.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(reader);
        lines
    }

    fn to_end(&self) {
        let reader = self.1.lock().unwrap_or_else(PoisonError::into_inner).take();
        reader
            .map(JoinHandle::join)
            .transpose()
            .expect("a reader does not panic");
    }

    fn find(&self, needle: &str) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().find(|line| line.contains(needle)).cloned()
    }

    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }
}
