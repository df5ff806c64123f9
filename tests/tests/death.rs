//! Dying under load, in each of the ways there are: no GET is lost, and each ends as the table of
//! who is believed says.

use std::time::Duration;

use e2e::client;
use e2e::deadline::{eventually, spread};
use e2e::lb::Lb;
use e2e::load::Load;
use e2e::webapp::Pair;
use rustix::process::Signal;

#[tokio::test]
async fn webapp_and_member_killed_ten_times_under_200_requests_a_second() {
    let (lb, _steady) = stage("--workers 2").await;
    let load = Load::start(lb.addr(), 200);
    let mut out = Vec::new();
    for turn in 0..10 {
        let name = format!("victim{turn}");
        let mut victim = Pair::start(&name, lb.gossip(), "").await;
        lb.until_status(&name, "UP").await;
        load.another(40).await;
        victim.kill();
        out.push(out_of_rotation(&lb, &name).await);
        load.another(40).await;
    }
    let report = load.stop().await;
    eprintln!("death: SIGKILL until out of rotation: {}", spread(&out));
    eprintln!(
        "death: {} requests, slowest {:?}",
        report.sent, report.slowest
    );
    report.assert_clean();
}

#[tokio::test]
async fn webapp_alone_killed() {
    let (mut lb, _steady) = stage("").await;
    let mut victim = join(&lb, "victim").await;
    let load = Load::start(lb.addr(), 200);
    victim.webapp.process.kill();
    let out = out_of_rotation(&lb, "victim").await;
    // Its member lives, and says why.
    victim.member.process.said("webapp is down").await;
    lb.process.said("Server nodes/victim is DOWN").await;
    load.stop().await.assert_clean();
    eprintln!("death: webapp alone killed: out after {out:?}");
    assert!(
        lb.server("victim").await.is_some(),
        "a webapp that may come back keeps its row"
    );
}

#[tokio::test]
async fn member_alone_killed() {
    let (lb, _steady) = stage("").await;
    let mut victim = join(&lb, "victim").await;
    let load = Load::start(lb.addr(), 200);
    victim.member.process.kill();
    // Silence is no proof: it goes on serving, for as long as it takes gossip to miss it, twice.
    let before = lb.server("victim").await.unwrap().count("stot");
    lb.until("100 more requests to it", |rows| {
        e2e::csv::server(rows, "victim").is_some_and(|row| row.count("stot") > before + 100)
    })
    .await;
    load.stop().await.assert_clean();
    assert!(lb.server("victim").await.unwrap().is_up());
}

#[tokio::test]
async fn webapp_stopped() {
    let (lb, _steady) = stage("").await;
    let mut victim = join(&lb, "victim").await;
    let load = Load::start(lb.addr(), 200);
    victim.webapp.process.signal(Signal::STOP);
    let out = out_of_rotation(&lb, "victim").await;
    let row = lb.until_status("victim", "DOWN").await;
    // No GET waits for it: what it had was sent elsewhere.
    let report = load.stop().await;
    eprintln!(
        "death: SIGSTOP: out after {out:?}, slowest answer {:?}",
        report.slowest
    );
    report.assert_clean();
    assert!(
        report.slowest < Duration::from_secs(10),
        "{:?}",
        report.slowest
    );
    assert!(!row.get("last_chk").is_empty(), "{row:?}");
    victim.webapp.process.signal(Signal::CONT);
    lb.until_status("victim", "UP").await;
}

/// What a webapp was in the middle of when it died is done by another.
#[tokio::test]
async fn killed_in_the_middle_of_a_get() {
    let (lb, _steady) = stage("").await;
    let mut victim = join(&lb, "victim").await;
    let addr = lb.addr();
    let gets: Vec<_> = (0..8)
        .map(|_| tokio::spawn(client::get(addr, "/slow/700")))
        .collect();
    lb.until("the victim has some", |rows| {
        e2e::csv::server(rows, "victim").is_some_and(|row| row.count("scur") >= 2)
    })
    .await;
    victim.kill();
    for get in gets {
        assert_eq!(get.await.unwrap().unwrap().status, 200);
    }
}

#[tokio::test]
async fn all_killed_is_answered_at_once_and_healed() {
    let lb = Lb::start().await;
    let mut only = join(&lb, "only").await;
    only.kill();
    eventually("503 without a wait", async || {
        let answer = client::get(lb.addr(), "/").await.ok()?;
        (answer.status == 503).then_some(())
    })
    .await;
    let _again = join(&lb, "again").await;
    assert_eq!(client::get(lb.addr(), "/").await.unwrap().text(), "again");
}

/// A balancer with two webapps that live.
async fn stage(flags: &str) -> (Lb, [Pair; 2]) {
    let lb = Lb::with(flags).await;
    let steady = [join(&lb, "a").await, join(&lb, "b").await];
    (lb, steady)
}

async fn join(lb: &Lb, name: &str) -> Pair {
    let pair = Pair::start(name, lb.gossip(), "--check /health").await;
    lb.until_status(name, "UP").await;
    pair
}

async fn out_of_rotation(lb: &Lb, name: &str) -> Duration {
    let is_out =
        |rows: &[e2e::csv::Row]| e2e::csv::server(rows, name).is_none_or(|row| !row.is_up());
    lb.until(&format!("{name} is out"), is_out).await
}
