//! A balancer process: started on free ports, found by what it says on standard error, and asked
//! about itself through its [`Stats`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::bin;
use crate::process::{Process, own_ip};
use crate::stats::Stats;

/// A running balancer.
#[derive(Debug)]
pub struct Lb {
    /// The process.
    pub process: Process,
    program: PathBuf,
    flags: Flags,
    addr: SocketAddr,
    stats: Stats,
    gossip: SocketAddr,
}

impl Deref for Lb {
    type Target = Stats;

    fn deref(&self) -> &Stats {
        &self.stats
    }
}

impl Lb {
    /// With nothing but free ports of loopback.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// With more flags, as they are typed.
    pub async fn with(flags: &str) -> Self {
        Self::of(&bin::lb(), flags).await
    }

    /// With flags whose values have blanks in them.
    pub async fn told(flags: &[(&str, &str)]) -> Self {
        let mut all = Flags::default();
        all.add(&places());
        flags.iter().for_each(|(flag, value)| all.set(flag, value));
        Self::start_as(bin::lb(), all).await
    }

    /// Another build of it, with more flags.
    pub async fn of(program: &Path, flags: &str) -> Self {
        let mut all = Flags::default();
        all.add(&places());
        all.add(flags);
        Self::start_as(program.to_owned(), all).await
    }

    async fn start_as(program: PathBuf, flags: Flags) -> Self {
        let mut process = Process::start(&program, flags.args());
        let clients = process.said("clients on ").await;
        let stats = process.said("statistics on ").await;
        Self {
            addr: address(&clients, "clients on ", ','),
            gossip: address(&clients, "gossip on ", '/'),
            stats: Stats::at(address(&stats, "http://", '/')),
            process,
            program,
            flags,
        }
    }

    /// Where clients connect.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where the statistics are.
    #[must_use]
    pub const fn stats(&self) -> SocketAddr {
        self.stats.addr()
    }

    /// Where members find it.
    #[must_use]
    pub const fn gossip(&self) -> SocketAddr {
        self.gossip
    }

    /// Another process at the same addresses, with the same flags. The old one must have ended.
    pub async fn restart(&mut self) {
        self.restart_with("").await;
    }

    /// The same with more flags, which it keeps.
    pub async fn restart_with(&mut self, more: &str) {
        assert!(!self.process.is_running(), "it still runs");
        let (addr, stats, gossip) = (self.addr, self.stats(), self.gossip);
        let mut flags = self.flags.clone();
        flags.add(more);
        flags.add(&format!(
            "--listen {addr} --stats {stats} --gossip {gossip}"
        ));
        *self = Self::start_as(self.program.clone(), flags).await;
    }

    /// Asks it to end and waits; the exit code.
    pub async fn stop(&mut self) -> i32 {
        self.process.stop().await
    }

    /// Asks it to end.
    pub fn terminate(&mut self) {
        self.process.signal(Signal::TERM);
    }
}

/// Free ports at an address of its own, to which it can come back.
fn places() -> String {
    let ip = own_ip();
    format!("--listen {ip}:0 --stats {ip}:0 --gossip {ip}:0 --name ha")
}

/// Flags and their values; the last word on each counts, except for those that repeat.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags(BTreeMap<String, Vec<String>>);

impl Flags {
    pub(crate) fn add(&mut self, flags: &str) {
        let words: Vec<&str> = flags.split_whitespace().collect();
        for pair in words.chunks(2) {
            let [flag, value] = pair else {
                panic!("no value for {pair:?}")
            };
            self.set(flag, value);
        }
    }

    pub(crate) fn set(&mut self, flag: &str, value: &str) {
        let values = self.0.entry(flag.to_owned()).or_default();
        if !matches!(flag, "--seed" | "--tag" | "--event-handler" | "--render") {
            values.clear();
        }
        values.push(value.to_owned());
    }

    pub(crate) fn args(&self) -> Vec<String> {
        let one = |(flag, values): (&String, &Vec<String>)| {
            values
                .iter()
                .flat_map(|value| [flag.clone(), value.clone()])
                .collect::<Vec<_>>()
        };
        self.0.iter().flat_map(one).collect()
    }
}

fn address(line: &str, after: &str, until: char) -> SocketAddr {
    let rest = line
        .split(after)
        .nth(1)
        .and_then(|rest| rest.split(until).next());
    rest.and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no address in {line:?}"))
}
