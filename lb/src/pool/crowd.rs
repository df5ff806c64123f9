//! Pure: whether most of a service fell silent at once. Then it is rather we who cannot hear, or
//! the network, than they who died: silence is excused, and counts for nothing.

use std::time::Duration;

/// One server that is shown, and ready by its last word.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    /// Since when gossip does not hear it.
    pub silent_since: Option<Duration>,
    /// Whether it is heard, but not for longer than usual.
    pub quiet: bool,
    /// Whether its silence is excused already.
    pub excused: bool,
}

impl Voice {
    /// Whether it may be about to fall silent.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.quiet && self.silent_since.is_none()
    }

    /// Whether it fell silent with the others.
    #[must_use]
    pub fn is_suspect(&self, now: Duration) -> bool {
        let recently = |at: Duration| now < at + TOGETHER;
        self.silent_since.is_some_and(recently) || (self.excused && self.silent_since.is_some())
    }
}

/// Whether those who fell silent together, or are about to, are more than half, and two at least.
/// Who was silent long before counts on neither side.
#[must_use]
pub fn is_mass(voices: &[Voice], now: Duration) -> bool {
    let silent = voices.iter().filter(|voice| voice.is_suspect(now)).count();
    let quiet = voices.iter().filter(|voice| voice.is_quiet()).count();
    let heard = voices.iter().filter(|voice| voice.silent_since.is_none());
    let others = heard.count() - quiet;
    silent >= 1 && silent + quiet >= 2 && silent + quiet > others
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
                quiet: false,
                excused: false,
            });
            let voices: Vec<_> = voices.collect();
            assert_eq!(is_mass(&voices, now), mass, "{silences:?}");
        }
    }

    /// Who is heard but quiet is about to fall silent with the others; alone it is none of them.
    #[test]
    fn the_quiet_count_with_the_silent() {
        let now = Duration::from_secs(100);
        let voice = |silent: bool, quiet| Voice {
            silent_since: silent.then_some(now),
            quiet,
            excused: false,
        };
        let (silent, quiet, heard) = (voice(true, true), voice(false, true), voice(false, false));
        for (voices, mass) in [
            ([silent, quiet, heard], true),
            ([silent, heard, heard], false),
            ([quiet, quiet, heard], false),
            ([silent, silent, quiet], true),
        ] {
            assert_eq!(is_mass(&voices, now), mass, "{voices:?}");
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
