//! A balancer that was away: created again at another address behind its name, started long after
//! its members, or stopped for a while by a signal.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use e2e::backend::Backend;
use e2e::cluster::{Cluster, announce};
use e2e::deadline::spread;
use e2e::dns::Dns;
use e2e::lb::Lb;
use e2e::load::Load;
use e2e::member::Member;
use e2e::process::free_at;

use super::{TEN, print, say};

/// Killed, and created again at another address; its name leads there from that moment on.
pub(super) async fn moved() {
    let first = Ipv4Addr::new(127, 7, 1, 1);
    let (dns, gossip) = (Dns::start(Some(first)).await, free_at(first));
    let mut lb = Lb::with(&format!("--gossip {gossip}")).await;
    let seed = format!("ha.test:{}", gossip.port());
    let mut apps = announce(&TEN, &seed, &format!("--resolver {}", dns.addr)).await;
    lb.until_up(&TEN).await;
    let mut times = Vec::new();
    for turn in 0..MOVES {
        // Not always at the same moment of the members' rounds.
        sleep(SETTLE + Duration::from_millis(137 * u64::from(turn) % 400)).await;
        let next = Ipv4Addr::new(127, 7, 1, turn + 2);
        lb.process.kill();
        let began = Instant::now();
        dns.set(Some(next));
        lb = Lb::with(&format!("--gossip {next}:{}", gossip.port())).await;
        lb.until_up(&TEN).await;
        times.push(began.elapsed());
    }
    say(
        "moved: balancer killed and started at another address, until 10 are up",
        &times,
    );
    tell_exits("moved", &mut apps);
}

/// Members that have waited for ten seconds to a minute when their balancer is started.
pub(super) async fn late() {
    let mut times = Vec::new();
    let mut ended = 0;
    for round in 0..LATE_ROUNDS {
        let clusters = (0..LATE_CLUSTERS).map(async |number| {
            let gossip = free_at(Ipv4Addr::new(127, 8, 2 + round, number + 1));
            let mut apps = announce(&TEN, &gossip.to_string(), "").await;
            // Not two balancers at the same moment.
            let wait = 10 * (1 + u64::from(number) % 6);
            sleep(Duration::from_millis(
                1_000 * wait + 437 * u64::from(number),
            ))
            .await;
            let began = Instant::now();
            let lb = Lb::with(&format!("--gossip {gossip}")).await;
            let bound = Instant::now();
            lb.until_up(&TEN).await;
            (began.elapsed(), bound.elapsed(), exits(&mut apps))
        });
        for (since_start, since_bound, exits) in join_all(clusters).await {
            times.push((since_start, since_bound));
            ended += exits;
        }
    }
    let (start, bound): (Vec<_>, Vec<_>) = times.into_iter().unzip();
    say(
        "late: balancer started 10 to 60 s after 10 members, from its start until all are in",
        &start,
    );
    say("late: the same, from its listening", &bound);
    print(&format!("late: {ended} members ended meanwhile"));
}

/// Stopped for five seconds, as by a host that does not come round to it.
pub(super) async fn stopped() {
    let mut cluster = Cluster::with(10, "--workers 2").await;
    let (mut back, mut failed, mut sent) = (Vec::new(), Vec::new(), 0);
    for round in 0..STOPS / STOPS_A_LOAD {
        let load = Load::start(cluster.lb.addr(), STOPPED_RATE);
        for turn in 0..STOPS_A_LOAD {
            let turn = round * STOPS_A_LOAD + turn;
            sleep(SETTLE + Duration::from_millis(137 * turn % 400)).await;
            cluster.lb.process.signal(Signal::STOP);
            sleep(STOPPED).await;
            cluster.lb.process.signal(Signal::CONT);
            back.push(cluster.lb.until("it answers", |_| true).await);
        }
        sleep(SETTLE).await;
        let report = load.stop().await;
        sent += report.sent;
        failed.extend(report.failed);
    }
    let said = cluster.lb.process.stderr();
    let count = |what: &str| said.lines().filter(|line| line.contains(what)).count();
    print(&format!(
        "stopped: SIGSTOP, and SIGCONT {STOPPED:?} later, {STOPS} times at {STOPPED_RATE} requests/s: {} \
         servers went DOWN, {} times none was left; {} alarms of silence; {} of {} requests failed",
        count(" is DOWN"),
        count("has no server available"),
        count("fell silent in gossip at once"),
        failed.len(),
        sent,
    ));
    failed.iter().take(5).for_each(|line| print(line));
    print(&format!("stopped: answers again after {}", spread(&back)));
    cluster.ready().await;
}

fn exits(apps: &mut [(Backend, Member)]) -> usize {
    let ended = |(_, member): &mut (Backend, Member)| !member.process.is_running();
    apps.iter_mut()
        .filter_map(|app| ended(app).then_some(()))
        .count()
}

fn tell_exits(what: &str, apps: &mut [(Backend, Member)]) {
    print(&format!("{what}: {} members ended meanwhile", exits(apps)));
}

const SETTLE: Duration = Duration::from_secs(3);
const MOVES: u8 = 100;
const LATE_ROUNDS: u8 = 10;
const LATE_CLUSTERS: u8 = 10;
const STOPS: u64 = 100;
/// A load ends by itself after five minutes.
const STOPS_A_LOAD: u64 = 25;
const STOPPED: Duration = Duration::from_secs(5);
const STOPPED_RATE: u32 = 50;
