//! Pure: whether one server is believed to be well. The table of ARCHITECTURE.md, "Who is
//! believed": operator over the server's own word, word over proof, proof over silence. Times are
//! durations on the balancer's clock; probes are asked for and answered from outside.

use std::sync::Arc;
use std::time::Duration;

use member::node::{Node, Word};

use super::asking::Asking;
use super::crowd::Voice;
use super::damping::Damping;
use super::origin::Origin;
use super::proof::{Probe, Proof};
use super::trial::Trial;
use super::view::{Admin, Shown, View};
use crate::config::CheckPolicy;

/// The health of one life of one server.
#[derive(Clone, Debug)]
pub struct Health {
    policy: CheckPolicy,
    admin: Admin,
    word: Word,
    silent_since: Option<Duration>,
    /// It has not been heard for longer than usual: silence may be near.
    quiet: bool,
    /// What a connect met since then, which did not succeed, and when.
    missed: Option<(Duration, Proof)>,
    /// Most of its service fell silent with it: its silence counts for nothing.
    excused: bool,
    damping: Damping,
    /// Whether it was well when that was last looked at.
    well: bool,
    origin: Origin,
    trial: Trial,
    asking: Asking,
    /// When a doubt was last looked into.
    doubted: Option<Duration>,
    view: View,
}

impl Health {
    /// A server that has said nothing yet.
    #[must_use]
    pub fn new(policy: CheckPolicy, now: Duration) -> Self {
        let view = View {
            rise_fall: (policy.rise, policy.fall),
            since: now,
            ..View::default()
        };
        Self {
            policy,
            admin: Admin::Ready,
            word: Word::Starting,
            silent_since: None,
            quiet: false,
            missed: None,
            excused: false,
            damping: Damping::default(),
            well: false,
            origin: Origin::default(),
            trial: Trial::Unproven,
            asking: Asking::default(),
            doubted: None,
            view,
        }
    }

    /// What the operator decided and what was counted live on when a server's process is replaced.
    #[must_use]
    pub fn succeeding(mut self, now: Duration, earlier: &Self) -> Self {
        self.admin = earlier.admin;
        if earlier.well && self.word == earlier.word && self.origin.is_process_of(&earlier.origin) {
            // But another life of one process in gossip: nothing has ended, or is to be proved again.
            (self.trial, self.damping, self.well) = (earlier.trial, earlier.damping, true);
        }
        // Another version is another webapp, and who is in use stays so.
        if self.origin.is_version_of(&earlier.origin) && !self.well {
            self.damping = earlier.damping;
            // Replaced while it was well: it ended without a goodbye.
            if earlier.well && !earlier.excused {
                self.damping.strike(now);
            }
        }
        self.view = std::mem::take(&mut self.view).succeeding(&earlier.view);
        self.settle(now);
        self
    }

    /// As it is left behind by a server shown under another name from now on: nothing ended there.
    #[must_use]
    pub fn moved_on(mut self) -> Self {
        self.well = false;
        self
    }

    /// How it looks.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// What it last said.
    #[must_use]
    pub const fn word(&self) -> &Word {
        &self.word
    }

    /// Whether proof has taken it out, whatever it says.
    #[must_use]
    pub fn is_disproved(&self) -> bool {
        matches!(self.trial, Trial::Ejected { .. } | Trial::Lost)
    }

    /// Whether it is well, and only held out because it went down too often.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.is_well() && self.view.held_until.is_some()
    }

    fn is_well(&self) -> bool {
        let said = self.admin == Admin::Ready && self.word == Word::Ready;
        said && self.trial.is_passed(self.policy.rise)
    }

    /// How often it went down of late; see [`Damping`].
    #[must_use]
    pub fn penalty(&self, now: Duration) -> f64 {
        self.damping.penalty(now)
    }

    /// It is needed, however often it went down.
    pub fn release(&mut self, now: Duration) {
        self.damping.release();
        self.settle(now);
    }

    /// The same, of the version of the webapp that `node` tells, if it does, and of its process.
    #[must_use]
    pub fn of(mut self, node: &Node) -> Self {
        self.origin = Origin::of(node);
        self
    }

    /// Whether gossip hears it, as far as that may be told from a crowd.
    #[must_use]
    pub const fn voice(&self) -> Voice {
        Voice {
            silent_since: self.silent_since,
            quiet: self.quiet,
            excused: self.excused,
        }
    }

    /// Its silence counts for nothing, since most fell silent with it; or it counts again.
    pub fn excuse(&mut self, now: Duration, excused: bool) {
        if self.excused == excused || self.silent_since.is_none() {
            return;
        }
        self.excused = excused;
        match self.trial {
            Trial::Lost if excused => self.begin_trial(now),
            _ if !excused => self.suspect(now),
            _ => {}
        }
        self.settle(now);
    }

    /// Whether it may finish what it has, but take nothing new.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.admin != Admin::Ready || matches!(self.word, Word::Draining | Word::Left)
    }

    /// Whether it can be forgotten: left, or silent and out for longer than
    /// [`CheckPolicy::forget`].
    #[must_use]
    pub fn is_over(&self, now: Duration) -> bool {
        self.word == Word::Left
            || self.over_at().is_some_and(|at| {
                !self.view.shown.is_up() && (self.word == Word::Starting || now >= at)
            })
    }

    /// When [`is_over`](Self::is_over) becomes true if it is out and nothing else happens.
    #[must_use]
    pub fn over_at(&self) -> Option<Duration> {
        let silent_since = self.silent_since.filter(|_| !self.excused)?;
        Some(silent_since.max(self.view.since) + self.policy.forget)
    }

    /// The operator decides.
    pub fn decide(&mut self, now: Duration, admin: Admin) {
        if self.admin != Admin::Ready && admin == Admin::Ready && self.word == Word::Ready {
            self.begin_trial(now);
        }
        self.admin = admin;
        self.settle(now);
    }

    /// The server speaks.
    pub fn say(&mut self, now: Duration, word: &Word) {
        if self.word == *word {
            return;
        }
        self.word = word.clone();
        if self.word == Word::Ready {
            self.begin_trial(now);
        } else {
            // An excuse is for whose last word was `ready`.
            self.excused = false;
            self.trial = Trial::Unproven;
            self.asking.cancel();
        }
        self.settle(now);
    }

    /// Gossip hears it, or has stopped to.
    pub fn hear(&mut self, now: Duration, live: bool) {
        match (live, self.silent_since) {
            (true, Some(_)) => {
                self.silent_since = None;
                (self.quiet, self.missed) = (false, None);
                let excused = std::mem::take(&mut self.excused);
                match self.trial {
                    Trial::Lost => self.begin_trial(now),
                    // Out with most of its service: its probes may be far apart by now.
                    Trial::Ejected { .. } if excused => self.recover_from(now),
                    _ => {}
                }
            }
            (false, None) => {
                self.silent_since = Some(now);
                self.suspect(now);
            }
            _ => return,
        }
        self.settle(now);
    }

    /// Gossip has not heard it for longer than usual, or hears it again: whoever may be about to
    /// fall silent is asked before, so that the answer is there when the verdict is.
    pub fn fall_quiet(&mut self, now: Duration, quiet: bool) {
        if self.silent_since.is_some() || std::mem::replace(&mut self.quiet, quiet) == quiet {
            return;
        }
        self.missed = None;
        let is_up = matches!(self.trial, Trial::Checked(health) if health >= self.policy.rise);
        if quiet && is_up && !self.asking.is_under_way() {
            self.asking.ask_early(now);
        }
    }

    /// A request met refused or unreachable.
    pub fn eject(&mut self, now: Duration, proof: Proof) {
        if self.word != Word::Ready {
            return;
        }
        self.view.last = Some(proof);
        self.put_out(now);
        self.settle(now);
    }

    /// A request got no answer on a fresh connection: one connect tells a crash from a webapp
    /// that merely hangs up on some requests.
    pub fn doubt(&mut self, now: Duration) {
        let asked = self.doubted.is_some_and(|at| now < at + DOUBTS);
        // What was asked for quiet alone answers this too.
        let _ = self.asking.take_early();
        if matches!(self.trial, Trial::Checked(_))
            && self.view.shown.is_up()
            && !self.asking.is_under_way()
            && !asked
        {
            self.doubted = Some(now);
            self.asking.ask_between(now);
        }
    }

    /// When the next probe is due.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.asking.due().map(|(at, _)| at)
    }

    /// Begins the probe that is due, if any: what to ask, and the round to answer with.
    pub fn begin(&mut self, now: Duration) -> Option<(Probe, u64)> {
        if self.view.held_until.is_some_and(|until| until <= now) {
            self.settle(now);
        }
        let (_, probe) = self.asking.due().filter(|(at, _)| *at <= now)?;
        let round = self.asking.begin();
        if probe == Probe::Connect
            && self.is_suspect()
            && let Some((at, proof)) = self.missed.take()
            && now < at + MISSED
        {
            // That has been asked, when it fell quiet.
            self.prove(now, round, probe, proof);
            return None;
        }
        self.view.checking = true;
        Some((probe, round))
    }

    /// A probe could not be made, for want of something of ours: it says nothing of the server,
    /// and is asked again.
    pub fn retry(&mut self, now: Duration, round: u64, probe: Probe) {
        if self.asking.end(round) {
            self.view.checking = false;
            self.asking.go_on(now + self.policy.recovery, probe);
        }
    }

    /// A probe has ended.
    pub fn prove(&mut self, now: Duration, round: u64, probe: Probe, proof: Proof) {
        if !self.asking.end(round) {
            return;
        }
        self.view.checking = false;
        let passed = proof.finding.passed();
        if self.asking.take_early() && !passed && self.silent_since.is_none() {
            // Nothing yet: it is heard.
            self.missed = self.quiet.then_some((now, proof));
            return self.asking.go_on_checking(now + self.policy.interval);
        }
        if passed {
            self.missed = None;
        }
        // A connect that merely confirms says less than the check that stood before.
        if !(passed && probe == Probe::Connect && matches!(self.trial, Trial::Checked(_))) {
            self.view.last = Some(proof);
        }
        match self.trial {
            Trial::Unproven if passed => self.pass_trial(now, probe),
            Trial::Unproven => self.put_out(now),
            Trial::Checked(health) => self.checked(now, health, probe, passed),
            Trial::Ejected { good, delay } => self.recovering(now, good, delay, passed),
            Trial::Lost => {}
        }
        self.settle(now);
    }

    /// Its silence counts from now on.
    fn suspect(&mut self, now: Duration) {
        match self.trial {
            // It is being asked.
            Trial::Checked(_) if self.asking.is_early() => {}
            Trial::Checked(health) if health >= self.policy.rise => self.asking.ask_between(now),
            Trial::Unproven => {}
            // Already disproved: silence makes it complete.
            _ => self.lose(),
        }
    }

    const fn is_suspect(&self) -> bool {
        self.silent_since.is_some() && !self.excused
    }

    fn pass_trial(&mut self, now: Duration, by: Probe) {
        self.trial = Trial::Checked(self.full());
        // Admitted by a connect: its own check follows at once.
        let next = if by == Probe::Connect {
            now
        } else {
            now + self.policy.interval
        };
        self.asking.go_on(next, Probe::Full);
    }

    fn checked(&mut self, now: Duration, health: u32, probe: Probe, passed: bool) {
        let up = health >= self.policy.rise;
        self.asking.go_on_checking(now + self.policy.interval);
        if passed {
            if probe == Probe::Full {
                let risen = health + 1;
                let full = up || risen >= self.policy.rise;
                self.trial = Trial::Checked(if full { self.full() } else { risen });
            }
            return;
        }
        if up {
            self.view.failures += 1;
        }
        if up && (self.is_suspect() || (probe == Probe::Connect && !self.excused)) {
            return self.put_out(now);
        }
        let fallen = health.saturating_sub(1);
        if up && self.excused {
            self.doubt_with_all(now, fallen, probe);
        } else {
            self.trial = Trial::Checked(if fallen < self.policy.rise { 0 } else { fallen });
        }
    }

    /// Most are silent with it: the full count of failures takes it out, in quick succession.
    fn doubt_with_all(&mut self, now: Duration, fallen: u32, probe: Probe) {
        if fallen < self.policy.rise {
            return self.put_out(now);
        }
        self.trial = Trial::Checked(fallen);
        if probe == Probe::Connect {
            self.asking.insert(now + self.policy.recovery);
        }
    }

    fn recovering(&mut self, now: Duration, good: u32, delay: Duration, passed: bool) {
        if passed && good + 1 >= self.policy.rise {
            return self.pass_trial(now, Probe::Full);
        }
        let (good, delay) = if passed {
            (good + 1, delay)
        } else {
            (0, (delay * 2).min(self.policy.interval))
        };
        self.trial = Trial::Ejected { good, delay };
        self.asking.go_on(now + delay, Probe::Full);
    }

    fn begin_trial(&mut self, now: Duration) {
        self.trial = Trial::Unproven;
        self.asking.ask(now, Probe::Connect);
    }

    fn put_out(&mut self, now: Duration) {
        if self.is_suspect() {
            return self.lose();
        }
        if matches!(self.trial, Trial::Ejected { .. }) {
            return; // its recovery is under way, and keeps its pace
        }
        self.recover_from(now + self.policy.recovery);
    }

    fn recover_from(&mut self, at: Duration) {
        self.trial = Trial::Ejected {
            good: 0,
            delay: self.policy.recovery,
        };
        self.asking.ask(at, Probe::Full);
    }

    fn lose(&mut self) {
        self.trial = Trial::Lost;
        self.asking.cancel();
    }

    const fn full(&self) -> u32 {
        self.policy.rise + self.policy.fall - 1
    }

    /// Brings the view in line after any change.
    fn settle(&mut self, now: Duration) {
        self.view.held_until = self.damping.held_until(now);
        let (mut shown, well) = (self.shown(), self.is_well());
        let was_well = std::mem::replace(&mut self.well, well);
        let fell = was_well && !well;
        if fell && matches!(shown, Shown::Down { .. }) && !self.excused {
            self.damping.strike(now);
            self.view.held_until = self.damping.held_until(now);
            shown = self.shown();
        }
        self.view.silent = self.silent_since.is_some();
        self.view.checking = self.asking.is_under_way();
        self.view.reason = match &self.word {
            Word::Down(reason) => Some(Arc::clone(reason)),
            _ => None,
        };
        self.view.counter = match self.trial {
            Trial::Checked(health) => health,
            Trial::Ejected { good, .. } => good,
            Trial::Unproven | Trial::Lost => 0,
        };
        self.view.turn(now, shown);
    }

    fn shown(&self) -> Shown {
        match (self.admin, &self.word) {
            (Admin::Maint, _) => Shown::Maint,
            (_, Word::Starting) => Shown::Hidden,
            (Admin::Drain, _) | (_, Word::Draining | Word::Left) => Shown::Drain,
            (_, Word::Down(_)) => Shown::Down { good: 0 },
            (_, Word::Ready) => self.trial.shown(
                self.policy.rise,
                self.view.shown,
                self.view.held_until.is_some(),
            ),
        }
    }
}

/// For so long what a connect met says how a server is.
const MISSED: Duration = Duration::from_secs(1);
/// Between two connects that doubts ask for: a client that provokes them must not buy many.
const DOUBTS: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
