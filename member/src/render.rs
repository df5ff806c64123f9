//! Keeps a file rendered from a template, for programs that learn their servers from one, and
//! runs a command when it has changed. What is rendered is decided by `template`.
//!
//! The file is replaced in one step, and only by other content. A file that is there already is
//! left alone until a server has been heard and the picture has been quiet for a second: a node
//! that has just started knows nobody yet.

use std::fs::{self, File, OpenOptions};
use std::future::pending;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use crate::children::Children;
use crate::parse::{Parsed, folder};
use crate::shell::{self, Limits};
use crate::snapshot::Snapshot;
use crate::template::{Address, Census, Template};

/// A template, the file it is rendered to, and what is run when that has changed.
#[derive(Clone, Debug)]
pub struct Rendering {
    template: Arc<Template>,
    /// As it was given, for the log.
    source: String,
    /// The file.
    pub file: PathBuf,
    /// What `/bin/sh -c` is given.
    pub command: Option<Arc<str>>,
}

impl Rendering {
    /// `TEMPLATE:FILE[:COMMAND]`. The template is read, and tried.
    ///
    /// # Errors
    /// States the rule, or what is wrong with the template and in which line.
    pub fn parse(text: &str) -> Parsed<Self> {
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().map(str::trim).filter(|part| !part.is_empty());
        let (Some(source), Some(file)) = (part(), part()) else {
            return Err("TEMPLATE:FILE or TEMPLATE:FILE:COMMAND".to_owned());
        };
        let command = part().map(Arc::from);
        let text = fs::read_to_string(source);
        let text = text.map_err(|error| format!("a template; {source}: {error}"))?;
        let template = Template::parse(&text).map_err(|fault| {
            let line = fault
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            format!("a template that can be rendered; {source}{line}: {fault}")
        })?;
        let file = PathBuf::from(file);
        if !folder(&file).is_dir() {
            return Err(format!(
                "a file in a folder that is there, not {}",
                file.display()
            ));
        }
        let canonical = |path: &Path| fs::canonicalize(path).ok();
        if canonical(&file).is_some_and(|file| Some(file) == canonical(Path::new(source))) {
            return Err(format!("another file than the template {source}"));
        }
        if file.exists() && !file.is_file() {
            return Err(format!("a file, which {} is not", file.display()));
        }
        Ok(Self {
            template: Arc::new(template),
            source: source.to_owned(),
            file,
            command,
        })
    }
}

/// Keeps the file of `rendering` as `snapshots` would have it, until gossip ends. With a
/// `coalesce` of more than nothing, it is rendered once changes have paused for so long, or after
/// three times that.
pub async fn run(
    rendering: Rendering,
    coalesce: Duration,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    children: Children,
) {
    let clerk = Clerk {
        rendering,
        children,
        limits: Limits::default(),
    };
    let mut outlook = Outlook::new(!clerk.rendering.file.exists(), coalesce, snapshots);
    while let Some(addresses) = outlook.due().await {
        match clerk.serve(&addresses).await {
            Ok(()) => outlook.done = Some(addresses),
            Err(error) => {
                let file = clerk.rendering.file.display();
                tracing::error!("cannot write {file}, trying again in {AGAIN:?}: {error}");
                outlook.again();
            }
        }
    }
}

/// When there is something to render.
struct Outlook {
    coalesce: Duration,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    census: Census,
    /// The picture as it was seen last, and as it was last rendered.
    seen: Vec<Address>,
    done: Option<Vec<Address>>,
    /// Whether the file may be touched.
    settled: bool,
    /// While `seen` is to be rendered: since when, and when it will be.
    waiting: Option<(Instant, Instant)>,
}

impl Outlook {
    fn new(
        settled: bool,
        coalesce: Duration,
        mut snapshots: watch::Receiver<Arc<Snapshot>>,
    ) -> Self {
        snapshots.mark_changed();
        let now = Instant::now();
        Self {
            coalesce,
            snapshots,
            census: Census::default(),
            seen: Vec::new(),
            done: None,
            settled,
            // A program that waits for its file should not wait for servers.
            waiting: settled.then_some((now, now)),
        }
    }

    /// Waits for servers to render; `None` when gossip has ended.
    async fn due(&mut self) -> Option<Vec<Address>> {
        loop {
            let due = self.waiting.map(|(_, due)| due);
            tokio::select! {
                // First, so that what is rendered is the latest.
                biased;
                changed = self.snapshots.changed() => {
                    changed.ok()?;
                    self.look();
                }
                () = wait_until(due) => {
                    self.settled = true;
                    self.waiting = None;
                    return Some(self.seen.clone());
                }
            }
        }
    }

    fn look(&mut self) {
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        let seen = self.census.take(&snapshot);
        let same = self.seen == seen;
        self.seen = seen;
        if !self.settled && self.seen.is_empty() {
            self.waiting = None;
            return;
        }
        if same && self.waiting.is_some() {
            return;
        }
        // Back to what the file says already.
        if self.done.as_ref() == Some(&self.seen) {
            self.waiting = None;
            return;
        }
        let pause = if self.settled {
            self.coalesce
        } else {
            SETTLE.max(self.coalesce)
        };
        let now = Instant::now();
        let since = self.waiting.map_or(now, |(since, _)| since);
        self.waiting = Some((since, (now + pause).min(since + 3 * pause)));
    }

    /// It could not be rendered.
    fn again(&mut self) {
        let now = Instant::now();
        self.waiting = Some((now, now + AGAIN));
    }
}

/// Who renders, writes and runs.
struct Clerk {
    rendering: Rendering,
    children: Children,
    limits: Limits,
}

impl Clerk {
    async fn serve(&self, addresses: &[Address]) -> io::Result<()> {
        let Rendering {
            template,
            source,
            file,
            command,
        } = &self.rendering;
        let text = match template.render(addresses) {
            Ok(text) => text,
            Err(fault) => {
                let line = fault.line.unwrap_or_default();
                let file = file.display();
                tracing::error!("{source}:{line}: {fault}; {file} stays as it is");
                return Ok(());
            }
        };
        let to = file.clone();
        // Waiting for a disk must not delay a heartbeat.
        let written = spawn_blocking(move || replace(&to, &text)).await;
        if !written.map_err(io::Error::other)?? {
            return Ok(());
        }
        let count = addresses.len();
        tracing::info!("{} rendered: {count} servers", file.display());
        if let Some(command) = command {
            self.call(command).await;
        }
        Ok(())
    }

    async fn call(&self, command: &str) {
        let what = format!("command {command:?} for {}", self.rendering.file.display());
        match shell::run(&self.children, command, &[], "", self.limits).await {
            Ok(outcome) => outcome.report(&what, self.limits),
            Err(error) => tracing::error!("{what} cannot be run by {}: {error}", shell::SHELL),
        }
    }
}

/// Gives `file` the content `text` in one step, its mode kept; `false`: it has it already.
fn replace(file: &Path, text: &str) -> io::Result<bool> {
    // A link stays one, and what it leads to is replaced.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    if fs::read(&file).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(false);
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let new = file.with_file_name(format!(".{name}.ragot-new"));
    let written = write_new(&new, text, &file).and_then(|()| fs::rename(&new, &file));
    if written.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&new);
    }
    written?;
    // Without it, the old file could be back after a power cut: no reason to fail.
    if let Err(error) = File::open(folder(&file)).and_then(|folder| folder.sync_all()) {
        tracing::debug!("{}: {error}", folder(&file).display());
    }
    Ok(true)
}

fn write_new(new: &Path, text: &str, like: &Path) -> io::Result<()> {
    // Left by one that was killed.
    let _ = fs::remove_file(new);
    let mut file = OpenOptions::new().write(true).create_new(true).open(new)?;
    file.write_all(text.as_bytes())?;
    if let Ok(old) = fs::metadata(like) {
        file.set_permissions(old.permissions())?;
    }
    file.sync_all()
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

/// How long the picture must be quiet before a file from a former life is replaced; three times
/// that at most. A restarted node has heard everybody after some hundred milliseconds.
const SETTLE: Duration = Duration::from_secs(1);
/// After a file could not be written.
const AGAIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
