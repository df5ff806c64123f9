//! The balancer.
#![allow(missing_docs)]
pub mod app;
pub mod balancer;
pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
pub mod counters;
pub mod demo;
pub mod error;
pub mod frontend;
pub mod headers;
pub mod io;
pub mod outcome;
pub mod pages;
pub mod ping;
pub mod pool;
pub mod proxy;
pub mod report;
pub mod retry;
pub mod rules;
pub mod vitals;

/// The same cases at every run: a failure is the change's, not the day's.
#[cfg(test)]
fn seeded() -> proptest::prelude::ProptestConfig {
    proptest::prelude::ProptestConfig {
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1936),
        ..proptest::prelude::ProptestConfig::default()
    }
}
