//! Pure: how far a server has proved itself, and how that alone is shown.

use std::time::Duration;

use super::view::Shown;

/// How far a ready server has proved itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trial {
    /// Not ready, or ready and its one connect under way.
    Unproven,
    /// HAProxy's check machine: up from `rise`, full at `rise + fall - 1`.
    Checked(u32),
    /// Met refused by a request or its first connect; `good` probes since, `delay` to the next.
    Ejected { good: u32, delay: Duration },
    /// Silent and proven dead: only its own voice brings it back.
    Lost,
}

impl Trial {
    /// Whether it may be sent requests.
    pub(super) fn is_passed(self, rise: u32) -> bool {
        matches!(self, Self::Checked(health) if health >= rise)
    }

    /// How a ready server is shown that was shown as `before`; one that is `held` out is down,
    /// however well it is.
    pub(super) fn shown(self, rise: u32, before: Shown, held: bool) -> Shown {
        match self {
            Self::Checked(health) if health >= rise && held => Shown::Down { good: 0 },
            Self::Checked(health) if health >= rise => Shown::Up {
                left: health - rise + 1,
            },
            Self::Checked(good) | Self::Ejected { good, .. } => Shown::Down { good },
            // A rumour of a dead node gets no row.
            Self::Lost if before == Shown::Hidden => Shown::Hidden,
            Self::Lost => Shown::Down { good: 0 },
            // Never shown: no row yet. Coming back: as it was until the connect has ended.
            Self::Unproven => match before {
                Shown::Up { .. } => Shown::Down { good: 0 },
                before => before,
            },
        }
    }
}
