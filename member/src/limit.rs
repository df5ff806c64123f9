//! How much strangers may have of us: datagrams a second, and nodes that we remember and pass
//! on. Pure: times come in.
//!
//! - `buckets`: how often one source may speak
//! - `room`: which sources are remembered
//! - `voice`: what is known of whoever speaks at an address
//! - `hearsay`: who may speak of whom
//! - `census`: how many nodes gossip may hold, and how much of each

mod buckets;
mod census;
mod hearsay;
pub mod room;
mod voice;

pub use buckets::Buckets;
pub use census::Census;
pub use hearsay::{Hearsay, Speaker};

#[cfg(test)]
mod tests;
