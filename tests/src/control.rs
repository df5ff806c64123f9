//! The control socket of a running process, in a folder of its own, spoken to as anybody with
//! `socat` would.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::deadline::LIMIT;
use crate::process::Process;

/// Where a process's control socket is; its folder goes with it.
#[derive(Debug)]
pub struct Control {
    folder: PathBuf,
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl Control {
    /// In a folder that nobody else has.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Relaxed);
        let name = format!("ragot-operate-{}-{next}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a folder");
        Self { folder }
    }

    /// The socket.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join("control.sock")
    }

    /// The flag that makes a process listen there.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--control {}", self.path().display())
    }

    /// Asks with one line.
    pub async fn open(&self, request: &str) -> Asked {
        Asked::at(&self.path(), request).await
    }

    /// Asks what is answered by one line.
    pub async fn ask(&self, request: &str) -> Value {
        let mut asked = self.open(request).await;
        asked.line().await.expect("an answer")
    }

    /// A command of `program` that asks here: its exit code, standard output, standard error.
    pub async fn run(&self, program: &Path, line: &str) -> (i32, String, String) {
        let path = self.path();
        let variables = [("RAGOT_CONTROL", path.to_str().expect("a plain path"))];
        let mut process = Process::start_in(&variables, program, line.split_whitespace());
        let (status, _) = process.ended(LIMIT).await;
        let code = status.code().expect("no death by a signal");
        (code, process.stdout(), process.stderr())
    }

    /// One that succeeds, and what it prints, line by line.
    pub async fn done(&self, program: &Path, line: &str) -> String {
        let (code, out, err) = self.run(program, line).await;
        assert_eq!((code, &*err), (0, ""), "{line}: {out}");
        out + "\n"
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // What is left is the system's to clear.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A question, and its answer line by line.
#[derive(Debug)]
pub struct Asked(Lines<BufReader<UnixStream>>);

impl Asked {
    async fn at(path: &Path, request: &str) -> Self {
        let mut stream = UnixStream::connect(path).await.expect("a control socket");
        let line = format!("{request}\n");
        stream
            .write_all(line.as_bytes())
            .await
            .expect("it is listened to");
        Self(BufReader::new(stream).lines())
    }

    /// The next line; `None` when there are no more.
    pub async fn line(&mut self) -> Option<Value> {
        let line = timeout(LIMIT, self.0.next_line()).await;
        let line = line.expect("a line in time").ok().flatten()?;
        Some(serde_json::from_str(&line).expect("JSON"))
    }

    /// The first line from now on of which `is_it`.
    pub async fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.line().await.expect("the line that is waited for");
            if is_it(&line) {
                return line;
            }
        }
    }
}
