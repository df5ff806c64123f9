//! Ten minutes of networks that lose, of a host with hardly a processor, and of a network cut in two,
//! side by side: who is evicted though it is well, and how soon a cut heals.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use e2e::load::Load;
use e2e::netns::Net;
use e2e::process::Process;

use super::print;
use super::site::Site;
use super::slice::Slice;

/// All of it, in one network namespace of bridges.
pub(super) async fn long() {
    let Some(net) = Net::open("measure long") else {
        return;
    };
    let site = async |name, number, flags| Site::open(&net, name, number, HOSTS, flags).await;
    // A path of the webapp is asked for, so that being well means to answer.
    let gossip = site("lg", 13, ASKED).await;
    let all = site("la", 14, "").await;
    let busy = site("lb", 15, ASKED).await;
    let starved = site("lc", 16, ASKED).await;
    let cut = site("lp", 12, ASKED).await;
    net.bridge("elsewhere", &[]);
    gossip.lose("meta l4proto udp", 80);
    all.lose("", 30);
    busy.lose("", 30);
    tokio::join!(
        watched(&gossip, "80 % of gossip lost", None),
        watched(&all, "30 % of everything lost, checked by connects", None),
        watched(
            &busy,
            "30 % of everything lost, checked by HEAD /, 20 requests/s",
            Some(20)
        ),
        hungry(&starved),
        parted(&cut),
    );
}

async fn watched(site: &Site<'_>, what: &str, rate: Option<u32>) {
    let (early, (sent, failed)) = tokio::join!(
        async {
            sleep(LEARNT).await;
            site.verdicts()
        },
        loaded(site, rate)
    );
    let (downs, verdicts) = (site.downs(), site.verdicts());
    let node_hours = HOSTS as f64 * LONG.as_secs_f64() / 3_600.0;
    print(&format!(
        "long: {what}, {HOSTS} hosts, {LONG:?}: {} evicted; {verdicts} verdicts of death by gossip, \
         {:.2} each node-hour, {early} of them in the first {LEARNT:?}; {} of {sent} requests failed",
        downs.len(),
        verdicts as f64 / node_hours,
        failed.len(),
    ));
    tally(&downs);
    failed
        .iter()
        .take(5)
        .for_each(|line| print(&format!("  {line}")));
}

/// Ten minutes, with requests if any are to be made: how many there were, and which failed.
async fn loaded(site: &Site<'_>, rate: Option<u32>) -> (u64, Vec<String>) {
    let Some(rate) = rate else {
        sleep(LONG).await;
        return (0, Vec::new());
    };
    let (mut failed, mut sent) = (Vec::new(), 0);
    let began = Instant::now();
    while began.elapsed() < LONG {
        // A load ends by itself after five minutes.
        let load = Load::start(site.lb.addr(), rate);
        sleep(LOADED.min(LONG.saturating_sub(began.elapsed()))).await;
        let report = load.stop().await;
        sent += report.sent;
        failed.extend(report.failed);
    }
    (sent, failed)
}

/// One host has a twentieth of a core, which a busy loop shares with its webapp and its member.
async fn hungry(site: &Site<'_>) {
    let Some(slice) = Slice::of(50) else {
        return print("long: a twentieth of a core: not run, no cgroup controller cpu");
    };
    let host = &site.hosts[0];
    // However this ends, it ends some time.
    let forever = "ulimit -t 120; while :; do :; done";
    let busy = Process::start(Path::new("/bin/sh"), ["-c", forever]);
    for id in [
        host.member.process.id(),
        host.webapp.process.id(),
        busy.id(),
    ] {
        slice.confine(id);
    }
    watched(site, "one host with 5 % of a core and a busy loop", Some(5)).await;
    let (throttled, periods) = slice.throttled();
    print(&format!(
        "  its share was used up in {throttled} of {periods} periods"
    ));
}

/// Half of the members for five minutes, then the balancer alone for as long as the dead are kept.
async fn parted(site: &Site<'_>) {
    for (what, hosts, lasts) in [
        (
            "5 of 10 members",
            &[0, 1, 2, 3, 4][..],
            Duration::from_secs(300),
        ),
        (
            "10 of 10 members",
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            Duration::from_secs(150),
        ),
    ] {
        site.part(hosts, "elsewhere");
        sleep(lasts).await;
        let up = e2e::csv::up(&site.lb.rows().await).len();
        let began = Instant::now();
        site.heal(hosts);
        site.ready().await;
        let took = began.elapsed();
        print(&format!(
            "long: {what} cut off together for {lasts:?}: {up} in rotation at the end; all of them \
             {took:?} after it has healed"
        ));
        sleep(SETTLE).await;
    }
}

/// Why servers went out, and how often.
fn tally(downs: &[String]) {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for line in downs {
        let why = line.split("reason: ").nth(1).unwrap_or(line);
        let why = why.split(", check duration").next().unwrap_or(why);
        let why = why.split(". ").next().unwrap_or(why);
        *counts.entry(why).or_default() += 1;
    }
    for (why, count) in counts {
        print(&format!("  {count} times: {why}"));
    }
}

const ASKED: &str = "--check /";
const HOSTS: usize = 10;
const LONG: Duration = Duration::from_secs(600);
/// Until the rhythm of the new losses is known.
const LEARNT: Duration = Duration::from_secs(30);
const LOADED: Duration = Duration::from_secs(240);
const SETTLE: Duration = Duration::from_secs(10);
