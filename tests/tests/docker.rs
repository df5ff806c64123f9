//! The Docker ring: the lab in containers, as users run it, seen from outside.

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

#[path = "docker/addresses.rs"]
mod addresses;
#[path = "docker/compose.rs"]
mod compose;
#[path = "docker/images.rs"]
mod images;
#[path = "docker/load.rs"]
mod load;
#[path = "docker/order.rs"]
mod order;
#[path = "docker/partition.rs"]
mod partition;
#[path = "docker/supervision.rs"]
mod supervision;
#[path = "docker/wrapper.rs"]
mod wrapper;
