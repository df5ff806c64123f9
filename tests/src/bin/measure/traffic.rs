//! What gossip costs a network: bytes that each node sends.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use e2e::netns::Net;

use super::print;
use super::site::Site;

/// Ten hosts, then fifty, at rest; a hundred are more than two cores carry.
pub(super) async fn traffic() {
    for (name, number, count) in [("tr", 17, 10), ("tf", 18, 50)] {
        let Some(net) = Net::open("measure traffic") else {
            return;
        };
        let site = Site::open(&net, name, number, count, "").await;
        sleep(SETTLE).await;
        site.count();
        let (before, began) = (site.counted(), Instant::now());
        sleep(WATCHED).await;
        let (after, seconds) = (site.counted(), began.elapsed().as_secs_f64());
        let sent = after.iter().zip(&before).map(|(after, before)| {
            let bytes = (after.0 - before.0) as f64;
            let packets = (after.1 - before.1) as f64;
            (bytes / seconds / 1_000.0, packets / seconds)
        });
        let mut sent: Vec<_> = sent.collect();
        let (lb_bytes, lb_packets) = sent.pop().expect("the balancer is the last");
        let mean =
            |part: fn(&(f64, f64)) -> f64| sent.iter().map(part).sum::<f64>() / sent.len() as f64;
        let most = sent.iter().fold(0.0, |most: f64, (kb, _)| most.max(*kb));
        print(&format!(
            "traffic: {count} members and a balancer at rest, {seconds:.0} s: a member sends \
             {:.1} kB/s ({most:.1} at most) in {:.0} datagrams/s, the balancer {lb_bytes:.1} kB/s in \
             {lb_packets:.0}; IP and UDP headers included; {} verdicts of death",
            mean(|(kb, _)| *kb),
            mean(|(_, packets)| *packets),
            site.verdicts(),
        ));
    }
}

const SETTLE: Duration = Duration::from_secs(10);
const WATCHED: Duration = Duration::from_secs(60);
