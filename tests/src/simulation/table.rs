//! Measurements of the cluster ring in virtual time: the rows of the goals that are of gossip
//! alone.

use std::time::Duration;

use tokio::time::sleep;

use super::cluster::{Cluster, Seen};
use super::script::virtually;

/// Measures every row, `runs` times where it is a time and a fifth of that where it is of long
/// histories, and tells each line of the table (Markdown) as soon as it is known.
pub fn measure(runs: u64, tell: impl Fn(&str)) {
    tell("| measure | N | p50 | p99 | most |");
    tell("|---|---|---|---|---|");
    for loss in [30, 50, 80] {
        let count = virtually(silences(loss, FEW));
        let per_hour = count as f64 * 3_600.0 / LOSSY.as_secs_f64() / FEW as f64;
        tell(&format!(
            "| silences per node and hour at {loss} % loss | {FEW} | {per_hour:.2} | | |"
        ));
    }
    for size in [10, 50, 100] {
        let (member, balancer) = virtually(traffic(size));
        tell(&format!(
            "| kB/s sent by a member, by the balancer | {size} | {member:.1} | {balancer:.1} | |"
        ));
    }
    for size in [FEW, MANY] {
        let times = (0..runs).map(|seed| virtually(detection(seed, size)));
        let what = "SIGKILL or silent host, gossip alone, to suspected";
        tell(&row(what, size, times.collect()));
    }
    for size in [FEW, MANY] {
        let times = (0..runs / 5).map(|seed| virtually(restarting(seed, size)));
        let what = "balancer killed and started, to all live";
        tell(&row(what, size, times.collect()));
    }
    for (size, runs) in [(FEW, runs), (MANY, runs / 5)] {
        let times = (0..runs).map(|seed| virtually(healing(seed, size)));
        let what = "partition of half for 5 min, healed, to all live";
        tell(&row(what, size, times.collect()));
    }
}

fn row(what: &str, size: usize, mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let most = times.len().saturating_sub(1);
    let at = |percent: usize| times.get((times.len() * percent / 100).min(most));
    let ms = |time: Option<&Duration>| time.map_or(0, Duration::as_millis);
    format!(
        "| {what}, {} runs | {size} | {} ms | {} ms | {} ms |",
        times.len(),
        ms(at(50)),
        ms(at(99)),
        ms(times.last())
    )
}

async fn well(seed: u64, size: usize) -> Cluster {
    let cluster = Cluster::start(seed, 1, size).await;
    let joined = cluster.until_all_are_well(Duration::from_secs(10)).await;
    joined.expect("all join");
    cluster
}

async fn detection(seed: u64, size: usize) -> Duration {
    let mut cluster = well(seed, size).await;
    sleep(Duration::from_millis(10_000 + seed * 37 % 1_000)).await;
    cluster.kill(0);
    let missed = cluster
        .until(0, Duration::from_secs(30), Seen::Silent)
        .await;
    missed.expect("it is missed")
}

async fn restarting(seed: u64, size: usize) -> Duration {
    let mut cluster = well(seed, size).await;
    sleep(Duration::from_millis(10_000 + seed * 37 % 1_000)).await;
    cluster.restart_balancer(0).await;
    let joined = cluster.until_all_are_well(Duration::from_secs(60)).await;
    joined.expect("all are known again")
}

async fn healing(seed: u64, size: usize) -> Duration {
    let cluster = well(seed, size).await;
    (0..size / 2).for_each(|member| cluster.isolate(member, false));
    for one in 0..size / 2 {
        for other in size / 2..size {
            cluster.part(one, other);
        }
    }
    sleep(Duration::from_secs(300)).await;
    cluster.network.heal();
    let healed = cluster.until_all_are_well(Duration::from_secs(120)).await;
    healed.expect("it heals")
}

async fn silences(loss: u64, size: usize) -> usize {
    let cluster = well(loss, size).await;
    sleep(Duration::from_secs(10)).await;
    cluster.network.lose(loss);
    sleep(Duration::from_secs(5)).await;
    cluster.silences(LOSSY).await
}

async fn traffic(size: usize) -> (f64, f64) {
    well(1, size).await.traffic().await
}

const LOSSY: Duration = Duration::from_secs(3_600);
/// Members of a small cluster, and of a large one.
const FEW: usize = 10;
const MANY: usize = 100;
