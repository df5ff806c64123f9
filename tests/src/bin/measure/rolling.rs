//! Rolling restarts in containers, wrapped and beside, at the most this machine carries.

use std::time::Duration;

use tokio::time::sleep;

use e2e::docker::{Lab, Mode, Plan, Rolled, fill, roll};
use e2e::load::Load;

use super::{print, say};

/// Reads its options off `words`: `--restarts N` and `--rate N`.
///
/// # Errors
///
/// States the rule.
pub(super) fn plan(
    words: &mut std::iter::Peekable<impl Iterator<Item = String>>,
) -> Result<Plan, String> {
    let mut plan = Plan {
        webapps: 5,
        restarts: 100,
        rate: 2_000,
        nth: 10,
    };
    while let Some(option) = words.next_if(|word| word.starts_with("--")) {
        let value = words.next().and_then(|value| value.parse().ok());
        match (option.as_str(), value) {
            ("--restarts", Some(restarts @ 1..=1_000)) => plan.restarts = restarts as usize,
            ("--rate", Some(rate @ 20..=20_000)) => plan.rate = rate,
            _ => {
                return Err(format!(
                    "{option}: expected --restarts 1 to 1000 or --rate 20 to 20000"
                ));
            }
        }
    }
    Ok(plan)
}

/// Both ways of running a webapp. Answers are timed from when their request was due.
pub(super) async fn rolling(plan: Plan) {
    for mode in [Mode::Wrapped, Mode::Beside] {
        let lab = Lab::open("rolling").await.expect("Docker");
        fill(&lab, mode, plan.webapps).await;
        let rate = carried(&lab, plan).await;
        let rolled = roll(&lab, Plan { rate, ..plan }).await;
        tell(&format!("rolling, {}", name(mode)), rate, plan, &rolled);
    }
}

/// The rate wanted, or as much of it as is answered without a queue growing somewhere.
async fn carried(lab: &Lab, plan: Plan) -> u32 {
    let mut rate = plan.rate;
    loop {
        let load = Load::with_jobs(lab.addr(), rate, plan.nth);
        sleep(TRIAL).await;
        let report = load.stop().await;
        let due = u64::from(rate) * TRIAL.as_secs();
        let lagging = report.sent * 100 < due * 98;
        let queueing = report.pending > QUEUE.max(rate as usize / 20);
        if (report.failed.is_empty() && !lagging && !queueing) || rate <= LEAST {
            return rate;
        }
        print(&format!(
            "rolling: {rate}/s is more than this machine carries: {} of {due} sent, {} waiting, {} failed",
            report.sent,
            report.pending,
            report.failed.len()
        ));
        rate = (rate * 3 / 4).max(LEAST);
    }
}

fn tell(what: &str, rate: u32, plan: Plan, rolled: &Rolled) {
    let report = &rolled.report;
    print(&format!(
        "{what}: {} restarts of {} webapps at {rate}/s: {} of {} requests failed, slowest {:?}",
        rolled.took.len(),
        plan.webapps,
        report.failed.len(),
        report.sent,
        report.slowest
    ));
    print(&format!(
        "{what}: of {} jobs answered {} were run twice, {} by nobody",
        report.jobs.len(),
        rolled.twice.len(),
        rolled.unknown.len()
    ));
    say(
        &format!("{what}: docker restart until all are in rotation"),
        &rolled.took,
    );
    for line in report.failed.iter().chain(&report.slow).take(WORTH_READING) {
        print(&format!("{what}: {line}"));
    }
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Wrapped => "wrapped",
        Mode::Beside => "beside",
    }
}

const TRIAL: Duration = Duration::from_secs(3);
/// Requests under way at any time: a job takes 20 ms, and a slow moment is not a queue.
const QUEUE: usize = 20;
const LEAST: u32 = 100;
const WORTH_READING: usize = 10;
