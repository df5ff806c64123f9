//! Membership: who is there, what each says of itself, and how a node joins and leaves.
//!
//! Layers, each importing only from those before it:
//!
//! - **data**: [`node`], [`receipt`], [`reading`], [`snapshot`], [`error`], [`parse`],
//!   `toml_file`, [`settings`]
//! - **pure**: [`rules`], [`keys`], [`lives`], [`peer`], [`belief`], [`wellness`]
//! - **io**: [`host`], [`signals`], [`resolve`], [`gossip`], [`probe`]
//! - **app**: [`agent`], and the binary's `main`
//!
//! Only `gossip/` names chitchat; everything else speaks of [`node::Node`]s and
//! [`snapshot::Snapshot`]s.

pub mod node;
pub mod reading;
pub mod receipt;
pub mod snapshot;

pub mod error;
pub mod parse;
mod toml_file;

pub mod settings;

pub mod rules;

pub mod keys;

pub mod lives;
pub mod peer;

pub mod belief;
pub mod wellness;

pub mod host;
pub mod resolve;
pub mod signals;

pub mod gossip;
pub mod probe;

pub mod agent;

/// The same cases at every run: a failure is the change's, not the day's.
#[cfg(test)]
fn seeded() -> proptest::prelude::ProptestConfig {
    proptest::prelude::ProptestConfig {
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7_373),
        ..proptest::prelude::ProptestConfig::default()
    }
}
