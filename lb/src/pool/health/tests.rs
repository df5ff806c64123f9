//! The table of who is believed, row by row, and HAProxy's check machine.

mod histories;
mod silence;

use super::*;
use crate::pool::proof::Finding;

const CONNECT_OK: Finding = Finding::L4Ok;

/// A server, its clock, and what it is told.
struct Bench {
    health: Health,
    now: Duration,
}

impl Bench {
    fn new() -> Self {
        let policy = CheckPolicy::default();
        Self {
            health: Health::new(policy, Duration::ZERO),
            now: Duration::ZERO,
        }
    }

    /// Ready, admitted by its one connect, and past its first check.
    fn up() -> Self {
        let mut bench = Self::new();
        bench.say(Word::Ready);
        bench.probe(CONNECT_OK);
        bench.probe(Finding::L7Ok);
        assert_eq!(bench.shown(), Shown::Up { left: 3 });
        bench
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "the tests read better without &"
    )]
    fn say(&mut self, word: Word) {
        self.health.say(self.now, &word);
    }

    fn hear(&mut self, live: bool) {
        self.health.hear(self.now, live);
    }

    fn eject(&mut self) {
        self.health.eject(self.now, proof(Finding::L4Con));
    }

    /// Waits for the next probe and answers it; returns how long it took to fall due.
    fn probe(&mut self, finding: Finding) -> Duration {
        let due = self.health.due().expect("a probe is due");
        let waited = due.saturating_sub(self.now);
        self.now = self.now.max(due);
        let (probe, round) = self.health.begin(self.now).expect("the probe begins");
        self.health.prove(self.now, round, probe, proof(finding));
        waited
    }

    fn shown(&self) -> Shown {
        self.health.view().shown
    }

    fn finding(&self) -> Finding {
        self.health
            .view()
            .last
            .as_ref()
            .expect("something was found")
            .finding
    }
}

fn proof(finding: Finding) -> Proof {
    Proof {
        finding,
        code: None,
        info: Arc::from(""),
        took: Duration::ZERO,
    }
}

fn down(reason: &str) -> Word {
    Word::Down(Arc::from(reason))
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn operator_maint_or_drain_until_the_operator_says_ready() {
    for (admin, shown) in [(Admin::Maint, Shown::Maint), (Admin::Drain, Shown::Drain)] {
        let mut bench = Bench::up();
        bench.health.decide(bench.now, admin);
        assert_eq!(bench.shown(), shown);
        bench.say(Word::Draining);
        bench.say(Word::Ready);
        assert_eq!(bench.shown(), shown, "its own word does not count");
        bench.health.decide(bench.now, Admin::Ready);
        bench.probe(CONNECT_OK);
        assert!(bench.shown().is_up());
    }
}

#[test]
fn word_left_is_over_until_a_new_generation() {
    let mut bench = Bench::up();
    bench.say(Word::Left);
    assert!(!bench.shown().is_up());
    assert!(bench.health.is_over(bench.now));
    assert_eq!(bench.health.due(), None, "nobody asks it anything");
}

#[test]
fn word_draining_is_drain_until_ready() {
    let mut bench = Bench::up();
    bench.say(Word::Draining);
    assert_eq!(bench.shown(), Shown::Drain);
    assert!(bench.health.is_leaving());
    bench.say(Word::Ready);
    assert_eq!(bench.shown(), Shown::Drain, "until its connect has ended");
    bench.probe(CONNECT_OK);
    assert!(bench.shown().is_up());
}

#[test]
fn word_down_is_down_with_the_members_reason_until_ready() {
    let mut bench = Bench::up();
    bench.say(down("refused"));
    assert_eq!(bench.shown(), Shown::Down { good: 0 });
    assert_eq!(bench.health.view().reason.as_deref(), Some("refused"));
    assert_eq!(
        bench.health.due(),
        None,
        "word over proof: no check can bring it back"
    );
    bench.say(Word::Ready);
    assert_eq!(bench.shown(), Shown::Down { good: 0 });
    bench.probe(CONNECT_OK);
    assert!(bench.shown().is_up());
    assert_eq!(bench.health.view().reason, None);
}

#[test]
fn word_starting_has_no_row() {
    let mut bench = Bench::new();
    bench.say(Word::Starting);
    assert_eq!((bench.shown(), bench.health.due()), (Shown::Hidden, None));
}

#[test]
fn word_ready_new_here_is_up_after_one_connect_with_full_health() {
    let mut bench = Bench::new();
    bench.say(Word::Ready);
    assert_eq!(bench.shown(), Shown::Hidden);
    assert_eq!(bench.probe(CONNECT_OK), Duration::ZERO);
    assert_eq!(bench.shown(), Shown::Up { left: 3 });
    assert_eq!(bench.finding(), Finding::L4Ok);
    assert_eq!(
        bench.probe(Finding::L7Ok),
        Duration::ZERO,
        "its own check follows at once"
    );
    assert_eq!(bench.finding(), Finding::L7Ok);
}

#[test]
fn word_ready_new_here_is_down_if_the_connect_fails() {
    let mut bench = Bench::new();
    bench.say(Word::Ready);
    bench.probe(Finding::L4Con);
    assert_eq!(
        (bench.shown(), bench.finding()),
        (Shown::Down { good: 0 }, Finding::L4Con)
    );
    bench.probe(Finding::L4Ok);
    bench.probe(Finding::L4Ok);
    assert!(bench.shown().is_up());
}

#[test]
fn ejected_is_down_at_once_until_two_good_probes() {
    let mut bench = Bench::up();
    bench.eject();
    assert_eq!(
        (bench.shown(), bench.finding()),
        (Shown::Down { good: 0 }, Finding::L4Con)
    );
    let millis = |bench: &mut Bench, finding| bench.probe(finding).as_millis();
    assert_eq!(millis(&mut bench, Finding::L4Con), 200);
    let waits: Vec<u128> = (0..5).map(|_| millis(&mut bench, Finding::L4Con)).collect();
    assert_eq!(waits, [400, 800, 1600, 2000, 2000], "growing to 2 s");
    bench.probe(Finding::L7Ok);
    assert_eq!(bench.shown(), Shown::Down { good: 1 });
    bench.probe(Finding::L7Ok);
    assert_eq!(bench.shown(), Shown::Up { left: 3 });
}

#[test]
fn own_check_failed_3_times_is_down_until_two_good_checks() {
    let mut bench = Bench::up();
    let mut after = |finding| {
        let waited = bench.probe(finding);
        assert_eq!(waited, 2 * SECOND);
        bench.shown()
    };
    assert_eq!(after(Finding::L7Sts), Shown::Up { left: 2 });
    assert_eq!(after(Finding::L7Sts), Shown::Up { left: 1 });
    assert_eq!(after(Finding::L7Sts), Shown::Down { good: 0 });
    assert_eq!(after(Finding::L7Ok), Shown::Down { good: 1 });
    assert_eq!(after(Finding::L7Ok), Shown::Up { left: 3 });
    let view = bench.health.view();
    assert_eq!(
        (view.failures, view.downs, view.downtime),
        (3, 1, 4 * SECOND)
    );
}

#[test]
fn a_good_check_while_up_restores_full_health() {
    let mut bench = Bench::up();
    bench.probe(Finding::L7Tout);
    bench.probe(Finding::L7Tout);
    bench.probe(Finding::L7Ok);
    assert_eq!(bench.shown(), Shown::Up { left: 3 });
}

#[test]
fn a_doubt_is_settled_by_one_connect() {
    let mut bench = Bench::up();
    bench.health.doubt(bench.now);
    bench.probe(CONNECT_OK);
    assert_eq!(
        bench.shown(),
        Shown::Up { left: 3 },
        "it only hung up on one request"
    );
    bench.now += DOUBTS;
    bench.health.doubt(bench.now);
    bench.probe(Finding::L4Con);
    assert_eq!(bench.shown(), Shown::Down { good: 0 });
}

#[test]
fn doubts_do_not_delay_the_check_and_cost_one_connect_in_100_ms() {
    let mut bench = Bench::up();
    let mut connects = 0;
    let check_at = bench.now + 2 * SECOND;
    while bench.health.due().is_none_or(|due| due < check_at) || bench.now < check_at {
        bench.health.doubt(bench.now);
        if bench.health.due() == Some(bench.now) && bench.now < check_at {
            bench.probe(CONNECT_OK);
            connects += 1;
        }
        bench.now += Duration::from_millis(10);
        if bench.now >= check_at {
            break;
        }
    }
    assert_eq!(connects, 20);
    assert_eq!(bench.health.due(), Some(check_at));
}

#[test]
fn a_probe_that_could_not_be_made_says_nothing() {
    let mut bench = Bench::up();
    bench.now = bench.health.due().unwrap();
    let (probe, round) = bench.health.begin(bench.now).unwrap();
    bench.health.retry(bench.now, round, probe);
    assert_eq!(bench.shown(), Shown::Up { left: 3 });
    assert_eq!(bench.probe(Finding::L7Ok).as_millis(), 200);
}

#[test]
fn an_answer_from_an_earlier_round_does_not_count() {
    let mut bench = Bench::new();
    bench.say(Word::Ready);
    let (probe, round) = bench.health.begin(bench.now).unwrap();
    bench.say(down("stopped"));
    bench.say(Word::Ready);
    bench
        .health
        .prove(bench.now, round, probe, proof(CONNECT_OK));
    assert!(!bench.shown().is_up());
}

#[test]
fn a_new_life_inherits_what_was_counted_and_decided() {
    let mut old = Bench::up();
    old.eject();
    old.health.decide(old.now, Admin::Drain);
    let mut new = Bench::new();
    new.health = new.health.succeeding(new.now, &old.health);
    new.say(Word::Ready);
    new.probe(CONNECT_OK);
    assert_eq!((new.shown(), new.health.view().downs), (Shown::Drain, 1));
}
