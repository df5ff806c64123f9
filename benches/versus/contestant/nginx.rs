//! nginx, made to do what the lab's HAProxy does: HTTP/1.1 and keep-alive to the server, the same
//! headers added, no log, and no connection closed because it has served a thousand requests or
//! because there are many.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use e2e::process::{Process, free_port};
use rustix::process::Signal;

use super::{CONNECTIONS, Running, Stage};
use crate::cores::Pinned;

/// The master and its worker, which would outlive it if the master were killed.
#[derive(Debug)]
pub(super) struct Nginx(Process);

impl Drop for Nginx {
    #[allow(clippy::disallowed_methods, reason = "what is dropped cannot await")]
    fn drop(&mut self) {
        self.0.signal(Signal::TERM);
        for _ in 0..STEPS {
            if !self.0.is_running() {
                return;
            }
            std::thread::sleep(STEP);
        }
    }
}

pub(super) fn start(stage: &Stage<'_>) -> Running {
    let addr = free_port();
    let file = stage.folder.join("nginx.conf");
    let text = configuration(addr, stage.origin, stage.folder);
    fs::write(&file, text).expect("a file of ours");
    let _pinned = Pinned::to(stage.cores.proxy);
    // -e: the log that is opened before the configuration is read.
    let args = [
        "-e".as_ref(),
        "stderr".as_ref(),
        "-c".as_ref(),
        file.as_os_str(),
    ];
    let process = Process::start(&stage.tools.nginx, args);
    Running::new(process.id(), addr, Nginx(process))
}

fn configuration(addr: SocketAddr, origin: SocketAddr, folder: &Path) -> String {
    // Each needs a place that it may write to, whether it is used or not.
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| {
        let folder = folder.display();
        format!("    {kind}_temp_path \"{folder}/{kind}\";\n")
    });
    let sockets = 2 * CONNECTIONS + 100;
    format!(
        "\
daemon off;
worker_processes 1;
pid \"{}/nginx.pid\";
error_log stderr error;
events {{
    worker_connections {sockets};
}}
http {{
{}    access_log off;
    keepalive_requests 1000000000;
    upstream nodes {{
        server {origin};
        keepalive {CONNECTIONS};
        keepalive_requests 1000000000;
    }}
    server {{
        listen {addr} backlog={CONNECTIONS};
        location / {{
            proxy_pass http://nodes;
            proxy_http_version 1.1;
            proxy_max_temp_file_size 0;
            proxy_set_header Connection \"\";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Port $server_port;
        }}
    }}
}}
",
        folder.display(),
        temporary.concat(),
    )
}

/// A worker ends at once when it is told to.
const STEP: Duration = Duration::from_millis(2);
const STEPS: u32 = 1_000;
