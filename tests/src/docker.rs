//! The lab in containers: a balancer and webapps as people run them, on a network of their own,
//! each with its address, to be stopped, killed, cut off and made anew.

mod engine;
mod images;
mod lab;
mod rolling;

pub use self::engine::{COMPOSE, compose, docker, try_docker};
pub use self::images::ready;
pub use self::lab::{Lab, NET, OTHER};
pub use self::rolling::{Mode, Plan, Rolled, fill, roll};
