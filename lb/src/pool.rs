//! The servers: who they are, who may be chosen, and how one is chosen.

pub mod choose;
pub mod health;
pub mod naming;
pub mod narrate;
pub mod roster;
pub mod schedule;
pub mod server;
pub mod set;
pub mod tally;
