//! The clock of a process's own lines.

use std::time::{Duration, SystemTime};

/// From a moment to the time that a line begins with, `2026-11-25T22:44:00.471726Z`, less than a
/// day later.
pub(super) fn since(began: SystemTime, line: &str) -> Duration {
    let clock = line
        .split('T')
        .nth(1)
        .and_then(|rest| rest.split('Z').next());
    let parts = clock.unwrap_or_default().split(':').map(str::parse::<f64>);
    let seconds = parts.fold(0.0, |sum, part| sum * 60.0 + part.expect("a time of day"));
    let began = began
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    let began = began.as_secs_f64() % DAY;
    Duration::from_secs_f64((seconds - began).rem_euclid(DAY))
}

const DAY: f64 = 86_400.0;
