//! The files of the repository, as they lie there: all but `.git` and what `.gitignore` names
//! by its full path. git itself is not asked, since an archive of the tree is checked as well.

use std::fs;
use std::io;
use std::path::Path;

use crate::rust::Source;

/// The repository, read.
#[derive(Debug)]
pub struct Tree {
    /// Every text file, by path.
    pub files: Vec<File>,
    /// Those of Rust code, taken apart.
    pub sources: Vec<Source>,
}

impl Tree {
    /// Reads the repository that this package lies in.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn read() -> io::Result<Self> {
        let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))?;
        let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
        let sources = rust
            .map(|file| Source::new(&file.path, &file.text))
            .collect();
        Ok(Self { files, sources })
    }

    /// The text of one file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&str> {
        let found = self.files.iter().find(|file| file.path == path);
        found.map(|file| file.text.as_str())
    }

    /// The manifests of the workspace's members.
    pub fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| {
            file.path.ends_with("/Cargo.toml") && !file.path.starts_with("tests/fuzz/")
        })
    }
}

/// One text file.
#[derive(Clone, Debug)]
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    /// Everything in it.
    pub text: String,
}

/// Every text file under `root`, sorted by path.
fn files(root: &Path) -> io::Result<Vec<File>> {
    let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let mut skip: Vec<&str> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('/'))
        .map(|line| line.trim_end_matches('/'))
        .collect();
    skip.push(".git");
    let (mut found, mut open) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            if skip.contains(&path.as_str()) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file()
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                found.push(File { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
