//! What a health check found: its status codes with their descriptions, and the counter that
//! HAProxy's check machine moves. Decides nothing: running checks is the balancer's work.

use std::time::Duration;

/// The last result of a check or of an agent (`check_status`, `check_desc`; HAProxy
/// management guide, 9.1, field 36).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CheckStatus {
    /// `UNK`: nothing known.
    #[default]
    Unknown,
    /// `INI`: no check has ended yet.
    Initializing,
    /// `CHECKED`: a check ended without changing anything.
    Checked,
    /// `HANA`: live traffic was judged bad.
    Analysis,
    /// `SOCKERR`: no socket could be had.
    SocketError,
    /// `L4OK`: connected, and nothing more was asked.
    L4Ok,
    /// `L4TOUT`: connecting took too long.
    L4Timeout,
    /// `L4CON`: refused or unreachable.
    L4Connection,
    /// `L6OK`: the TLS handshake passed.
    L6Ok,
    /// `L6TOUT`: the TLS handshake took too long.
    L6Timeout,
    /// `L6RSP`: the TLS handshake failed.
    L6Response,
    /// `L7TOUT`: no answer in time.
    L7Timeout,
    /// `L7RSP`: an answer that is none.
    L7Response,
    /// `L7OK`: the answer was as wanted.
    L7Ok,
    /// `L7OKC`: passed on a condition, as 404 with `disable-on-404`.
    L7Conditional,
    /// `L7STS`: an answer with a status that was not wanted.
    L7Status,
    /// `PROCERR`: the external check failed.
    ProcessError,
    /// `PROCTOUT`: the external check took too long.
    ProcessTimeout,
    /// `PROCOK`: the external check passed.
    ProcessOk,
}

impl CheckStatus {
    /// The word in `check_status`, such as `L7OK`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.entry().1
    }

    /// The sentence in `check_desc`, such as `Layer7 check passed`.
    #[must_use]
    pub const fn description(self) -> &'static str {
        self.entry().2
    }

    /// HAProxy's number for it, as `show servers state` writes it.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.entry().0
    }

    /// Whether `check_code` means something beside it: an HTTP status came back.
    #[must_use]
    pub const fn has_code(self) -> bool {
        matches!(self, Self::L7Ok | Self::L7Conditional | Self::L7Status)
    }

    const fn entry(self) -> (u8, &'static str, &'static str) {
        match self {
            Self::Unknown => (0, "UNK", "Unknown"),
            Self::Initializing => (1, "INI", "Initializing"),
            Self::Checked => (3, "CHECKED", "No status change"),
            Self::Analysis => (4, "HANA", "Health analyze"),
            Self::SocketError => (5, "SOCKERR", "Socket error"),
            Self::L4Ok => (6, "L4OK", "Layer4 check passed"),
            Self::L4Timeout => (7, "L4TOUT", "Layer4 timeout"),
            Self::L4Connection => (8, "L4CON", "Layer4 connection problem"),
            Self::L6Ok => (9, "L6OK", "Layer6 check passed"),
            Self::L6Timeout => (10, "L6TOUT", "Layer6 timeout"),
            Self::L6Response => (11, "L6RSP", "Layer6 invalid response"),
            Self::L7Timeout => (12, "L7TOUT", "Layer7 timeout"),
            Self::L7Response => (13, "L7RSP", "Layer7 invalid response"),
            Self::L7Ok => (15, "L7OK", "Layer7 check passed"),
            Self::L7Conditional => (16, "L7OKC", "Layer7 check conditionally passed"),
            Self::L7Status => (17, "L7STS", "Layer7 wrong status"),
            Self::ProcessError => (18, "PROCERR", "External check error"),
            Self::ProcessTimeout => (19, "PROCTOUT", "External check timeout"),
            Self::ProcessOk => (20, "PROCOK", "External check passed"),
        }
    }
}

/// HAProxy's health counter: from 0 to `rise + fall - 1`; the server is up from `rise` on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Health {
    /// The counter now.
    pub value: u32,
    /// Passed checks in a row that bring a server up.
    pub rise: u32,
    /// Failed checks in a row that take it down.
    pub fall: u32,
}

impl Health {
    /// The value of a server that has nothing to be reproached with.
    #[must_use]
    pub const fn full(self) -> u32 {
        self.rise.saturating_add(self.fall).saturating_sub(1)
    }

    /// Whether the counter is at its highest.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.value >= self.full()
    }
}

impl Default for Health {
    /// HAProxy's defaults, rise 2 and fall 3 (configuration manual, 5.2), at full health.
    fn default() -> Self {
        Self {
            value: 4,
            rise: 2,
            fall: 3,
        }
    }
}

/// One checker of one server: the active check, or the agent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CheckReport {
    /// How the last one ended.
    pub status: CheckStatus,
    /// Whether one is running now; shown as a `* ` before the status.
    pub running: bool,
    /// The HTTP status it got; shown only where [`CheckStatus::has_code`] says so.
    pub code: Option<u16>,
    /// How long the last one took; `None` before the first ended.
    pub duration: Option<Duration>,
    /// What it said, such as `Connection refused`; empty when it passed.
    pub output: String,
    /// The health counter and its bounds.
    pub health: Health,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_has_haproxys_code_number_and_words() {
        let check = |status: CheckStatus, number, code, description, has_code| {
            let found = (
                status.number(),
                status.code(),
                status.description(),
                status.has_code(),
            );
            assert_eq!(found, (number, code, description, has_code));
        };
        check(CheckStatus::default(), 0, "UNK", "Unknown", false);
        check(CheckStatus::Initializing, 1, "INI", "Initializing", false);
        check(CheckStatus::L4Ok, 6, "L4OK", "Layer4 check passed", false);
        check(
            CheckStatus::L4Connection,
            8,
            "L4CON",
            "Layer4 connection problem",
            false,
        );
        check(CheckStatus::L7Ok, 15, "L7OK", "Layer7 check passed", true);
        check(
            CheckStatus::L7Status,
            17,
            "L7STS",
            "Layer7 wrong status",
            true,
        );
    }

    #[test]
    fn health_is_full_at_rise_and_fall_less_one() {
        let check = |value, is_full| {
            assert_eq!(
                Health {
                    value,
                    ..Health::default()
                }
                .is_full(),
                is_full
            );
        };
        check(0, false);
        check(3, false);
        check(4, true);
    }
}
