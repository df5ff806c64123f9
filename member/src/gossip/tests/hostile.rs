//! Real messages, bent in every way, given to a node in clear: chitchat's task must outlive all
//! of them.

use std::collections::VecDeque;
use std::io;
use std::sync::PoisonError;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;
use crate::gossip::socket::Udp;
use crate::inspect::forge::{Forged, id};
use crate::inspect::{Message, Progress};

/// A socket that keeps what it receives and can be given more, each from another address.
#[derive(Debug)]
struct Tapped {
    udp: Udp,
    kept: Mutex<Vec<Vec<u8>>>,
    given: Mutex<VecDeque<Vec<u8>>>,
    news: Notify,
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Datagrams for Tapped {
    async fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<usize> {
        if to.port() == 9 {
            return Ok(datagram.len()); // to whom does not exist
        }
        self.udp.send(to, datagram).await
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            let given = {
                let mut given = lock(&self.given);
                given.pop_front().map(|datagram| (datagram, given.len()))
            };
            if let Some((datagram, left)) = given {
                buffer[..datagram.len()].copy_from_slice(&datagram);
                let from = [127, 77, (left >> 8) as u8, left as u8];
                // fixed port: nothing is ever sent there
                return Ok((datagram.len(), SocketAddr::from((from, 9))));
            }
            tokio::select! {
                () = self.news.notified() => {}
                received = self.udp.receive(buffer) => {
                    let (length, from) = received?;
                    lock(&self.kept).push(buffer[..length].to_vec());
                    return Ok((length, from));
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    fn reaches(&self, ip: IpAddr) -> bool {
        self.udp.reaches(ip)
    }
}

/// Each of `messages` bent `times` times: bytes changed, cut out, put in, cut off.
fn bent(messages: &[Vec<u8>], times: usize) -> VecDeque<Vec<u8>> {
    let mut state = 7_373_u64;
    let mut next = move |below: usize| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let mut all = VecDeque::new();
    for turn in 0..times {
        for message in messages {
            let mut bytes = message.clone();
            for _ in 0..=next(4) {
                // The first three bytes say that it is a message at all.
                let at = 3 + next(bytes.len() - 3);
                match (turn + next(4)) % 4 {
                    0 | 1 => bytes[at] = next(256) as u8,
                    2 => bytes.insert(at, next(256) as u8),
                    _ if bytes.len() > 8 => drop(bytes.remove(at)),
                    _ => {}
                }
            }
            all.push_back(bytes);
        }
    }
    all
}

#[tokio::test]
async fn bent_messages_end_no_life() {
    let tapped = Arc::new(Tapped {
        udp: Udp::bind(ANY_PORT).unwrap(),
        kept: Mutex::default(),
        given: Mutex::default(),
        news: Notify::new(),
    });
    let mut config = GossipConfig::new(Description::balancer("lb"));
    config.listen = ANY_PORT;
    let socket = Arc::clone(&tapped);
    let lb = Gossip::start_over(config, socket).await.unwrap();
    let members = [
        member("s1", lb.local_addr()).await,
        member("s2", lb.local_addr()).await,
    ];
    members[0].say(Word::Ready);
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    sees(&lb, SOON, is("s2", Word::Starting)).await;
    let generation = key_of(&lb).generation;
    let kept = lock(&tapped.kept).clone();
    assert!(kept.len() >= 6);
    let mut bent = bent(&kept, 20_000 / kept.len());
    let ours = id("lb", generation, lb.local_addr());
    let progress = |bytes: &Vec<u8>| {
        let message = Message::read(bytes).ok();
        let digest = message.into_iter().flat_map(|message| message.digest);
        let of_us = digest.filter(|entry| entry.id.starts_with(b"\x02\0lb"));
        of_us.fold(Progress::default(), |most, entry| most.max(entry.progress))
    };
    let said = kept.iter().map(progress);
    let said = said.fold(Progress::default(), Progress::max);
    // A later life of ours would be yielded to, once in ten seconds, as to a clock set back; so
    // would this one at another address, and more of it than it has said.
    bent.retain(|bytes| {
        let message = Message::read(bytes);
        let is_ours = |id: &[u8]| id.starts_with(b"\x02\0lb") && id != ours;
        let others = |message: Message<'_>| message.digest.iter().all(|e| !is_ours(e.id));
        message.is_err() || (message.is_ok_and(others) && !progress(bytes).is_beyond(said))
    });
    *lock(&tapped.given) = bent;
    tapped.news.notify_one();
    let _s3 = member("s3", lb.local_addr()).await;
    sees(&lb, Duration::from_secs(20), is("s3", Word::Starting)).await;
    assert!(lock(&tapped.given).is_empty());
    assert_eq!(key_of(&lb).generation, generation, "it began anew");
    assert!(lb.traffic().junk > 1_000, "{:?}", lb.traffic());
}

/// A stranger tells a member of heartbeats of its own that are yet to come, as whoever has never heard
/// it might: it begins anew. Of a balancer that has heard it nobody has that believed.
#[tokio::test]
async fn who_is_told_ahead_of_itself_begins_anew() {
    let stranger = UdpSocket::bind(ANY_PORT).unwrap();
    let lb = balancer(ANY_PORT).await;
    let s1 = member("s1", lb.local_addr()).await;
    sees(&lb, SOON, is("s1", Word::Starting)).await;
    let before = key_of(&s1).generation;
    let id = id("s1", before, s1.local_addr());
    let forged = Forged::syn("ragot").heartbeat(&id, FAR).bytes();
    stranger.send_to(&forged, lb.local_addr()).unwrap();
    s1.say(Word::Ready);
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    assert_eq!(key_of(&s1).generation, before);
    stranger.send_to(&forged, s1.local_addr()).unwrap();
    let anew = |known: &Option<Identity>| {
        let known = known.as_ref();
        known.is_some_and(|known| known.key.generation > before)
    };
    until(s1.identity(), SOON, anew).await;
    s1.say(Word::Draining);
    sees(&lb, SOON, is("s1", Word::Draining)).await;
}

/// A stranger says what a member has not said: that it has left, is down, serves elsewhere, or nothing, at a
/// version beyond all others; in its present life or in a later one, of which the member hears and begins
/// anew.
#[tokio::test]
async fn nobody_speaks_for_a_node_that_is_there() {
    for ahead in [0, 1] {
        let lb = balancer(ANY_PORT).await;
        let s1 = member("s1", lb.local_addr()).await;
        s1.say(Word::Ready);
        sees(&lb, SOON, is("s1", Word::Ready)).await;
        let (key, snapshots) = (key_of(&s1), lb.snapshots());
        let http = |s: &Snapshot| {
            let seen = s.named("s1").last();
            let ready = seen.filter(|seen| seen.node.word == Word::Ready);
            ready.and_then(|seen| seen.node.http)
        };
        let before = http(&snapshots.borrow());
        tell_lies(
            &id("s1", key.generation + ahead, s1.local_addr()),
            lb.local_addr(),
        )
        .await;
        // What was sent before is heard before.
        let _s2 = member("s2", lb.local_addr()).await;
        let met = |s: &Arc<Snapshot>| {
            assert_eq!(http(s), before, "s1 is shown otherwise");
            s.named("s2").next().is_some()
        };
        until(snapshots, SOON, met).await;
        s1.say(Word::Draining);
        sees(&lb, SOON, is("s1", Word::Draining)).await;
        if ahead == 0 {
            assert_eq!(key_of(&s1), key, "it had to begin anew");
        }
    }
}

/// Sends `to` what the node `id` has never said.
async fn tell_lies(id: &[u8], to: SocketAddr) {
    let stranger = UdpSocket::bind(ANY_PORT).unwrap();
    let known = Forged::syn("ragot").heartbeat(id, 1).bytes();
    let nothing = Forged::ack().node(id).no_keys(FAR).bytes();
    let words = ["left", "down:fire", "draining", "ready"];
    let words = words.map(|word| {
        let keys = Forged::ack().node(id);
        keys.key("http", "127.0.0.1:9", 1_000) // fixed port: nothing is sent there
            .key("st", word, 1_001)
            .bytes()
    });
    let messages = [&known, &nothing].into_iter().chain(&words);
    for message in messages.cycle().take(60) {
        stranger.send_to(message, to).unwrap();
        tokio::task::yield_now().await;
    }
}

const FAR: u64 = (1 << 48) - 1;
