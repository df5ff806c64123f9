//! Rings: tests that need a tool of the system say so when it is missing, and fail where it must
//! not be.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The path of a tool, also of one for administrators, as HAProxy is. Without it the test has [`not_run`].
///
/// # Panics
///
/// As [`not_run`].
#[must_use]
pub fn tool(ring: &str, test: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|p| p.is_file());
    if found.is_none() {
        not_run(ring, &format!("{test}: `{name}` is not installed"));
    }
    found
}

/// Says that a test has not run, and why: on standard error and, a line each, in the file named by
/// `RAGOT_NOT_RUN`.
///
/// # Panics
///
/// When `RAGOT_RINGS` names this ring, or is `all`.
pub fn not_run(ring: &str, reason: &str) {
    let line = format!("not run: {ring}: {reason}");
    let insisted = std::env::var("RAGOT_RINGS").is_ok_and(|named| named == "all" || named == ring);
    assert!(!insisted, "{line}");
    eprintln!("{line}");
    if let Some(file) = std::env::var_os("RAGOT_NOT_RUN") {
        append(Path::new(&file), &line);
    }
}

fn append(file: &Path, line: &str) {
    let opened = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file);
    let mut file = opened.expect("the file named by RAGOT_NOT_RUN can be written");
    // In one write, since tests append side by side.
    let written = file.write_all(format!("{line}\n").as_bytes());
    written.expect("the file named by RAGOT_NOT_RUN can be written");
}
