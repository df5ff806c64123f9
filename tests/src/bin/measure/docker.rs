//! The same in containers: `docker stop`, `docker kill`, every start order, a killed webapp.

use std::time::Duration;

use tokio::time::Instant;

use e2e::docker::Lab;
use e2e::load::{Load, Report};

use super::{STEADY, is_out, print, say};

/// Webapps added and stopped in turn.
pub(super) async fn stop() {
    let lab = lab("docker-stop", &["w0", "w1"]).await;
    let load = Load::start(lab.addr(), RATE);
    let (mut joined, mut swapped) = (Vec::new(), Vec::new());
    let (mut out, mut ended) = (Vec::new(), Vec::new());
    for turn in 2..22 {
        let (new, old) = (format!("w{turn}"), format!("w{}", turn - 2));
        lab.start(&new, "").await;
        let began = Instant::now();
        lab.stats().until_status(&new, "UP").await;
        joined.push(began.elapsed());
        load.another(STEADY).await;
        let began = Instant::now();
        let (took, ()) = tokio::join!(
            lab.tell(&old, "stop"),
            until_out(&lab, &old, &mut out, began)
        );
        ended.push(took);
        swapped.push(from_word_to_pool(&lab, &old).await);
        lab.stats().until_gone(&old).await;
    }
    say(
        "docker run: container started until in rotation (mostly node starting)",
        &joined,
    );
    say(
        "docker stop: typed until out of rotation (polled over HTTP)",
        &out,
    );
    say(
        "docker stop: the member says draining until the pool is without it (log lines)",
        &swapped,
    );
    say("docker stop: typed until the container has ended", &ended);
    tell("docker stop", &load.stop().await);
}

/// Webapps killed and started again, ten times; in turn, since one that is killed three times in a
/// row is held out for a while.
pub(super) async fn kill() {
    let lab = lab("docker-kill", &ALL).await;
    let load = Load::start(lab.addr(), RATE);
    let mut out = Vec::new();
    for victim in ALL.into_iter().cycle().take(10) {
        load.another(STEADY).await;
        let began = Instant::now();
        tokio::join!(
            lab.tell(victim, "kill"),
            until_out(&lab, victim, &mut out, began)
        );
        load.another(STEADY).await;
        lab.tell(victim, "start").await;
        lab.stats().until_up(&ALL).await;
    }
    say(
        "docker kill: typed until out of rotation (polled over HTTP)",
        &out,
    );
    tell("docker kill", &load.stop().await);
}

/// Every start order, and the balancer restarted and made anew.
pub(super) async fn order() {
    let lab = Lab::open("docker-order").await.expect("Docker");
    let orders = [
        "ha s1 s2", "ha s2 s1", "s1 ha s2", "s2 ha s1", "s1 s2 ha", "s2 s1 ha",
    ];
    let mut times = Vec::new();
    for order in orders {
        let mut began = Instant::now();
        for name in order.split(' ') {
            lab.start(name, "").await;
            began = Instant::now();
        }
        lab.stats().until_up(&["s1", "s2"]).await;
        times.push(began.elapsed());
        if order != orders[orders.len() - 1] {
            for name in order.split(' ') {
                lab.tell(name, "rm --force").await;
            }
        }
    }
    say(
        "docker, every order: last container started until all are in",
        &times,
    );
    let (mut restarted, mut anew) = (Vec::new(), Vec::new());
    for turn in 0..5 {
        lab.tell("ha", "stop").await;
        lab.tell("ha", "start").await;
        restarted.push(lab.stats().until_up(&["s1", "s2"]).await);
        lab.tell("ha", "rm --force").await;
        lab.start("ha", &format!("--ip 192.168.43.{}", 200 + turn))
            .await;
        anew.push(lab.stats().until_up(&["s1", "s2"]).await);
    }
    say("docker, ha restarted: started until all are in", &restarted);
    say(
        "docker, ha made anew at another address: until all are in",
        &anew,
    );
}

/// `kill -9` of the webapp inside its container.
pub(super) async fn crash() {
    let lab = lab("docker-crash", &ALL).await;
    let load = Load::start(lab.addr(), RATE);
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for victim in ALL.into_iter().cycle().take(10) {
        load.another(STEADY).await;
        let began = Instant::now();
        let killed = lab.exec(victim, "s6-svc -k /services/node");
        tokio::join!(killed, until_out(&lab, victim, &mut out, began));
        lab.stats().until_up(&ALL).await;
        back.push(began.elapsed());
    }
    say("node killed: typed until out of rotation", &out);
    say("node killed: typed until back in rotation", &back);
    tell("node killed", &load.stop().await);
}

async fn lab(what: &str, webapps: &[&str]) -> Lab {
    Lab::with(what, webapps).await.expect("Docker")
}

async fn until_out(lab: &Lab, name: &str, times: &mut Vec<Duration>, began: Instant) {
    lab.stats()
        .until("it is out", |rows| is_out(rows, name))
        .await;
    times.push(began.elapsed());
}

/// Between the line of a member that drains and that of the balancer whose pool has let go of it.
async fn from_word_to_pool(lab: &Lab, name: &str) -> Duration {
    let time = async |container: &str, needle: &str| {
        let logs = lab.logs(container).await;
        let line = logs.lines().find(|line| line.contains(needle));
        time_of_day(line.expect("a line about it")).expect("a time")
    };
    let said = time(name, "draining").await;
    let done = time("ha", &format!("nodes/{name} enters drain state")).await;
    done.saturating_sub(said)
}

/// The time of `2026-11-25T15:56:31.412304Z  INFO ...`.
fn time_of_day(line: &str) -> Option<Duration> {
    let (clock, _) = line.split_once('T')?.1.split_once('Z')?;
    let mut parts = clock.split(':');
    let (hours, minutes) = (
        parts.next()?.parse::<u64>().ok()?,
        parts.next()?.parse::<u64>().ok()?,
    );
    let seconds = Duration::try_from_secs_f64(parts.next()?.parse().ok()?).ok()?;
    Some(Duration::from_secs(hours * 3600 + minutes * 60) + seconds)
}

fn tell(what: &str, report: &Report) {
    print(&format!(
        "{what}: {} of {} requests failed at {RATE}/s, slowest {:?}",
        report.failed.len(),
        report.sent,
        report.slowest,
    ));
    for line in report.failed.iter().chain(&report.slow).take(WORTH_READING) {
        print(&format!("{what}: {line}"));
    }
}

const ALL: [&str; 5] = ["s1", "s2", "s3", "s4", "s5"];
const RATE: u32 = 500;
const WORTH_READING: usize = 10;
