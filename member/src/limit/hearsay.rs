//! Who may speak of whom. What a node says of itself is taken from its own mouth: from the address
//! at which it gossips. What others tell of it is let in only once it has been asked there and
//! has not answered, so that nobody can put a word into the mouth of a node that is there, nor
//! a later life in its place.
//!
//! Heartbeats are told by everybody, as far as the node can have come since it was last heard itself.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use crate::bucket::Bucket;
use crate::inspect::{DigestEntry, Message, NodeKeys, identity, is_at};
use crate::limit::room;
use crate::limit::voice::Voice;

/// Who speaks at which address, and what is told of others that is doubted.
#[derive(Debug, Default)]
pub struct Hearsay {
    here: Option<SocketAddr>,
    voices: HashMap<SocketAddr, Voice>,
    rumours: HashMap<Box<[u8]>, Rumour>,
    asking: Bucket,
    /// Until when nobody is taken not to have answered: we may not have heard it.
    deaf: Duration,
    wonders: bool,
    /// Whether others are believed after all, save about the nodes there.
    trusts: bool,
    doubted: BTreeSet<SocketAddr>,
}

/// Something told of a node by another.
#[derive(Clone, Copy, Debug)]
struct Rumour {
    place: SocketAddr,
    /// How far what is told reaches.
    version: u64,
    /// When it was told, or the node was first asked.
    since: Duration,
    asked: usize,
    /// How often the node has answered otherwise.
    refuted: u32,
}

/// Whoever sent a message.
#[derive(Clone, Copy, Debug)]
pub struct Speaker {
    /// Where it came from.
    pub from: SocketAddr,
    /// Whether it can have come from nowhere else.
    pub proven: bool,
}

impl Hearsay {
    /// This node gossips here: nobody needs to say who else does.
    pub fn introduce(&mut self, me: &[u8]) {
        self.here = identity(me).map(|(.., place)| place);
    }

    /// Whether others are believed, as in a crowd, where a member cannot ask everybody. About those
    /// that it depends on, at these addresses, they never are.
    pub fn trust(&mut self, trusts: bool) {
        self.trusts = trusts;
    }

    /// Those about whom nobody else is ever believed.
    pub fn doubt(&mut self, places: BTreeSet<SocketAddr>) {
        self.doubted = places;
    }

    /// Some of what is sent to us is not heard: who does not seem to answer may have done so.
    pub fn miss(&mut self, now: Duration) {
        self.deaf = now + DEAF;
    }

    /// When a node was last heard from its own mouth.
    pub fn heard(&self, name: &str, generation: u64, place: SocketAddr) -> Option<Duration> {
        let voice = self.voices.get(&place)?;
        let who = voice.id.as_deref().and_then(identity)?;
        let is_it = who == (name.as_bytes(), generation, place);
        voice.proven.filter(|_| is_it)
    }

    /// Takes in who speaks. A digest begins with the node that made it.
    pub fn listen(&mut self, now: Duration, speaker: Speaker, message: &Message<'_>) {
        let Speaker { from, proven } = speaker;
        let lasts = |voice: &Voice| voice.proven.is_some_and(|at| now < at + KEPT);
        if !room::make(&mut self.voices, from, proven, lasts) {
            return;
        }
        let voice = self.voices.entry(from).or_default();
        let is_there = |entry: &&DigestEntry<'_>| is_at(entry.id, from);
        let first = message.digest.first().filter(is_there);
        voice.speak(now, proven, first);
    }

    /// Whether a node can have come as far as `entry` tells.
    pub fn is_plausible(&self, now: Duration, speaker: Speaker, entry: &DigestEntry<'_>) -> bool {
        let Some((.., place)) = identity(entry.id) else {
            return false;
        };
        let voice = self.voices.get(&place).filter(|voice| voice.is(entry.id));
        let firsthand = place == speaker.from && speaker.proven;
        firsthand || voice.is_none_or(|voice| voice.may_be_at(now, entry.progress.heartbeat))
    }

    /// Whether `keys`, as `speaker` tells them, may be believed to be the node's own.
    pub fn believes(&mut self, now: Duration, speaker: Speaker, keys: &NodeKeys<'_>) -> bool {
        let Some((.., place)) = identity(keys.id) else {
            return false;
        };
        if place == speaker.from
            && speaker.proven
            && let Some(voice) = self.voices.get_mut(&place)
        {
            let is_it = voice.is(keys.id) || voice.yields_to(keys.id);
            if is_it {
                self.rumours.remove(keys.id);
            }
            return is_it;
        }
        if self.here == Some(place) {
            return false;
        }
        if self.trusts && !self.doubted.contains(&place) {
            return true;
        }
        let voice = self.voices.get(&place);
        if voice.is_some_and(|voice| voice.is_after(now, keys.id)) {
            // A later life is there now, or another node.
            return false;
        }
        match self.rumours.get_mut(keys.id) {
            Some(rumour) => {
                rumour.version = rumour.version.max(keys.version);
                let refuted = rumour.is_refuted(voice, keys.id);
                if refuted && now >= rumour.since + rumour.pause() {
                    *rumour = rumour.again(now);
                    self.wonders = true;
                }
                if now < self.deaf {
                    rumour.since = rumour.since.max(now.saturating_sub(SINCE_ASKED));
                }
                !refuted && rumour.is_over(now, voice)
            }
            None => {
                self.doubt_it(now, place, keys);
                false
            }
        }
    }

    /// Whoever it is told of is to be asked.
    fn doubt_it(&mut self, now: Duration, place: SocketAddr, keys: &NodeKeys<'_>) {
        let there = |rumours: &HashMap<_, Rumour>| {
            let there = rumours.values().filter(|rumour| rumour.place == place);
            there.count()
        };
        if self.rumours.len() >= RUMOURS || there(&self.rumours) >= LIVES {
            self.rumours.retain(|_, rumour| now < rumour.since + KEPT);
        }
        if keys.matters && self.rumours.len() < RUMOURS && there(&self.rumours) < LIVES {
            let rumour = Rumour {
                place,
                version: keys.version,
                since: now,
                asked: 0,
                refuted: 0,
            };
            self.rumours.insert(keys.id.into(), rumour);
            self.wonders = true;
        }
    }

    /// Whether there is somebody more to be asked than there was at the last call.
    pub fn wonders(&mut self) -> bool {
        std::mem::take(&mut self.wonders)
    }

    /// The addresses at which to ask now.
    pub fn asks(&mut self, now: Duration) -> BTreeSet<SocketAddr> {
        let mut places = BTreeSet::new();
        for (id, rumour) in &mut self.rumours {
            let due = ASKED.get(rumour.asked);
            let is_due = due.is_some_and(|after| now >= rumour.since + *after);
            let refuted = rumour.is_refuted(self.voices.get(&rumour.place), id);
            // One contact answers for all that is told of an address.
            if !is_due || refuted {
                continue;
            }
            if !places.contains(&rumour.place) && !self.asking.take(now, EACH, BURST) {
                continue;
            }
            if rumour.asked == 0 {
                rumour.since = now;
            }
            rumour.asked += 1;
            places.insert(rumour.place);
        }
        places
    }
}

impl Rumour {
    /// Whether the node has spoken since, and says that it has not said as much, or another speaks
    /// there.
    fn is_refuted(&self, voice: Option<&Voice>, id: &[u8]) -> bool {
        voice.is_some_and(|voice| {
            let spoke = voice.proven.is_some_and(|at| at > self.since);
            spoke && !(voice.is(id) && voice.version >= self.version)
        })
    }

    /// Whether it has been asked in vain. What it says comes a message after it has said how much that is.
    fn is_over(&self, now: Duration, voice: Option<&Voice>) -> bool {
        let rose = voice.map_or(Duration::ZERO, |voice| voice.rose);
        self.asked == ASKED.len() && now >= self.since.max(rose) + PATIENCE
    }

    /// How long who has answered is not asked again.
    fn pause(&self) -> Duration {
        AGAIN * (1 << self.refuted.min(DOUBLINGS))
    }

    fn again(self, now: Duration) -> Self {
        Self {
            since: now,
            asked: 0,
            refuted: self.refuted + 1,
            ..self
        }
    }
}

/// When a node is asked, after it was first.
const ASKED: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(150),
];
/// The last of them.
const SINCE_ASKED: Duration = ASKED[2];
/// How long it has to answer. Who is alive needs a round trip.
const PATIENCE: Duration = Duration::from_millis(500);
/// For how long what we have missed may have been an answer.
const DEAF: Duration = Duration::from_secs(1);
/// Who has answered is asked again no sooner, and each time twice as late, up to 16 s: what others
/// tell may be old, or made up.
const AGAIN: Duration = Duration::from_millis(250);
const DOUBLINGS: u32 = 6;
/// One more is asked each so often, so that whoever makes up nodes by the thousand cannot have
/// us ask them all; so many at once.
const EACH: Duration = Duration::from_millis(10);
const BURST: Duration = Duration::from_millis(630);
/// Lives at one address that are asked for at a time.
const LIVES: usize = 8;
/// What is remembered of each, where there is no room for more.
const KEPT: Duration = Duration::from_secs(60);
const RUMOURS: usize = 1_024;
