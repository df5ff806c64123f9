//! What is asked of a server and what is found: plain values, in HAProxy's check codes.

use std::sync::Arc;
use std::time::Duration;

use stats_ui::report::CheckStatus;

use crate::config::CheckPolicy;

/// What a probe found, or a request met. HAProxy's check codes (management guide 9.1, field 36).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finding {
    /// A TCP connection was made.
    L4Ok,
    /// Refused, unreachable or reset.
    L4Con,
    /// No connection in time.
    L4Tout,
    /// Answered with a 2xx or 3xx status.
    L7Ok,
    /// Answered with another status.
    L7Sts,
    /// Answered with something that is not HTTP.
    L7Rsp,
    /// Connected, but did not answer in time.
    L7Tout,
}

impl Finding {
    /// The check status it is shown as.
    #[must_use]
    pub const fn status(self) -> CheckStatus {
        match self {
            Self::L4Ok => CheckStatus::L4Ok,
            Self::L4Con => CheckStatus::L4Connection,
            Self::L4Tout => CheckStatus::L4Timeout,
            Self::L7Ok => CheckStatus::L7Ok,
            Self::L7Sts => CheckStatus::L7Status,
            Self::L7Rsp => CheckStatus::L7Response,
            Self::L7Tout => CheckStatus::L7Timeout,
        }
    }

    /// Whether it speaks for the server.
    #[must_use]
    pub const fn passed(self) -> bool {
        matches!(self, Self::L4Ok | Self::L7Ok)
    }
}

/// A finding with its particulars.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// What was found.
    pub finding: Finding,
    /// The HTTP status, where one was received.
    pub code: Option<u16>,
    /// The error's text; empty when it passed.
    pub info: Arc<str>,
    /// How long the probe took.
    pub took: Duration,
}

impl Proof {
    /// What a request met, which took no probe.
    #[must_use]
    pub fn met(finding: Finding, info: &str) -> Self {
        Self {
            finding,
            code: None,
            info: Arc::from(info),
            took: Duration::ZERO,
        }
    }
}

impl Proof {
    /// Whether it tells more of us than of the server: a time limit that came much too late is a
    /// timer that stood still with its process, and so may have done what should have read the answer.
    #[must_use]
    pub fn is_overdue(&self, limit: Duration) -> bool {
        let timed_out = matches!(self.finding, Finding::L4Tout | Finding::L7Tout);
        timed_out && self.took > limit + limit / 2
    }
}

/// What to ask a server.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Probe {
    /// One TCP connect within [`admission`](crate::config::CheckPolicy::admission).
    Connect,
    /// The server's own check: HTTP where it announces a path, else a TCP connect.
    Full,
}

impl Probe {
    /// How long the answer may take.
    #[must_use]
    pub const fn limit(self, policy: &CheckPolicy) -> Duration {
        match self {
            Self::Connect => policy.admission,
            Self::Full => policy.interval,
        }
    }
}
