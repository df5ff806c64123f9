//! Flags that both binaries have, word for word, and how a node's gossip is read from them and from
//! those whose help differs. Values come from [`Sources`], which knows variables and files too.

use std::sync::Arc;

use clap::Args;

use crate::advertise::Advertise;
use crate::gossip::{GOSSIP_PORT, GossipConfig};
use crate::node::Description;
use crate::parse::{self, Parsed};
use crate::protect::protection;
use crate::resolve::Resolver;
use crate::rules;
use crate::settings::{Problems, Sources};

/// Whose gossip is heard, and how it is sealed; for [`gossip`] to read.
#[derive(Args, Debug)]
pub struct Gossiping {
    /// A name server to ask instead of the system's
    #[arg(long, value_name = "IP:PORT", env = "RAGOT_RESOLVER")]
    resolver: Option<String>,
    /// The cluster's name: who gossips under another is not heard [default: ragot]
    #[arg(long, value_name = "NAME", env = "RAGOT_CLUSTER")]
    cluster: Option<String>,
    /// A JSON array of keys in base64, as Serf's: the first seals gossip, each opens it. Read
    /// again when it changes and on SIGHUP
    #[arg(long, value_name = "FILE", env = "RAGOT_KEYRING_FILE")]
    keyring_file: Option<String>,
    /// The one key that seals gossip, from `member keygen`. Better given by the variable or in
    /// --keyring-file: everybody on a host can read its command lines
    #[arg(
        long,
        value_name = "KEY",
        env = "RAGOT_ENCRYPT",
        hide_env_values = true
    )]
    encrypt: Option<String>,
    /// Let nodes without a key take part, while keys are being given out [default: false]
    #[arg(long, value_name = "BOOL", env = "RAGOT_ENCRYPT_MIGRATE", num_args = 0..=1)]
    #[arg(default_missing_value = "true")]
    encrypt_migrate: Option<String>,
}

/// What other programs are told; for [`Hooks`](crate::hooks::Hooks) to read.
#[derive(Args, Debug)]
pub struct Hooking {
    /// A command for what happens to members, as Serf calls it; repeat it for several. TYPE is
    /// member-join, member-leave, member-failed, member-update or member-reap [default: all]
    #[arg(long, value_name = "[TYPE,..=]COMMAND", env = "RAGOT_EVENT_HANDLER")]
    event_handler: Vec<String>,
    /// Keep FILE rendered from a Handlebars template over `addresses`, and run COMMAND when it
    /// has changed; repeat it for several
    #[arg(long, value_name = "TEMPLATE:FILE[:COMMAND]", env = "RAGOT_RENDER")]
    render: Vec<String>,
    /// How long changes must have paused before handlers and files are told [default: 0]
    #[arg(long, value_name = "TIME", env = "RAGOT_COALESCE")]
    coalesce: Option<String>,
}

/// How `node` is to gossip, by `seed`, `gossip`, `advertise` and the keys of [`Gossiping`].
pub fn gossip(node: Description, sources: &Sources, problems: &mut Problems) -> GossipConfig {
    let mut gossip = GossipConfig::new(node);
    gossip.seeds = sources.many("seed", |text| parse::host_port(text, GOSSIP_PORT), problems);
    gossip.listen = sources.one("gossip", gossip.listen, parse::listen, problems);
    gossip.advertise = sources.optional("advertise", Advertise::parse, problems);
    gossip.resolver = Resolver::new(sources.optional("resolver", parse::address, problems));
    gossip.cluster = sources.one("cluster", gossip.cluster, name, problems);
    gossip.protection = protection(sources, problems);
    gossip
}

/// The name of a node, a service or a cluster, by [`rules::name`].
///
/// # Errors
/// States the rule.
pub fn name(text: &str) -> Parsed<Arc<str>> {
    rules::name(text).map(Arc::from).map_err(str::to_owned)
}
