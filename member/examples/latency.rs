//! Measures how long gossip takes over loopback at its default pace: from a word said to the
//! other side's snapshot, from a start to the first sight, and from a balancer's restart to
//! all members known again. Prints; asserts nothing. `--long` takes a minute more.

use std::error::Error;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use member::gossip::{Gossip, GossipConfig};
use member::node::{Description, Word};
use member::parse::HostPort;
use member::snapshot::{Presence, Snapshot};
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    report("word", words().await?)?;
    report("join", joins().await?)?;
    if std::env::args().any(|arg| arg == "--long") {
        report("balancer restart, 10 members", restarts().await?)?;
        report("silence noticed", silences().await?)?;
    }
    Ok(())
}

async fn words() -> Outcome<Vec<Duration>> {
    let lb = balancer(0).await?;
    let s1 = member("s1", 3000, lb.local_addr()).await?;
    s1.say(Word::Ready);
    sees(&lb, |s| known(s, "s1", &Word::Ready)).await?;
    sees(&s1, |s| s.live_balancers().count() == 1).await?;
    let mut times = Vec::new();
    for round in 0..500 {
        let word = if round % 2 == 0 {
            Word::Draining
        } else {
            Word::Ready
        };
        let began = Instant::now();
        s1.say(word.clone());
        sees(&lb, |s| known(s, "s1", &word)).await?;
        times.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    Ok(times)
}

async fn joins() -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for round in 0..100 {
        let lb = balancer(0).await?;
        let began = Instant::now();
        let name = format!("s{round}");
        let member = member(&name, 3000 + round, lb.local_addr()).await?;
        member.say(Word::Ready);
        sees(&lb, |s| known(s, &name, &Word::Ready)).await?;
        times.push(began.elapsed());
        member.leave().await;
    }
    Ok(times)
}

async fn restarts() -> Outcome<Vec<Duration>> {
    let mut lb = balancer(0).await?;
    let seed = lb.local_addr();
    let mut members = Vec::new();
    for port in 3000..3010 {
        let member = member(&format!("s{port}"), port, seed).await?;
        member.say(Word::Ready);
        members.push(member);
    }
    let all = |s: &Snapshot| {
        s.backends()
            .filter(|b| b.presence == Presence::Live)
            .count()
            == 10
    };
    let mut times = Vec::new();
    for round in 0..20 {
        sees(&lb, all).await?;
        drop(lb);
        tokio::time::sleep(Duration::from_millis(50 + 100 * round)).await;
        let began = Instant::now();
        lb = balancer(seed.port()).await?;
        sees(&lb, all).await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

async fn silences() -> Outcome<Vec<Duration>> {
    let lb = balancer(0).await?;
    let mut times = Vec::new();
    for round in 0..10 {
        let name = format!("s{round}");
        let member = member(&name, 3000 + round, lb.local_addr()).await?;
        member.say(Word::Ready);
        sees(&lb, |s| known(s, &name, &Word::Ready)).await?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(member);
        let began = Instant::now();
        sees(&lb, |s| {
            s.named(&name).all(|b| b.presence == Presence::Silent)
        })
        .await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

async fn balancer(port: u16) -> Outcome<Gossip> {
    let mut config = GossipConfig::new(Description::balancer("lb"));
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(Gossip::start(config).await?)
}

async fn member(name: &str, port: u16, seed: SocketAddr) -> Outcome<Gossip> {
    let http = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut config = GossipConfig::new(Description::backend(name, http));
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.seeds = vec![HostPort::from(seed)];
    Ok(Gossip::start(config).await?)
}

fn known(snapshot: &Snapshot, name: &str, word: &Word) -> bool {
    let mut lives = snapshot.named(name);
    lives.any(|b| b.node.word == *word && b.presence == Presence::Live)
}

async fn sees(who: &Gossip, wanted: impl Fn(&Snapshot) -> bool) -> Outcome<()> {
    let mut snapshots = who.snapshots();
    let held = snapshots.wait_for(|s: &Arc<Snapshot>| wanted(s));
    tokio::time::timeout(Duration::from_secs(20), held).await??;
    Ok(())
}

fn report(what: &str, mut times: Vec<Duration>) -> Outcome<()> {
    times.sort();
    let at = |share: usize| times.get((times.len() - 1) * share / 100).copied();
    let [p50, p99, max] = [50, 99, 100].map(|share| at(share).unwrap_or_default());
    let line = format!(
        "{what}: n {} p50 {p50:?} p99 {p99:?} max {max:?}\n",
        times.len()
    );
    Ok(std::io::stdout().write_all(line.as_bytes())?)
}
