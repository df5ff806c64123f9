//! A steady, bounded load: so many GETs a second, each on a fresh connection, and a report of
//! every one that failed.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::client;

/// A load under way.
#[derive(Debug)]
pub struct Load {
    stop: oneshot::Sender<()>,
    sent: watch::Receiver<u64>,
    task: JoinHandle<Report>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Requests made.
    pub sent: u64,
    /// What went wrong, one line each.
    pub failed: Vec<String>,
    /// The longest that an answer took.
    pub slowest: Duration,
}

impl Load {
    /// `rate` requests a second for `/` to `addr`.
    #[must_use]
    pub fn start(addr: SocketAddr, rate: u32) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (count, sent) = watch::channel(0);
        Self {
            stop,
            sent,
            task: tokio::spawn(run(addr, rate, stopped, count)),
        }
    }

    /// Waits until `count` more requests have been sent, so that whatever happens next happens
    /// in the middle of a steady load.
    pub async fn another(&self, count: u64) {
        let mut sent = self.sent.clone();
        let goal = *sent.borrow() + count;
        let reached = sent.wait_for(|sent| *sent >= goal).await;
        assert!(reached.is_ok(), "the load has ended before {goal} requests");
    }

    /// Ends it and waits for the last answers.
    pub async fn stop(self) -> Report {
        // It may have come to its own end.
        let _ = self.stop.send(());
        self.task.await.expect("the load does not panic")
    }
}

impl Report {
    /// Asserts that nothing failed, and that there was a load at all.
    pub fn assert_clean(&self) {
        assert!(self.sent > 0, "nothing was sent");
        let some = self.failed.iter().take(10).collect::<Vec<_>>();
        let failed = self.failed.len();
        assert!(failed == 0, "{failed} of {} failed: {some:#?}", self.sent);
    }
}

async fn run(
    addr: SocketAddr,
    rate: u32,
    mut stopped: oneshot::Receiver<()>,
    count: watch::Sender<u64>,
) -> Report {
    let mut report = Report::default();
    let mut requests = JoinSet::new();
    let began = Instant::now();
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while began.elapsed() < LONGEST {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => {
                report.sent += 1;
                count.send_replace(report.sent);
                requests.spawn(one(addr, began));
            }
            Some(result) = requests.join_next() => report.take(result.expect("no panic")),
        }
    }
    while let Some(result) = requests.join_next().await {
        report.take(result.expect("no panic"));
    }
    report
}

type Outcome = Result<Duration, String>;

async fn one(addr: SocketAddr, load: Instant) -> Outcome {
    let began = Instant::now();
    let at = began - load;
    let told = |what: String| format!("at {at:.3?}, after {:.3?}: {what}", began.elapsed());
    match client::get(addr, "/").await {
        Ok(answer) if answer.status == 200 => Ok(began.elapsed()),
        Ok(answer) => Err(told(format!("status {}", answer.status))),
        Err(error) => Err(told(error.to_string())),
    }
}

impl Report {
    fn take(&mut self, outcome: Outcome) {
        match outcome {
            Ok(took) => self.slowest = self.slowest.max(took),
            Err(line) => self.failed.push(line),
        }
    }
}

/// However long a test takes, a load ends.
const LONGEST: Duration = Duration::from_secs(180);
