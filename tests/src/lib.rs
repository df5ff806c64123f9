//! The vocabulary of the process-level tests: balancers, members, webapps, clients, loads and
//! clusters as words, so that a test reads like what it shows. Everything runs over real sockets
//! on loopback, on ports the system picks, and ends with the value that started it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what cannot be set up fails the test"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "real processes run in real time, which no test can pause"
)]

pub mod backend;
pub mod bin;
pub mod bytes_of;
pub mod client;
pub mod cluster;
pub mod control;
pub mod csv;
pub mod deadline;
pub mod dns;
pub mod docker;
pub mod flood;
pub mod folder;
pub mod forged;
pub mod lb;
pub mod load;
pub mod member;
pub mod netns;
pub mod process;
pub mod relay;
pub mod ring;
pub mod scripted;
pub mod simulation;
pub mod stats;
pub mod webapp;
