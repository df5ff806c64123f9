//! `member keygen`: prints one new key, as Serf's `keygen` does.

use std::io::Write;

use member::entropy;

/// Prints a key.
///
/// # Errors
/// One line that says why it could not.
pub(crate) fn print() -> Result<(), String> {
    let printed = entropy::key().and_then(|key| writeln!(std::io::stdout(), "{}", key.text()));
    printed.map_err(|error| format!("cannot print a key: {error}"))
}
