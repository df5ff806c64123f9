//! A balancer killed and started again: with what its pool file remembers, and without.

use std::time::Duration;

use tokio::time::Instant;

use e2e::cluster::Cluster;
use e2e::folder::Folder;

use super::{RUNS, say};

/// From the start of the process until all of ten members are up.
pub(super) async fn restart() {
    let folder = Folder::new();
    let file = format!("--pool-file {}", folder.file("pool.json").display());
    for (how, flags) in [("without a pool file", ""), ("with its pool file", &file)] {
        let mut cluster = Cluster::with(MEMBERS, flags).await;
        let mut times = Vec::new();
        for turn in 0..RUNS {
            // Not always at the same moment of the members' rounds; and what is known is written.
            tokio::time::sleep(Duration::from_millis(600 + 37 * turn as u64 % 400)).await;
            cluster.lb.process.kill();
            let began = Instant::now();
            cluster.lb.restart().await;
            cluster.ready().await;
            times.push(began.elapsed());
        }
        let what = format!("restart: balancer killed and started {how}, until {MEMBERS} are up");
        say(&what, &times);
    }
}

const MEMBERS: usize = 10;
