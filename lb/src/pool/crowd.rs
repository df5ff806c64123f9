//! Pure: whether most of a service fell silent at once. Then it is rather we who cannot hear, or
//! the network, than they who died: silence is excused, and counts for nothing.

use std::time::Duration;

/// One server that is shown, and ready by its last word.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    /// Since when gossip does not hear it.
    pub silent_since: Option<Duration>,
    /// Whether its silence is excused already.
    pub excused: bool,
}

impl Voice {
    /// Whether it fell silent with the others.
    #[must_use]
    pub fn is_suspect(&self, now: Duration) -> bool {
        let recently = |at: Duration| now < at + TOGETHER;
        self.silent_since.is_some_and(recently) || (self.excused && self.silent_since.is_some())
    }
}

/// Whether those who fell silent together are more than half, and two at least. Who was
/// silent long before counts on neither side.
#[must_use]
pub fn is_mass(voices: &[Voice], now: Duration) -> bool {
    let suspects = voices.iter().filter(|voice| voice.is_suspect(now)).count();
    let heard = voices.iter().filter(|voice| voice.silent_since.is_none());
    suspects >= 2 && suspects > heard.count()
}

/// Whether an excuse that began at `since` is over, though most are still silent: when anybody is
/// `heard`, gossip works, and they have been given time.
#[must_use]
pub fn is_over(since: Duration, heard: bool, now: Duration) -> bool {
    heard && now >= since + EXCUSED
}

/// When that is, if somebody is heard.
#[must_use]
pub fn over_at(since: Duration) -> Duration {
    since + EXCUSED
}

/// Silences that begin within this began together: two detection times on a lossy network.
const TOGETHER: Duration = Duration::from_secs(2);
/// A partition that lasts longer, while others are heard, is rather a rack that died.
const EXCUSED: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_and_two_at_least() {
        let now = Duration::from_secs(100);
        let silent = |ago: u64| Some(now - Duration::from_secs(ago));
        for (silences, mass) in [
            (vec![silent(1)], false),
            (vec![silent(1), silent(0)], true),
            (vec![silent(1), None], false),
            (vec![silent(1), silent(1), None, None], false),
            (vec![silent(1), silent(0), None], true),
            (vec![silent(50), silent(50), silent(50), None], false),
            (vec![silent(50), silent(50), silent(1), None], false),
        ] {
            let voices = silences.iter().map(|silent_since| Voice {
                silent_since: *silent_since,
                excused: false,
            });
            let voices: Vec<_> = voices.collect();
            assert_eq!(is_mass(&voices, now), mass, "{silences:?}");
        }
    }

    #[test]
    fn an_excuse_lasts_while_nobody_is_heard() {
        let [since, later] = [10, 41].map(Duration::from_secs);
        assert!(!is_over(since, false, later));
        assert!(is_over(since, true, later));
        assert!(!is_over(since, true, Duration::from_secs(39)));
    }
}
