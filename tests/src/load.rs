//! A steady, bounded load: so many requests a second, and a report of every one that failed. Each
//! on a fresh connection, as strangers come, or over kept ones with jobs in the mix.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Method;
use hyper::header::HeaderValue;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::client::{self, Answer, Failure, KeepAlive};

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
    /// Those that had no answer yet when it was told to end.
    pub pending: usize,
    /// What went wrong, one line each.
    pub failed: Vec<String>,
    /// The jobs that were answered well.
    pub jobs: Vec<u64>,
    /// The longest that an answer took.
    pub slowest: Duration,
    /// Answers that took longer than a second, one line each.
    pub slow: Vec<String>,
}

impl Load {
    /// `rate` requests a second for `/` to `addr`, each on a fresh connection.
    #[must_use]
    pub fn start(addr: SocketAddr, rate: u32) -> Self {
        Self::run(addr, rate, LONGEST, Mix::Strangers)
    }

    /// `rate` requests a second over kept connections, each `nth` of them a POST for `/jobs` with
    /// a number of its own as its `X-Request-Id`.
    #[must_use]
    pub fn with_jobs(addr: SocketAddr, rate: u32, nth: u64) -> Self {
        let kept = Arc::new(Kept {
            idle: Mutex::default(),
            places: Semaphore::new(MOST_KEPT),
        });
        Self::run(addr, rate, LONGEST_WITH_JOBS, Mix::Jobs { nth, kept })
    }

    fn run(addr: SocketAddr, rate: u32, limit: Duration, mix: Mix) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (count, sent) = watch::channel(0);
        let ends = Ends { limit, stopped };
        Self {
            stop,
            sent,
            task: tokio::spawn(run(addr, rate, mix, ends, count)),
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

/// What is sent, and over which connections.
#[derive(Clone, Debug)]
enum Mix {
    Strangers,
    Jobs { nth: u64, kept: Arc<Kept> },
}

/// Connections, of which there are at most [`MOST_KEPT`].
#[derive(Debug)]
struct Kept {
    /// Those that wait for their next request, the one used last at the end.
    idle: Mutex<Vec<(KeepAlive, Instant)>>,
    /// Requests beyond wait for one, which their time includes.
    places: Semaphore,
}

struct Ends {
    limit: Duration,
    stopped: oneshot::Receiver<()>,
}

async fn run(
    addr: SocketAddr,
    rate: u32,
    mix: Mix,
    mut ends: Ends,
    count: watch::Sender<u64>,
) -> Report {
    let mut report = Report::default();
    let mut requests = JoinSet::new();
    let began = Instant::now();
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while began.elapsed() < ends.limit {
        tokio::select! {
            _ = &mut ends.stopped => break,
            _ = ticks.tick() => {
                report.sent += 1;
                count.send_replace(report.sent);
                requests.spawn(one(addr, began, mix.clone(), report.sent));
            }
            Some(result) = requests.join_next() => report.take(result.expect("no panic")),
        }
    }
    report.pending = requests.len();
    while let Some(result) = requests.join_next().await {
        report.take(result.expect("no panic"));
    }
    report
}

/// A request that was answered well.
struct Done {
    /// When in the load it began.
    at: Duration,
    took: Duration,
    job: Option<u64>,
}

/// What went wrong otherwise.
type Outcome = Result<Done, String>;

async fn one(addr: SocketAddr, load: Instant, mix: Mix, number: u64) -> Outcome {
    let began = Instant::now();
    let at = began - load;
    let (job, answer) = match &mix {
        Mix::Strangers => (None, client::get(addr, "/").await),
        Mix::Jobs { nth, kept } if number.is_multiple_of(*nth) => {
            let job = JOBS.fetch_add(1, Relaxed);
            (Some(job), over(kept, addr, Some(job)).await)
        }
        Mix::Jobs { kept, .. } => (None, over(kept, addr, None).await),
    };
    let took = began.elapsed();
    let what = match answer {
        Ok(answer) if answer.status == 200 => return Ok(Done { at, took, job }),
        Ok(answer) => format!("status {}", answer.status),
        Err(error) => chain(&*error),
    };
    let which = job.map_or_else(String::new, |job| format!("job {job}: "));
    Err(format!("at {at:.3?}, after {took:.3?}: {which}{what}"))
}

/// Over an idle connection, or else a fresh one; kept for the next.
async fn over(kept: &Kept, addr: SocketAddr, job: Option<u64>) -> Result<Answer, Failure> {
    let _place = kept.places.acquire().await?;
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => KeepAlive::open(addr).await?,
    };
    let request = match job {
        None => client::request(addr, Method::GET, "/", ""),
        Some(job) => {
            let mut request = client::request(addr, Method::POST, "/jobs", "{}");
            let id = HeaderValue::from(job);
            request.headers_mut().insert("x-request-id", id);
            request
        }
    };
    let answer = connection.send(request).await?;
    if answer.header("connection") != "close" {
        kept.idle().push((connection, Instant::now()));
    }
    Ok(answer)
}

impl Kept {
    /// The one used last; those that have been idle for long are closed, before the other side
    /// does.
    fn take(&self) -> Option<KeepAlive> {
        let mut idle = self.idle();
        idle.retain(|(connection, since)| !connection.is_closed() && since.elapsed() < LONG_IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(KeepAlive, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error and its causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

impl Report {
    fn take(&mut self, outcome: Outcome) {
        match outcome {
            Ok(Done { at, took, job }) => {
                self.jobs.extend(job);
                self.slowest = self.slowest.max(took);
                if took > SLOW {
                    self.slow.push(format!("at {at:.3?}: {took:.3?}"));
                }
            }
            Err(line) => self.failed.push(line),
        }
    }
}

/// The number of the next job: no two of one process are the same.
static JOBS: AtomicU64 = AtomicU64::new(0);

const SLOW: Duration = Duration::from_secs(1);
/// However long a test takes, a load ends.
const LONGEST: Duration = Duration::from_secs(300);
/// A hundred restarts take a while.
const LONGEST_WITH_JOBS: Duration = Duration::from_secs(1800);
/// Enough for 2,000 requests a second that take 30 ms. After some thousand connections at once
/// Docker's port proxy was seen to refuse all that came later.
const MOST_KEPT: usize = 64;
/// Well below the time after which a balancer closes an idle connection.
const LONG_IDLE: Duration = Duration::from_secs(2);
