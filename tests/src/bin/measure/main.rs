//! Measures what tests never assert: how fast webapps come into rotation and go out of it, with
//! real processes or in containers. `cargo run --release -p e2e --bin measure` says what there is.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a measurement that cannot be made is of no use"
)]

mod away;
mod clock;
mod crash;
mod docker;
mod footprint;
mod handlers;
mod hostile;
mod long;
mod pair;
mod restart;
mod rolling;
mod serf;
mod silent;
mod site;
mod slice;
mod traffic;
mod word;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use e2e::backend::Backend;
use e2e::client::KeepAlive;
use e2e::csv::{self, Row};
use e2e::deadline::spread;
use e2e::lb::Lb;
use e2e::load::Load;
use e2e::member::Member;
use e2e::process::free_at;
use e2e::webapp::Pair;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    while let Some(what) = words.next() {
        match what.as_str() {
            "join" => join().await,
            "leave" => word::leave().await,
            "drain" => word::drain().await,
            "death" => death().await,
            "churn" => churn().await,
            "order" => order().await,
            "crash" => crash::crash().await,
            "crash-loop" => crash::crash_loop().await,
            "moved" => away::moved().await,
            "late" => away::late().await,
            "stopped" => away::stopped().await,
            "silent" => silent::silent().await,
            "traffic" => traffic::traffic().await,
            "long" => long::long().await,
            "restart" => restart::restart().await,
            "pair" => pair::pair().await,
            "footprint" => footprint::footprint().await,
            "handlers" => handlers::run().await,
            "hostile" => hostile::all().await,
            "docker-stop" => docker::stop().await,
            "docker-kill" => docker::kill().await,
            "docker-order" => docker::order().await,
            "docker-crash" => docker::crash().await,
            "rolling" => match rolling::plan(&mut words) {
                Ok(plan) => rolling::rolling(plan).await,
                Err(rule) => {
                    eprintln!("measure: rolling {rule}");
                    return ExitCode::from(64);
                }
            },
            unknown => {
                eprintln!("measure: {unknown:?}: expected {NAMES}");
                return ExitCode::from(64);
            }
        }
    }
    if std::env::args().len() == 1 {
        print(&format!("measure WHAT..., with WHAT one of {NAMES}"));
    }
    ExitCode::SUCCESS
}

/// The member waits for its webapp; the webapp starts to answer; a client asks until it is the
/// one who answers.
async fn join() {
    let lb = Lb::start().await;
    let mut times = Vec::new();
    for turn in 0..RUNS {
        let name = format!("w{turn}");
        let addr = Backend::http1(&name).await.stop().await;
        let mut member = Member::start(&name, addr, lb.gossip());
        member.process.said("is heard at").await;
        times.push(joined(&lb, &name, addr).await);
        member.process.kill();
        gone(&lb, &name).await;
    }
    say(
        "join: webapp answers, its member waiting for it, until it serves",
        &times,
    );
    let mut times = Vec::new();
    for turn in 0..RUNS {
        let name = format!("x{turn}");
        let backend = Backend::http1(&name).await;
        let mut member = Member::start(&name, backend.addr, lb.gossip());
        let began = Instant::now();
        serves(lb.addr(), &name).await;
        times.push(began.elapsed());
        member.process.kill();
        backend.stop().await;
        gone(&lb, &name).await;
    }
    say(
        "join: member started beside a webapp that answers, until it serves",
        &times,
    );
}

async fn joined(lb: &Lb, name: &str, addr: SocketAddr) -> Duration {
    let backend = Backend::at(name, addr).await;
    let began = Instant::now();
    serves(lb.addr(), name).await;
    let took = began.elapsed();
    backend.stop().await;
    took
}

/// Asks until `name` answers.
async fn serves(addr: SocketAddr, name: &str) {
    let mut client = KeepAlive::to(addr).await;
    for _ in 0..MOST_ASKED {
        match client.get("/").await {
            Ok(answer) if answer.text() == name => return,
            Ok(_) => tokio::time::sleep(PACE).await,
            Err(_) => client = KeepAlive::to(addr).await,
        }
    }
    panic!("{name} never serves");
}

async fn gone(lb: &Lb, name: &str) {
    lb.until("it is out", |rows| is_out(rows, name)).await;
}

fn is_out(rows: &[Row], name: &str) -> bool {
    csv::server(rows, name).is_none_or(|row| !row.is_up())
}

async fn death() {
    let (mut loaded, mut idle) = (Vec::new(), Vec::new());
    let (mut failed, mut sent) = (0, 0);
    for _ in 0..RUNS / TEN.len() {
        let (lb, _steady) = steady().await;
        let load = Load::start(lb.addr(), 200);
        for turn in 0..TEN.len() {
            // Not always at the same place of the rotation.
            load.another(turn as u64).await;
            loaded.push(killed(&lb, &format!("w{turn}"), Some(&load)).await);
        }
        let report = load.stop().await;
        (failed, sent) = (failed + report.failed.len(), sent + report.sent);
        // Without a load only the balancer's own checks and gossip can notice.
        let (lb, _steady) = steady().await;
        for turn in 0..TEN.len() {
            idle.push(killed(&lb, &format!("idle{turn}"), None).await);
        }
    }
    say(
        "death: SIGKILL of webapp and member until out of rotation, 200 requests/s",
        &loaded,
    );
    print(&format!("death: {failed} of {sent} requests failed"));
    say(
        "death: the same without any request, of one that has been up for 3 s",
        &idle,
    );
}

/// A balancer and ten webapps that stay, so that ten that die one after the other are never most of
/// the service.
async fn steady() -> (Lb, Vec<Pair>) {
    let lb = Lb::with("--workers 2").await;
    let mut steady = Vec::new();
    for name in TEN {
        steady.push(Pair::start(name, lb.gossip(), "").await);
    }
    lb.until_up(&TEN).await;
    (lb, steady)
}

async fn killed(lb: &Lb, name: &str, load: Option<&Load>) -> Duration {
    let mut pair = Pair::start(name, lb.gossip(), "").await;
    lb.until_status(name, "UP").await;
    match load {
        Some(load) => load.another(STEADY).await,
        // Gossip has an opinion of it by then.
        None => tokio::time::sleep(GROWN).await,
    }
    let began = Instant::now();
    pair.kill();
    gone(lb, name).await;
    began.elapsed()
}

async fn churn() {
    let lb = Lb::with("--workers 2").await;
    let mut live = vec![Pair::start("w0", lb.gossip(), "").await];
    lb.until_up(&["w0"]).await;
    let load = Load::start(lb.addr(), 200);
    for turn in 1..=20 {
        let name = format!("w{turn}");
        live.push(Pair::start(&name, lb.gossip(), "").await);
        lb.until_status(&name, "UP").await;
        load.another(STEADY).await;
        live.remove(0).leave().await;
        load.another(STEADY).await;
    }
    let report = load.stop().await;
    print(&format!(
        "churn: 20 joins and leaves: {} of {} requests failed, slowest {:?}",
        report.failed.len(),
        report.sent,
        report.slowest
    ));
}

async fn order() {
    let (mut first, mut restarted) = (Vec::new(), Vec::new());
    for turn in 0..10 {
        let gossip = free_at(Ipv4Addr::new(127, 8, 0, turn + 1));
        let backend = Backend::http1("s1").await;
        let mut member = Member::start("s1", backend.addr, gossip);
        member.process.said("no balancer answers").await;
        let began = Instant::now();
        let mut lb = Lb::with(&format!("--gossip {gossip}")).await;
        lb.until_up(&["s1"]).await;
        first.push(began.elapsed());
        lb.process.kill();
        let began = Instant::now();
        lb.restart().await;
        lb.until_up(&["s1"]).await;
        restarted.push(began.elapsed());
    }
    say(
        "order: balancer started after its members, until they are in",
        &first,
    );
    say(
        "order: balancer killed and restarted at the same addresses",
        &restarted,
    );
}

fn say(what: &str, times: &[Duration]) {
    print(&format!("{what}: {}", spread(times)));
}

fn print(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}

const NAMES: &str = "join, leave, drain, death, churn, order, restart, crash, crash-loop, moved, late, stopped, \
                     handlers, pair, footprint, hostile; in networks of our own silent, traffic, \
                     long; in containers docker-stop, docker-kill, docker-order, docker-crash, rolling \
                     [--restarts N] [--rate N]";
const TEN: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
const GROWN: Duration = Duration::from_secs(3);
/// How often what takes moments is measured.
const RUNS: usize = 100;
/// Requests between two changes: a fifth of a second.
const STEADY: u64 = 40;
const MOST_ASKED: usize = 20_000;
const PACE: Duration = Duration::from_micros(500);
