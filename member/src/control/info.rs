//! How a node is, in Serf's layout: sections of keys and values. Pure; who is asked is `basics`.

use std::collections::BTreeMap;

use super::roll::{Member, Status, role, state};
use crate::gossip::{Given, Pulse, Traffic};
use crate::snapshot::Sighting;

/// Sections of keys and values, as [`super::message::Answer::Info`] has them.
pub type Sections = BTreeMap<String, Section>;

/// Keys and values.
pub type Section = BTreeMap<String, String>;

type Pair = (&'static str, String);

/// One section of [`Sections`].
pub fn section(name: &str, values: impl IntoIterator<Item = Pair>) -> (String, Section) {
    let values = values.into_iter();
    let values = values.map(|(key, value)| (key.to_owned(), value));
    (name.to_owned(), values.collect())
}

/// What it says of itself.
pub(crate) fn node(own: &Sighting) -> Vec<Pair> {
    let node = &own.node;
    let (word, reason) = state(&node.word);
    let mut pairs = vec![
        ("name", node.key.name.to_string()),
        ("generation", node.key.generation.to_string()),
        ("gossip", own.gossip.to_string()),
        ("role", role(node.role).to_owned()),
        ("state", word.to_owned()),
    ];
    pairs.extend(reason.map(|reason| ("reason", reason)));
    if let Some(http) = node.http {
        pairs.push(("http", http.to_string()));
        pairs.push(("service", node.service.to_string()));
        pairs.push(("weight", node.weight.to_string()));
    }
    pairs
}

/// Its tags.
pub(crate) fn tags(own: Option<&Sighting>) -> Section {
    let tags = own.into_iter().flat_map(|own| &own.node.tags);
    tags.map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

/// What it is `given` to join, and whom it sees; of those, so many `balancers` are heard.
pub(crate) fn cluster(given: &Given, members: &[Member], balancers: usize) -> Vec<Pair> {
    let counted = |status| {
        let such = members.iter().filter(|member| member.status == status);
        such.count().to_string()
    };
    let seeds = if given.seeds.is_empty() {
        "none"
    } else {
        &given.seeds
    };
    vec![
        ("name", given.cluster.to_string()),
        ("members", members.len().to_string()),
        ("alive", counted(Status::Alive)),
        ("leaving", counted(Status::Leaving)),
        ("failed", counted(Status::Failed)),
        ("left", counted(Status::Left)),
        ("balancers_heard", balancers.to_string()),
        ("seeds", seeds.to_owned()),
    ]
}

/// Whether it is sealed, what has crossed its socket, and how often gossip had to begin anew.
pub(crate) fn gossip(is_sealed: bool, pulse: &Pulse, traffic: Traffic) -> Vec<Pair> {
    vec![
        // Serf's name for it.
        ("encrypted", is_sealed.to_string()),
        ("lives", pulse.lives.to_string()),
        ("datagrams_in", traffic.datagrams_in.to_string()),
        ("datagrams_out", traffic.datagrams_out.to_string()),
        ("bytes_in", traffic.bytes_in.to_string()),
        ("bytes_out", traffic.bytes_out.to_string()),
        ("junk", traffic.junk.to_string()),
        ("refused", traffic.refused.to_string()),
        ("limited", traffic.limited.to_string()),
        ("errors", traffic.errors.to_string()),
    ]
}

/// What it runs on.
pub(crate) fn runtime() -> Vec<Pair> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    vec![
        ("arch", std::env::consts::ARCH.to_owned()),
        ("cpu_count", cores.to_string()),
        ("os", std::env::consts::OS.to_owned()),
        ("pid", std::process::id().to_string()),
    ]
}
