//! The pool file: read once at start, written at every change of the pool, away from every
//! thread that serves. What stands in it is `pool::remembered`'s affair, what it means for the
//! pool `pool::memory`'s. Whatever is wrong with it is told and costs no more than what it could
//! have saved.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use member::snapshot::Sighting;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::pool::memory::Notes;
use crate::pool::remembered::{self, Unusable};

/// Why a pool file is not used.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The system does not give it.
    #[error(transparent)]
    System(#[from] io::Error),
    /// A folder, a device or a pipe.
    #[error("it is not a plain file")]
    NotAFile,
    /// Whoever can write to it could send requests anywhere.
    #[error("it may be written by others (mode {0:03o}), expected 600")]
    Open(u32),
    /// Longer than one that was written here can be.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// Nobody knows what has become of these addresses since.
    #[error("it was written {} s ago, expected at most {} s", .0.as_secs(), OLDEST.as_secs())]
    TooOld(Duration),
    /// Its text cannot be used.
    #[error(transparent)]
    Text(#[from] Unusable),
}

/// The servers that the file at `path` remembers; none if there is no file. It blocks for as
/// long as the file system does.
///
/// # Errors
///
/// Why nothing of it is to be used.
pub fn read(path: &Path) -> Result<Vec<Sighting>, Unread> {
    let about = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        about => about?,
    };
    if !about.is_file() {
        return Err(Unread::NotAFile);
    }
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(Unread::Open(mode));
    }
    let mut text = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(Unread::TooLong);
    }
    let remembered = remembered::read(&text)?;
    let age = Duration::from_millis(unix_milliseconds().saturating_sub(remembered.written));
    if age > OLDEST {
        return Err(Unread::TooOld(age));
    }
    Ok(remembered.servers)
}

/// Writes `notes` to `path` at every change, at most every 100 ms, and once a minute to say that
/// they still hold. Ends when nobody can change them any more.
pub async fn keep(path: PathBuf, mut notes: watch::Receiver<Notes>) {
    let (mut begun, mut troubled) = (false, false);
    loop {
        let changed = timeout(REFRESH, notes.changed()).await;
        if matches!(changed, Ok(Err(_))) {
            return;
        }
        begun |= changed.is_ok();
        if !begun {
            continue; // what the file says is all there is to say
        }
        let servers = Notes::clone(&notes.borrow_and_update());
        let to = path.clone();
        let written = spawn_blocking(move || write(&to, &servers)).await;
        let written = written.unwrap_or_else(|ended| Err(io::Error::other(ended)));
        tell(&path, &mut troubled, written);
        sleep(PACE).await;
    }
}

/// Says once that it cannot be written, and once that it can again.
fn tell(path: &Path, troubled: &mut bool, written: io::Result<()>) {
    match written {
        Err(error) if !*troubled => {
            let path = path.display();
            tracing::warn!("pool file {path} cannot be written: {error}; trying on");
            *troubled = true;
        }
        Ok(()) if *troubled => {
            tracing::info!("pool file {} is written again", path.display());
            *troubled = false;
        }
        _ => {}
    }
}

/// Another file first, flushed, then renamed: whoever reads sees the old text or the new one.
fn write(path: &Path, servers: &Notes) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Anew, so that nobody has laid a link there.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(remembered::write(unix_milliseconds(), servers).as_bytes())?;
    file.sync_data()?;
    fs::rename(&new, path)
}

fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// Between two writes: servers come and go in bursts.
const PACE: Duration = Duration::from_millis(100);
/// A file tells by its age how long nobody has looked after it.
const REFRESH: Duration = Duration::from_secs(60);
/// Addresses are given to others in time; a restart takes less.
const OLDEST: Duration = Duration::from_secs(3600);
/// 512 servers of the longest names and paths take a third of it.
const LONGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    use member::node::{Description, Word};
    use member::snapshot::Presence;

    use super::*;

    /// A folder that goes with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let name = format!("ragot-pool-file-{test}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn file(&self) -> PathBuf {
            self.0.join("pool.json")
        }

        fn with(&self, text: &[u8]) -> PathBuf {
            let path = self.file();
            let _ = fs::remove_file(&path);
            let mut file = OpenOptions::new();
            let file = file.write(true).create_new(true).mode(0o600).open(&path);
            file.unwrap().write_all(text).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn servers(count: u16) -> Notes {
        let server = |n: u16| {
            let addr = std::net::SocketAddr::from(([10, 0, 0, 1], n));
            Arc::new(Sighting {
                node: Description::backend(&format!("s{n}"), addr).live(1, addr.ip(), Word::Ready),
                gossip: addr,
                presence: Presence::Silent,
            })
        };
        Arc::new((1..=count).map(server).collect())
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_is_left() {
        let folder = Folder::new("round");
        write(&folder.file(), &servers(3)).unwrap();
        write(&folder.file(), &servers(2)).unwrap();
        assert_eq!(read(&folder.file()).unwrap().len(), 2);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
        let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(read(&folder.0.join("none")).unwrap().is_empty());
    }

    #[test]
    fn a_link_laid_in_the_way_is_not_followed() {
        let folder = Folder::new("link");
        let victim = folder.0.join("victim");
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, folder.0.join("pool.json.new")).unwrap();
        write(&folder.file(), &servers(1)).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = Folder::new("bad");
        let told = |path: &Path| read(path).unwrap_err().to_string();
        assert_eq!(told(&folder.0), "it is not a plain file");
        assert_eq!(told(Path::new("/dev/zero")), "it is not a plain file");
        assert!(told(&folder.with(b"")).starts_with("it is not whole"));
        let long = vec![b' '; LONGEST as usize + 1];
        assert_eq!(told(&folder.with(&long)), "it is longer than 1048576 bytes");
        let old = unix_milliseconds() - 7_200_000;
        let old = remembered::write(old, &servers(1));
        let old = told(&folder.with(old.as_bytes()));
        assert_eq!(old, "it was written 7200 s ago, expected at most 3600 s");
        write(&folder.file(), &servers(1)).unwrap();
        fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o620)).unwrap();
        let open = told(&folder.file());
        assert_eq!(open, "it may be written by others (mode 620), expected 600");
    }

    #[test]
    fn as_many_as_are_remembered_fit() {
        let folder = Folder::new("many");
        let long = "n".repeat(member::rules::NAME_BYTES);
        let mut all = Notes::unwrap_or_clone(servers(512));
        for seen in &mut all {
            let seen = Arc::make_mut(seen);
            seen.node.service = Arc::from(&*long);
            seen.node.check = Some(Arc::from(format!("/{}", "\"".repeat(255))));
        }
        write(&folder.file(), &Arc::new(all)).unwrap();
        assert_eq!(read(&folder.file()).unwrap().len(), 512);
    }
}
