//! What the process knows of itself: limits, processor time, traffic of the last second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::frontend::Frontend;

/// Raises the limit of open files to its hard limit; returns what it is now, 0 for none.
#[must_use]
pub fn raise_open_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
    match raised {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            current
        }
    }
    .unwrap_or(0)
}

/// Gauges that a sampler renews every second.
#[derive(Debug)]
pub struct Vitals {
    /// Open files allowed; 0 without a limit.
    pub ulimit_n: u64,
    /// The runtimes of the process.
    pub runtimes: Vec<Handle>,
    idle_percent: AtomicU64,
    bytes_out_rate: AtomicU64,
}

impl Vitals {
    /// Vitals of a process that runs on these runtimes.
    #[must_use]
    pub const fn new(ulimit_n: u64, runtimes: Vec<Handle>) -> Self {
        let (idle_percent, bytes_out_rate) = (AtomicU64::new(100), AtomicU64::new(0));
        Self {
            ulimit_n,
            runtimes,
            idle_percent,
            bytes_out_rate,
        }
    }

    /// Share of their time that the workers had nothing to do, in percent.
    #[must_use]
    pub fn idle_percent(&self) -> u8 {
        self.idle_percent.load(Relaxed).min(100) as u8
    }

    /// Bytes sent to clients in the last second.
    #[must_use]
    pub fn bytes_out_rate(&self) -> u64 {
        self.bytes_out_rate.load(Relaxed)
    }

    /// Tasks alive, and tasks waiting to run, over all runtimes.
    #[must_use]
    pub fn tasks(&self) -> (u64, u64) {
        self.runtimes
            .iter()
            .fold((0, 0), |(alive, waiting), runtime| {
                let metrics = runtime.metrics();
                let (more, queued) = (metrics.num_alive_tasks(), metrics.global_queue_depth());
                (alive + more as u64, waiting + queued as u64)
            })
    }

    /// Renews the gauges every second until dropped.
    pub async fn sample(self: Arc<Self>, frontend: Arc<Frontend>, workers: usize) {
        let mut last = (
            Instant::now(),
            processor_time(),
            frontend.cells.sum(|cell| &cell.bout),
        );
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let next = (
                Instant::now(),
                processor_time(),
                frontend.cells.sum(|cell| &cell.bout),
            );
            let seconds = (next.0 - last.0).as_secs_f64();
            let busy = next.1.saturating_sub(last.1).as_secs_f64() / seconds / workers as f64;
            self.idle_percent
                .store(((1.0 - busy).max(0.0) * 100.0) as u64, Relaxed);
            let rate = next.2.saturating_sub(last.2) as f64 / seconds;
            self.bytes_out_rate.store(rate as u64, Relaxed);
            last = next;
        }
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}
