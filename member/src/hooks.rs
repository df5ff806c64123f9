//! What a node does for other programs when the cluster changes: event handlers and rendered
//! files, from the command line to running. The same for both binaries.

use std::path::Path;
use std::time::Duration;

use crate::children::Children;
use crate::gossip::Gossip;
use crate::handler::Handler;
use crate::handlers::{self, View};
use crate::node::Description;
use crate::parse;
use crate::render::{self, Rendering};
use crate::settings::{Problems, Sources};
use crate::shell::SHELL;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// Called one after the other.
    pub handlers: Vec<Handler>,
    /// Rendered each by itself.
    pub renderings: Vec<Rendering>,
    /// How long changes must have paused.
    pub coalesce: Duration,
}

impl Hooks {
    /// Reads the keys `event-handler`, `render` and `coalesce`.
    pub fn from_sources(sources: &Sources, problems: &mut Problems) -> Self {
        let hooks = Self {
            handlers: sources.lines("event-handler", Handler::parse, problems),
            renderings: sources.lines("render", Rendering::parse, problems),
            coalesce: sources.one("coalesce", Duration::ZERO, parse::duration, problems),
        };
        for key in ["event-handler", "render"] {
            let runs = match key {
                "render" => hooks.renderings.iter().any(|r| r.command.is_some()),
                _ => !hooks.handlers.is_empty(),
            };
            if runs && !Path::new(SHELL).exists() {
                let shown = sources.shown(key);
                problems.add(format!("{shown}: there is no {SHELL} here to run it"));
            }
        }
        hooks
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.handlers.is_empty() && self.renderings.is_empty()
    }

    /// Begins, on the current tokio runtime and until `gossip` ends, for the node `node`.
    /// `children` is to be the only one of the process: as PID 1 each reaps what others started.
    pub fn start(self, gossip: &Gossip, node: Description, children: &Children) {
        for never in self.handlers.iter().flat_map(|handler| &handler.never) {
            tracing::info!(
                "an event handler for `{never}` is never called: there is no such event"
            );
        }
        for rendering in self.renderings {
            let snapshots = gossip.snapshots();
            tokio::spawn(render::run(
                rendering,
                self.coalesce,
                snapshots,
                children.clone(),
            ));
        }
        if !self.handlers.is_empty() {
            let view = View {
                snapshots: gossip.snapshots(),
                own: gossip.own(),
                node,
            };
            tokio::spawn(handlers::run(
                self.handlers,
                self.coalesce,
                view,
                children.clone(),
            ));
        }
    }
}
