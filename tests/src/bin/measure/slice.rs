//! A share of the processor for some processes, as `docker run --cpus` gives it: a cgroup with a
//! quota, of either version.

use std::fs;
use std::path::{Path, PathBuf};

/// A cgroup of our own; it goes with its value.
#[derive(Debug)]
pub(super) struct Slice(PathBuf);

impl Slice {
    /// So many thousandths of one core; `None` where there is no such controller.
    pub(super) fn of(thousandths: u32) -> Option<Self> {
        let quota = thousandths * (PERIOD / 1_000);
        let name = format!("ragot-measure-{}", std::process::id());
        let (folder, settings) = if Path::new(V1).join("cpu.cfs_quota_us").exists() {
            let settings = [
                ("cpu.cfs_period_us", PERIOD.to_string()),
                ("cpu.cfs_quota_us", quota.to_string()),
            ];
            (Path::new(V1).join(name), settings.to_vec())
        } else {
            // Of the root, whose children may have it only where it is given on.
            fs::write(Path::new(V2).join("cgroup.subtree_control"), "+cpu").ok()?;
            (
                Path::new(V2).join(name),
                vec![("cpu.max", format!("{quota} {PERIOD}"))],
            )
        };
        fs::create_dir(&folder).ok()?;
        let slice = Self(folder);
        for (file, value) in settings {
            fs::write(slice.0.join(file), value).ok()?;
        }
        Some(slice)
    }

    /// Confines a process, with all its threads and what it will start.
    pub(super) fn confine(&self, id: u32) {
        let processes = self.0.join("cgroup.procs");
        fs::write(processes, id.to_string()).expect("a running child");
    }

    /// How often the quota was used up, of how many periods.
    pub(super) fn throttled(&self) -> (u64, u64) {
        let text = fs::read_to_string(self.0.join("cpu.stat")).expect("the cgroup's own count");
        let count = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0)
        };
        (count("nr_throttled "), count("nr_periods "))
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        // Whoever is left in it goes where it came from; one that ends meanwhile does not.
        let parent = self.0.parent().unwrap_or(&self.0).join("cgroup.procs");
        let left = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        for id in left.lines() {
            let _ = fs::write(&parent, id);
        }
        let _ = fs::remove_dir(&self.0);
    }
}

const V1: &str = "/sys/fs/cgroup/cpu";
const V2: &str = "/sys/fs/cgroup";
/// Microseconds, as Docker sets it.
const PERIOD: u32 = 100_000;
