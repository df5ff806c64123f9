//! Whether, when and how patiently a program that has ended is started again, and how long it is
//! given to stop. Pure: how it ended and how long it lived go in, a pause comes out.

use std::time::Duration;

use crate::ended::Ended;

/// Whether a program that ends by itself is started again; the words are Docker's and systemd's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Restart {
    /// Never: it ends, and so does whoever has started it.
    #[default]
    No,
    /// Unless it ended with exit code 0.
    OnFailure,
    /// However it ended.
    Always,
}

impl Restart {
    /// `no`, `on-failure` or `always`.
    ///
    /// # Errors
    /// States the rule.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "no" => Ok(Self::No),
            "on-failure" => Ok(Self::OnFailure),
            "always" => Ok(Self::Always),
            _ => Err("no, on-failure or always"),
        }
    }

    fn applies(self, ended: Ended) -> bool {
        match self {
            Self::No => false,
            Self::OnFailure => !ended.is_success(),
            Self::Always => true,
        }
    }
}

/// How long to wait before the next start, which is longer the more often it was in vain.
#[derive(Clone, Debug)]
pub struct BackOff {
    restart: Restart,
    next: Duration,
}

impl BackOff {
    /// Of a program that has not ended yet.
    pub fn new(restart: Restart) -> Self {
        Self {
            restart,
            next: FIRST,
        }
    }

    /// The pause before it is started again after it `ended`, having `lived` so long; `None` when
    /// it is not.
    pub fn after(&mut self, ended: Ended, lived: Duration) -> Option<Duration> {
        if !self.restart.applies(ended) {
            return None;
        }
        if lived >= GOOD_LIFE {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (2 * pause).min(LONGEST);
        Some(pause)
    }
}

/// How long a program may take to stop: as `asked` for, else what is left when `spent` has gone
/// into the drain before it, so that drain and stop together stay below the 10 s after which
/// `docker stop` kills.
pub fn patience(asked: Option<Duration>, spent: Duration) -> Duration {
    asked.unwrap_or_else(|| BEFORE_DOCKER_KILLS.saturating_sub(spent).max(SHORTEST_STOP))
}

/// A crash that was bad luck costs no more than a start.
const FIRST: Duration = Duration::from_millis(100);
/// Nobody waits for longer, and a program that cannot run costs next to nothing.
const LONGEST: Duration = Duration::from_secs(10);
/// Who lived this long did not fail at its start.
const GOOD_LIFE: Duration = Duration::from_secs(10);

/// Half a second of 10 s is for saying `left` and for reaping.
const BEFORE_DOCKER_KILLS: Duration = Duration::from_millis(9_500);
/// What remains after a drain of 8 s, the longest by default.
const SHORTEST_STOP: Duration = Duration::from_millis(1_500);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CRASH: Ended = Ended::Exited(1);

    #[test]
    fn who_is_started_again() {
        let check = |word, ended, again| {
            let mut back_off = BackOff::new(Restart::parse(word).unwrap());
            let pause = back_off.after(ended, Duration::ZERO);
            assert_eq!(pause.is_some(), again, "{word} {ended}");
        };
        for ended in [Ended::Exited(0), CRASH, Ended::Killed(9)] {
            check("no", ended, false);
            check("on-failure", ended, ended != Ended::Exited(0));
            check("always", ended, true);
        }
        assert!(Restart::parse("never").is_err());
        assert_eq!(Restart::default(), Restart::No);
    }

    #[test]
    fn each_vain_start_doubles_the_pause_and_a_good_life_resets_it() {
        let mut back_off = BackOff::new(Restart::OnFailure);
        let mut pause = |lived| back_off.after(CRASH, lived).unwrap().as_millis();
        let short = Duration::from_millis(9_999);
        let pauses: Vec<_> = (0..9).map(|_| pause(short)).collect();
        let expected = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
        assert_eq!(pauses, expected);
        assert_eq!(pause(Duration::from_secs(10)), 100);
        assert_eq!(pause(short), 200);
    }

    #[test]
    fn a_stop_has_what_the_drain_has_left_of_dockers_time() {
        let check = |asked, spent, expected| {
            let patience = patience(asked, Duration::from_millis(spent));
            assert_eq!(patience, Duration::from_millis(expected));
        };
        check(None, 0, 9_500);
        check(None, 300, 9_200);
        check(None, 8_000, 1_500);
        check(None, 60_000, 1_500);
        check(Some(Duration::from_secs(30)), 8_000, 30_000);
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn a_pause_is_always_between_its_bounds(lives in prop::collection::vec(0_u64..20_000, 1..40)) {
            let mut back_off = BackOff::new(Restart::Always);
            for lived in lives {
                let pause = back_off.after(CRASH, Duration::from_millis(lived));
                prop_assert!(pause.is_some_and(|pause| (FIRST..=LONGEST).contains(&pause)));
            }
        }
    }
}
