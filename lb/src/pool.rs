//! The servers: who they are, who may be chosen, and how one is chosen. In the order of use:
//!
//! - `tally`: what is counted of a server or a service
//! - `proof`: what is asked of a server, and what is found
//! - `view`: how a server looks to people
//! - `health`: whether one server is believed to be well
//! - `naming`: who of several nodes of one name is shown under it
//! - `narrate`: state changes in HAProxy's words
//! - `server`: one server, and the lease that a request holds on it
//! - `schedule`: the order in which weights take turns
//! - `set`: the immutable pool, and the one pointer to it
//! - `choose`: choosing a server for one attempt
//! - `rows`: the rows of every name ever shown
//! - `tracked`: one node the roster keeps track of
//! - `agenda`: what falls due when
//! - `roster`: every server known, from which the pool is made

pub mod choose;
pub mod health;
pub mod naming;
pub mod narrate;
pub mod proof;
pub mod roster;
pub mod schedule;
pub mod server;
pub mod set;
pub mod tally;
pub mod view;

mod agenda;
mod rows;
mod tracked;
