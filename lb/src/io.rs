//! Sockets, timers and hyper. In the order of use:
//!
//! - `stop`: the one signal that ends everything
//! - `room`: a thread with a runtime of its own
//! - `patience`: how long a peer may keep something waiting
//! - `wire`: the counted stream, on both sides
//! - `record`: the sole sink of what happens to requests
//! - `upload`: a request's body on its way to a server
//! - `sender`: a request on its way to a server
//! - `channel`: one connection to a server, and one exchange at a time over it
//! - `upstream`: connections to servers; nothing else opens any
//! - `download`: a response's body on its way to the client
//! - `tunnel`: a connection that has switched protocols
//! - `check`: the balancer's own checks
//! - `pool_file`: remembers servers on disk
//! - `swap`: the sole writer of the pool
//! - `conn`: one client connection
//! - `accept`: accepting clients
//! - `admin`: serves the statistics page

pub mod accept;
pub mod admin;
pub mod channel;
pub mod check;
pub mod conn;
pub mod download;
mod patience;
pub mod pool_file;
pub mod record;
pub mod room;
pub mod sender;
pub mod stop;
pub mod swap;
pub mod tunnel;
pub mod upload;
pub mod upstream;
pub mod wire;
