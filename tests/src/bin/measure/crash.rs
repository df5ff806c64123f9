//! A webapp that crashes within its member: how soon nobody is sent there any more, and how often
//! it is admitted again when it crashes for ever.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use rustix::process::{Signal, kill_process};

use e2e::bin;
use e2e::deadline::{eventually, spread};
use e2e::lb::Lb;
use e2e::load::Load;
use e2e::member::Member;
use e2e::process::own_port;
use e2e::webapp::{Pair, Webapp};

use super::{RUNS, clock, print, steady};

/// Crashes that the members are told of by the kernel, without a request and under a load. The
/// clock is that of the balancer's own line, which follows its swap: asking it over HTTP takes
/// longer than what is measured.
pub(super) async fn crash() {
    let (mut lb, _steady) = steady().await;
    for rate in [0, RATE] {
        let load = (rate > 0).then(|| Load::start(lb.addr(), rate));
        let mut times = Vec::new();
        for turn in 0..RUNS {
            let mut member = wrapped(&lb, &format!("c{rate}-{turn}"), "").await;
            match &load {
                Some(load) => load.another(u64::from(rate) / 5).await,
                None => tokio::time::sleep(CALM).await,
            }
            let began = SystemTime::now();
            kill_app(&member).await;
            let down = format!("Server nodes/c{rate}-{turn} is DOWN");
            let line = lb.process.said(&down).await;
            times.push(clock::since(began, &line));
            member.process.ended(SOON).await;
        }
        print(&format!(
            "crash: SIGKILL of a webapp in its member until out of rotation, {rate} requests/s: {}",
            spread(&times)
        ));
        if let Some(load) = load {
            let report = load.stop().await;
            let (failed, sent) = (report.failed.len(), report.sent);
            print(&format!("crash: {failed} of {sent} requests failed"));
            report.failed.iter().take(5).for_each(|line| print(line));
        }
    }
}

/// Ten crashes in a minute: of a webapp that its member starts again, of one that dies with its
/// member and begins a new life at the same address, and of one that does so elsewhere.
pub(super) async fn crash_loop() {
    let (lb, _steady) = steady().await;
    let mut member = wrapped(&lb, "app", "--restart always").await;
    let address = own_port();
    let mut here = reborn(&lb, "here", address).await;
    let mut there = reborn(&lb, "there", own_port()).await;
    let load = Load::start(lb.addr(), 100);
    for _ in 0..LOOPS {
        kill_app(&member).await;
        here.kill();
        there.kill();
        here = reborn(&lb, "here", address).await;
        there = reborn(&lb, "there", own_port()).await;
        tokio::time::sleep(APART).await;
    }
    let report = load.stop().await;
    let said = lb.process.stderr();
    let count = |name: &str, what: &str| {
        // The second of two that are both believed alive is shown under another name.
        let begins = [name, &format!("{name}~2")].map(|name| format!("Server nodes/{name} {what}"));
        let lines = said.lines();
        lines
            .filter(|line| begins.iter().any(|begins| line.contains(begins)))
            .count()
    };
    for (name, who) in [
        ("app", "a webapp in its member"),
        ("here", "both, at one address"),
        ("there", "both, each life at another address"),
    ] {
        print(&format!(
            "crash-loop: {LOOPS} deaths of {who}, {APART:?} apart: {} admissions, {} times held out",
            count(name, "is UP"),
            count(name, "is well, but went down too often"),
        ));
    }
    let (failed, sent) = (report.failed.len(), report.sent);
    print(&format!("crash-loop: {failed} of {sent} requests failed"));
    assert!(member.process.is_running(), "it restarts its webapp");
}

/// A webapp and its member, which say so themselves when they are there.
async fn reborn(lb: &Lb, name: &str, address: SocketAddr) -> Pair {
    let webapp = Webapp::of(&bin::webapp(), name, &address.to_string()).await;
    Pair {
        name: name.to_owned(),
        member: Member::start(name, webapp.addr, lb.gossip()),
        webapp,
    }
}

async fn wrapped(lb: &Lb, name: &str, flags: &str) -> Member {
    let (addr, webapp) = (own_port(), bin::webapp());
    let webapp = webapp.to_str().expect("a plain path");
    let program = [webapp, name, &addr.to_string()];
    let member = Member::around(name, addr, lb.gossip(), flags, &program);
    lb.until_status(name, "UP").await;
    member
}

async fn kill_app(member: &Member) {
    let app = eventually("it has a webapp", async || member.process.child()).await;
    // It may have ended by itself just now.
    let _ = kill_process(app, Signal::KILL);
}

const RATE: u32 = 500;
const CALM: Duration = Duration::from_millis(100);
const SOON: Duration = Duration::from_secs(10);
const LOOPS: usize = 10;
const APART: Duration = Duration::from_secs(6);
