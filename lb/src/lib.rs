//! Ragot's balancer: HTTP requests shared among the servers that gossip says are there, with
//! HAProxy's manners. Start one in your own program with [`app::Lb`], or mount
//! [`balancer::Balancer`] as a `tower::Service` where you already have a server.
//!
//! Layers, each importing only from those before it, and within one only from what is named
//! before; `tests/tidy` reads this list and checks it:
//!
//! - **data**: [`clock`], [`config`], [`counters`], [`outcome`], [`error`], [`frontend`]
//! - **pure**: [`headers`], [`rules`], [`retry`], [`pages`], [`codec`], and in [`pool`] the servers and
//!   every decision about them
//! - **io**: [`vitals`], the parts of [`io`], then [`proxy`], which takes one request through
//!   them, and what hands it requests: [`io::conn`] and [`io::accept`]
//! - **app**: [`mod@core`], [`balancer`], [`report`], [`desk`], [`app`], [`ping`], [`cli`], [`demo`], and
//!   the binary's `main`
//!
//! A request goes `io::accept`, `io::conn`, `proxy`, `pool::choose`, `io::upstream`, then back
//! through `io::download` to `io::record`. Membership comes the other way: the snapshots of
//! [`member`] to `io::swap`, the only writer of the pool that `pool::choose` reads.

pub mod clock;
pub mod config;
pub mod counters;
pub mod error;
pub mod frontend;
pub mod outcome;

pub mod codec;
pub mod headers;
pub mod pages;
pub mod pool;
pub mod retry;
pub mod rules;

pub mod io;
pub mod proxy;
pub mod vitals;

pub mod app;
pub mod balancer;
pub mod cli;
pub mod core;
pub mod demo;
pub mod desk;
pub mod ping;
pub mod report;

/// The same cases at every run: a failure is the change's, not the day's.
#[cfg(test)]
fn seeded() -> proptest::prelude::ProptestConfig {
    proptest::prelude::ProptestConfig {
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1936),
        ..proptest::prelude::ProptestConfig::default()
    }
}
