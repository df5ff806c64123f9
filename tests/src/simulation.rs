//! Simulation of whole clusters in the time and chance of a model: no sockets, no clocks. What is
//! modelled, what must hold and how a failure is played again stands in docs/simulation.md.
//!
//! The pure ring, exactly replayable from a seed:
//!
//! - `chance`: numbers from a seed
//! - `history`: what happens to a cluster, drawn from a seed
//! - `ground`: what is so: hosts, webapps, the network between them
//! - `tongues`: a model of gossip: who knows what of whom
//! - `detector`: chitchat's failure detector, in the model's time
//! - `watcher`: a balancer: the real `Belief` and the real `Roster`
//! - `world`: all of them, and the order of events
//! - `members`: what members do by themselves
//! - `lies`: what is said of others, and what must hold all the same
//! - `serving`: requests and probes, and what they meet
//! - `laws`: what must hold after every step
//! - `trial`: a history told, and made shorter while it still fails
//!
//! The cluster ring, real gossip in virtual time:
//!
//! - `network`: a network in memory
//! - `cluster`: balancers and members on it
//! - `script`: what happens to them, drawn from a seed
//! - `table`: what is measured of them
//! - `scale`: what they cost, by how many there are

pub mod chance;
pub mod history;

mod ground;

mod detector;
mod tongues;

mod watcher;

mod world;

mod lies;
mod members;
mod serving;

mod laws;

pub mod trial;

pub mod network;

pub mod cluster;

pub mod script;

pub mod scale;
pub mod table;
