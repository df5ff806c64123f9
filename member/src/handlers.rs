//! Calls event handlers: one at a time, in order, away from whoever gossips. What they are told
//! is decided by `events` and `handler`.

use std::collections::{HashSet, VecDeque};
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::children::Children;
use crate::events::{Differ, Event, Kind, Profile};
use crate::handler::{Handler, lines, variables};
use crate::node::{Description, Word};
use crate::shell::{self, Limits};
use crate::snapshot::{Sighting, Snapshot};

/// What a node sees of the cluster and of itself.
#[derive(Clone, Debug)]
pub struct View {
    /// The others.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// This node, once it has an address.
    pub own: watch::Receiver<Option<Arc<Sighting>>>,
    /// What this node is until then.
    pub node: Description,
}

/// Calls `handlers` for what happens in `view`, until gossip ends. With a `coalesce` of more
/// than nothing, what happens is told once it has been quiet for so long, or after three times
/// that, and only what has come of it: Serf's coalescing.
pub async fn run(handlers: Vec<Handler>, coalesce: Duration, view: View, children: Children) {
    let calls = Calls {
        handlers,
        children,
        limits: Limits::default(),
    };
    calls.serve(Inbox::new(coalesce, view)).await;
}

struct Calls {
    handlers: Vec<Handler>,
    children: Children,
    limits: Limits,
}

impl Calls {
    async fn serve(self, mut inbox: Inbox) {
        let mut open = true;
        loop {
            let Some((kind, members)) = inbox.batch() else {
                if !open {
                    return;
                }
                open = inbox.news().await.is_some();
                continue;
            };
            let call = self.tell(kind, &members, inbox.own());
            tokio::pin!(call);
            loop {
                tokio::select! {
                    () = &mut call => break,
                    news = inbox.news(), if open && inbox.has_room() => open = news.is_some(),
                }
            }
        }
    }

    /// Calls every handler that wants it, one after the other.
    async fn tell(&self, kind: Kind, members: &[Arc<Profile>], own: Profile) {
        let input = lines(members.iter().map(|member| &**member));
        let variables = variables(kind, &own);
        for handler in self.handlers.iter().filter(|handler| handler.wants(kind)) {
            let Handler { command, .. } = handler;
            let what = format!("handler {command:?} for {}", kind.name());
            tracing::debug!("{what}: {} members", members.len());
            let run = shell::run(&self.children, command, &variables, &input, self.limits);
            match run.await {
                Ok(outcome) => outcome.report(&what, self.limits),
                Err(error) => tracing::error!("{what} cannot be run by {}: {error}", shell::SHELL),
            }
        }
    }
}

/// What has happened and is not told yet.
struct Inbox {
    coalesce: Duration,
    view: View,
    /// The picture that was last seen, whether told or not.
    seen: Arc<Snapshot>,
    differ: Differ,
    queue: VecDeque<Event>,
    /// This node, as it was told last.
    told_own: Option<Profile>,
    /// While something has happened that is not in the queue: since when, and when it will be.
    waiting: Option<(Instant, Instant)>,
}

impl Inbox {
    fn new(coalesce: Duration, mut view: View) -> Self {
        // What is known already is news to us.
        view.snapshots.mark_changed();
        view.own.mark_changed();
        Self {
            coalesce,
            view,
            seen: Arc::default(),
            differ: Differ::default(),
            queue: VecDeque::new(),
            told_own: None,
            waiting: None,
        }
    }

    /// Nothing is looked at while the queue is full; what happens meanwhile is found by
    /// comparison later, so that nothing is lost and nothing grows.
    fn has_room(&self) -> bool {
        self.queue.len() < QUEUE
    }

    /// Waits until something has come into the queue; `None` when nothing will any more. May be
    /// dropped and begun anew.
    async fn news(&mut self) -> Option<()> {
        loop {
            let due = self.waiting.map(|(_, due)| due);
            tokio::select! {
                changed = self.view.snapshots.changed() => {
                    changed.ok()?;
                    if !self.is_another() {
                        continue;
                    }
                }
                changed = self.view.own.changed() => changed.ok()?,
                () = wait_until(due) => {
                    self.take();
                    return Some(());
                }
            }
            let now = Instant::now();
            let (since, _) = *self.waiting.get_or_insert((now, now));
            let due = (now + self.coalesce).min(since + 3 * self.coalesce);
            self.waiting = Some((since, due));
            if due <= now {
                self.take();
                return Some(());
            }
        }
    }

    /// Whether other nodes are there, or say or sound otherwise: who is quiet is nobody's news.
    fn is_another(&mut self) -> bool {
        let now = Arc::clone(&self.view.snapshots.borrow_and_update());
        let seen = std::mem::replace(&mut self.seen, now);
        seen.nodes != self.seen.nodes
    }

    fn take(&mut self) {
        self.waiting = None;
        let own = self.view.own.borrow_and_update().clone();
        if let Some(own) = own {
            let own = self.meet_own(&own);
            self.queue.extend(own);
        }
        let snapshot = Arc::clone(&self.view.snapshots.borrow_and_update());
        self.queue.extend(self.differ.observe(&snapshot));
    }

    /// As Serf tells an agent of itself.
    fn meet_own(&mut self, own: &Sighting) -> Option<Event> {
        let own = Profile::of(&own.node, own.gossip);
        let kind = match &self.told_own {
            None => Kind::Join,
            Some(told) if *told == own => return None,
            Some(_) => Kind::Update,
        };
        self.told_own = Some(own.clone());
        let member = Arc::new(own);
        Some(Event { kind, member })
    }

    /// This node, for the environment.
    fn own(&self) -> Profile {
        let unknown = || {
            let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
            let node = self.view.node.live(0, nowhere.ip(), Word::Starting);
            Profile::of(&node, nowhere)
        };
        self.told_own.clone().unwrap_or_else(unknown)
    }

    /// What is to be told next: everything of one kind that happened in a row, each node as it
    /// was last.
    fn batch(&mut self) -> Option<(Kind, Vec<Arc<Profile>>)> {
        let kind = self.queue.front()?.kind;
        let length = self
            .queue
            .iter()
            .take_while(|event| event.kind == kind)
            .count();
        let events: Vec<_> = self.queue.drain(..length).collect();
        let mut names = HashSet::new();
        let latest = events.into_iter().rev().map(|event| event.member);
        let mut members: Vec<_> = latest
            .filter(|member| names.insert(Arc::clone(&member.name)))
            .collect();
        members.reverse();
        Some((kind, members))
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

/// Events that wait for a handler, before no more are looked for. One look adds two a node at
/// most.
const QUEUE: usize = 1_024;

#[cfg(test)]
mod tests;
