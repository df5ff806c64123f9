//! What the system knows of processes and cores: processor time, memory, who is whose child. The
//! formats are those of proc(5).

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// What some processes have used until now.
#[derive(Debug)]
pub(crate) struct Usage {
    /// On a processor, for themselves or in the kernel; all threads.
    pub(crate) cpu: Duration,
    /// Number and time of birth of each, so that a restart is noticed.
    pub(crate) processes: BTreeSet<(u32, u64)>,
    /// What a thread has used is lost when it ends.
    pub(crate) threads: BTreeSet<u32>,
}

impl Usage {
    /// Of a process and its children. A thread or child that ends while it is read counts for
    /// nothing, as it would a moment later.
    pub(crate) fn of(parent: u32) -> Option<Self> {
        let mut usage = Self {
            cpu: Duration::ZERO,
            processes: BTreeSet::new(),
            threads: BTreeSet::new(),
        };
        for pid in family(parent) {
            let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) => stat,
                Err(_) if pid != parent => continue,
                Err(_) => return None,
            };
            usage.processes.insert((pid, after_name(&stat, BORN)?));
            for thread in numbers_in(&format!("/proc/{pid}/task")) {
                let path = format!("/proc/{pid}/task/{thread}/schedstat");
                let Ok(schedstat) = fs::read_to_string(path) else {
                    continue;
                };
                usage.cpu += on_cpu(&schedstat)?;
                usage.threads.insert(thread);
            }
        }
        Some(usage)
    }
}

/// Bytes of memory of a process and its children; shared pages count by their share.
pub(crate) fn memory(parent: u32) -> Option<u64> {
    let one = |pid| pss(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?);
    family(parent).into_iter().map(one).sum()
}

/// How long a core has been busy and idle, in ticks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Core {
    busy: u64,
    idle: u64,
}

impl Core {
    /// Until now.
    pub(crate) fn now(core: usize) -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?, core)
    }

    /// The share of the time since `earlier` that it was busy.
    pub(crate) fn busy_since(self, earlier: Self) -> f64 {
        let busy = self.busy.saturating_sub(earlier.busy) as f64;
        let idle = self.idle.saturating_sub(earlier.idle) as f64;
        busy / (busy + idle).max(1.0)
    }

    fn parse(text: &str, core: usize) -> Option<Self> {
        let name = format!("cpu{core}");
        let line = text
            .lines()
            .find(|line| line.split(' ').next() == Some(&name))?;
        let ticks: Vec<u64> = line
            .split(' ')
            .skip(1)
            .map_while(|t| t.parse().ok())
            .collect();
        // user nice system idle iowait irq softirq steal; the guests' are in user and nice
        let idle = ticks.get(3..5)?.iter().sum::<u64>();
        Some(Self {
            busy: ticks.iter().take(8).sum::<u64>() - idle,
            idle,
        })
    }
}

/// The model of the first processor.
pub(crate) fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let model = line.and_then(|line| line.split_once(": "));
    model.map_or_else(|| "unknown".to_owned(), |(_, model)| model.to_owned())
}

/// How many cores the machine has, whether we may use them or not.
pub(crate) fn cores() -> usize {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let is_core = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
    text.lines().filter(is_core).count()
}

fn family(parent: u32) -> Vec<u32> {
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| after_name(&stat, PARENT) == Some(u64::from(parent)))
    };
    let children = numbers_in("/proc").into_iter().filter(is_child);
    [parent].into_iter().chain(children).collect()
}

fn numbers_in(folder: &str) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// A field of `stat`, counted after the name, which may have anything in it.
fn after_name(stat: &str, field: usize) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(field)?.parse().ok()
}

fn on_cpu(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

fn pss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// Fields 4 and 22 of `stat`, counted from the third.
const PARENT: usize = 1;
const BORN: usize = 19;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    #[test]
    fn fields_are_counted_after_a_name_with_anything_in_it() {
        let stat = "17 (a ) (b) S 4 17 17 0 -1 4 1 0 0 0 3 4 0 0 20 0 1 0 9876 1 2 3";
        assert_eq!(after_name(stat, PARENT), Some(4));
        assert_eq!(after_name(stat, BORN), Some(9876));
    }

    #[test]
    fn formats_of_the_system() {
        assert_eq!(on_cpu("1500 20 3\n"), Some(Duration::from_nanos(1500)));
        let rollup = "5-7 ---p 0 00:00 0 [rollup]\nRss:  9 kB\nPss:     12 kB\nPss_Anon: 1 kB\n";
        assert_eq!(pss(rollup), Some(12 * 1024));
    }

    #[test]
    fn a_core_is_idle_also_while_it_waits_for_a_disk() {
        let text =
            |idle| format!("cpu  9 9 9 9\ncpu1 10 5 5 {idle} 40 1 2 7 0 0\ncpu10 1 1 1 1 1\n");
        let before = Core::parse(&text(50), 1).unwrap();
        assert_eq!(before, Core { busy: 30, idle: 90 });
        let after = Core {
            busy: 60,
            idle: 100,
        };
        assert_eq!(after.busy_since(before), 0.75);
        assert_eq!(Core::parse(&text(50), 2), None);
    }

    #[test]
    fn our_own_usage_can_be_read() {
        let own = std::process::id();
        let usage = Usage::of(own).unwrap();
        assert!(usage.processes.iter().any(|(pid, _)| *pid == own));
        assert!(usage.cpu > Duration::ZERO);
        assert!(memory(own).unwrap() > 0);
    }

    #[test]
    fn threads_that_end_while_they_are_counted_are_no_error() {
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Relaxed) {
                    std::thread::scope(|short| drop(short.spawn(|| ())));
                }
            });
            let read = |_| Usage::of(std::process::id()).is_some();
            let all = (0..200).all(read);
            ended.store(true, Relaxed);
            assert!(all);
        });
    }
}
