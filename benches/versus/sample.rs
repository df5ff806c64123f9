//! What one measurement gives, and what follows from it. Nothing is measured here.

/// One measurement of one contestant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample {
    Load(Loaded),
    /// Bytes for each connection.
    Idle(f64),
}

/// Of a load. Times are in microseconds, cores in shares of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    /// Processor time of the contestant for a request.
    pub(crate) cpu: f64,
    /// Requests per second.
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// How much of its core the contestant used.
    pub(crate) proxy: f64,
    /// How much of that core somebody else used.
    pub(crate) others: f64,
    /// How much of its core the load used, with whoever else is there.
    pub(crate) load: f64,
}

impl Sample {
    /// Whether somebody else was in the way.
    pub(crate) fn is_disturbed(&self) -> bool {
        matches!(self, Self::Load(loaded) if loaded.others > DISTURBED)
    }
}

/// What kept the rate from being higher.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bottleneck {
    /// The contestant's core had nothing left, and somebody else had a part of it.
    Others,
    /// The contestant's core had nothing left.
    Proxy,
    /// The other core had nothing left: the rate says little of the contestant.
    Load,
    /// Neither: each waits for the other.
    Waiting,
}

/// Of these shares.
pub(crate) fn bottleneck(proxy: f64, others: f64, load: f64) -> Bottleneck {
    let used = proxy + others;
    if used >= FULL && others > DISTURBED {
        Bottleneck::Others
    } else if used >= FULL && used >= load {
        // Where both are full, the one that is behind holds up the other.
        Bottleneck::Proxy
    } else if load >= FULL {
        Bottleneck::Load
    } else if used >= FULL {
        Bottleneck::Proxy
    } else {
        Bottleneck::Waiting
    }
}

/// As much of the contestant's core as nobody else should have: about what is to be told apart.
pub(crate) const DISTURBED: f64 = 0.05;
/// Ticks are coarse, and a core is never quite full.
const FULL: f64 = 0.94;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_core_is_the_bottleneck() {
        assert_eq!(bottleneck(0.98, 0.01, 0.80), Bottleneck::Proxy);
        assert_eq!(bottleneck(0.95, 0.0, 0.94), Bottleneck::Proxy);
        assert_eq!(bottleneck(0.99, 0.0, 0.95), Bottleneck::Proxy);
        assert_eq!(bottleneck(0.80, 0.01, 0.99), Bottleneck::Load);
        assert_eq!(bottleneck(0.95, 0.0, 0.99), Bottleneck::Load);
        assert_eq!(bottleneck(0.55, 0.02, 0.60), Bottleneck::Waiting);
    }

    #[test]
    fn who_shares_a_full_core_with_others_is_held_up_by_them() {
        assert_eq!(bottleneck(0.35, 0.65, 1.0), Bottleneck::Others);
        assert_eq!(bottleneck(0.35, 0.20, 0.60), Bottleneck::Waiting);
    }
}
