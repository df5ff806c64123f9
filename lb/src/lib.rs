//! The balancer.
#![allow(missing_docs)]
pub mod clock;
pub mod config;
pub mod counters;
pub mod error;
pub mod frontend;
pub mod headers;
pub mod io;
pub mod outcome;
pub mod pages;
pub mod pool;
pub mod proxy;
pub mod retry;
pub mod rules;
