//! Process-level tests: what the two binaries do, seen from outside, over real sockets.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails by panicking is a test that fails"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "real processes run in real time, which no test can pause"
)]

mod addresses;
mod bodies;
mod browser;
mod churn;
mod cli;
mod control_socket;
mod death;
mod demo;
mod forwarding;
mod handlers;
mod hostile;
mod operate;
mod order;
mod pool_file;
mod refusals;
mod rendering;
mod rotation;
mod sealed;
mod several;
mod stats;
mod stop;
mod table_of_d4;
mod table_of_d4_in_process;
mod told;
mod trouble;
mod tunnel;
mod wrapper;
