//! Rings: tests that need a tool of the system say so when it is missing, and fail where it must
//! not be.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The path of a tool. Without it the test has not run: that is written to standard error and,
/// a line each, to the file named by `RAGOT_NOT_RUN`.
///
/// # Panics
///
/// When it is missing and `RAGOT_RINGS` is `all`.
#[must_use]
pub fn tool(ring: &str, test: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|p| p.is_file());
    if found.is_none() {
        not_run(ring, &format!("{test}: `{name}` is not installed"));
    }
    found
}

fn not_run(ring: &str, reason: &str) {
    let line = format!("not run: {ring}: {reason}");
    let all = std::env::var("RAGOT_RINGS").is_ok_and(|rings| rings == "all");
    assert!(!all, "{line}");
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
