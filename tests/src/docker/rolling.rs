//! Rolling restarts: one webapp after another restarted under a load with jobs in it, and what the
//! clients and the webapps' logs say of that. What is asserted is the tests' affair.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::lab::Lab;
use crate::load::{Load, Report};

/// How the webapp is run in its container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// The member is PID 1, around the webapp.
    Wrapped,
    /// s6 is PID 1, the member beside the webapp.
    Beside,
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Webapps, at least two.
    pub webapps: usize,
    /// Restarts, one after the other.
    pub restarts: usize,
    /// Requests a second.
    pub rate: u32,
    /// Each so many requests, one is a job.
    pub nth: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Rolled {
    /// What the clients saw.
    pub report: Report,
    /// From `docker restart` until all webapps were in rotation again.
    pub took: Vec<Duration>,
    /// Jobs that webapps have begun.
    pub begun: usize,
    /// Jobs that were begun more than once.
    pub twice: Vec<u64>,
    /// Jobs that were answered, but that no webapp knows of.
    pub unknown: Vec<u64>,
}

/// Starts the balancer and the webapps `w0`, `w1` and so on.
pub async fn fill(lab: &Lab, mode: Mode, webapps: usize) {
    lab.start("ha", "").await;
    for name in names(webapps) {
        match mode {
            Mode::Wrapped => lab.start_wrapped(&name, "").await,
            Mode::Beside => lab.start(&name, "").await,
        }
    }
    until_up(lab, webapps).await;
}

/// Restarts one webapp after another.
pub async fn roll(lab: &Lab, plan: Plan) -> Rolled {
    let names = names(plan.webapps);
    let load = Load::with_jobs(lab.addr(), plan.rate, plan.nth);
    let steady = u64::from(plan.rate / 5);
    let mut took = Vec::new();
    for name in names.iter().cycle().take(plan.restarts) {
        load.another(steady).await;
        let began = Instant::now();
        lab.tell(name, "restart").await;
        until_up(lab, plan.webapps).await;
        took.push(began.elapsed());
    }
    load.another(steady).await;
    let report = load.stop().await;
    let begun = jobs(lab, &names).await;
    let mut twice: Vec<u64> = begun
        .iter()
        .filter(|(_, n)| **n > 1)
        .map(|(job, _)| *job)
        .collect();
    twice.sort_unstable();
    let unknown = report.jobs.iter().filter(|job| !begun.contains_key(job));
    Rolled {
        unknown: unknown.copied().collect(),
        begun: begun.len(),
        report,
        took,
        twice,
    }
}

/// How often each job was begun: a webapp's log goes on when its container is restarted.
async fn jobs(lab: &Lab, names: &[String]) -> HashMap<u64, u32> {
    let mut jobs = HashMap::new();
    for name in names {
        let logs = lab.logs(name).await;
        let begun = logs
            .lines()
            .filter_map(|line| line.strip_prefix("job ")?.parse().ok());
        begun.for_each(|job| *jobs.entry(job).or_default() += 1);
    }
    jobs
}

async fn until_up(lab: &Lab, webapps: usize) {
    let names = names(webapps);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    lab.stats().until_up(&names).await;
}

fn names(webapps: usize) -> Vec<String> {
    (0..webapps).map(|number| format!("w{number}")).collect()
}
