//! The file with the keys: read at the start, and again when it changes and on SIGHUP. One that
//! cannot be used changes nothing and is complained of once.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::seal::{Keyring, KeyringError};

/// Why a keyring file cannot be used. Never shows what stands in it.
#[derive(Debug, Error)]
pub enum KeyfileError {
    /// The system's reason.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// What is wrong with it.
    #[error(transparent)]
    Unusable(#[from] KeyringError),
}

/// The keyring in `file`: a JSON array of keys in base64, as Serf's.
///
/// # Errors
/// The file cannot be read, or is no keyring.
pub fn read(file: &Path) -> Result<Keyring, KeyfileError> {
    let text = std::fs::read_to_string(file)?;
    Ok(Keyring::parse(&text)?)
}

/// Warns of a file that everybody may read; whether it is one.
pub(super) fn tell_public(file: &Path) -> bool {
    let is_public = is_public(file);
    if is_public {
        let shown = file.display();
        tracing::warn!("{shown}: everybody on this host can read it; chmod o= {shown}");
    }
    is_public
}

/// Whether others than the file's owner and group may read it.
fn is_public(file: &Path) -> bool {
    let mode = std::fs::metadata(file).map(|about| about.permissions().mode());
    mode.is_ok_and(|mode| mode & 0o004 != 0)
}

/// Gives every further keyring in `file` to `take`, until that says it needs no more.
pub(super) async fn follow(file: &Path, mut take: impl FnMut(Keyring) -> bool) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => Some(hangup),
        Err(error) => {
            tracing::warn!(
                "SIGHUP cannot be listened for: {error}; the keyring is read when its file changes"
            );
            None
        }
    };
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // It may have changed since it was read at the start.
    let mut stamp = None;
    let mut complained = String::new();
    // That one is told of at the start.
    let mut was_public = is_public(file);
    loop {
        let asked = tokio::select! {
            () = next(&mut hangup) => true,
            _ = looks.tick() => false,
        };
        let before = std::mem::replace(&mut stamp, stamped(file));
        let keyring = if asked || before != stamp {
            read(file)
        } else if complained.is_empty() {
            continue;
        } else {
            // It may have been read half written.
            read(file)
        };
        match keyring {
            Ok(keyring) => {
                complained.clear();
                was_public = was_public || tell_public(file);
                if !take(keyring) {
                    return;
                }
            }
            Err(error) => complain(file, &error, &mut complained),
        }
    }
}

fn complain(file: &Path, error: &KeyfileError, complained: &mut String) {
    let line = error.to_string();
    if *complained != line {
        tracing::error!("{}: {line}; the keys stay as they were", file.display());
        *complained = line;
    }
}

/// What changes when the file does, also when another is put in its place.
fn stamped(file: &Path) -> Option<(u64, i64, i64, u64)> {
    let about = std::fs::metadata(file).ok()?;
    let (changed, nanoseconds) = (about.ctime(), about.ctime_nsec());
    Some((about.ino(), changed, nanoseconds, about.len()))
}

async fn next(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => {
            hangup.recv().await;
        }
        None => std::future::pending().await,
    }
}

const LOOK: Duration = Duration::from_secs(2);
