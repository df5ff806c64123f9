//! What the page says about the whole process. Values and their units; no formatting.

use std::time::Duration;

/// The process, as the page's `General process information` and `show info` tell it
/// (HAProxy management guide, 9.3, `show info`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProcessInfo {
    /// Our own version, such as `0.1.0`.
    pub version: String,
    /// The HAProxy version whose formats are spoken. Clients read it: at least two numbers
    /// with a dot between, no comma, no colon.
    pub haproxy_version: String,
    /// The day that HAProxy version was released, `YYYY/MM/DD`.
    pub haproxy_release_date: String,
    /// The operating system's number of the process.
    pub pid: u32,
    /// Worker threads.
    pub threads: u32,
    /// Since start.
    pub uptime: Duration,
    /// Memory the process may use, in MiB; `None` without a limit.
    pub memory_limit: Option<u64>,
    /// File descriptors the process may have open.
    pub ulimit_n: u64,
    /// Sockets it may need at most.
    pub max_sockets: u64,
    /// Client connections it may have open.
    pub max_connections: u64,
    /// Pipes it may use for splicing.
    pub max_pipes: u64,
    /// Client connections open now.
    pub current_connections: u64,
    /// Pipes in use now.
    pub pipes_used: u64,
    /// Pipes at hand, unused.
    pub pipes_free: u64,
    /// Client connections accepted in the last second.
    pub connection_rate: u64,
    /// Bytes sent in the last second.
    pub bytes_out_rate: u64,
    /// Tasks there are.
    pub tasks: u64,
    /// Tasks that could run now.
    pub run_queue: u64,
    /// Share of time the threads wait for something to do, in percent, 0 to 100.
    pub idle_percent: u8,
    /// The name of this balancer.
    pub node: String,
    /// What this balancer is for.
    pub description: Option<String>,
}

impl Default for ProcessInfo {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            haproxy_version: "2.6.12".to_owned(),
            haproxy_release_date: "2023/03/28".to_owned(),
            pid: 0,
            threads: 1,
            uptime: Duration::ZERO,
            memory_limit: None,
            ulimit_n: 0,
            max_sockets: 0,
            max_connections: 0,
            max_pipes: 0,
            current_connections: 0,
            pipes_used: 0,
            pipes_free: 0,
            connection_rate: 0,
            bytes_out_rate: 0,
            tasks: 0,
            run_queue: 0,
            idle_percent: 100,
            node: String::new(),
            description: None,
        }
    }
}
