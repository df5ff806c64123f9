//! Who may speak of whom. What a node says of itself is taken from its own mouth: from the address
//! at which it gossips. What others tell of it is let in only once it has been asked there and
//! has not answered, so that nobody can put a word into the mouth of a node that is there, nor
//! a later life in its place.
//!
//! Heartbeats are told by everybody: they say that a node is alive, and nothing else.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use crate::inspect::{Message, NodeKeys, identity};

/// Who speaks at which address, and what is told of others that is doubted.
#[derive(Debug, Default)]
pub struct Hearsay {
    here: Option<SocketAddr>,
    voices: HashMap<SocketAddr, Voice>,
    rumours: HashMap<Box<[u8]>, Rumour>,
    /// When one more may be asked.
    next: Duration,
    wonders: bool,
    /// Whether others are believed after all.
    trusts: bool,
}

/// Who speaks at an address.
#[derive(Debug, Default)]
struct Voice {
    /// Which node it says it is.
    id: Option<Box<[u8]>>,
    /// When it last spoke so that it can be nobody else.
    proven: Option<Duration>,
}

/// Something told of a node by another.
#[derive(Clone, Copy, Debug)]
struct Rumour {
    place: SocketAddr,
    /// When it was told, or the node was first asked.
    since: Duration,
    asked: usize,
    /// How often the node has answered without saying so itself.
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

    /// Whether others are believed: in a crowd a member cannot ask everybody.
    pub fn trust(&mut self, trusts: bool) {
        self.trusts = trusts;
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
        self.make_room(now);
        if self.voices.len() >= VOICES && !self.voices.contains_key(&speaker.from) {
            return;
        }
        let voice = self.voices.entry(speaker.from).or_default();
        if speaker.proven {
            voice.proven = Some(now);
        } else if voice.proven.is_some_and(|at| now < at + STILL) {
            return;
        }
        let first = message.digest.first().map(|entry| entry.id);
        let is_there = |id: &&[u8]| identity(id).is_some_and(|(.., at)| at == speaker.from);
        if let Some(id) = first.filter(is_there)
            && voice.id.as_deref() != Some(id)
        {
            voice.id = Some(id.into());
        }
    }

    /// Whether `keys`, as `speaker` tells them, may be believed to be the node's own.
    pub fn believes(&mut self, now: Duration, speaker: Speaker, keys: &NodeKeys<'_>) -> bool {
        let Some((.., place)) = identity(keys.id) else {
            return false;
        };
        let voice = self.voices.get(&place);
        let is_it = voice.is_some_and(|voice| voice.id.as_deref() == Some(keys.id));
        if place == speaker.from && speaker.proven {
            if is_it {
                self.rumours.remove(keys.id);
            }
            return is_it;
        }
        if self.trusts || self.here == Some(place) {
            return self.trusts;
        }
        let spoke = voice.and_then(|voice| voice.proven);
        let who = voice.and_then(|voice| voice.id.as_deref());
        let is_over = who.is_some_and(|who| !is_it && generation_of(who) >= generation_of(keys.id));
        if is_over && spoke.is_some_and(|at| now < at + STILL) {
            // A later life is there now, or another node.
            return false;
        }
        if let Some(rumour) = self.rumours.get_mut(keys.id) {
            let answered = spoke.is_some_and(|at| at > rumour.since);
            if answered && now >= rumour.since + AGAIN * (1 << rumour.refuted.min(DOUBLINGS)) {
                (rumour.since, rumour.asked) = (now, 0);
                rumour.refuted += 1;
                self.wonders = true;
            }
            return !answered && rumour.asked == ASKED.len() && now >= rumour.since + PATIENCE;
        }
        if keys.matters && self.rumours.len() < RUMOURS {
            let rumour = Rumour {
                place,
                since: now,
                asked: 0,
                refuted: 0,
            };
            self.rumours.insert(keys.id.into(), rumour);
            self.wonders = true;
        }
        false
    }

    /// Whether there is somebody more to be asked than there was at the last call.
    pub fn wonders(&mut self) -> bool {
        std::mem::take(&mut self.wonders)
    }

    /// The addresses at which to ask now.
    pub fn asks(&mut self, now: Duration) -> BTreeSet<SocketAddr> {
        let mut places = BTreeSet::new();
        self.next = self.next.max(now.saturating_sub(BURST));
        for rumour in self.rumours.values_mut() {
            let voice = self.voices.get(&rumour.place);
            let spoke = voice.and_then(|voice| voice.proven);
            let answered = spoke.is_some_and(|at| at > rumour.since);
            let due = ASKED.get(rumour.asked);
            let is_due = due.is_some_and(|after| now >= rumour.since + *after);
            // One contact answers for all that is told of an address.
            if !is_due || answered || (!places.contains(&rumour.place) && self.next > now) {
                continue;
            }
            if rumour.asked == 0 {
                rumour.since = now;
            }
            rumour.asked += 1;
            if places.insert(rumour.place) {
                self.next += EACH;
            }
        }
        places
    }

    fn make_room(&mut self, now: Duration) {
        if self.voices.len() >= VOICES {
            let lasts = |voice: &Voice| voice.proven.is_some_and(|at| now < at + KEPT);
            self.voices.retain(|_, voice| lasts(voice));
        }
        if self.rumours.len() >= RUMOURS {
            self.rumours.retain(|_, rumour| now < rumour.since + KEPT);
        }
    }
}

fn generation_of(id: &[u8]) -> Option<u64> {
    identity(id).map(|(_, generation, _)| generation)
}

/// When a node is asked, after it was first.
const ASKED: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(150),
];
/// How long it has to answer. Who is alive needs a round trip.
const PATIENCE: Duration = Duration::from_millis(500);
/// Who has answered is asked again no sooner, and each time twice as late, up to 16 s: what others
/// tell may be old, or made up.
const AGAIN: Duration = Duration::from_millis(250);
const DOUBLINGS: u32 = 6;
/// How long who was heard at an address is taken to be there still.
const STILL: Duration = Duration::from_secs(10);
/// One more is asked each so often, so that whoever makes up nodes by the thousand cannot have
/// us ask them all; so many at once.
const EACH: Duration = Duration::from_millis(10);
const BURST: Duration = Duration::from_millis(640);
/// What is remembered of each, where there is no room for more.
const KEPT: Duration = Duration::from_secs(60);
const VOICES: usize = 4_096;
const RUMOURS: usize = 1_024;
