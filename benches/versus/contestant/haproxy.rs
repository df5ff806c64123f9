//! HAProxy, as the lab has it, less its log.

use std::fs;
use std::net::SocketAddr;

use e2e::process::{Process, free_port};

use super::{CONNECTIONS, Running, Stage};
use crate::cores::Pinned;

pub(super) fn start(stage: &Stage<'_>) -> Running {
    let addr = free_port();
    let file = stage.folder.join("haproxy.cfg");
    fs::write(&file, configuration(addr, stage.origin)).expect("a file of ours");
    let _pinned = Pinned::to(stage.cores.proxy);
    // -db: in the foreground, and not a master with a worker.
    let args = ["-db".as_ref(), "-f".as_ref(), file.as_os_str()];
    let process = Process::start(&stage.tools.haproxy, args);
    Running::new(process.id(), addr, process)
}

/// `http-reuse always` instead of its default, `safe`, with which each client's first request gets
/// a connection to the server of its own: that is no slower with keep-alive, and costs half with a
/// connection for each request (48 instead of 93 µs). The other two do so as well.
fn configuration(addr: SocketAddr, origin: SocketAddr) -> String {
    format!(
        "\
global
    nbthread 1
    maxconn {CONNECTIONS}
defaults
    mode http
    timeout connect 5000
    timeout client 50000
    timeout server 50000
frontend localnodes
    bind {addr}
    default_backend nodes
backend nodes
    balance roundrobin
    option forwardfor
    option httpchk HEAD /
    http-reuse always
    http-request set-header X-Forwarded-Port %[dst_port]
    server s1 {origin} check
"
    )
}
