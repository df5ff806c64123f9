//! The rounds: every contestant started anew for every scenario, warmed up, measured, ended. The
//! order changes from round to round and from scenario to scenario.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::Plan;
use crate::contestant::{Contestant, Running, Stage};
use crate::cores::Cores;
use crate::origin::Origin;
use crate::procfs::{self, Core, Usage};
use crate::report::{self, Results};
use crate::sample::{Loaded, Sample};
use crate::scenario::{Kind, Scenario, Shape};
use crate::tools::Tools;
use crate::{idle, load};

/// All of them, and what they have given.
#[derive(Debug)]
pub(crate) struct Rounds {
    plan: Plan,
    tools: Tools,
    cores: Cores,
    folder: Folder,
    origin: Origin,
    results: Results,
    /// Time left for measuring again.
    patience: Duration,
}

impl Rounds {
    /// Starts what all of them need.
    pub(crate) async fn begin(plan: Plan, tools: Tools, cores: Cores) -> Self {
        Self {
            patience: plan.patience,
            plan,
            tools,
            cores,
            folder: Folder::new(),
            origin: Origin::start(cores.origin).await,
            results: Results::default(),
        }
    }

    /// Does them.
    pub(crate) async fn run(&mut self) {
        let (scenarios, contestants) = (self.plan.scenarios.clone(), self.plan.contestants.clone());
        for round in 0..self.plan.rounds {
            eprintln!("round {} of {}", round + 1, self.plan.rounds);
            for (number, scenario) in scenarios.iter().enumerate() {
                for contestant in in_turn(&contestants, round + number) {
                    if matches!(contestant, Contestant::Relay) && !scenario.suits_relay() {
                        continue;
                    }
                    let sample = self.undisturbed(contestant, scenario).await;
                    let name = contestant.name();
                    self.results.add(scenario.name, name, round, sample);
                }
            }
        }
    }

    /// As text.
    pub(crate) fn report(&self) -> String {
        report::render(&self.plan, &self.results)
    }

    /// Measures again what others were in the way of, while patience lasts.
    async fn undisturbed(
        &mut self,
        contestant: &Contestant,
        scenario: &Scenario,
    ) -> Result<Sample, String> {
        loop {
            let began = Instant::now();
            let sample = self.measure(contestant, scenario).await;
            let is_disturbed = sample.as_ref().is_ok_and(Sample::is_disturbed);
            if !is_disturbed || self.patience.is_zero() {
                return sample;
            }
            sleep(BREATH).await;
            self.patience = self.patience.saturating_sub(began.elapsed());
        }
    }

    async fn measure(
        &self,
        contestant: &Contestant,
        scenario: &Scenario,
    ) -> Result<Sample, String> {
        let running = contestant
            .start(&Stage {
                tools: &self.tools,
                cores: self.cores,
                origin: self.origin.addr,
                folder: &self.folder.0,
            })
            .await;
        match scenario.kind {
            Kind::Load(shape) => self.loaded(&running, shape).await.map(Sample::Load),
            Kind::Idle { connections } => idle_bytes(&running, connections).await.map(Sample::Idle),
        }
    }

    async fn loaded(&self, running: &Running, shape: Shape) -> Result<Loaded, String> {
        let (wrk, addr) = (&self.tools.wrk, running.addr);
        load::run(wrk, shape, addr, self.plan.warm_up).await?;
        let before = Reading::now(running.pid, self.cores)?;
        let outcome = load::run(wrk, shape, addr, self.plan.seconds).await?;
        let after = Reading::now(running.pid, self.cores)?;
        if before.usage.processes != after.usage.processes {
            return Err("a process was restarted meanwhile".to_owned());
        }
        if !before.usage.threads.is_subset(&after.usage.threads) {
            return Err("a thread ended meanwhile, and its time is lost".to_owned());
        }
        let cpu = (after.usage.cpu - before.usage.cpu).as_secs_f64();
        let proxy = cpu / (after.at - before.at).as_secs_f64();
        Ok(Loaded {
            cpu: cpu * 1e6 / outcome.requests,
            rate: outcome.rate,
            p50: outcome.p50,
            p99: outcome.p99,
            proxy,
            others: (after.proxy.busy_since(before.proxy) - proxy).max(0.0),
            load: after.load.busy_since(before.load),
        })
    }
}

async fn idle_bytes(running: &Running, count: u32) -> Result<f64, String> {
    let memory = || procfs::memory(running.pid).ok_or("its memory cannot be read");
    // So that what is set up once is not counted.
    drop(idle::open(running.addr, FIRST).await?);
    sleep(SETTLE).await;
    let before = memory()?;
    let connections = idle::open(running.addr, count).await?;
    sleep(SETTLE).await;
    let after = memory()?;
    match idle::closed(&connections) {
        0 => Ok(after.saturating_sub(before) as f64 / f64::from(count)),
        closed => Err(format!("{closed} of {count} connections were closed")),
    }
}

/// Everything that is read twice.
#[derive(Debug)]
struct Reading {
    at: Instant,
    usage: Usage,
    proxy: Core,
    load: Core,
}

impl Reading {
    fn now(pid: u32, cores: Cores) -> Result<Self, String> {
        let read = || {
            Some(Self {
                at: Instant::now(),
                proxy: Core::now(cores.proxy)?,
                load: Core::now(cores.load)?,
                usage: Usage::of(pid)?,
            })
        };
        read().ok_or_else(|| "its processor time cannot be read".to_owned())
    }
}

/// Beginning with another one each time, and every other time backwards, so that nobody always comes
/// after the same one.
fn in_turn<T>(all: &[T], turn: usize) -> Vec<&T> {
    let begin = turn % all.len();
    let mut order: Vec<_> = all.iter().cycle().skip(begin).take(all.len()).collect();
    if turn % 2 == 1 {
        order.reverse();
    }
    order
}

/// A folder that is removed with its value.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("versus-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a new folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let path: &Path = &self.0;
        // What cannot be removed is found in the system's folder for such things.
        let _ = std::fs::remove_dir_all(path);
    }
}

/// Whoever else is there may end meanwhile.
const BREATH: Duration = Duration::from_secs(1);
/// Connections before memory is read first.
const FIRST: u32 = 50;
/// Until what has just been said and closed has been dealt with.
const SETTLE: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::in_turn;

    #[test]
    fn everybody_begins_as_often_and_comes_after_everybody() {
        let turn = |turn| {
            in_turn(&["a", "b", "c"], turn)
                .into_iter()
                .copied()
                .collect::<String>()
        };
        let turns: Vec<_> = (0..6).map(turn).collect();
        assert_eq!(turns, ["abc", "acb", "cab", "cba", "bca", "bac"]);
    }
}
