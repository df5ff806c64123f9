//! The log as others listen to it: nothing is made of an event while nobody listens.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry, reload};

use crate::parse::Parsed;

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Line {
    /// When, in Unix milliseconds.
    pub time: u64,
    /// How bad.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// Where the log can be listened to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tap {
    lines: broadcast::Sender<Line>,
    /// What each listener wants.
    wanted: Arc<Mutex<Vec<LevelFilter>>>,
    filter: reload::Handle<Targets, Registry>,
}

/// What a listener may want.
///
/// # Errors
/// States the rule.
pub fn threshold(level: &str) -> Parsed<LevelFilter> {
    let level = level.parse().ok();
    let level = level.filter(|level| *level != LevelFilter::OFF);
    level.ok_or_else(|| "error, warn, info, debug or trace".to_owned())
}

/// One listener.
#[derive(Debug)]
pub struct Listening {
    tap: Tap,
    level: LevelFilter,
    lines: broadcast::Receiver<Line>,
}

impl Tap {
    /// The tap, and the layer that feeds it.
    pub(super) fn new() -> (Self, impl Layer<Registry>) {
        let (lines, _) = broadcast::channel(KEPT);
        let (filter, handle) = reload::Layer::new(up_to(LevelFilter::OFF));
        let tap = Self {
            lines: lines.clone(),
            wanted: Arc::default(),
            filter: handle,
        };
        (tap, Feed(lines).with_filter(filter))
    }

    /// Listens from now on to what is as bad as `level` or worse.
    ///
    /// # Errors
    /// States the rule.
    pub fn listen(&self, level: &str) -> Parsed<Listening> {
        let level = threshold(level)?;
        let listening = Listening {
            tap: self.clone(),
            level,
            lines: self.lines.subscribe(),
        };
        self.change(|wanted| wanted.push(level));
        Ok(listening)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<LevelFilter>)) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut wanted);
        let most = wanted.iter().max().copied().unwrap_or(LevelFilter::OFF);
        // Fails only when nothing is logged any more.
        let _ = self.filter.reload(up_to(most));
    }
}

impl Listening {
    /// The next line; `None` when nothing is logged any more. Who is slow is told how many lines
    /// were lost.
    pub async fn next(&mut self) -> Option<Line> {
        loop {
            match self.lines.recv().await {
                Ok(line) if self.level >= line.level => return Some(line),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(lost)) => {
                    return Some(Line {
                        time: now(),
                        level: Level::WARN,
                        text: format!(
                            "{lost} lines were lost: they came faster than they were read"
                        ),
                    });
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let level = self.level;
        self.tap.change(|wanted| {
            if let Some(own) = wanted.iter().position(|other| *other == level) {
                wanted.swap_remove(own);
            }
        });
    }
}

struct Feed(broadcast::Sender<Line>);

impl<S: Subscriber> Layer<S> for Feed {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let line = Line {
            time: now(),
            level: *event.metadata().level(),
            text: text.message + &text.fields,
        };
        // Without listeners there is nobody to miss it.
        let _ = self.0.send(line);
    }
}

/// What an event says, as it stands on standard error.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a text cannot fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

/// Without what gossip's and resolving's libraries say at every tick.
fn up_to(level: LevelFilter) -> Targets {
    let quiet = [
        "chitchat",
        "hickory_proto",
        "hickory_net",
        "hickory_resolver",
    ];
    Targets::new()
        .with_default(level)
        .with_targets(quiet.map(|target| (target, LevelFilter::OFF)))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Lines kept for listeners that are slow.
const KEPT: usize = 256;

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[tokio::test]
    async fn each_listener_hears_up_to_its_level_and_nobody_nothing() {
        let (tap, layer) = Tap::new();
        let log = tracing_subscriber::registry().with(layer);
        let _log = tracing::subscriber::set_default(log);
        tracing::error!("before anybody listens");
        let mut loud = tap.listen("debug").unwrap();
        let mut quiet = tap.listen("warn").unwrap();
        tracing::debug!(server = 3, "looked at");
        tracing::error!(target: "chitchat", "at every tick");
        tracing::warn!("out of {}", "files");
        let next = async |listening: &mut Listening| {
            let line = listening.next().await.unwrap();
            format!("{} {}", line.level, line.text)
        };
        assert_eq!(next(&mut loud).await, "DEBUG looked at server=3");
        assert_eq!(next(&mut loud).await, "WARN out of files");
        assert_eq!(next(&mut quiet).await, "WARN out of files");
        drop(loud);
        assert!(!tracing::enabled!(Level::DEBUG));
        assert!(tracing::enabled!(Level::WARN));
        for _ in 0..2 * KEPT {
            tracing::warn!("again");
        }
        assert!(next(&mut quiet).await.contains("256 lines were lost"));
        assert!(tap.listen("loud").is_err() && tap.listen("off").is_err());
    }
}
