//! The block about the process. Its labels are what programs that read the page look for.

use maud::{Markup, html};

use super::words::{bit_rate, uptime};
use crate::report::ProcessInfo;

/// The first cell under `General process information`.
pub(super) fn block(process: &ProcessInfo) -> Markup {
    let pipes = process.pipes_used.saturating_add(process.pipes_free);
    html! {
        b { "pid = " } " " (process.pid)
        " (process #1, nbproc = 1, nbthread = " (process.threads) ")" br; "\n"
        b { "uptime = " } " " (uptime(process.uptime)) br; "\n"
        b { "system limits:" } " memmax = "
        @if let Some(limit) = process.memory_limit { (limit) " MB" } @else { "unlimited" }
        "; ulimit-n = " (process.ulimit_n) br; "\n"
        b { "maxsock = " } " " (process.max_sockets) "; "
        b { "maxconn = " } " " (process.max_connections) "; "
        b { "maxpipes = " } " " (process.max_pipes) br; "\n"
        "current conns = " (process.current_connections)
        "; current pipes = " (process.pipes_used) "/" (pipes)
        "; conn rate = " (process.connection_rate) "/sec; bit rate = "
        (bit_rate(process.bytes_out_rate)) br; "\n"
        "Running tasks: " (process.run_queue) "/" (process.tasks)
        "; idle = " (process.idle_percent) " %"
    }
}
