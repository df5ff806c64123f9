//! A host that falls silent, and a network that is cut for longer than the dead are remembered.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use e2e::netns::Net;

use super::site::Site;
use super::{RUNS, gone, print, say};

/// One after the other of ten hosts is cut off, nobody being told, and comes back.
pub(super) async fn silent() {
    let Some(net) = Net::open("measure silent") else {
        return;
    };
    let site = Site::open(&net, "si", 7, 10, "").await;
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for turn in 0..RUNS {
        // Not always at the same moment of gossip's rounds.
        sleep(CALM + Duration::from_millis(37 * (turn as u64 % 11))).await;
        let host = turn % 10;
        let name = &site.hosts[host].name;
        let began = Instant::now();
        site.silence(&[host]);
        gone(&site.lb, name).await;
        out.push(began.elapsed());
        let began = Instant::now();
        site.heal(&[host]);
        site.lb.until_status(name, "UP").await;
        back.push(began.elapsed());
    }
    say(
        "silent: one of 10 hosts cut off until out of rotation",
        &out,
    );
    say("silent: plugged in again until it is back", &back);
    let held = site.lb.process.stderr();
    let held = held.matches("went down too often").count();
    print(&format!(
        "silent: {held} times held out for going down too often"
    ));
}

/// Who goes down more often than each 30 s is held out.
const CALM: Duration = Duration::from_millis(2_500);
