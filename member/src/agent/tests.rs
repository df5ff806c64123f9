//! An agent, a webapp and a balancer that is only its gossip, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::node::{Description, Edit, NodeKey, Word};
use crate::parse::HostPort;
use crate::receipt::{Ack, Receipt};
use crate::snapshot::{Sighting, Snapshot};

const SOON: Duration = Duration::from_secs(3);

async fn balancer() -> Gossip {
    let mut config = GossipConfig::new(Description::balancer("lb"));
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Gossip::start(config).await.unwrap()
}

async fn webapp() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn agent(http: SocketAddr, seed: Option<SocketAddr>) -> Agent {
    let mut gossip = GossipConfig::new(Description::backend("s1", http));
    gossip.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    gossip.seeds = seed.into_iter().map(HostPort::from).collect();
    Agent::start(AgentConfig::new(gossip)).await.unwrap()
}

/// Waits until the member is seen to say `word`.
async fn hears(lb: &Gossip, word: &Word) -> Sighting {
    let mut snapshots = lb.snapshots();
    let said = |s: &Arc<Snapshot>| s.backends().any(|b| b.node.word == *word);
    let snapshot = timeout(SOON, snapshots.wait_for(said)).await;
    let snapshot = snapshot
        .unwrap_or_else(|_| panic!("never {word:?}"))
        .unwrap();
    let sighting = snapshot.backends().next().unwrap();
    Sighting::clone(sighting)
}

#[tokio::test]
async fn ready_when_the_webapp_answers_down_when_it_stops_and_ready_again() {
    let lb = balancer().await;
    let (app, address) = webapp().await;
    drop(app);
    let _agent = agent(address, Some(lb.local_addr())).await;
    hears(&lb, &Word::Starting).await;
    for _ in 0..2 {
        let app = TcpListener::bind(address).await.unwrap();
        hears(&lb, &Word::Ready).await;
        drop(app);
        hears(&lb, &Word::Down("connection refused".into())).await;
    }
}

#[tokio::test]
async fn a_port_alone_is_announced_at_the_advertised_address() {
    let lb = balancer().await;
    let (_app, address) = webapp().await;
    let any = SocketAddr::from(([0, 0, 0, 0], address.port()));
    let _agent = agent(any, Some(lb.local_addr())).await;
    let seen = hears(&lb, &Word::Ready).await;
    assert_eq!(seen.node.http, Some(address));
}

#[tokio::test]
async fn a_drain_ends_when_the_balancer_has_let_go() {
    let lb = balancer().await;
    let (_app, address) = webapp().await;
    let agent = agent(address, Some(lb.local_addr())).await;
    hears(&lb, &Word::Ready).await;
    let lb_again = lb.clone();
    let letting_go = tokio::spawn(async move {
        let seen = hears(&lb_again, &Word::Draining).await;
        for (ack, inflight) in [(Ack::Draining, 1), (Ack::Drained, 0)] {
            lb_again.acknowledge(&seen.node.key, Receipt { ack, inflight });
        }
    });
    let report = agent.drain(SOON).await;
    letting_go.await.unwrap();
    assert_eq!((report.drained.len(), report.undrained.len()), (1, 0));
    assert!(report.took < SOON, "{report:?}");
    hears(&lb, &Word::Left).await;
}

#[tokio::test]
async fn a_drain_is_bounded_and_tells_what_was_left() {
    let lb = balancer().await;
    let (_app, address) = webapp().await;
    let agent = agent(address, Some(lb.local_addr())).await;
    hears(&lb, &Word::Ready).await;
    let mut receipts = agent.gossip().receipts();
    let lb_again = lb.clone();
    let holding = tokio::spawn(async move {
        let seen = hears(&lb_again, &Word::Draining).await;
        acknowledge(&lb_again, &seen.node.key, 4);
    });
    let duty = agent.duty().clone();
    let heard = async { receipts.wait_for(|r| !r.is_empty()).await.map(drop) };
    let (_, heard) = tokio::join!(
        duty.drain(Duration::from_millis(100), |_| {}),
        timeout(SOON, heard)
    );
    heard.unwrap().unwrap();
    holding.await.unwrap();
    let report = agent.drain(Duration::from_millis(100)).await;
    assert!(matches!(report.undrained[..], [(_, Some(4))]), "{report:?}");
    hears(&lb, &Word::Left).await;
}

fn acknowledge(lb: &Gossip, member: &NodeKey, inflight: u64) {
    let ack = if inflight == 0 {
        Ack::Drained
    } else {
        Ack::Draining
    };
    lb.acknowledge(member, Receipt { ack, inflight });
}

/// What a balancer said of the first drain is taken back, and does not end the second.
#[tokio::test]
async fn after_a_drain_it_can_be_ready_and_drain_again() {
    let lb = balancer().await;
    let (_app, address) = webapp().await;
    let agent = agent(address, Some(lb.local_addr())).await;
    hears(&lb, &Word::Ready).await;
    let duty = agent.duty().clone();
    for round in 0..3 {
        let short = Duration::from_millis(150);
        let report = duty.drain(short, |_| {}).await.unwrap();
        assert_eq!(report.undrained.len(), 1, "round {round}: {report:?}");
        let seen = hears(&lb, &Word::Draining).await;
        acknowledge(&lb, &seen.node.key, 0);
        let mut told = Vec::new();
        let report = duty.drain(SOON, |held| told.push(held)).await.unwrap();
        assert_eq!(report.drained.len(), 1, "round {round}: {report:?}");
        assert!(has_released(&told.last().unwrap()[0]), "{told:?}");
        assert!(duty.resume(SOON).await, "round {round}");
        hears(&lb, &Word::Ready).await;
        assert!(agent.gossip().receipts().borrow().is_empty());
        // What comes too late is not said.
        acknowledge(&lb, &seen.node.key, 0);
    }
}

#[tokio::test]
async fn ready_cuts_a_drain_short_and_waits_for_the_webapp() {
    let lb = balancer().await;
    let (app, address) = webapp().await;
    let agent = agent(address, Some(lb.local_addr())).await;
    hears(&lb, &Word::Ready).await;
    let duty = agent.duty().clone();
    let draining = tokio::spawn({
        let duty = duty.clone();
        async move { duty.drain(10 * SOON, |_| {}).await }
    });
    hears(&lb, &Word::Draining).await;
    drop(app);
    assert!(!duty.resume(Duration::from_millis(200)).await);
    assert_eq!(timeout(SOON, draining).await.unwrap().unwrap(), None);
    let _app = TcpListener::bind(address).await.unwrap();
    assert!(duty.resume(SOON).await);
    hears(&lb, &Word::Ready).await;
}

#[tokio::test]
async fn who_leaves_is_not_put_back_on_duty() {
    let lb = balancer().await;
    let (_app, address) = webapp().await;
    let agent = agent(address, Some(lb.local_addr())).await;
    hears(&lb, &Word::Ready).await;
    agent.release(Duration::ZERO).await;
    hears(&lb, &Word::Draining).await;
    assert!(!timeout(SOON, agent.duty().resume(10 * SOON)).await.unwrap());
    let own = agent.gossip().own().borrow().clone().unwrap();
    assert_eq!(own.node.word, Word::Draining);
    agent.leave().await;
    hears(&lb, &Word::Left).await;
}

#[tokio::test]
async fn weight_and_tags_change_in_one_life_and_the_next() {
    let lb = balancer().await;
    let (_app, address) = webapp().await;
    let agent = agent(address, Some(lb.local_addr())).await;
    let before = hears(&lb, &Word::Ready).await;
    let edit = Edit {
        weight: Some(7),
        set: [("a".into(), "1".into()), ("b".into(), "2".into())].into(),
        delete: Vec::new(),
    };
    agent.gossip().edit(edit).await.unwrap();
    let edit = Edit {
        delete: vec!["a".into()],
        ..Edit::default()
    };
    agent.gossip().edit(edit).await.unwrap();
    let mut snapshots = lb.snapshots();
    let told = |s: &Snapshot, life: bool| {
        s.backends().any(|b| {
            let (node, tags) = (&b.node, &b.node.tags);
            (node.key == before.node.key) == life && node.weight == 7 && tags.len() == 1
        })
    };
    let seen = timeout(SOON, snapshots.wait_for(|s| told(s, true))).await;
    seen.unwrap().unwrap();
    let own = agent.gossip().own().borrow().clone().unwrap();
    assert_eq!((own.node.weight, own.node.tags.len()), (7, 1));
    agent.gossip().abort_life();
    let seen = timeout(SOON, snapshots.wait_for(|s| told(s, false))).await;
    seen.unwrap().unwrap();
}

/// With a minute between two ticks, only pokes can have carried them.
#[tokio::test]
async fn changes_do_not_wait_for_a_tick() {
    let slow = |mut config: GossipConfig, seed: Option<SocketAddr>| {
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.interval = Duration::from_secs(60);
        config.seeds = seed.into_iter().map(HostPort::from).collect();
        config
    };
    let lb = slow(GossipConfig::new(Description::balancer("lb")), None);
    let lb = Gossip::start(lb).await.unwrap();
    let (_app, address) = webapp().await;
    let node = GossipConfig::new(Description::backend("s1", address));
    let config = AgentConfig::new(slow(node, Some(lb.local_addr())));
    let agent = Agent::start(config).await.unwrap();
    hears(&lb, &Word::Ready).await;
    let mut snapshots = lb.snapshots();
    for weight in 2..12 {
        let edit = Edit {
            weight: Some(weight),
            ..Edit::default()
        };
        agent.gossip().edit(edit).await.unwrap();
        let heard = |s: &Arc<Snapshot>| s.backends().any(|b| b.node.weight == weight);
        let heard = timeout(SOON, snapshots.wait_for(heard)).await;
        heard.unwrap().unwrap();
    }
    let duty = agent.duty().clone();
    let draining = tokio::spawn(async move { duty.drain(SOON, |_| {}).await });
    let seen = hears(&lb, &Word::Draining).await;
    acknowledge(&lb, &seen.node.key, 0);
    let report = draining.await.unwrap().unwrap();
    assert_eq!(report.drained.len(), 1, "{report:?}");
    assert!(agent.duty().resume(SOON).await);
    hears(&lb, &Word::Ready).await;
    assert!(agent.gossip().receipts().borrow().is_empty());
}

#[tokio::test]
async fn what_breaks_a_rule_changes_nothing() {
    let (_app, address) = webapp().await;
    let agent = agent(address, None).await;
    let many = (0..40).map(|n| (Arc::from(format!("t{n}")), Arc::from("x")));
    let edit = Edit {
        set: many.collect(),
        ..Edit::default()
    };
    agent.gossip().edit(edit).await.unwrap_err();
    let own = agent.gossip().own().borrow().clone().unwrap();
    assert!(own.node.tags.is_empty());
}

#[tokio::test]
async fn without_a_balancer_it_leaves_at_once() {
    let (_app, address) = webapp().await;
    let nowhere = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let agent = agent(address, Some(nowhere.local_addr().unwrap())).await;
    let report = timeout(SOON, agent.drain(Duration::from_secs(60)))
        .await
        .unwrap();
    assert!(report.drained.is_empty() && report.undrained.is_empty());
}

#[tokio::test]
async fn a_killed_agent_says_nothing() {
    let lb = balancer().await;
    let (_app, address) = webapp().await;
    let agent = agent(address, Some(lb.local_addr())).await;
    hears(&lb, &Word::Ready).await;
    agent.kill();
    let mut snapshots = lb.snapshots();
    let silent = |s: &Arc<Snapshot>| {
        s.backends().all(|b| {
            assert_eq!(b.node.word, Word::Ready);
            b.presence == crate::snapshot::Presence::Silent
        })
    };
    timeout(3 * SOON, snapshots.wait_for(silent))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_lost_webapp_is_not_asked_until_it_is_watched_again() {
    let lb = balancer().await;
    let (_somebody, address) = webapp().await;
    let agent = agent(address, Some(lb.local_addr())).await;
    hears(&lb, &Word::Ready).await;
    agent.duty().lost("app exited with 1").await;
    let down = Word::Down("app exited with 1".into());
    hears(&lb, &down).await;
    // Whoever answers there now is somebody else: nothing is said until this is heard.
    agent.gossip().say(Word::Starting);
    hears(&lb, &Word::Starting).await;
    agent.duty().found();
    hears(&lb, &Word::Ready).await;
    agent.leave().await;
    hears(&lb, &Word::Left).await;
}
