//! How a request ended: the value that travels from the proxy to the recorder.

/// Which side ended it; the first letter of HAProxy's termination state (2.6 manual, 8.5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Side {
    /// `-`: nobody; it completed.
    Nobody,
    /// `C`: the client aborted.
    Client,
    /// `c`: the client's timeout.
    ClientTimeout,
    /// `S`: the server aborted or refused.
    Server,
    /// `s`: the server's timeout.
    ServerTimeout,
    /// `P`: the proxy blocked it.
    Proxy,
    /// `R`: something of ours was exhausted.
    Resource,
    /// `D`: the server went down while it was handling the request.
    Down,
}

/// How far it had come; the second letter of HAProxy's termination state (2.6 manual, 8.5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Phase {
    /// `-`: to the end.
    Done,
    /// `R`: while the request was read.
    Request,
    /// `C`: while a connection to a server was sought.
    Connect,
    /// `H`: while the response header was awaited.
    Headers,
    /// `D`: while data was relayed.
    Data,
}

/// The end of one request, as [`Side`] and [`Phase`] tell it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct End {
    /// Who ended it.
    pub side: Side,
    /// When.
    pub phase: Phase,
}

impl End {
    /// A request that came to its natural end.
    pub const DONE: Self = Self {
        side: Side::Nobody,
        phase: Phase::Done,
    };
}
