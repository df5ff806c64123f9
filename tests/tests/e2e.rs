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

mod churn;
mod death;
mod order;
mod rotation;
mod stop;
