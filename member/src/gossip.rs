//! Gossip: the only folder that names chitchat. Out come [`crate::snapshot::Snapshot`]s,
//! in go words. What is believed of what is heard is [`crate::belief`].
//!
//! - `wire`: one UDP socket, both IP versions, chitchat's transport
//! - `route`: which address of ours others can reach
//! - `pokes`: who is to be contacted when
//! - `seeds`: keeps resolving the seeds, for ever
//! - `life`: one life of chitchat: spawn, read, write
//! - `actor`: the loop that owns a life, and begins the next when it ends
//! - `handle`: what the rest of the program holds

mod wire;

mod pokes;
mod route;
mod seeds;

mod life;

mod actor;

mod handle;

pub use handle::{GOSSIP_PORT, Gossip, GossipConfig, Identity};
pub use wire::Traffic;

/// Log directives, comma separated, that silence what gossip's library says at every tick
/// about an absent peer; our own lines tell it once.
pub const QUIET: &str = "chitchat=off,hickory_proto=off,hickory_net=off,hickory_resolver=off";
