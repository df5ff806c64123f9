//! Which core does what, and how a process gets there: it inherits the affinity of the thread that
//! starts it.

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Who runs where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// The contestant.
    pub(crate) proxy: usize,
    /// wrk and ourselves.
    pub(crate) load: usize,
    /// The server behind: a core of its own where there is a third.
    pub(crate) origin: usize,
}

/// The first cores that we may use.
pub(crate) fn pick() -> Result<Cores, String> {
    let allowed = sched_getaffinity(None).map_err(|error| format!("which cores: {error}"))?;
    let mut usable = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let (Some(proxy), Some(load)) = (usable.next(), usable.next()) else {
        return Err("two cores are needed: one for the proxy, one for its load".to_owned());
    };
    let origin = usable.next().unwrap_or(load);
    let cores = Cores {
        proxy,
        load,
        origin,
    };
    set(load);
    Ok(cores)
}

/// While this lives, what this thread starts runs on one core; then on the one before again.
#[derive(Debug)]
pub(crate) struct Pinned(CpuSet);

impl Pinned {
    /// To one core.
    pub(crate) fn to(core: usize) -> Self {
        let before = sched_getaffinity(None).expect("our own affinity");
        set(core);
        Self(before)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // It was ours a moment ago.
        let _ = sched_setaffinity(None, &self.0);
    }
}

/// Raises the soft limit of open files to the hard one, for ourselves and all we start.
pub(crate) fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot be raised, connections fail, and that is told.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn set(core: usize) {
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).expect("a core that we may use");
}
