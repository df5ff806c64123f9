//! What happens to a cluster, drawn from a seed: a list of deeds and times. It knows nothing of
//! how the cluster takes them.

use super::chance::Chance;

/// A place for one node: balancers first, then members.
pub type Slot = usize;

/// Balancers there may be; their slots are 0 to 2.
pub const BALANCERS: usize = 3;
/// Members there may be; their slots are 3 to 14.
pub const MEMBERS: usize = 12;
/// All slots.
pub const SLOTS: usize = BALANCERS + MEMBERS;

/// What a cut takes away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lost {
    /// Everything, both ways.
    All,
    /// Gossip, both ways; connections work.
    Gossip,
    /// Gossip from the first to the second.
    OneWay,
    /// Connections; gossip works.
    Http,
}

/// Something that happens to a cluster. Durations are milliseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// A node begins to run where it was before; a member beside its webapp.
    Start(Slot),
    /// As `Start`, with another IP address.
    StartElsewhere(Slot),
    /// As `Start`, under the name of another member.
    StartAs(Slot, Slot),
    /// SIGTERM: a member drains and leaves, then its webapp ends.
    Leave(Slot),
    /// The node and its webapp end without a word.
    Kill(Slot),
    /// Only the `member` process ends; its webapp serves on.
    KillMember(Slot),
    /// The webapp ends; `member` sees it.
    KillWebapp(Slot),
    /// The webapp begins again.
    StartWebapp(Slot),
    /// Host and webapp stand still, then go on (SIGSTOP, `docker pause`).
    Stop(Slot, u64),
    /// Between two nodes something is lost for a while.
    Cut(Slot, Slot, Lost, u64),
    /// Between one node and everybody something is lost for a while.
    Isolate(Slot, Lost, u64),
    /// Datagrams are lost: percent, for a while.
    Loss(u64, u64),
    /// Datagrams take up to this long, for a while.
    Delay(u64, u64),
    /// The node's wall clock is set this many seconds ahead of the true time, from its next life on.
    Clock(Slot, i64),
    /// The members spread a made-up `ready` of the last life there that has left.
    Forge(Slot),
    /// On the host of the second, for so long, a made-up node says that the server of the first is its own.
    Claim(Slot, Slot, u64),
    /// On the host of the second, for so long, a made-up node says that it is the process of the first.
    Pose(Slot, Slot, u64),
    /// From the host of the second all are told of a life of the first that begins so much later.
    Foretell(Slot, Slot, u64),
}

/// A deed, and when: milliseconds from the beginning.
pub type Step = (u64, Deed);

/// The history of `seed`, in order of time.
#[must_use]
pub fn of(seed: u64) -> Vec<Step> {
    let mut chance = Chance::of(seed);
    let balancers = 1 + chance.below(BALANCERS as u64) as usize;
    let members = 1 + chance
        .below(MEMBERS as u64)
        .min(chance.below(MEMBERS as u64)) as usize;
    let mut author = Author {
        chance,
        balancers,
        members,
    };
    let mut steps = author.beginning();
    let length = author.chance.between(5_000, 30_000);
    let pause = author.chance.between(300, 4_000);
    let mut now = author.chance.between(0, 4_000);
    while now < length {
        author.disturb(now, &mut steps);
        now += author.chance.below(2 * pause);
    }
    forge(&mut Chance::of(!seed), &mut steps);
    lie(&mut Chance::of(seed.rotate_left(32)), members, &mut steps);
    steps.sort_by_key(|(at, _)| *at);
    steps
}

/// Of some farewells gossip tells the contrary later.
fn forge(chance: &mut Chance, steps: &mut Vec<Step>) {
    let leaves = steps.iter().filter_map(|(at, deed)| match deed {
        Deed::Leave(slot) if chance.percent(30) => {
            Some((at + chance.between(500, 10_000), Deed::Forge(*slot)))
        }
        _ => None,
    });
    let forged: Vec<_> = leaves.collect();
    steps.extend(forged);
}

/// In some histories somebody has the key who should not: servers are claimed, and those whose
/// they are made to begin anew, mostly in the same moment.
fn lie(chance: &mut Chance, members: usize, steps: &mut Vec<Step>) {
    if !chance.percent(30) {
        return;
    }
    let end = steps.iter().map(|(at, _)| *at).max().unwrap_or(0);
    // Now and then long enough that gossip forgets who is dead.
    let length = if chance.percent(5) { 150_000 } else { 5_000 };
    for _ in 0..chance.between(1, 5) {
        let at = chance.between(2_000, end + length);
        let mut member = || BALANCERS + chance.below(members as u64) as usize;
        let (victim, other) = (member(), member());
        let host = if chance.percent(50) { victim } else { other };
        let millis = chance.between(100, length.max(8_000));
        match chance.below(10) {
            0..6 => steps.push((at, Deed::Claim(victim, host, millis))),
            6..9 => steps.push((at, Deed::Pose(victim, host, millis))),
            _ => {}
        }
        if chance.percent(80) {
            let (pause, later) = (chance.below(60), chance.below(120_000));
            steps.push((at + pause, Deed::Foretell(victim, host, later)));
        }
    }
}

struct Author {
    chance: Chance,
    balancers: usize,
    members: usize,
}

impl Author {
    fn beginning(&mut self) -> Vec<Step> {
        let slots = (0..self.balancers).chain(BALANCERS..BALANCERS + self.members);
        let slots: Vec<_> = slots.collect();
        let spread = if self.chance.percent(50) { 3_000 } else { 0 };
        let mut start = |slot: Slot| (self.chance.between(0, spread), Deed::Start(slot));
        slots.into_iter().map(&mut start).collect()
    }

    fn disturb(&mut self, now: u64, steps: &mut Vec<Step>) {
        let (member, any) = (self.member(), self.any());
        let a_while = self.chance.between(100, 8_000);
        let back = now + self.chance.between(0, 6_000);
        let deed = match self.chance.below(100) {
            0..8 => Deed::Leave(member),
            8..20 => Deed::Kill(any),
            20..26 => Deed::KillMember(member),
            26..36 => Deed::KillWebapp(member),
            36..52 => Deed::Stop(any, a_while),
            52..66 => Deed::Cut(any, self.any(), self.lost(), a_while),
            66..78 => Deed::Isolate(any, self.lost(), a_while),
            78..86 => Deed::Loss(self.one_of([10, 30, 50, 80]), a_while),
            86..90 => Deed::Delay(self.one_of([20, 50, 100, 400]), a_while),
            90..95 => Deed::Clock(any, self.one_of([-3600, -5, 5, 3600])),
            _ => return steps.push((back, Deed::StartAs(member, self.member()))),
        };
        steps.push((now, deed));
        // What was ended mostly comes back.
        let again = match deed {
            Deed::KillWebapp(slot) => Deed::StartWebapp(slot),
            Deed::Leave(slot) | Deed::Kill(slot) | Deed::KillMember(slot) => {
                if self.chance.percent(75) {
                    Deed::Start(slot)
                } else {
                    Deed::StartElsewhere(slot)
                }
            }
            _ => return,
        };
        if self.chance.percent(85) {
            steps.push((back, again));
        }
    }

    fn member(&mut self) -> Slot {
        BALANCERS + self.chance.below(self.members as u64) as usize
    }

    /// A member, three times of four.
    fn any(&mut self) -> Slot {
        if self.chance.percent(75) {
            self.member()
        } else {
            self.chance.below(self.balancers as u64) as usize
        }
    }

    fn lost(&mut self) -> Lost {
        match self.chance.below(5) {
            0 | 1 => Lost::All,
            2 => Lost::Gossip,
            3 => Lost::OneWay,
            _ => Lost::Http,
        }
    }

    fn one_of<T: Copy, const N: usize>(&mut self, among: [T; N]) -> T {
        among[self.chance.below(N as u64) as usize]
    }
}
