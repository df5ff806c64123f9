//! How an operator talks to a running process: a unix socket, one JSON object a line, in and out.
//! The same on balancers and members; `docs/control.md` is its manual.
//!
//! - `roll`: the members as they are listed
//! - `message`: what can be asked and answered
//! - `filter`: which of them
//! - `table`: Serf's text for them, and for everything else
//! - `info`: how a node is, in sections
//! - `news`: what changes, as events
//! - `endpoint`: the socket's file
//! - `server`: answers connections
//! - `client`: asks
//! - `basics`: what every node can answer
//! - `args`: how it is typed
//! - `print`: how answers are printed

pub mod message;
pub mod roll;

mod filter;
pub mod info;
mod news;
mod table;

mod endpoint;
pub mod server;

pub mod client;

pub mod basics;

pub mod args;
pub mod print;

pub use endpoint::{Endpoint, EndpointError};
pub use server::{Answering, Desk, Reply};
