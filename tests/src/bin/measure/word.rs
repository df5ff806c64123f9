//! A member that says it leaves: how soon the balancer has let go, and how soon the member ends.

use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use tokio::time::Instant;

use e2e::client;
use e2e::lb::Lb;
use e2e::webapp::Pair;

use super::{RUNS, clock, say};

/// From the signal to the member until the balancer no longer sends requests, by the balancer's own
/// line, which follows its swap; and until the member has ended.
pub(super) async fn leave() {
    let mut lb = Lb::start().await;
    let _steady = Pair::start("steady", lb.gossip(), "").await;
    let (mut out, mut ended) = (Vec::new(), Vec::new());
    for turn in 0..RUNS {
        let name = format!("w{turn}");
        let mut pair = Pair::start(&name, lb.gossip(), "").await;
        lb.until_status(&name, "UP").await;
        let (began, now) = (SystemTime::now(), Instant::now());
        pair.member.process.signal(Signal::TERM);
        let line = format!("Server nodes/{name} enters drain state");
        out.push(clock::since(began, &lb.process.said(&line).await));
        pair.member.process.ended(SOON).await;
        ended.push(now.elapsed());
    }
    say("leave: SIGTERM until out of rotation", &out);
    say("leave: SIGTERM until the member has ended", &ended);
}

/// A request is under way when its member is told to leave: from the reply until the member has ended.
pub(super) async fn drain() {
    let lb = Lb::start().await;
    let mut times = Vec::new();
    for turn in 0..RUNS {
        let name = format!("w{turn}");
        let mut pair = Pair::start(&name, lb.gossip(), "").await;
        lb.until_status(&name, "UP").await;
        let addr = lb.addr();
        let request = tokio::spawn(async move { client::get(addr, "/slow/300").await });
        tokio::time::sleep(UNDER_WAY).await;
        pair.member.process.signal(Signal::TERM);
        let answer = request.await.expect("it ends").expect("an answer");
        let began = Instant::now();
        assert_eq!(answer.text(), name, "the reply is whole");
        pair.member.process.ended(SOON).await;
        times.push(began.elapsed());
    }
    say(
        "drain: the last reply has come until the member has ended",
        &times,
    );
}

const SOON: Duration = Duration::from_secs(10);
const UNDER_WAY: Duration = Duration::from_millis(100);
