//! A balancer process: started on free ports, found by what it says on standard error, and asked
//! about itself through its statistics.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Signal;

use crate::csv::{self, Row};
use crate::deadline::{LIMIT, within};
use crate::process::Process;
use crate::{bin, client};

/// A running balancer.
#[derive(Debug)]
pub struct Lb {
    /// The process.
    pub process: Process,
    flags: Flags,
    addr: SocketAddr,
    stats: SocketAddr,
    gossip: SocketAddr,
}

impl Lb {
    /// With nothing but free ports of loopback.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// With more flags, as they are typed.
    pub async fn with(flags: &str) -> Self {
        let mut all = Flags::default();
        all.add("--listen 127.0.0.1:0 --stats 127.0.0.1:0 --gossip 127.0.0.1:0 --name ha");
        all.add(flags);
        Self::start_as(all).await
    }

    async fn start_as(flags: Flags) -> Self {
        let mut process = Process::start(&bin::lb(), flags.args());
        let clients = process.said("clients on ").await;
        let stats = process.said("statistics on ").await;
        Self {
            addr: address(&clients, "clients on ", ','),
            gossip: address(&clients, "gossip on ", '/'),
            stats: address(&stats, "http://", '/'),
            process,
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
        self.stats
    }

    /// Where members find it.
    #[must_use]
    pub const fn gossip(&self) -> SocketAddr {
        self.gossip
    }

    /// Another process at the same addresses, with the same flags. The old one must have ended.
    pub async fn restart(&mut self) {
        assert!(!self.process.is_running(), "it still runs");
        let (addr, stats, gossip) = (self.addr, self.stats, self.gossip);
        let mut flags = self.flags.clone();
        flags.add(&format!(
            "--listen {addr} --stats {stats} --gossip {gossip}"
        ));
        *self = Self::start_as(flags).await;
    }

    /// The whole CSV document.
    ///
    /// # Errors
    ///
    /// When the statistics cannot be had.
    pub async fn csv(&self) -> Result<String, client::Failure> {
        let answer = client::get(self.stats, "/;csv").await?;
        Ok(answer.text())
    }

    /// The rows of the statistics.
    pub async fn rows(&self) -> Vec<Row> {
        let text = self.csv().await.expect("the statistics answer");
        csv::parse(&text).expect("CSV")
    }

    /// The row of a server, if it has one.
    pub async fn server(&self, name: &str) -> Option<Row> {
        csv::server(&self.rows().await, name).cloned()
    }

    /// The row of a whole proxy, as `("nodes", "BACKEND")`.
    pub async fn row(&self, proxy: &str, name: &str) -> Row {
        let rows = self.rows().await;
        let found = rows
            .into_iter()
            .find(|r| r.get("pxname") == proxy && r.name() == name);
        found.unwrap_or_else(|| panic!("no row {proxy}/{name}"))
    }

    /// Waits until the rows are as they should be; returns how long that took.
    pub async fn until(&self, what: &str, is_so: impl Fn(&[Row]) -> bool) -> Duration {
        let last = std::sync::Mutex::new(String::new());
        let what = format!("{what}, of the balancer on {}", self.addr);
        let ask = async || {
            let text = self.csv().await.ok()?;
            let rows = csv::parse(&text)?;
            *last.lock().unwrap() = text;
            is_so(&rows).then_some(())
        };
        within(LIMIT, what, ask).await.1
    }

    /// Waits until exactly these are up.
    pub async fn until_up(&self, names: &[&str]) -> Duration {
        self.until(&format!("up: {names:?}"), |rows| csv::up(rows) == names)
            .await
    }

    /// Waits until a server has a row whose status begins so.
    pub async fn until_status(&self, name: &str, status: &str) -> Row {
        let is_so =
            |rows: &[Row]| csv::server(rows, name).is_some_and(|r| r.status().starts_with(status));
        self.until(&format!("{name} is {status}"), is_so).await;
        self.server(name).await.expect("it had a row just now")
    }

    /// Waits until a server has no row.
    pub async fn until_gone(&self, name: &str) -> Duration {
        self.until(&format!("{name} has no row"), |rows| {
            csv::server(rows, name).is_none()
        })
        .await
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
            let values = self.0.entry((*flag).to_owned()).or_default();
            if !matches!(*flag, "--seed" | "--tag") {
                values.clear();
            }
            values.push((*value).to_owned());
        }
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
