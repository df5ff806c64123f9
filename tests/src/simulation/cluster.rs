//! A whole cluster of real gossip (chitchat inside) over the network in memory. Scripts and
//! measurements speak to it in words.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use member::gossip::{Gossip, GossipConfig, Protection};
use member::node::{Description, Word};
use member::parse::HostPort;
use member::snapshot::{Presence, Snapshot};
use tokio::time::{Instant, sleep};

use super::network::Network;

/// Balancers and members that gossip.
#[derive(Debug)]
pub struct Cluster {
    /// What they gossip over.
    pub network: Network,
    protection: Protection,
    balancers: Vec<Gossip>,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    gossip: Option<Gossip>,
    generation: u64,
    moves: u8,
}

impl Cluster {
    /// Starts so many of each; every member says `ready`.
    pub async fn start(seed: u64, balancers: usize, members: usize) -> Self {
        Self::start_under(Protection::default(), seed, balancers, members).await
    }

    /// As [`Cluster::start`], with this `protection` on all of them.
    pub async fn start_under(
        protection: Protection,
        seed: u64,
        balancers: usize,
        members: usize,
    ) -> Self {
        let network = Network::new(seed);
        let mut cluster = Self {
            network,
            protection,
            balancers: Vec::new(),
            members: Vec::new(),
        };
        for number in 0..balancers {
            let gossip = cluster.balancer(number, balancers, 0).await;
            cluster.balancers.push(gossip);
        }
        for number in 0..members {
            cluster.members.push(Member {
                gossip: None,
                generation: 0,
                moves: 0,
            });
            cluster.begin(number).await;
        }
        cluster
    }

    async fn balancer(&self, number: usize, of: usize, above: u64) -> Gossip {
        let mut config = GossipConfig::new(Description::balancer(&format!("lb{number}")));
        config.listen = lb(number);
        config.seeds = seeds(of);
        config.above = above;
        config.protection = self.protection.clone();
        let port = self.network.port(config.listen);
        Gossip::start_over(config, port).await.expect("it starts")
    }

    /// A balancer ends without a word, and begins where it was, knowing nobody.
    pub async fn restart_balancer(&mut self, number: usize) {
        let of = self.balancers.len();
        let before = self.balancers.remove(number);
        let generation = before
            .identity()
            .borrow()
            .as_ref()
            .map(|it| it.key.generation);
        drop(before);
        let gossip = self
            .balancer(number, of, generation.unwrap_or_default())
            .await;
        self.balancers.insert(number, gossip);
    }

    /// How many members there are, running or not.
    #[must_use]
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// A member begins to run, and says `ready`.
    pub async fn begin(&mut self, number: usize) {
        let balancers = self.balancers.len();
        let member = &mut self.members[number];
        let address = at(number, member.moves);
        let http = SocketAddr::new(address.ip(), 3000);
        let mut config = GossipConfig::new(Description::backend(&name(number), http));
        config.listen = address;
        config.seeds = seeds(balancers);
        config.above = member.generation;
        config.protection = self.protection.clone();
        let port = self.network.port(address);
        let gossip = Gossip::start_over(config, port).await.expect("it starts");
        gossip.say(Word::Ready);
        member.gossip = Some(gossip);
    }

    /// A member ends without a word.
    pub fn kill(&mut self, number: usize) {
        let member = &mut self.members[number];
        if let Some(gossip) = member.gossip.take()
            && let Some(identity) = &*gossip.identity().borrow()
        {
            member.generation = identity.key.generation;
        }
    }

    /// A member leaves.
    pub async fn leave(&mut self, number: usize) {
        let gossip = self.members[number].gossip.clone();
        self.kill(number);
        if let Some(gossip) = gossip {
            gossip.leave().await;
        }
    }

    /// A member that does not run has another address when it begins again.
    pub fn move_house(&mut self, number: usize) {
        self.members[number].moves += 1;
    }

    /// Cuts a member off from everybody, or only from the balancers.
    pub fn isolate(&self, number: usize, from_members: bool) {
        let here = self.host(number);
        let balancers = (0..self.balancers.len()).map(|number| lb(number).ip());
        let members = (0..self.members.len()).filter(|_| from_members);
        for there in balancers.chain(members.map(|other| self.host(other))) {
            self.network.cut(here, there);
            self.network.cut(there, here);
        }
    }

    /// Cuts two members off from each other.
    pub fn part(&self, one: usize, other: usize) {
        let (here, there) = (self.host(one), self.host(other));
        self.network.cut(here, there);
        self.network.cut(there, here);
    }

    /// Cuts a balancer off from everybody.
    pub fn deafen(&self, balancer: usize) {
        let here = lb(balancer).ip();
        let members = (0..self.members.len()).map(|member| self.host(member));
        let balancers = (0..self.balancers.len()).map(|other| lb(other).ip());
        for there in members.chain(balancers) {
            self.network.cut(here, there);
            self.network.cut(there, here);
        }
    }

    /// Waits until every balancer sees a member's newest life so; how long that took, or what is
    /// seen instead.
    ///
    /// # Errors
    /// It does not become so within `limit` of virtual time.
    pub async fn until(
        &self,
        number: usize,
        limit: Duration,
        wanted: Seen,
    ) -> Result<Duration, String> {
        let began = Instant::now();
        for (balancer, gossip) in self.balancers.iter().enumerate() {
            let mut snapshots = gossip.snapshots();
            let wait = snapshots.wait_for(|snapshot| wanted.is_of(snapshot, &name(number)));
            let left = limit.saturating_sub(began.elapsed());
            let held = tokio::time::timeout(left, wait)
                .await
                .map(|held| held.is_ok());
            if held != Ok(true) {
                let named = gossip.snapshots().borrow().clone();
                let named: Vec<_> = named.named(&name(number)).cloned().collect();
                return Err(format!(
                    "{} is not {wanted:?} for lb{balancer} within {limit:?}: {named:?}",
                    name(number)
                ));
            }
        }
        Ok(began.elapsed())
    }

    /// Waits until every running member is live and ready for every balancer.
    ///
    /// # Errors
    /// One is not, within `limit` of virtual time.
    pub async fn until_all_are_well(&self, limit: Duration) -> Result<Duration, String> {
        let began = Instant::now();
        for number in 0..self.members.len() {
            if self.members[number].gossip.is_some() {
                let left = limit.saturating_sub(began.elapsed());
                self.until(number, left, Seen::Ready).await?;
            }
        }
        Ok(began.elapsed())
    }

    /// Counts how often a balancer begins to take a member for silent, while `time` passes.
    pub async fn silences(&self, time: Duration) -> usize {
        let until = Instant::now() + time;
        let (mut count, mut silent) = (0, vec![Vec::new(); self.balancers.len()]);
        while Instant::now() < until {
            sleep(Duration::from_millis(50)).await;
            for (gossip, was) in self.balancers.iter().zip(&mut silent) {
                let snapshot = gossip.snapshots().borrow().clone();
                let backends = snapshot.backends();
                let now = backends.filter(|seen| seen.presence == Presence::Silent);
                let now: Vec<_> = now.map(|seen| seen.node.key.clone()).collect();
                count += now.iter().filter(|key| !was.contains(*key)).count();
                *was = now;
            }
        }
        count
    }

    /// kB/s that one member sends, and all balancers, once twenty seconds have passed.
    pub async fn traffic(&self) -> (f64, f64) {
        sleep(Duration::from_secs(20)).await;
        let before = self.sent();
        sleep(Duration::from_secs(10)).await;
        let after = self.sent();
        let rate = |bytes: u64| bytes as f64 / 10_000.0;
        let members = rate(after.0 - before.0);
        (
            members / self.members.len() as f64,
            rate(after.1 - before.1),
        )
    }

    /// Bytes that members and balancers have sent so far.
    fn sent(&self) -> (u64, u64) {
        let members = self.members.iter().filter_map(|m| m.gossip.as_ref());
        let sum = |of: u64, gossip: &Gossip| of + gossip.traffic().bytes_out;
        (members.fold(0, sum), self.balancers.iter().fold(0, sum))
    }

    fn host(&self, member: usize) -> IpAddr {
        at(member, self.members[member].moves).ip()
    }
}

/// How a balancer sees a member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Seen {
    /// Live and ready.
    Ready,
    /// Ready by its last word, but silent.
    Silent,
    /// It has left.
    Left,
}

impl Seen {
    fn is_of(self, snapshot: &Arc<Snapshot>, name: &str) -> bool {
        let newest = snapshot.named(name).last();
        newest.is_some_and(|seen| match self {
            Self::Ready => seen.node.word == Word::Ready && seen.presence == Presence::Live,
            Self::Silent => seen.node.word == Word::Ready && seen.presence == Presence::Silent,
            Self::Left => seen.node.word == Word::Left,
        })
    }
}

fn name(member: usize) -> String {
    format!("s{member}")
}

fn at(member: usize, moves: u8) -> SocketAddr {
    SocketAddr::from((
        [
            10,
            1 + moves,
            (member / 250) as u8,
            1 + (member % 250) as u8,
        ],
        7000,
    ))
}

fn lb(number: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + number as u8], 7373))
}

fn seeds(balancers: usize) -> Vec<HostPort> {
    (0..balancers)
        .map(|number| HostPort::from(lb(number)))
        .collect()
}
