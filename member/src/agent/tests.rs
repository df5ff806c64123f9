//! An agent, a webapp and a balancer that is only its gossip, on loopback.

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::node::Description;
use crate::parse::HostPort;
use crate::receipt::Receipt;
use crate::snapshot::Sighting;

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
    let seen = hears(&lb, &Word::Ready).await;
    let mut receipts = agent.gossip().receipts();
    let receipt = Receipt {
        ack: Ack::Draining,
        inflight: 4,
    };
    lb.acknowledge(&seen.node.key, receipt);
    timeout(SOON, receipts.wait_for(|r| !r.is_empty()))
        .await
        .unwrap()
        .unwrap();
    let report = agent.drain(Duration::from_millis(100)).await;
    assert!(matches!(report.undrained[..], [(_, Some(4))]), "{report:?}");
    hears(&lb, &Word::Left).await;
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
