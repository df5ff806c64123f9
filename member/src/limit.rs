//! How much strangers may have of us: datagrams a second, and nodes that we remember and pass
//! on. Pure: times come in.
//!
//! - `buckets`: how often one source may speak
//! - `census`: how many nodes gossip may hold, and how much of each

mod buckets;
mod census;

pub use buckets::Buckets;
pub use census::Census;

#[cfg(test)]
mod tests;
