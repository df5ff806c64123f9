//! A folder for the files of one test or measurement, which goes with its value; and what stands in
//! the repository.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::deadline::eventually;

/// A folder of its own.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty one.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (own, next) = (std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(format!("ragot-test-{own}-{next}"));
        // Of an earlier process of this number.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a folder for temporary files");
        Self(path)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The same, to be put into a command.
    #[must_use]
    pub fn at(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("a file of our own");
    }

    /// What a file says; nothing when there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Waits until a file says what it should.
    pub async fn until(&self, name: &str, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        eventually(
            format!("{what}; {name}:\n{}", self.text(name)),
            async || Some(self.text(name)).filter(|text| is_so(text)),
        )
        .await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file of the documentation's examples.
#[must_use]
pub fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples");
    let path = path.join(name).canonicalize().expect("an example");
    path.display().to_string()
}
