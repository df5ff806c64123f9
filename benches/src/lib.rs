//! What the benches stand on: services of any size, clusters told by hand, a balancer with one
//! webapp behind it.

pub mod cluster;
pub mod lab;
