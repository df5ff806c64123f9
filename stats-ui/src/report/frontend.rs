//! The rows of the client side: a frontend, and one listening socket of it. Every field that
//! HAProxy fills for them; the words in brackets are the CSV's names.

use super::figures::{Address, Compression, Gauge, Responses};
use super::status::{FrontendStatus, ListenerStatus};

/// A frontend (HAProxy management guide, 9.1, fields marked `F`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FrontendRow {
    /// Whether it accepts (`status`).
    pub status: FrontendStatus,
    /// Client connections open (`scur`, `smax`).
    pub sessions: Gauge,
    /// Client connections it may have open (`slim`). Some clients divide by it: not 0.
    pub session_limit: u64,
    /// Client connections accepted since start (`stot`).
    pub sessions_total: u64,
    /// Sessions created in a second (`rate`, `rate_max`).
    pub session_rate: Gauge,
    /// Sessions it may create in a second (`rate_lim`); 0 for no limit.
    pub session_rate_limit: u64,
    /// Client connections accepted in a second (`conn_rate`, `conn_rate_max`).
    pub connection_rate: Gauge,
    /// Client connections accepted since start, refused ones included (`conn_tot`).
    pub connections_total: u64,
    /// Requests in a second (`req_rate`, `req_rate_max`).
    pub request_rate: Gauge,
    /// Requests since start (`req_tot`).
    pub requests_total: u64,
    /// Requests answered here, as this page or a redirect (`intercepted`).
    pub intercepted: u64,
    /// Bytes from clients, headers included (`bin`).
    pub bytes_in: u64,
    /// Bytes to clients, headers included (`bout`).
    pub bytes_out: u64,
    /// Requests refused by a rule (`dreq`).
    pub denied_requests: u64,
    /// Responses refused by a rule (`dresp`).
    pub denied_responses: u64,
    /// Connections refused by a rule (`dcon`).
    pub denied_connections: u64,
    /// Sessions refused by a rule (`dses`).
    pub denied_sessions: u64,
    /// Requests that were malformed, aborted or late before they were whole (`ereq`).
    pub request_errors: u64,
    /// Responses, ours included (`hrsp_…`).
    pub responses: Responses,
    /// What compression did (`comp_…`).
    pub compression: Compression,
    /// Cache look-ups (`cache_lookups`).
    pub cache_lookups: u64,
    /// Cache look-ups that found something (`cache_hits`).
    pub cache_hits: u64,
    /// Header rewrites that failed (`wrew`).
    pub failed_rewrites: u64,
    /// Our own errors (`eint`).
    pub internal_errors: u64,
}

/// One listening socket of a frontend (HAProxy management guide, 9.1, fields marked `L`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ListenerRow {
    /// Its name, or `sock-1` (`svname`).
    pub name: String,
    /// Its number, from 1 (`sid`).
    pub id: u32,
    /// Whether it accepts (`status`).
    pub status: ListenerStatus,
    /// Where it listens (`addr`).
    pub address: Option<Address>,
    /// Client connections open (`scur`, `smax`).
    pub sessions: Gauge,
    /// Client connections it may have open (`slim`).
    pub session_limit: u64,
    /// Client connections accepted since start (`stot`).
    pub sessions_total: u64,
    /// Bytes from clients, headers included (`bin`).
    pub bytes_in: u64,
    /// Bytes to clients, headers included (`bout`).
    pub bytes_out: u64,
    /// Requests refused by a rule (`dreq`).
    pub denied_requests: u64,
    /// Responses refused by a rule (`dresp`).
    pub denied_responses: u64,
    /// Connections refused by a rule (`dcon`).
    pub denied_connections: u64,
    /// Sessions refused by a rule (`dses`).
    pub denied_sessions: u64,
    /// Requests that were malformed, aborted or late before they were whole (`ereq`).
    pub request_errors: u64,
    /// Header rewrites that failed (`wrew`).
    pub failed_rewrites: u64,
    /// Our own errors (`eint`).
    pub internal_errors: u64,
}
