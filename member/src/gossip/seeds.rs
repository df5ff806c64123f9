//! Keeps resolving the seeds, for ever: nobody ends because a balancer's name or address is
//! not there yet. What is done with the addresses is the actor's affair.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::gossip::search::Answers;
use crate::parse::HostPort;
use crate::resolve::{ResolveError, Resolver};

/// Resolves `seeds` again and again and sends all their addresses: often while `alone`
/// (no balancer is heard), seldom otherwise. Ends when nobody listens.
pub(super) async fn follow(
    seeds: Vec<HostPort>,
    resolver: Resolver,
    mut alone: watch::Receiver<bool>,
    found: mpsc::Sender<Answers>,
) {
    let mut complaints = Complaints::default();
    let mut pause = FIRST_PAUSE;
    loop {
        let answers = resolve_all(&seeds, resolver, &mut complaints).await;
        if found.send(answers).await.is_err() {
            return;
        }
        let is_alone = *alone.borrow_and_update();
        let wait = if is_alone { pause } else { CALM_PAUSE };
        tokio::select! {
            () = sleep(wait.mul_f64(rand::random_range(0.8..1.0))) => {}
            changed = became(&mut alone, !is_alone) => if changed.is_none() { return },
            () = found.closed() => return,
        }
        pause = if is_alone {
            (pause * 2).min(LAST_PAUSE)
        } else {
            FIRST_PAUSE
        };
    }
}

/// Waits until `alone` is `wanted`; a balancer that comes back is no reason to resolve.
async fn became(alone: &mut watch::Receiver<bool>, wanted: bool) -> Option<()> {
    if !wanted {
        return std::future::pending().await;
    }
    alone.wait_for(|is_alone| *is_alone).await.ok().map(drop)
}

async fn resolve_all(
    seeds: &[HostPort],
    resolver: Resolver,
    complaints: &mut Complaints,
) -> Answers {
    let mut lookups = JoinSet::new();
    for (at, seed) in seeds.iter().cloned().enumerate() {
        lookups.spawn(async move { (at, resolver.resolve(&seed).await) });
    }
    let mut answers = vec![None; seeds.len()];
    while let Some(answer) = lookups.join_next().await {
        let Ok((at, answer)) = answer else { continue };
        match answer {
            Ok(found) => {
                complaints.settle(at);
                answers[at] = Some(found);
            }
            Err(error) => complaints.tell(at, &error),
        }
    }
    answers
}

/// Tells of a seed that cannot be resolved at first, then every 10 s.
#[derive(Debug, Default)]
struct Complaints(HashMap<usize, Instant>);

impl Complaints {
    fn tell(&mut self, seed: usize, error: &ResolveError) {
        let told = self.0.get(&seed);
        if told.is_none_or(|at| at.elapsed() >= COMPLAINT_PAUSE) {
            self.0.insert(seed, Instant::now());
            tracing::warn!("{error}; trying on");
        }
    }

    fn settle(&mut self, seed: usize) {
        self.0.remove(&seed);
    }
}

// While no balancer is heard: quick at first, then once a second, so that one that came
// back under another address is found within 3 s.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// With a balancer: finds the other half after a partition, and new addresses.
const CALM_PAUSE: Duration = Duration::from_secs(30);
const COMPLAINT_PAUSE: Duration = Duration::from_secs(10);
