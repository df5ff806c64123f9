//! Stands between the socket and chitchat: opens and seals datagrams, inspects what was in
//! them, and lets through what there is room for. It keeps no time and sends nothing itself.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::RandomState;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::gossip::config::Protection;
use crate::inspect::{
    DATAGRAM, DigestEntry, Fault, Message, NodeKeys, compress, decompress, put_first,
};
use crate::key_id::KeyId;
use crate::limit::{Buckets, Census, Hearsay, Speaker, room};
use crate::seal::{Content, Keyring, OVERHEAD, Opener, Refused, Sealer, Secret, looks_sealed};

/// What a node lets in and out.
#[derive(Debug)]
pub(super) struct Guard {
    cluster: Arc<str>,
    seal: Option<Seal>,
    buckets: Buckets,
    /// Of all together that are not proven: whoever has the key can seal under any number.
    unknown: Buckets,
    /// Of what is answered, apart: recordings played in a peer's name must not use up what that
    /// peer may say.
    hellos: Buckets,
    pub(super) census: Census,
    pub(super) hearsay: Hearsay,
    heard: HashMap<SocketAddr, Heard>,
}

/// When a source last spoke, and when it last sealed.
#[derive(Clone, Copy, Debug)]
struct Heard {
    at: Duration,
    sealed: Option<Duration>,
    /// The number it sealed under, which is repeated to it, or 0.
    number: u64,
    /// When it last repeated ours.
    proven: Option<Duration>,
}

/// Who sealed a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Origin {
    /// The number it goes by towards us; none in clear.
    number: Option<u64>,
    /// It receives where it sends from; in clear this is taken for granted.
    proven: bool,
}

#[derive(Debug)]
struct Seal {
    /// Gives our number towards each address.
    secret: Secret,
    sealer: Sealer,
    opener: Opener,
    /// Clear datagrams are accepted too, and sent to whom is not known to seal.
    migrates: bool,
}

/// Now: since any fixed moment, and in Unix seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) since: Duration,
    pub(super) unix: u32,
}

/// Why a datagram is not given to chitchat.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Turned {
    /// There is nothing in it.
    Empty,
    /// Sealed, and this node has no key.
    Keyless,
    /// It cannot be opened, or not again.
    Refused(Refused),
    /// Its source speaks too often.
    TooOften,
    /// So do those, all together, that have not proved to be where they send from; this one by the
    /// number it seals under.
    Unknown(u64),
    /// It comes from another cluster, of this name.
    Foreign(Box<str>),
    /// It is no message, or one that nobody honest sends.
    Malformed(Fault),
}

impl Guard {
    /// With this process's `secret`, drawn at random.
    pub(super) fn new(protection: &Protection, cluster: &Arc<str>, secret: Secret) -> Self {
        let seal = protection.keyring.as_ref().map(|keyring| Seal {
            sealer: Sealer::new(keyring, cluster).after(secret.beginning()),
            opener: Opener::new(keyring.clone(), cluster),
            secret,
            migrates: protection.migrates,
        });
        Self {
            cluster: Arc::clone(cluster),
            seal,
            buckets: Buckets::new(RandomState::new()),
            unknown: Buckets::new(RandomState::new()),
            hellos: Buckets::new(RandomState::new()),
            census: Census::default(),
            hearsay: Hearsay::default(),
            heard: HashMap::new(),
        }
    }

    /// This node is called so now, as it stands on the wire.
    pub(super) fn introduce(&mut self, me: Vec<u8>) {
        self.hearsay.introduce(&me);
        self.census.introduce(me);
    }

    /// Makes `message` tell who speaks.
    pub(super) fn sign(&self, message: &mut [u8]) {
        put_first(message, self.census.me());
    }

    /// The ids of the keys held, the sealing one first.
    pub(super) fn keys(&self) -> Vec<KeyId> {
        let seal = self.seal.as_ref();
        seal.map_or_else(Vec::new, |seal| seal.opener.keyring().ids())
    }

    /// Goes on with other keys.
    pub(super) fn rekey(&mut self, keyring: Keyring) {
        if let Some(seal) = &mut self.seal {
            seal.sealer.rekey(&keyring);
            seal.opener.rekey(keyring);
        }
    }

    /// When a datagram that was let through last came from `address`.
    pub(super) fn heard(&self, address: SocketAddr) -> Option<Duration> {
        self.heard.get(&address).map(|heard| heard.at)
    }

    /// The gossip message in `datagram`, less what there is no room for.
    pub(super) fn admit<'a>(
        &mut self,
        now: Times,
        from: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Result<Cow<'a, [u8]>, Turned> {
        let (message, origin) = match self.open(now, from, datagram) {
            Err(turned) => {
                self.note_number(now.since, from, &turned);
                return Err(turned);
            }
            Ok(opened) => opened,
        };
        if message.is_empty() {
            self.note(now.since, from, origin);
            return Err(Turned::Empty);
        }
        if let Err(turned) = self.charge(now.since, from, origin) {
            // An answer that is waited for may have been among what is not heard.
            self.hearsay.miss(now.since);
            return Err(turned);
        }
        let inspected = Message::read(&message).map_err(Turned::Malformed)?;
        if let Some(other) = inspected.cluster.filter(|name| **name != *self.cluster) {
            return Err(Turned::Foreign(other.into()));
        }
        let rest = self.sift(now.since, from, origin, &inspected);
        self.note(now.since, from, origin);
        Ok(rest.map_or(message, Cow::Owned))
    }

    /// Whether its source may speak once more.
    fn charge(&mut self, now: Duration, from: SocketAddr, origin: Origin) -> Result<(), Turned> {
        let Origin { number, proven } = origin;
        let may = match number {
            Some(number) if !proven && !self.unknown.take(now, ()) => {
                return Err(Turned::Unknown(number));
            }
            // A stranger cannot seal, but send from another's address.
            Some(number) => self.buckets.take(now, number),
            None => self.buckets.take(now, from),
        };
        may.then_some(()).ok_or(Turned::TooOften)
    }

    /// What of `message` gossip may not see is taken out.
    fn sift(
        &mut self,
        now: Duration,
        from: SocketAddr,
        origin: Origin,
        message: &Message<'_>,
    ) -> Option<Vec<u8>> {
        let speaker = Speaker {
            // As an identity tells it: without what only this host knows of it.
            from: SocketAddr::new(from.ip(), from.port()),
            proven: origin.proven,
        };
        let hearsay = &mut self.hearsay;
        hearsay.listen(now, speaker, message);
        let plausible = |entry: &DigestEntry<'_>| hearsay.is_plausible(now, speaker, entry);
        let heartbeats: Vec<_> = message.digest.iter().map(plausible).collect();
        let believed = |keys: &NodeKeys<'_>| hearsay.believes(now, speaker, keys);
        self.census.sift(speaker, message, &heartbeats, believed)
    }

    fn open<'a>(
        &mut self,
        now: Times,
        from: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Result<(Cow<'a, [u8]>, Origin), Turned> {
        let is_sealed = looks_sealed(datagram);
        let seals = self.seals(now.since, from);
        let seal = match &mut self.seal {
            Some(seal) if is_sealed || !seal.migrates => seal,
            None if is_sealed => return Err(Turned::Keyless),
            _ => {
                // Junk does not use up what its source may say.
                Message::begins(datagram).map_err(Turned::Malformed)?;
                // Whoever seals does not need to be believed in clear.
                let (number, proven) = (None, !seals);
                return Ok((Cow::Borrowed(datagram), Origin { number, proven }));
            }
        };
        // Junk is not worth a hash.
        seal.opener.recognise(datagram).map_err(Turned::Refused)?;
        let own = seal.secret.number(from);
        let opened = seal.opener.open(now.unix, own, datagram);
        let opened = opened.map_err(Turned::Refused)?;
        let message = match opened.content {
            Content::Hello => Cow::Borrowed(&[][..]),
            Content::Gossip => Cow::Borrowed(opened.message),
            Content::Compressed => {
                let message = decompress(opened.message, DATAGRAM);
                Cow::Owned(message.map_err(Turned::Malformed)?)
            }
        };
        let (number, proven) = (Some(opened.number), opened.proven);
        Ok((message, Origin { number, proven }))
    }

    fn note(&mut self, now: Duration, from: SocketAddr, origin: Origin) {
        let lasts = |heard: &Heard| now < heard.at + VOICE_KEPT;
        if !room::make(&mut self.heard, from, origin.proven, lasts) {
            return;
        }
        let heard = self.heard.entry(from).or_insert(Heard {
            at: now,
            sealed: None,
            number: 0,
            proven: None,
        });
        heard.at = now;
        if let Some(number) = origin.number {
            heard.sealed = Some(now);
            // Whoever has the key may make up a source, and a number.
            let stays = heard.proven.is_some_and(|at| now < at + PROVEN_STILL);
            if origin.proven || !stays {
                heard.number = number;
            }
            if origin.proven {
                heard.proven = Some(now);
            }
        }
    }

    /// By what number a node that is not known goes, of which `turned` tells: it seals, if for
    /// who was here before us, and is answered by it.
    fn note_number(&mut self, now: Duration, from: SocketAddr, turned: &Turned) {
        if let Turned::Refused(Refused::Unproven { number, .. }) = *turned
            && self.echo_to(from) == 0
        {
            let (number, proven) = (Some(number), false);
            self.note(now, from, Origin { number, proven });
        }
    }

    /// The datagrams that carry `message` to `to`: sealed, or in clear, or both while it is
    /// not known which of them is understood.
    pub(super) fn dress<'a>(
        &mut self,
        now: Times,
        to: SocketAddr,
        message: &'a [u8],
    ) -> impl Iterator<Item = Cow<'a, [u8]>> + use<'a> {
        let (echo, seals) = (self.echo_to(to), self.seals(now.since, to));
        let Some(seal) = &mut self.seal else {
            return [Some(Cow::Borrowed(message)), None].into_iter().flatten();
        };
        let clear = (seal.migrates && !seals).then_some(Cow::Borrowed(message));
        let sealed = seal.sealed(now.unix, to, echo, message).map(Cow::Owned);
        [sealed, clear].into_iter().flatten()
    }

    /// A datagram that tells our number to the sender at `to` that goes by `echo`.
    pub(super) fn hello(&mut self, now: Times, to: SocketAddr, echo: u64) -> Option<Vec<u8>> {
        if !self.hellos.take(now.since, to) {
            return None;
        }
        let seal = self.seal.as_mut()?;
        let mut out = Vec::new();
        let own = seal.secret.number(to);
        let sealer = &mut seal.sealer;
        let done = sealer.seal(Content::Hello, own, now.unix, echo, &[], &mut out);
        done.then_some(out)
    }

    /// Whether whoever is at `address` is known to seal.
    fn seals(&self, now: Duration, address: SocketAddr) -> bool {
        let sealed = self.heard.get(&address).and_then(|heard| heard.sealed);
        sealed.is_some_and(|at| now < at + SEALS_STILL)
    }

    fn echo_to(&self, address: SocketAddr) -> u64 {
        self.heard.get(&address).map_or(0, |heard| heard.number)
    }
}

impl Seal {
    /// `message` in an envelope: compressed where that pays, and cut where it must be.
    fn sealed(&mut self, now: u32, to: SocketAddr, echo: u64, message: &[u8]) -> Option<Vec<u8>> {
        let compressed = (message.len() >= WORTH_IT).then(|| compress(message));
        let (content, body) = match compressed.flatten() {
            Some(short) if short.len() + WORTH_IT / 16 < message.len() => {
                (Content::Compressed, Cow::Owned(short))
            }
            _ => (Content::Gossip, fitting(message)?),
        };
        let (content, body) = if body.len() > DATAGRAM - OVERHEAD {
            (Content::Gossip, fitting(message)?)
        } else {
            (content, body)
        };
        let mut out = Vec::with_capacity(body.len() + OVERHEAD);
        let own = self.secret.number(to);
        let sealer = &mut self.sealer;
        let done = sealer.seal(content, own, now, echo, &body, &mut out);
        done.then_some(out)
    }
}

/// As much of `message` as an envelope holds.
fn fitting(message: &[u8]) -> Option<Cow<'_, [u8]>> {
    if message.len() <= DATAGRAM - OVERHEAD {
        return Some(Cow::Borrowed(message));
    }
    let parts = Message::read(message).ok()?;
    parts.within(DATAGRAM - OVERHEAD).map(Cow::Owned)
}

const VOICE_KEPT: Duration = Duration::from_secs(10);
/// How long who has sealed is taken to have its key still, while migrating.
const SEALS_STILL: Duration = Duration::from_secs(10);
/// How long the number of a proven sender is not overwritten by what is unproven. For as long,
/// who has started again may be answered with its former number, which costs it one exchange.
const PROVEN_STILL: Duration = Duration::from_secs(2);
/// Shorter messages have little in them that repeats.
const WORTH_IT: usize = 256;

#[cfg(test)]
mod tests;
