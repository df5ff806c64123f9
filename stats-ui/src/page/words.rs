//! Durations and shares as HAProxy's page words them. Pure text, no markup.

use std::time::Duration;

/// An age in its two largest units, from `24855d23h` to `0s`; zero units are dropped.
pub(super) fn age(age: Duration) -> String {
    let total = age.as_secs();
    let (days, hours) = (total / 86_400, total / 3_600 % 24);
    let (minutes, seconds) = (total / 60 % 60, total % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => two(minutes, 'm', seconds, 's'),
        (0, _, _) => two(hours, 'h', minutes, 'm'),
        _ => two(days, 'd', hours, 'h'),
    }
}

fn two(large: u64, large_unit: char, small: u64, small_unit: char) -> String {
    match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit}{small}{small_unit}"),
    }
}

/// An age that may be that of something that never happened.
pub(super) fn age_or_never(since: Option<Duration>) -> String {
    since.map_or_else(|| "?".to_owned(), age)
}

/// The uptime, `0d 0h08m43s`.
pub(super) fn uptime(uptime: Duration) -> String {
    let total = uptime.as_secs();
    let (days, hours) = (total / 86_400, total / 3_600 % 24);
    let (minutes, seconds) = (total / 60 % 60, total % 60);
    format!("{days}d {hours}h{minutes:02}m{seconds:02}s")
}

/// Bytes in a second as bits on the wire of a usual network, where 1448 bytes of payload
/// travel in a frame of 1538.
pub(super) fn bit_rate(bytes: u64) -> String {
    let bits = u128::from(bytes) * 8 * 1538 / 1448;
    let (unit, name) = match bits {
        1_000_000_000.. => (1_000_000_000, "Gbps"),
        1_000_000.. => (1_000_000, "Mbps"),
        _ => (1_000, "kbps"),
    };
    format!("{}.{:03} {name}", bits / unit, bits % unit * 1_000 / unit)
}

/// A share in whole percent, 0 of nothing.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    let share = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_two_units_at_most() {
        let check = |seconds, words| assert_eq!(age(Duration::from_secs(seconds)), words);
        check(0, "0s");
        check(43, "43s");
        check(60, "1m");
        check(523, "8m43s");
        check(3_600, "1h");
        check(3_601, "1h");
        check(7_500, "2h5m");
        check(86_400, "1d");
        check(97_200, "1d3h");
        check(2_147_483_647, "24855d3h");
        assert_eq!(age_or_never(None), "?");
    }

    #[test]
    fn an_uptime_is_found_by_the_usual_patterns() {
        let check = |seconds, words| assert_eq!(uptime(Duration::from_secs(seconds)), words);
        check(0, "0d 0h00m00s");
        check(523, "0d 0h08m43s");
        check(93_784, "1d 2h03m04s");
    }

    #[test]
    fn a_bit_rate_finds_its_unit() {
        let check = |bytes, words| assert_eq!(bit_rate(bytes), words);
        check(0, "0.000 kbps");
        check(32, "0.271 kbps");
        check(125_000, "1.062 Mbps");
        check(1_000_000_000, "8.497 Gbps");
    }

    #[test]
    fn a_share_of_nothing_is_zero() {
        let check = |part, whole, share| assert_eq!(percent(part, whole), share);
        check(0, 0, 0);
        check(1_037, 1_060, 97);
        check(5, 5, 100);
    }
}
