//! Waiting for what will be so: a condition asked again and again until it holds or its time is
//! up. The only place where tests sleep.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

/// Longer than anything here takes on a busy machine; shorter than anybody's patience.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Asks until `ask` gives something; returns it, and how long it took.
///
/// # Panics
///
/// When `limit` has passed; says what was waited for.
pub async fn within<T>(
    limit: Duration,
    what: impl Display,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> (T, Duration) {
    let began = Instant::now();
    loop {
        if let Some(value) = ask().await {
            return (value, began.elapsed());
        }
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(STEP).await;
    }
}

/// [`within`] [`LIMIT`].
pub async fn eventually<T>(what: impl Display, ask: impl AsyncFnMut() -> Option<T>) -> T {
    within(LIMIT, what, ask).await.0
}

/// The middle and the largest of some times; for printing.
#[must_use]
pub fn spread(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = |share: usize| {
        let last = sorted.len().saturating_sub(1);
        sorted
            .get((sorted.len() * share / 100).min(last))
            .copied()
            .unwrap_or_default()
    };
    format!(
        "p50 {:?}, p99 {:?}, max {:?} over {}",
        at(50),
        at(99),
        at(100),
        sorted.len()
    )
}

/// Often enough to measure milliseconds.
const STEP: Duration = Duration::from_millis(2);
