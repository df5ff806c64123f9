//! The row of one server. Every field that HAProxy fills for it; the words in brackets are
//! the CSV's names.

use std::time::Duration;

use super::check::CheckReport;
use super::figures::{Address, Gauge, Responses, Times};
use super::status::ServerStatus;

/// A server of a backend (HAProxy management guide, 9.1, fields marked `S`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServerRow {
    /// Its name (`svname`).
    pub name: String,
    /// Its number in the backend, from 1, never given twice (`sid`).
    pub id: u32,
    /// Where it is (`addr`).
    pub address: Option<Address>,
    /// The value of the cookie that leads to it (`cookie`).
    pub cookie: Option<String>,
    /// What it may be used for now (`status`).
    pub status: ServerStatus,
    /// Since the last change of state (`lastchg`).
    pub last_change: Duration,
    /// Used only when no other server is left (`act`, `bck`).
    pub backup: bool,
    /// The weight that counts now, slow start included (`weight`).
    pub weight: u32,
    /// The weight that was asked for (`uweight`).
    pub user_weight: u32,
    /// Percent of the weight that slow start lets through (`throttle`); `None` when it is over.
    pub throttle: Option<u8>,
    /// The server whose state it copies, `backend/server` (`tracked`).
    pub tracked: Option<String>,
    /// Its active check (`check_…`, `last_chk`); `None` when it is not checked. What
    /// maintenance hides is hidden by the rendering, not here.
    pub check: Option<CheckReport>,
    /// Its agent (`agent_…`, `last_agt`); `None` when it has none.
    pub agent: Option<CheckReport>,
    /// Failed checks while it was up (`chkfail`); shown only with a check.
    pub failed_checks: u64,
    /// Times it went from up to down (`chkdown`); shown only with a check.
    pub times_down: u64,
    /// How long it has been down in all (`downtime`); shown only with a check.
    pub downtime: Duration,
    /// Failures seen in live traffic (`hanafail`); `None` unless it is observed.
    pub failed_analyses: Option<u64>,
    /// Requests waiting for this server (`qcur`, `qmax`).
    pub queue: Gauge,
    /// Requests that may wait for it (`qlimit`); `None` for no limit.
    pub queue_limit: Option<u64>,
    /// Requests in progress (`scur`, `smax`).
    pub sessions: Gauge,
    /// Requests it may have in progress (`slim`); `None` for no limit.
    pub session_limit: Option<u64>,
    /// Requests given to it since start (`stot`).
    pub sessions_total: u64,
    /// Requests given to it in a second (`rate`, `rate_max`).
    pub session_rate: Gauge,
    /// Times the balancing chose it (`lbtot`).
    pub chosen_total: u64,
    /// Since the last request given to it (`lastsess`); `None` before the first, shown as -1.
    pub last_session: Option<Duration>,
    /// HTTP requests sent to it (`req_tot`).
    pub requests_total: u64,
    /// Request bytes (`bin`).
    pub bytes_in: u64,
    /// Response bytes (`bout`).
    pub bytes_out: u64,
    /// Responses refused by a rule (`dresp`).
    pub denied_responses: u64,
    /// Requests that could not connect to it (`econ`).
    pub connect_errors: u64,
    /// Responses that failed (`eresp`).
    pub response_errors: u64,
    /// Retries made on it (`wretr`).
    pub retries: u64,
    /// Requests taken away from it and given to another (`wredis`).
    pub redispatches: u64,
    /// Transfers the client broke off (`cli_abrt`).
    pub client_aborts: u64,
    /// Transfers the server broke off (`srv_abrt`).
    pub server_aborts: u64,
    /// What it answered (`hrsp_…`).
    pub responses: Responses,
    /// How long its requests took (`qtime` …).
    pub times: Times,
    /// Connections to it.
    pub connections: ConnectionPool,
    /// Header rewrites that failed (`wrew`).
    pub failed_rewrites: u64,
    /// Our own errors (`eint`).
    pub internal_errors: u64,
}

/// The connections between us and one server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ConnectionPool {
    /// Connections opened or tried (`connect`).
    pub opened: u64,
    /// Requests that went over a connection already open (`reuse`).
    pub reused: u64,
    /// Idle connections now (`srv_icur`).
    pub idle: u64,
    /// Idle connections there may be (`src_ilim`, as HAProxy spells it); `None` for no limit.
    pub idle_limit: Option<u64>,
    /// Idle connections that have served one request only (`idle_conn_cur`).
    pub idle_unsafe: u64,
    /// Idle connections that have served several requests (`safe_conn_cur`).
    pub idle_safe: u64,
    /// Connections in use now (`used_conn_cur`).
    pub used: u64,
    /// Connections that will be needed, by estimate (`need_conn_est`).
    pub needed: u64,
}

impl ServerRow {
    /// The check whose result may be shown: HAProxy shows none in maintenance.
    #[must_use]
    pub fn visible_check(&self) -> Option<&CheckReport> {
        self.check.as_ref().filter(|_| !self.status.is_maint())
    }

    /// The agent's result that may be shown: none in maintenance.
    #[must_use]
    pub fn visible_agent(&self) -> Option<&CheckReport> {
        self.agent.as_ref().filter(|_| !self.status.is_maint())
    }
}
