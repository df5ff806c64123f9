//! Sockets, timers and hyper.

pub mod accept;
pub mod admin;
pub mod check;
pub mod conn;
pub mod download;
pub mod record;
pub mod stop;
pub mod swap;
pub mod tunnel;
pub mod upload;
pub mod upstream;
pub mod wire;
