//! The servers: who they are, who may be chosen, and how one is chosen. In the order of use:
//!
//! - `tally`: what is counted of a server or a service
//! - `proof`: what is asked of a server, and what is found
//! - `view`: how a server looks to people
//! - `crowd`: whether most of a service fell silent at once
//! - `damping`: how often a server went down of late
//! - `trial`: how far a server has proved itself
//! - `origin`: which webapp a server is
//! - `asking`: what one server is asked, and when
//! - `health`: whether one server is believed to be well
//! - `naming`: who of several nodes of one name is shown under it
//! - `places`: which of several nodes at one address counts
//! - `narrate`: state changes in HAProxy's words
//! - `server`: one server, and the lease that a request holds on it
//! - `schedule`: the order in which weights take turns
//! - `set`: the immutable pool, and the one pointer to it
//! - `choose`: choosing a server for one attempt
//! - `effect`: what the roster asks to be done
//! - `strangers`: draining nodes that are none of ours
//! - `rows`: the rows of every name ever shown
//! - `tracked`: one node the roster keeps track of
//! - `owners`: whose server a unique number is
//! - `weighing`: what follows from several nodes together
//! - `agenda`: what falls due when
//! - `roster`: every server known, from which the pool is made
//! - `memory`: what a balancer that starts anew remembers, until gossip tells it better
//! - `remembered`: the same as the text of a file

pub mod choose;
pub mod crowd;
pub mod damping;
pub mod effect;
pub mod health;
pub mod memory;
pub mod naming;
pub mod narrate;
pub mod places;
pub mod proof;
pub mod remembered;
pub mod roster;
pub mod schedule;
pub mod server;
pub mod set;
pub mod tally;
pub mod view;

mod agenda;
mod asking;
mod origin;
mod owners;
mod rows;
mod strangers;
mod tracked;
mod trial;
mod weighing;
