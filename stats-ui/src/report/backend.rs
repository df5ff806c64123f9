//! The row of a backend, the sum over its servers. Every field that HAProxy fills for it; the
//! words in brackets are the CSV's names.

use std::time::Duration;

use super::figures::{Compression, Gauge, Responses, Times};
use super::status::BackendStatus;

/// A backend (HAProxy management guide, 9.1, fields marked `B`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BackendRow {
    /// Whether it can take requests (`status`).
    pub status: BackendStatus,
    /// Since the last change of state (`lastchg`).
    pub last_change: Duration,
    /// How its servers are chosen (`algo`).
    pub algorithm: Option<Algorithm>,
    /// The name of the cookie that keeps clients at their server (`cookie`).
    pub cookie: Option<String>,
    /// The weights of the usable servers that count now, summed (`weight`).
    pub weight: u32,
    /// The weights asked for of the usable servers, summed (`uweight`).
    pub user_weight: u32,
    /// Usable servers that are no backup (`act`).
    pub active_servers: u32,
    /// Usable backup servers (`bck`).
    pub backup_servers: u32,
    /// Times the whole backend went from up to down (`chkdown`).
    pub times_down: u64,
    /// How long the whole backend has been down (`downtime`); shown only with servers.
    pub downtime: Duration,
    /// Requests waiting for any server (`qcur`, `qmax`).
    pub queue: Gauge,
    /// Requests in progress (`scur`, `smax`).
    pub sessions: Gauge,
    /// Requests in progress at which servers may be used fully (`slim`, HAProxy's `fullconn`).
    pub session_limit: u64,
    /// Requests since start (`stot`).
    pub sessions_total: u64,
    /// Requests in a second (`rate`, `rate_max`).
    pub session_rate: Gauge,
    /// Times the balancing chose a server (`lbtot`).
    pub chosen_total: u64,
    /// Since the last request (`lastsess`); `None` before the first, shown as -1.
    pub last_session: Option<Duration>,
    /// HTTP requests (`req_tot`).
    pub requests_total: u64,
    /// Request bytes (`bin`).
    pub bytes_in: u64,
    /// Response bytes (`bout`).
    pub bytes_out: u64,
    /// Requests refused by a rule (`dreq`).
    pub denied_requests: u64,
    /// Responses refused by a rule (`dresp`).
    pub denied_responses: u64,
    /// Requests that could not connect to a server, or found none (`econ`).
    pub connect_errors: u64,
    /// Responses that failed (`eresp`).
    pub response_errors: u64,
    /// Retries (`wretr`).
    pub retries: u64,
    /// Requests given to another server than first chosen (`wredis`).
    pub redispatches: u64,
    /// Transfers the client broke off (`cli_abrt`).
    pub client_aborts: u64,
    /// Transfers a server broke off (`srv_abrt`).
    pub server_aborts: u64,
    /// Responses, ours included (`hrsp_…`).
    pub responses: Responses,
    /// How long requests took (`qtime` …).
    pub times: Times,
    /// What compression did (`comp_…`).
    pub compression: Compression,
    /// Cache look-ups (`cache_lookups`).
    pub cache_lookups: u64,
    /// Cache look-ups that found something (`cache_hits`).
    pub cache_hits: u64,
    /// Connections to servers opened or tried (`connect`).
    pub connections_opened: u64,
    /// Requests that went over a connection already open (`reuse`).
    pub connections_reused: u64,
    /// Header rewrites that failed (`wrew`).
    pub failed_rewrites: u64,
    /// Our own errors (`eint`).
    pub internal_errors: u64,
}

/// How a backend chooses servers, in the words of HAProxy's `balance` (configuration manual,
/// 4.2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Algorithm {
    /// `roundrobin`
    #[default]
    RoundRobin,
    /// `static-rr`
    StaticRoundRobin,
    /// `leastconn`
    LeastConnections,
    /// `first`
    First,
    /// `source`
    Source,
    /// `uri`
    Uri,
    /// `url_param`
    UrlParameter,
    /// `hdr`
    Header,
    /// `random`
    Random,
    /// `hash`
    Hash,
}

impl Algorithm {
    /// HAProxy's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "roundrobin",
            Self::StaticRoundRobin => "static-rr",
            Self::LeastConnections => "leastconn",
            Self::First => "first",
            Self::Source => "source",
            Self::Uri => "uri",
            Self::UrlParameter => "url_param",
            Self::Header => "hdr",
            Self::Random => "random",
            Self::Hash => "hash",
        }
    }
}
