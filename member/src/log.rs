//! What is written to standard error, and how: plain lines, one an event. Whoever operates the
//! process can be told them too, up to another level.

mod tap;

use std::io::Write;
use std::process::ExitCode;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Which lines are written, by target and level.
pub use tracing_subscriber::filter::Targets as Filter;

pub use self::tap::{Line, Listening, Tap, threshold};
use crate::gossip::QUIET;
use crate::parse::Parsed;
use crate::settings::Stop;

/// The filter for `error`, `warn`, `info`, `debug` or `trace`; a text that names targets
/// (`lb=debug`) is taken as it is.
///
/// # Errors
/// States the rule.
pub fn level(text: &str) -> Parsed<Filter> {
    let expected = || "error, warn, info, debug or trace".to_owned();
    // A filter would take any word for a target.
    if !text.contains('=') && !LEVELS.contains(&text) {
        return Err(expected());
    }
    filter(text).parse().map_err(|_| expected())
}

/// What is written unless asked for otherwise.
pub fn default() -> Filter {
    // Those that are quiet were named with care; without them there is more to read.
    let everything = Filter::new().with_default(LevelFilter::INFO);
    filter("info").parse().unwrap_or(everything)
}

/// Writes what passes `filter` to standard error from now on. The tap is where others listen.
pub fn to_stderr(filter: Filter) -> Tap {
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false)
        .with_filter(filter);
    let (tap, layer) = Tap::new();
    tracing_subscriber::registry()
        .with(layer)
        .with(lines)
        .init();
    tap
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

    #[test]
    fn what_gossips_library_says_is_left_out_unless_asked_for() {
        let passes = |filter: &Filter, target| filter.would_enable(target, &tracing::Level::INFO);
        for quiet in [default(), level("debug").unwrap()] {
            assert!(passes(&quiet, "lb::app") && passes(&quiet, "state"));
            assert!(!passes(&quiet, "chitchat::server") && !passes(&quiet, "hickory_net"));
        }
        let asked = level("chitchat=debug").unwrap();
        assert!(passes(&asked, "chitchat::server") && !passes(&asked, "lb"));
    }
}
