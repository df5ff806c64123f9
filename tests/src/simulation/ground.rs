//! What is so, whoever believes what: hosts, webapps, and the network between them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::history::{BALANCERS, Lost, SLOTS, Slot};

/// How a webapp is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Webapp {
    /// It answers.
    Up,
    /// Its host refuses connections.
    Refusing,
    /// Nobody is at its address.
    Gone,
}

/// One host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    /// Which of its addresses it has now.
    pub(super) moves: u8,
    /// Whose name its node bears.
    pub(super) named: Slot,
    /// Seconds its wall clock is ahead.
    pub(super) ahead: i64,
    pub(super) webapp: Webapp,
    /// Its processes stand still until then.
    pub(super) stopped_until: Option<Duration>,
}

/// A part of the network that is missing for a while.
#[derive(Clone, Copy, Debug)]
struct Cut {
    one: Slot,
    /// `None`: everybody.
    other: Option<Slot>,
    lost: Lost,
    until: Duration,
}

/// Hosts and network.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) hosts: [Host; SLOTS],
    cuts: Vec<Cut>,
    loss: (u64, Duration),
    delay: (u64, Duration),
    /// Who had an address last.
    owners: HashMap<SocketAddr, Slot>,
}

impl Ground {
    pub(super) fn new() -> Self {
        let host = |named| Host {
            moves: 0,
            named,
            ahead: 0,
            webapp: Webapp::Gone,
            stopped_until: None,
        };
        Self {
            hosts: std::array::from_fn(host),
            cuts: Vec::new(),
            loss: (0, Duration::ZERO),
            delay: (0, Duration::ZERO),
            owners: HashMap::new(),
        }
    }

    pub(super) fn cut(&mut self, one: Slot, other: Option<Slot>, lost: Lost, until: Duration) {
        self.cuts.push(Cut {
            one,
            other,
            lost,
            until,
        });
    }

    pub(super) fn lose(&mut self, percent: u64, until: Duration) {
        self.loss = (percent, until);
    }

    pub(super) fn slow(&mut self, millis: u64, until: Duration) {
        self.delay = (millis, until);
    }

    /// Percent of datagrams lost now.
    pub(super) fn loss(&self, now: Duration) -> u64 {
        if now < self.loss.1 { self.loss.0 } else { 0 }
    }

    /// The longest that a datagram takes now, in milliseconds.
    pub(super) fn delay(&self, now: Duration) -> u64 {
        if now < self.delay.1 { self.delay.0 } else { 2 }
    }

    /// Whether a datagram from one to the other gets through a network without loss.
    pub(super) fn carries(&self, from: Slot, to: Slot, now: Duration) -> bool {
        !self.missing(now).any(|cut| match cut.lost {
            Lost::All | Lost::Gossip => cut.is_between(from, to),
            Lost::OneWay => cut.is_from(from, to),
            Lost::Http => false,
        })
    }

    /// Whether connections between the two are possible.
    pub(super) fn connects(&self, one: Slot, other: Slot, now: Duration) -> bool {
        !self
            .missing(now)
            .any(|cut| matches!(cut.lost, Lost::All | Lost::Http) && cut.is_between(one, other))
    }

    /// Forgets cuts that are over.
    pub(super) fn mend(&mut self, now: Duration) {
        self.cuts.retain(|cut| now < cut.until);
    }

    pub(super) fn is_stopped(&self, slot: Slot) -> bool {
        self.hosts[slot].stopped_until.is_some()
    }

    /// The slot's present address for its webapp or gossip.
    pub(super) fn address(&self, slot: Slot, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, slot as u8, self.hosts[slot].moves], port))
    }

    /// Remembers that `slot` has its present address.
    pub(super) fn settle(&mut self, slot: Slot) {
        let address = self.address(slot, HTTP);
        self.owners.insert(address, slot);
    }

    /// Who listens at a webapp's address, and how that is.
    pub(super) fn webapp(&self, address: SocketAddr) -> Option<(Slot, Webapp)> {
        let slot = *self.owners.get(&address)?;
        let host = &self.hosts[slot];
        let moved = self.address(slot, HTTP) != address;
        let webapp = if moved { Webapp::Gone } else { host.webapp };
        Some((slot, webapp))
    }

    fn missing(&self, now: Duration) -> impl Iterator<Item = &Cut> {
        self.cuts.iter().filter(move |cut| now < cut.until)
    }
}

impl Cut {
    fn is_from(&self, from: Slot, to: Slot) -> bool {
        self.one == from && self.other.is_none_or(|other| other == to)
    }

    fn is_between(&self, one: Slot, other: Slot) -> bool {
        self.is_from(one, other) || self.is_from(other, one)
    }
}

/// Whether a slot is a balancer's.
pub(super) const fn is_balancer(slot: Slot) -> bool {
    slot < BALANCERS
}

/// Where webapps listen.
pub(super) const HTTP: u16 = 3000;
/// Where balancers gossip.
pub(super) const GOSSIP: u16 = 7373;
