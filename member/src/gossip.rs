//! Gossip: the only folder that names chitchat. Out come [`crate::snapshot::Snapshot`]s,
//! in go words. What is believed of what is heard is [`crate::belief`].
//!
//! - `config`: how a node is to gossip
//! - `pokes`, `search`, `contacts`: whom to contact, and when
//! - `outlets`: the latest snapshot, receipts and identity
//! - `keyfile`: the file with the keys, read again when it changes
//! - `herald`: what is written to the log
//! - `route`: which address of ours others can reach
//! - `seeds`: keeps resolving the seeds, for ever
//! - `socket`: what carries datagrams; one UDP socket, both IP versions
//! - `guard`: what is let in and out: opened, inspected, within limits
//! - `grievance`: what is said of what was turned away
//! - `wire`: chitchat's transport over all of that
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
mod keyfile;
mod route;
mod seeds;
mod socket;

mod guard;

mod grievance;
mod wire;

mod life;
mod voice;

mod actor;
mod handle;

pub use config::{GOSSIP_PORT, Given, GossipConfig, Protection};
pub use handle::Gossip;
pub use keyfile::{KeyfileError, read as read_keyring};
pub use life::PHI;
pub use outlets::{Identity, Pulse};
pub use socket::Datagrams;
pub use wire::Traffic;

/// Log directives, comma separated, that silence what gossip's library says at every tick
/// about an absent peer; our own lines tell it once.
pub const QUIET: &str = "chitchat=off,hickory_proto=off,hickory_net=off,hickory_resolver=off";

#[cfg(test)]
mod tests;
