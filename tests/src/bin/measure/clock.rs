//! The clock that processes of this machine share, by their own lines.

use std::time::{Duration, SystemTime};

/// From a moment to the time that a line begins with, less than a day later.
pub(super) fn since(began: SystemTime, line: &str) -> Duration {
    let began = began
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    between(began, time_of_day(line))
}

/// Since midnight, of a line as `2026-11-25T22:44:00.471726Z  INFO ...`.
pub(super) fn time_of_day(line: &str) -> Duration {
    let clock = line.split(['T', 'Z']).nth(1).unwrap_or_default();
    let parts = clock.split(':').map(str::parse::<f64>);
    let seconds = parts.fold(0.0, |sum, part| sum * 60.0 + part.expect("a time of day"));
    Duration::from_secs_f64(seconds)
}

/// From one time to another, of a day or of an epoch, less than a day later.
pub(super) fn between(earlier: Duration, later: Duration) -> Duration {
    let seconds = later.as_secs_f64() - earlier.as_secs_f64() % DAY;
    Duration::from_secs_f64(seconds.rem_euclid(DAY))
}

const DAY: f64 = 86_400.0;
