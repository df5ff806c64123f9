//! The states of rows, and exactly HAProxy's words for them (HAProxy management guide, 9.1,
//! field 17). Says how a state is written, not when it holds.

use std::fmt;

use super::check::Health;

/// How far a server is on its way to another state: the `2/3` in `UP 2/3`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// Steps made, from 1.
    pub at: u32,
    /// Steps there are.
    pub of: u32,
}

/// The state of a server.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ServerStatus {
    /// `no check`: running, and nobody looks.
    #[default]
    NoCheck,
    /// `UP`, or `UP 2/3` after a failed check.
    Up(Option<Step>),
    /// `DOWN`, or `DOWN 1/2` after a passed check.
    Down(Option<Step>),
    /// `DOWN (agent)`: its agent said so.
    DownByAgent,
    /// `NOLB`, or `NOLB 2/3`: soft-stopped, known clients only.
    NoLb(Option<Step>),
    /// `DRAIN`, or `DRAIN 2/3`: no new clients.
    Drain(Option<Step>),
    /// `DRAIN (agent)`: its agent said so.
    DrainByAgent,
    /// `MAINT`: an operator took it out.
    Maint,
    /// `MAINT (via px/sv)`: the server it tracks is in maintenance.
    MaintVia(String),
    /// `MAINT (resolution)`: its name does not resolve.
    MaintResolution,
}

impl ServerStatus {
    /// `UP`, with a step unless the health is full.
    #[must_use]
    pub fn up(health: Health) -> Self {
        Self::Up(falling(health))
    }

    /// `DOWN`, with a step once a check has passed again.
    #[must_use]
    pub fn down(health: Health) -> Self {
        Self::Down((health.value > 0).then_some(Step {
            at: health.value,
            of: health.rise,
        }))
    }

    /// `NOLB`, with a step unless the health is full.
    #[must_use]
    pub fn no_lb(health: Health) -> Self {
        Self::NoLb(falling(health))
    }

    /// `DRAIN`, with a step unless the health is full.
    #[must_use]
    pub fn drain(health: Health) -> Self {
        Self::Drain(falling(health))
    }

    /// Any of the three kinds of maintenance.
    #[must_use]
    pub const fn is_maint(&self) -> bool {
        matches!(
            self,
            Self::Maint | Self::MaintVia(_) | Self::MaintResolution
        )
    }

    /// Down, whether or not on its way up.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        matches!(self, Self::Down(_) | Self::DownByAgent)
    }

    /// Down with no check passed since, which is what the `;up` option hides.
    #[must_use]
    pub const fn is_down_for_good(&self) -> bool {
        matches!(self, Self::Down(None) | Self::DownByAgent)
    }
}

/// Lost steps of a server that still stands.
fn falling(health: Health) -> Option<Step> {
    let at = health.value.saturating_sub(health.rise).saturating_add(1);
    (!health.is_full()).then_some(Step {
        at,
        of: health.fall,
    })
}

impl fmt::Display for ServerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, step) = match self {
            Self::NoCheck => ("no check", None),
            Self::Up(step) => ("UP", *step),
            Self::Down(step) => ("DOWN", *step),
            Self::DownByAgent => ("DOWN (agent)", None),
            Self::NoLb(step) => ("NOLB", *step),
            Self::Drain(step) => ("DRAIN", *step),
            Self::DrainByAgent => ("DRAIN (agent)", None),
            Self::Maint => ("MAINT", None),
            Self::MaintVia(tracked) => return write!(f, "MAINT (via {tracked})"),
            Self::MaintResolution => ("MAINT (resolution)", None),
        };
        match step {
            Some(Step { at, of }) => write!(f, "{word} {at}/{of}"),
            None => f.write_str(word),
        }
    }
}

/// The state of a backend: `UP` while it has weight to give requests to, or no servers at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BackendStatus {
    /// `UP`.
    #[default]
    Up,
    /// `DOWN`.
    Down,
}

impl fmt::Display for BackendStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "UP",
            Self::Down => "DOWN",
        })
    }
}

/// The state of a frontend.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FrontendStatus {
    /// `OPEN`: accepting.
    #[default]
    Open,
    /// `PAUSED`: an operator disabled it.
    Paused,
    /// `STOP`: ending.
    Stop,
}

impl fmt::Display for FrontendStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "OPEN",
            Self::Paused => "PAUSED",
            Self::Stop => "STOP",
        })
    }
}

/// The state of one listening socket.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ListenerStatus {
    /// `OPEN`: accepting.
    #[default]
    Open,
    /// `WAITING`: for a resource.
    Waiting,
    /// `FULL`: at its connection limit.
    Full,
}

impl fmt::Display for ListenerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "OPEN",
            Self::Waiting => "WAITING",
            Self::Full => "FULL",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(value: u32) -> Health {
        Health {
            value,
            ..Health::default()
        }
    }

    #[test]
    fn a_state_is_written_as_haproxy_writes_it() {
        let check = |status: ServerStatus, words: &str| assert_eq!(status.to_string(), words);
        check(ServerStatus::NoCheck, "no check");
        check(ServerStatus::up(health(4)), "UP");
        check(ServerStatus::up(health(3)), "UP 2/3");
        check(ServerStatus::up(health(2)), "UP 1/3");
        check(ServerStatus::down(health(0)), "DOWN");
        check(ServerStatus::down(health(1)), "DOWN 1/2");
        check(ServerStatus::DownByAgent, "DOWN (agent)");
        check(ServerStatus::no_lb(health(4)), "NOLB");
        check(ServerStatus::no_lb(health(3)), "NOLB 2/3");
        check(ServerStatus::drain(health(4)), "DRAIN");
        check(ServerStatus::drain(health(2)), "DRAIN 1/3");
        check(ServerStatus::DrainByAgent, "DRAIN (agent)");
        check(ServerStatus::Maint, "MAINT");
        check(
            ServerStatus::MaintVia("nodes/s1".to_owned()),
            "MAINT (via nodes/s1)",
        );
        check(ServerStatus::MaintResolution, "MAINT (resolution)");
    }
}
