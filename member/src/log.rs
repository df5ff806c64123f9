//! What is written to standard error, and how: plain lines, one an event.

use std::io::Write;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::gossip::QUIET;
use crate::parse::Parsed;
use crate::settings::Stop;

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

/// Says why a command line ends the program: help on standard output, each complaint on a line of
/// its own on standard error. Returns the exit code.
pub fn stop(program: &str, stop: &Stop) -> ExitCode {
    if stop.code != 0 {
        for line in stop.text.lines() {
            eprintln!("{program}: {line}");
        }
    } else if let Err(error) = std::io::stdout().write_all(stop.text.as_bytes()) {
        return complain(program, &error.to_string());
    }
    ExitCode::from(stop.code)
}

/// Says in one line why the program cannot go on. Returns the exit code.
pub fn complain(program: &str, line: &str) -> ExitCode {
    eprintln!("{program}: {line}");
    ExitCode::FAILURE
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
