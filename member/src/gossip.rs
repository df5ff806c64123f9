//! Gossip: the only folder that names chitchat. Out come [`crate::snapshot::Snapshot`]s,
//! in go words. What is believed of what is heard is [`crate::belief`].
//!
//! - `config`: how a node is to gossip
//! - `pokes`, `search`, `contacts`: whom to contact, and when
//! - `outlets`: the latest snapshot, receipts and identity
//! - `herald`: what is written to the log
//! - `route`: which address of ours others can reach
//! - `seeds`: keeps resolving the seeds, for ever
//! - `wire`: one UDP socket, both IP versions, chitchat's transport
//! - `life`: one life of chitchat: spawn, read, write
//! - `voice`: what this node says, in this life and the next
//! - `actor`: the loop
//! - `handle`: what the rest of the program holds

mod config;
mod outlets;

mod pokes;
mod search;

mod contacts;

mod herald;
mod route;
mod seeds;
mod wire;

mod life;
mod voice;

mod actor;
mod handle;

pub use config::{GOSSIP_PORT, GossipConfig};
pub use handle::Gossip;
pub use outlets::Identity;
pub use wire::Traffic;

/// Log directives, comma separated, that silence what gossip's library says at every tick
/// about an absent peer; our own lines tell it once.
pub const QUIET: &str = "chitchat=off,hickory_proto=off,hickory_net=off,hickory_resolver=off";

#[cfg(test)]
mod tests;
