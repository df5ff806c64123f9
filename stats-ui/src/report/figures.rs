//! The small groups of figures that several kinds of rows share. No row, no formatting
//! but that of an address.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// A figure that goes up and down, with the highest value it has had.
///
/// The maximum is what `clear counters` resets (HAProxy management guide, 9.3).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Gauge {
    /// The value now.
    pub current: u64,
    /// The highest value since start or since the maxima were cleared.
    pub max: u64,
}

/// Responses counted by the first digit of their status (`hrsp_1xx` … `hrsp_other`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Responses {
    /// 100 to 199.
    pub c1xx: u64,
    /// 200 to 299.
    pub c2xx: u64,
    /// 300 to 399.
    pub c3xx: u64,
    /// 400 to 499.
    pub c4xx: u64,
    /// 500 to 599.
    pub c5xx: u64,
    /// Any other status, and protocol errors.
    pub other: u64,
}

/// What compression did (`comp_in`, `comp_out`, `comp_byp`, `comp_rsp`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Compression {
    /// Response bytes given to the compressor.
    pub bytes_in: u64,
    /// Response bytes it returned.
    pub bytes_out: u64,
    /// Response bytes that went around it, to save processor time or bandwidth.
    pub bytes_bypassed: u64,
    /// Responses that were compressed.
    pub responses: u64,
}

/// An average and a maximum of one phase of a request; clients are shown milliseconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Timing {
    /// Over the last 1024 requests, or over all of them while there are fewer.
    pub average: Duration,
    /// The longest since start or since the maxima were cleared.
    pub max: Duration,
}

/// The four timed phases of a request (`qtime`, `ctime`, `rtime`, `ttime`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Times {
    /// Waiting in a queue.
    pub queue: Timing,
    /// Connecting to the server.
    pub connect: Timing,
    /// From the request sent to the headers of the answer.
    pub response: Timing,
    /// From the request's first byte to the last of its answer.
    pub total: Timing,
}

/// Where a server or a listener is (`addr`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Address {
    /// An IP address and a port, written `192.0.2.1:80` or `[2001:db8::1]:80`.
    Ip(SocketAddr),
    /// A unix socket, of which HAProxy says no more than `unix`.
    Unix,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}
