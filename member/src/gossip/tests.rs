//! Small clusters over real sockets on loopback, port 0. Conditions are waited for with a
//! deadline; nothing sleeps to be right.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::*;
use crate::node::{Description, Edit, NodeKey, Word};
use crate::parse::HostPort;
use crate::receipt::{Ack, Receipt};
use crate::resolve::Resolver;
use crate::seal::{Key, Keyring};
use crate::snapshot::{Presence, Sighting, Snapshot};

mod hostile;

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn balancer(listen: SocketAddr) -> Gossip {
    let mut config = GossipConfig::new(Description::balancer("lb"));
    config.listen = listen;
    Gossip::start(config).await.unwrap()
}

fn member_config(name: &str, seed: SocketAddr) -> GossipConfig {
    let http = SocketAddr::from(([127, 0, 0, 1], 3000));
    let mut config = GossipConfig::new(Description::backend(name, http));
    // Distinct servers, so that no member replaces another.
    let port = 3000 + u16::from(name.as_bytes()[name.len() - 1]);
    config.node.http = Some(SocketAddr::from(([127, 0, 0, 1], port)));
    config.listen = ANY_PORT;
    config.seeds = vec![HostPort::from(seed)];
    config
}

async fn member(name: &str, seed: SocketAddr) -> Gossip {
    Gossip::start(member_config(name, seed)).await.unwrap()
}

/// Waits until `reader` holds what `wanted` wants; gives how long that took.
async fn until<T: std::fmt::Debug + Clone>(
    mut reader: watch::Receiver<T>,
    limit: Duration,
    wanted: impl Fn(&T) -> bool,
) -> Duration {
    let began = Instant::now();
    let held = timeout(limit, reader.wait_for(&wanted)).await.map(drop);
    assert!(held.is_ok(), "not within {limit:?}: {:?}", reader.borrow());
    began.elapsed()
}

async fn sees(who: &Gossip, limit: Duration, wanted: impl Fn(&Sighting) -> bool) -> Duration {
    let any = |s: &Arc<Snapshot>| s.nodes.values().any(|seen| wanted(seen));
    until(who.snapshots(), limit, any).await
}

fn is(name: &'static str, word: Word) -> impl Fn(&Sighting) -> bool {
    move |seen| {
        *seen.node.key.name == *name && seen.node.word == word && seen.presence == Presence::Live
    }
}

fn key_of(who: &Gossip) -> NodeKey {
    who.identity().borrow().as_ref().unwrap().key.clone()
}

const SOON: Duration = Duration::from_secs(3);

#[tokio::test]
async fn balancer_first() {
    let lb = balancer(ANY_PORT).await;
    let s1 = member("s1", lb.local_addr()).await;
    sees(&lb, SOON, is("s1", Word::Starting)).await;
    sees(&s1, SOON, is("lb", Word::Ready)).await;
}

#[tokio::test]
async fn members_first() {
    let port = UdpSocket::bind(ANY_PORT).unwrap();
    let seed = port.local_addr().unwrap();
    let s1 = member("s1", seed).await;
    let s2 = member("s2", seed).await;
    s1.say(Word::Ready);
    s2.say(Word::Ready);
    drop(port);
    let lb = balancer(seed).await;
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    sees(&lb, SOON, is("s2", Word::Ready)).await;
}

/// Two containers of one image, started in the same millisecond.
#[tokio::test]
async fn two_of_one_name_and_generation_begin_anew() {
    let lb = balancer(ANY_PORT).await;
    let twin = async |http: u16| {
        let mut config = member_config("s1", lb.local_addr());
        config.node.http = Some(SocketAddr::from(([127, 0, 0, 1], http)));
        config.above = 4_000_000_000_000;
        Gossip::start(config).await.unwrap()
    };
    let twins = [twin(3_001).await, twin(3_002).await];
    twins.iter().for_each(|twin| twin.say(Word::Ready));
    let both = |s: &Arc<Snapshot>| {
        let live = s.named("s1").filter(|seen| is("s1", Word::Ready)(seen));
        let servers: std::collections::BTreeSet<_> = live.map(|seen| seen.node.http).collect();
        servers.len() == 2
    };
    until(lb.snapshots(), SOON, both).await;
    assert_ne!(key_of(&twins[0]), key_of(&twins[1]));
}

#[tokio::test]
async fn a_word_does_not_wait_for_a_gossip_round() {
    // A round takes longer than the test allows: only a poke can be this quick.
    let rare = Duration::from_secs(60);
    let mut config = GossipConfig::new(Description::balancer("lb"));
    (config.listen, config.interval) = (ANY_PORT, rare);
    let lb = Gossip::start(config).await.unwrap();
    let mut config = member_config("s1", lb.local_addr());
    config.interval = rare;
    let s1 = Gossip::start(config).await.unwrap();
    sees(&lb, SOON, is("s1", Word::Starting)).await;
    sees(&s1, SOON, is("lb", Word::Ready)).await;
    for word in [Word::Ready, Word::Down("refused".into()), Word::Ready] {
        s1.say(word.clone());
        sees(&lb, SOON, is("s1", word)).await;
    }
    let edit = Edit {
        weight: Some(7),
        set: [("ver".into(), "2".into())].into(),
        delete: Vec::new(),
    };
    s1.edit(edit).await.unwrap();
    let edited = |seen: &Sighting| seen.node.weight == 7 && seen.node.tags.contains_key("ver");
    sees(&lb, SOON, edited).await;
    s1.say(Word::Draining);
    sees(&lb, SOON, is("s1", Word::Draining)).await;
    s1.leave().await;
    sees(&lb, SOON, is("s1", Word::Left)).await;
}

#[tokio::test]
async fn a_drain_is_acknowledged_and_a_leave_is_heard() {
    let lb = balancer(ANY_PORT).await;
    let s1 = member("s1", lb.local_addr()).await;
    s1.say(Word::Ready);
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    s1.say(Word::Draining);
    sees(&lb, SOON, is("s1", Word::Draining)).await;
    for (ack, inflight) in [(Ack::Draining, 2), (Ack::Drained, 0)] {
        let receipt = Receipt { ack, inflight };
        lb.acknowledge(&key_of(&s1), receipt);
        let from_lb = key_of(&lb);
        until(s1.receipts(), SOON, |r| r.get(&from_lb) == Some(&receipt)).await;
    }
    s1.leave().await;
    sees(&lb, SOON, is("s1", Word::Left)).await;
}

/// Neither is taken for the other, nor waits for its receipt.
#[tokio::test]
async fn two_nodes_of_one_name_drain_at_once() {
    let lb = balancer(ANY_PORT).await;
    let mut second = member_config("s1", lb.local_addr());
    second.node.http = Some(SocketAddr::from(([127, 0, 0, 1], 3999)));
    let first = member("s1", lb.local_addr()).await;
    sees(&lb, SOON, is("s1", Word::Starting)).await;
    let twins = [first, Gossip::start(second).await.unwrap()];
    for twin in &twins {
        twin.say(Word::Draining);
    }
    let both = |s: &Arc<Snapshot>| {
        let draining = |seen: &&Arc<Sighting>| seen.node.word == Word::Draining;
        s.named("s1").filter(draining).count() == 2
    };
    until(lb.snapshots(), SOON, both).await;
    let receipt = |inflight| Receipt {
        ack: Ack::Draining,
        inflight,
    };
    for (twin, inflight) in twins.iter().zip(1..) {
        lb.acknowledge(&key_of(twin), receipt(inflight));
    }
    let from_lb = key_of(&lb);
    for (twin, inflight) in twins.iter().zip(1..) {
        until(twin.receipts(), SOON, |r| {
            r.get(&from_lb) == Some(&receipt(inflight))
        })
        .await;
    }
}

#[tokio::test]
async fn a_balancer_restarted_on_its_port_knows_everybody_again() {
    let lb = balancer(ANY_PORT).await;
    let seed = lb.local_addr();
    let members = [
        member("s1", seed).await,
        member("s2", seed).await,
        member("s3", seed).await,
    ];
    members.iter().for_each(|m| m.say(Word::Ready));
    for name in ["s1", "s2", "s3"] {
        sees(&lb, SOON, is(name, Word::Ready)).await;
    }
    drop(lb);
    let lb = rebound(seed).await;
    for name in ["s1", "s2", "s3"] {
        sees(&lb, SOON, is(name, Word::Ready)).await;
    }
    let now = key_of(&lb);
    for member in &members {
        let only_new = |s: &Arc<Snapshot>| s.live_balancers().all(|b| b.node.key == now);
        until(member.snapshots(), SOON, only_new).await;
    }
}

/// A balancer on a port that another has just given up.
async fn rebound(port: SocketAddr) -> Gossip {
    let deadline = Instant::now() + SOON;
    loop {
        let mut config = GossipConfig::new(Description::balancer("lb"));
        config.listen = port;
        match Gossip::start(config).await {
            Ok(lb) => return lb,
            Err(error) => assert!(Instant::now() < deadline, "{}", error.line()),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_second_balancer_learns_of_everybody_from_the_first() {
    let lb = balancer(ANY_PORT).await;
    let s1 = member("s1", lb.local_addr()).await;
    s1.say(Word::Ready);
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    let mut config = GossipConfig::new(Description::balancer("lb2"));
    config.listen = ANY_PORT;
    config.seeds = vec![HostPort::from(lb.local_addr())];
    let lb2 = Gossip::start(config).await.unwrap();
    sees(&lb2, SOON, is("s1", Word::Ready)).await;
    let both = |s: &Arc<Snapshot>| s.live_balancers().count() == 2;
    until(s1.snapshots(), SOON, both).await;
    s1.say(Word::Draining);
    sees(&lb, SOON, is("s1", Word::Draining)).await;
    sees(&lb2, SOON, is("s1", Word::Draining)).await;
}

#[tokio::test]
async fn junk_on_the_wire_changes_nothing() {
    let lb = balancer(ANY_PORT).await;
    let stranger = UdpSocket::bind(ANY_PORT).unwrap();
    for length in [0, 1, 3, 100, 1_400] {
        let junk: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
        stranger.send_to(&junk, lb.local_addr()).unwrap();
    }
    let _s1 = member("s1", lb.local_addr()).await;
    sees(&lb, SOON, is("s1", Word::Starting)).await;
    assert_eq!(lb.snapshots().borrow().nodes.len(), 1);
    assert_eq!(lb.traffic().junk, 5);
}

#[tokio::test]
async fn a_silent_member_is_noticed_but_not_forgotten() {
    let lb = balancer(ANY_PORT).await;
    let s1 = member("s1", lb.local_addr()).await;
    s1.say(Word::Ready);
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    drop(s1);
    let silent =
        |seen: &Sighting| seen.node.word == Word::Ready && seen.presence == Presence::Silent;
    sees(&lb, Duration::from_secs(10), silent).await;
}

#[tokio::test]
async fn a_dead_gossip_task_is_respawned_and_the_snapshot_stays() {
    outlives(Gossip::abort_life).await;
}

#[tokio::test]
async fn gossip_outlives_a_panic_of_our_own() {
    outlives(Gossip::panic).await;
}

/// A balancer goes on with a new life after `end`, and with its snapshot meanwhile.
async fn outlives(end: impl Fn(&Gossip)) {
    let lb = balancer(ANY_PORT).await;
    let s1 = member("s1", lb.local_addr()).await;
    s1.say(Word::Ready);
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    let former = key_of(&lb);
    let mut snapshots = lb.snapshots();
    snapshots.mark_unchanged();
    end(&lb);
    until(lb.identity(), SOON, |i| {
        i.as_ref()
            .is_some_and(|i| i.key.generation > former.generation)
    })
    .await;
    assert_eq!(snapshots.borrow().backends().count(), 1);
    let now = key_of(&lb);
    until(s1.snapshots(), SOON, |s| s.nodes.contains_key(&now)).await;
    s1.say(Word::Draining);
    sees(&lb, SOON, is("s1", Word::Draining)).await;
}

#[tokio::test]
async fn a_word_said_before_the_new_life_is_kept_in_it() {
    let lb = balancer(ANY_PORT).await;
    let s1 = member("s1", lb.local_addr()).await;
    sees(&lb, SOON, is("s1", Word::Starting)).await;
    s1.abort_life();
    s1.say(Word::Ready);
    sees(&lb, SOON, is("s1", Word::Ready)).await;
}

#[tokio::test]
async fn a_taken_port_is_one_clear_error() {
    let lb = balancer(ANY_PORT).await;
    let mut config = GossipConfig::new(Description::balancer("lb2"));
    config.listen = lb.local_addr();
    let error = Gossip::start(config).await.unwrap_err();
    assert!(error.is_listen());
    let expected = format!("cannot listen for gossip on udp {}: ", lb.local_addr());
    assert!(error.line().starts_with(&expected), "{}", error.line());
}

#[tokio::test]
async fn a_seed_without_an_address_yet_is_found_when_it_has_one() {
    let names = NameServer::start();
    let mut config = member_config("s1", ANY_PORT);
    config.listen = "0.0.0.0:0".parse().unwrap();
    config.resolver = Resolver::new(Some(names.address));
    let lb = balancer(ANY_PORT).await;
    config.seeds = vec![HostPort {
        host: "ha.test.".to_owned(),
        port: lb.local_addr().port(),
    }];
    let s1 = Gossip::start(config).await.unwrap();
    s1.say(Word::Ready);
    until(s1.identity(), SOON, Option::is_some).await;
    names.set(Some([127, 0, 0, 1]));
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    let identity = s1.identity().borrow().clone().unwrap();
    assert!(identity.gossip.ip().is_loopback(), "{identity:?}");
}

#[tokio::test]
async fn a_balancer_that_came_back_at_another_address_is_found() {
    let names = NameServer::start();
    names.set(Some([127, 0, 0, 1]));
    let lb = balancer(ANY_PORT).await;
    let port = lb.local_addr().port();
    let mut config = member_config("s1", ANY_PORT);
    config.resolver = Resolver::new(Some(names.address));
    config.seeds = vec![HostPort {
        host: "ha.test.".to_owned(),
        port,
    }];
    let s1 = Gossip::start(config).await.unwrap();
    s1.say(Word::Ready);
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    drop(lb);
    names.set(Some([127, 0, 0, 2]));
    let lb = balancer(SocketAddr::from(([127, 0, 0, 2], port))).await;
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    sees(&s1, SOON, |seen| {
        seen.gossip == lb.local_addr() && seen.presence == Presence::Live
    })
    .await;
}

/// Everybody repeats the number of the former process until it is told that of the next.
#[tokio::test]
async fn a_sealed_balancer_that_starts_again_is_met_at_once() {
    let keyring = Some(Keyring::of(Key::new([7; 32])));
    let mut config = GossipConfig::new(Description::balancer("lb"));
    config.listen = ANY_PORT;
    config.protection.keyring = keyring.clone();
    let first = Gossip::start(config.clone()).await.unwrap();
    config.listen = first.local_addr();
    let mut s1 = member_config("s1", config.listen);
    s1.protection.keyring = keyring;
    let s1 = Gossip::start(s1).await.unwrap();
    s1.say(Word::Ready);
    sees(&first, SOON, is("s1", Word::Ready)).await;
    sees(&s1, SOON, is("lb", Word::Ready)).await;
    let before = key_of(&first).generation;
    drop(first);
    let free = || UdpSocket::bind(config.listen).is_ok();
    timeout(SOON, async {
        while !free() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let lb = Gossip::start(config).await.unwrap();
    // It has no seed: whoever knows its address must come to it.
    sees(&lb, SOON, is("s1", Word::Ready)).await;
    sees(&s1, SOON, |seen| seen.node.key.generation > before).await;
}

/// A name server over UDP that knows one address at most, for every name.
struct NameServer {
    address: SocketAddr,
    answer: Arc<Mutex<Option<[u8; 4]>>>,
}

impl NameServer {
    fn start() -> Self {
        let socket = UdpSocket::bind(ANY_PORT).unwrap();
        let address = socket.local_addr().unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::UdpSocket::from_std(socket).unwrap();
        let answer = Arc::new(Mutex::new(None));
        let known = Arc::clone(&answer);
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let ip = *known.lock().unwrap();
                socket
                    .send_to(&reply(&buffer[..length], ip), from)
                    .await
                    .unwrap();
            }
        });
        Self { address, answer }
    }

    fn set(&self, ip: Option<[u8; 4]>) {
        *self.answer.lock().unwrap() = ip;
    }
}

/// RFC 1035 section 4: the question echoed, with one A record, none, or NXDOMAIN.
fn reply(query: &[u8], ip: Option<[u8; 4]>) -> Vec<u8> {
    let name_end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let is_a = query[name_end..name_end + 2] == [0, 1];
    let mut reply = query[..name_end + 4].to_vec();
    reply[2..4].copy_from_slice(&[0x81, if ip.is_some() { 0x80 } else { 0x83 }]);
    let answers = u8::from(is_a && ip.is_some());
    reply[6..12].copy_from_slice(&[0, answers, 0, 0, 0, 0]);
    if let Some(ip) = ip.filter(|_| is_a) {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        reply.extend(ip);
    }
    reply
}
