//! What one worker counts of a server or of a service. The names are those of HAProxy's CSV
//! (HAProxy 2.6 management guide, section 9.1); who counts is `record` and `wire`.

use crate::counters::{Average, Counter};

/// One worker's counts of one server, or of one service.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests assigned.
    pub stot: Counter,
    /// Requests assigned by load balancing.
    pub lbtot: Counter,
    /// Bytes sent to servers.
    pub bin: Counter,
    /// Bytes received from servers.
    pub bout: Counter,
    /// Requests that got no connection, or found no server.
    pub econ: Counter,
    /// Responses that failed.
    pub eresp: Counter,
    /// Retries on the same server.
    pub wretr: Counter,
    /// Attempts moved to another server.
    pub wredis: Counter,
    /// Transfers aborted by the client.
    pub cli_abrt: Counter,
    /// Transfers aborted by the server.
    pub srv_abrt: Counter,
    /// Responses by class: 1xx to 5xx, then other. A service's include those made here.
    pub hrsp: [Counter; 6],
    /// Connections opened.
    pub connect: Counter,
    /// Requests sent on a connection that was already open.
    pub reuse: Counter,
    /// Milliseconds to connect.
    pub ctime: Average,
    /// Milliseconds to the response header.
    pub rtime: Average,
    /// Milliseconds to the end.
    pub ttime: Average,
}

impl Tally {
    /// The counter of a status' class.
    #[must_use]
    pub fn class(&self, status: u16) -> &Counter {
        &self.hrsp[class_of(status)]
    }
}

/// The index of a status' class: 1xx to 5xx are 0 to 4, anything else 5.
#[must_use]
pub const fn class_of(status: u16) -> usize {
    match status / 100 {
        class @ 1..=5 => class as usize - 1,
        _ => 5,
    }
}
