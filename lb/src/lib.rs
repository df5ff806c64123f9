//! The balancer.
#![allow(missing_docs)]
pub mod clock;
pub mod config;
pub mod counters;
pub mod error;
pub mod headers;
pub mod outcome;
pub mod pages;
pub mod pool;
pub mod retry;
pub mod rules;
