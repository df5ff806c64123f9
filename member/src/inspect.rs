//! A gossip message walked byte by byte before chitchat (0.11.2, wire version 0) decodes it,
//! so that nothing a stranger sends can make it allocate without bound, nor meet one of its
//! assertions. Pure: bytes in, their parts or the rule they break out. Who sent them, and
//! which nodes are known, is not known here.
//!
//! - `walk`: reads numbers and text, never beyond the end
//! - `blocks`: chitchat's compressed blocks, both ways, with their limits
//! - `message`: the parts of a message
//! - `rewrite`: the same message with less in it, or in another order
//!
//! ```text
//! message = magic(2) version(1) type(1), then by type
//!   SYN     digest text(cluster)        digest = count(2) (id heartbeat(8) gc(8) version(8))*
//!   SYN-ACK digest blocks               id     = text(name) generation(8) address
//!   ACK     blocks                      blocks = (1|2 length(2) bytes)* 0; inside them
//!   BAD CLUSTER                           0 id gc(8) from(8)       a node, then
//!                                         1 text text version(8) status(1)   its keys
//!                                         2 version(8)             or that it has none
//! ```

mod blocks;
mod message;
mod rewrite;
mod walk;

pub use blocks::{compress, decompress};
pub use message::{DATAGRAM, DigestEntry, Message, NodeKeys, Progress};
pub use rewrite::put_first;
pub use walk::{Fault, identity, is_at};

#[cfg(test)]
pub(crate) mod forge;
#[cfg(test)]
mod tests;
