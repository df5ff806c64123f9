//! The control socket's file: bound so that only its owner may open it, taken over from a process
//! that is gone, never from one that answers, and removed at the end.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::net::UnixListener;

/// Why there is no control socket.
#[derive(Debug, Error)]
pub enum EndpointError {
    /// A process answers there.
    #[error("control socket {0}: another process answers there; give each its own --control")]
    Taken(PathBuf),
    /// Something else has that name.
    #[error("control socket {0}: there is a file of that name that is no socket")]
    NoSocket(PathBuf),
    /// The system refuses.
    #[error("cannot make the control socket {path}: {source}")]
    System {
        /// Where.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// A control socket that is bound.
#[derive(Debug)]
pub struct Endpoint {
    path: PathBuf,
    /// Device and inode: another process may have taken the name since.
    file: Option<(u64, u64)>,
    listener: StdListener,
}

impl Endpoint {
    /// Binds `path`, with mode 0600.
    ///
    /// # Errors
    /// Another process answers there, something else has that name, or the system refuses.
    pub fn bind(path: &Path) -> Result<Self, EndpointError> {
        let system = |source| EndpointError::System {
            path: path.to_owned(),
            source,
        };
        if let Ok(there) = path.symlink_metadata() {
            if !there.file_type().is_socket() {
                return Err(EndpointError::NoSocket(path.to_owned()));
            }
            if StdStream::connect(path).is_ok() {
                return Err(EndpointError::Taken(path.to_owned()));
            }
        }
        // Under its name only once it may not be opened by others; renaming also replaces what a
        // process that is gone has left.
        let mut beside = path.as_os_str().to_owned();
        // Two that begin at once do not take each other's.
        beside.push(format!(".{}.new", std::process::id()));
        let beside = PathBuf::from(beside);
        // An error means that nothing was there.
        let _ = std::fs::remove_file(&beside);
        let listener = StdListener::bind(&beside).map_err(system)?;
        let named = std::fs::set_permissions(&beside, PermissionsExt::from_mode(0o600))
            .and_then(|()| std::fs::rename(&beside, path));
        if let Err(error) = named {
            let _ = std::fs::remove_file(&beside);
            return Err(system(error));
        }
        Ok(Self {
            path: path.to_owned(),
            file: identity(path),
            listener,
        })
    }

    /// For the runtime that is to serve it.
    pub(super) fn listener(&self) -> io::Result<UnixListener> {
        self.listener.set_nonblocking(true)?;
        UnixListener::from_std(self.listener.try_clone()?)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if self.file.is_some() && identity(&self.path) == self.file {
            // What cannot be removed is taken over by the next.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.symlink_metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}
