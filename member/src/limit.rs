//! How much strangers may have of us: datagrams a second, and nodes that we remember and pass
//! on. Pure: times come in.
//!
//! - `buckets`: how often one source may speak
//! - `census`: how many nodes gossip may hold, and how much of each
//! - `hearsay`: who may speak of whom

mod buckets;
mod census;
mod hearsay;

pub use buckets::Buckets;
pub use census::Census;
pub use hearsay::{Hearsay, Speaker};

#[cfg(test)]
mod tests;
