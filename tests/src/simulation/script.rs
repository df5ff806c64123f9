//! Scripts of the cluster ring: phases drawn from a seed, each ended by what must be so within a
//! bound of virtual time. chitchat draws its own randomness, so a seed repeats the script and the
//! network's chance, not every byte.

use std::time::Duration;

use tokio::time::sleep;

use super::chance::Chance;
use super::cluster::{Cluster, Seen};

/// Runs the script of `seed` on a runtime of its own, whose clock is paused.
///
/// # Errors
/// What was not so in time.
pub fn run(seed: u64) -> Result<(), String> {
    virtually(play(seed)).map_err(|error| format!("script {seed}: {error}"))
}

/// Runs in virtual time.
pub fn virtually<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    runtime.expect("a runtime can be built").block_on(future)
}

async fn play(seed: u64) -> Result<(), String> {
    let mut chance = Chance::of(seed);
    let sizes = [3, 5, 10, 10, 10, 20, 50];
    let size = if seed % 25 == 24 {
        100
    } else {
        *chance.pick(&sizes).unwrap_or(&10)
    };
    let balancers = 1 + chance.below(2) as usize;
    let mut cluster = Cluster::start(seed, balancers, size).await;
    let mut story = format!("{size} members, {balancers} balancers");
    let joined = cluster.until_all_are_well(JOINED).await;
    joined.map_err(|error| format!("{story}: {error}"))?;
    for _ in 0..chance.between(2, 4) {
        let kind = chance.below(6);
        let victim = chance.below(size as u64) as usize;
        story = format!("{story}; phase {kind} of s{victim}");
        let passed = phase(&mut cluster, &mut chance, kind, victim).await;
        passed.map_err(|error| format!("{story}: {error}"))?;
    }
    Ok(())
}

async fn phase(
    cluster: &mut Cluster,
    chance: &mut Chance,
    kind: u64,
    victim: usize,
) -> Result<(), String> {
    match kind {
        0 => {
            cluster.kill(victim);
            cluster.until(victim, MISSED, Seen::Silent).await?;
            cluster.begin(victim).await;
        }
        1 => {
            cluster.kill(victim);
            cluster.move_house(victim);
            sleep(Duration::from_millis(chance.between(0, 3_000))).await;
            cluster.begin(victim).await;
        }
        2 => {
            cluster.leave(victim).await;
            cluster.until(victim, TOLD, Seen::Left).await?;
            sleep(Duration::from_millis(chance.between(0, 3_000))).await;
            cluster.begin(victim).await;
        }
        3 => {
            let cut = 1 + chance.below(cluster.size() as u64) as usize;
            (0..cut).for_each(|member| cluster.isolate(member, true));
            for member in 0..cut {
                cluster.until(member, MISSED, Seen::Silent).await?;
            }
            sleep(Duration::from_secs(chance.between(0, 60))).await;
            cluster.network.heal();
        }
        4 => {
            cluster.deafen(0);
            sleep(Duration::from_secs(chance.between(1, 30))).await;
            cluster.network.heal();
        }
        _ => {
            cluster
                .network
                .lose(*chance.pick(&[30, 50, 80]).unwrap_or(&30));
            sleep(Duration::from_secs(chance.between(5, 20))).await;
            cluster.network.lose(0);
        }
    }
    cluster.until_all_are_well(HEALED).await.map(drop)
}

/// All of a hundred members, begun in one moment, are live and ready.
const JOINED: Duration = Duration::from_secs(3);
/// A member that has died is silent: as long as a rhythm that lost words have upset is borne with, and a rumour.
const MISSED: Duration = Duration::from_secs(10);
/// A farewell without loss has arrived.
const TOLD: Duration = Duration::from_millis(200);
/// After a partition, a loss, or a restart anywhere.
const HEALED: Duration = Duration::from_secs(3);
