//! What gossip costs, and how soon a death is noticed, by how many nodes there are: the cluster
//! ring at rest, in virtual time.

use std::time::Duration;

use member::gossip::Protection;
use member::seal::{Key, Keyring};
use tokio::time::sleep;

use super::cluster::{Cluster, Seen};
use super::script::virtually;

/// What stands above the rows that [`measure`] makes, in Markdown.
pub const HEAD: &str = "| N | gossip | a member sends | the balancer sends | a death is noticed \
                        (p50, most) | wrongly silent |\n|---|---|---|---|---|---|";

/// A cluster of so many members, in clear or sealed; fewer deaths in a larger one, which takes long.
#[must_use]
pub fn measure(size: usize, sealed: bool) -> String {
    let deaths = (1_000 / size.max(1)).clamp(2, 20);
    let how = if sealed { "sealed" } else { "clear" };
    format!(
        "| {size} | {how} | {} |",
        virtually(one(size, sealed, deaths))
    )
}

async fn one(size: usize, sealed: bool, deaths: usize) -> String {
    let mut cluster = start(size, sealed).await;
    let (member, balancer) = cluster.traffic().await;
    let wrong = cluster.silences(Duration::from_secs(20)).await;
    let mut times = Vec::new();
    for number in 0..deaths {
        sleep(Duration::from_millis(2_000 + number as u64 * 37 % 500)).await;
        let victim = number % size;
        cluster.kill(victim);
        let missed = cluster
            .until(victim, Duration::from_secs(30), Seen::Silent)
            .await;
        times.push(missed.expect("it is missed").as_millis());
        cluster.begin(victim).await;
        sleep(Duration::from_secs(10)).await;
    }
    times.sort_unstable();
    let at = |at: usize| times.get(at).copied().unwrap_or_default();
    let (middle, most) = (at(times.len() / 2), at(times.len().saturating_sub(1)));
    format!(
        "{member:.1} kB/s | {balancer:.0} kB/s | {middle} ms, {most} ms, of {} | {wrong}",
        times.len()
    )
}

async fn start(size: usize, sealed: bool) -> Cluster {
    let protection = Protection {
        keyring: sealed.then(|| Keyring::of(Key::new([7; 32]))),
        ..Protection::default()
    };
    let cluster = Cluster::start_under(protection, 1, 1, size).await;
    let joined = cluster.until_all_are_well(Duration::from_secs(30)).await;
    joined.expect("all join");
    cluster
}
