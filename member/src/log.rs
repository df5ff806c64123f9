//! What is written to standard error, and how: plain lines, one an event.

use tracing_subscriber::EnvFilter;

use crate::gossip::QUIET;
use crate::parse::Parsed;

/// The filter for `error`, `warn`, `info`, `debug` or `trace`; a text that names targets
/// (`lb=debug`) is taken as it is.
///
/// # Errors
/// States the rule.
pub fn level(text: &str) -> Parsed<EnvFilter> {
    let expected = || "error, warn, info, debug or trace".to_owned();
    // A filter would take any word for a target.
    if !text.contains('=') && !LEVELS.contains(&text) {
        return Err(expected());
    }
    EnvFilter::try_new(filter(text)).map_err(|_| expected())
}

/// What is written unless asked for otherwise.
pub fn default() -> EnvFilter {
    EnvFilter::new(filter("info"))
}

/// Writes what passes `filter` to standard error from now on.
pub fn to_stderr(filter: EnvFilter) {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false)
        .init();
}

fn filter(level: &str) -> String {
    if level.contains('=') {
        level.to_owned()
    } else {
        format!("{level},{QUIET}")
    }
}

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_targets_are_taken_other_words_not() {
        let check = |text, taken| assert_eq!(level(text).is_ok(), taken, "{text}");
        check("info", true);
        check("lb=debug,info", true);
        check("loud", false);
        check("", false);
    }
}
