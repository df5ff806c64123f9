//! The lab's pair: a Serf agent beside the balancer, whose event handlers write a file a node,
//! render HAProxy's configuration by shell and start HAProxy anew with `-sf`; a Serf agent beside
//! each webapp. All on loopback, on free ports, in a folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use e2e::folder::Folder;
use e2e::process::{Process, free_port};
use e2e::stats::Stats;

/// HAProxy and the agent that has it started anew.
#[derive(Debug)]
pub(super) struct Balancer {
    pub(super) addr: SocketAddr,
    pub(super) stats: Stats,
    /// Where agents join.
    pub(super) seed: SocketAddr,
    folder: Folder,
    serf: PathBuf,
    agent: Process,
}

impl Balancer {
    /// Starts both. `serf` and `haproxy` are the programs.
    pub(super) async fn start(serf: &Path, haproxy: &Path) -> Self {
        let folder = Folder::new();
        let (addr, stats) = (free_port(), free_port());
        fs::create_dir(folder.file("nodes")).expect("a folder");
        write(&folder.file("head.cfg"), &head(addr, stats));
        let at = folder.path().display();
        let script = |name: &str, text: String| {
            let path = folder.file(name);
            write(&path, &format!("#!/bin/sh\ncd '{at}'\n{text}"));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a script");
            path.display().to_string()
        };
        let apply = script("apply.sh", apply(haproxy));
        script("member-join.sh", format!("{JOIN}exec '{apply}'\n"));
        script("member-leave.sh", format!("{LEAVE}exec '{apply}'\n"));
        let seed = free_port();
        let agent = beside_haproxy(&folder, serf, seed).await;
        Self {
            addr,
            stats: Stats::at(stats),
            seed,
            folder,
            serf: serf.to_owned(),
            agent,
        }
    }

    /// Kills both and starts them again as a container is created again: where they were, knowing nobody.
    pub(super) async fn restart(&mut self) {
        self.agent.kill();
        self.kill_haproxy();
        for node in fs::read_dir(self.folder.file("nodes")).expect("a folder") {
            fs::remove_file(node.expect("a file").path()).expect("a file");
        }
        let _ = fs::remove_file(self.folder.file("pid"));
        self.agent = beside_haproxy(&self.folder, &self.serf, self.seed).await;
    }

    fn kill_haproxy(&self) {
        // It detaches itself; its numbers were kept, and are looked at before they are used.
        let ours = self.folder.path().to_string_lossy().into_owned();
        let pids = fs::read_to_string(self.folder.file("pids")).unwrap_or_default();
        for pid in pids.split_whitespace() {
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let pid = pid.parse().ok().and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|_| command.contains(&ours)) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }

    /// An agent beside a webapp.
    pub(super) async fn announce(&self, name: &str, http: SocketAddr) -> Process {
        let (tag, seed) = (format!("http={http}"), self.seed.to_string());
        let more = ["-tag", &tag, "-join", &seed];
        agent(&self.serf, name, "role=backend", free_port(), &more).await
    }

    /// Whether HAProxy's configuration names a server.
    pub(super) fn names(&self, name: &str) -> bool {
        let text = fs::read_to_string(self.folder.file("haproxy.cfg")).unwrap_or_default();
        text.contains(&format!("server {name} "))
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.kill_haproxy();
    }
}

/// Starts HAProxy, and an agent at `seed` that has it started anew.
async fn beside_haproxy(folder: &Folder, serf: &Path, seed: SocketAddr) -> Process {
    let started = std::process::Command::new(folder.file("apply.sh")).status();
    let started = started.expect("a shell");
    assert!(started.success(), "HAProxy cannot be started");
    let script = |name: &str| folder.file(name).display().to_string();
    let join = format!("member-join={}", script("member-join.sh"));
    let leave = format!("member-leave,member-failed={}", script("member-leave.sh"));
    let more = ["-event-handler", &join, "-event-handler", &leave];
    agent(serf, "ha", "role=balancer", seed, &more).await
}

/// Starts an agent that gossips at `bind`, and waits until it runs.
async fn agent(serf: &Path, name: &str, tag: &str, bind: SocketAddr, more: &[&str]) -> Process {
    let bound = [bind.to_string(), free_port().to_string()];
    let args = [
        "agent",
        "-node",
        name,
        "-tag",
        tag,
        "-bind",
        &bound[0],
        "-rpc-addr",
        &bound[1],
    ];
    let process = Process::start(serf, args.iter().chain(more));
    process.printed("agent: Serf agent starting").await;
    process
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
}

/// The lab's configuration but for its servers.
fn head(addr: SocketAddr, stats: SocketAddr) -> String {
    format!(
        "global
    maxconn 2000
    hard-stop-after 2s
defaults
    mode http
    option forwardfor
    timeout connect 5s
    timeout client 50s
    timeout server 50s
listen stats
    bind {stats}
    stats enable
    stats uri /
frontend localnodes
    bind {addr}
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk HEAD /
"
    )
}

/// Renders the configuration from the files, then hands over to a new HAProxy.
fn apply(haproxy: &Path) -> String {
    let haproxy = haproxy.display();
    format!(
        "cp head.cfg new.cfg
for node in nodes/*; do
  [ -f \"$node\" ] && echo \"    server ${{node#nodes/}} $(cat \"$node\") check\" >>new.cfg
done
mv new.cfg haproxy.cfg
'{haproxy}' -D -f \"$PWD/haproxy.cfg\" -p \"$PWD/pid\" -sf $(cat pid 2>/dev/null)
cat pid >>pids
"
    )
}

/// Lines on standard input, as Serf documents them: name, address, role, tags, by tabs.
const JOIN: &str = r#"while IFS='	' read -r name _ role tags; do
  [ "$role" = backend ] || continue
  http=${tags#*http=}
  echo "${http%%,*}" >"nodes/$name"
done
"#;
const LEAVE: &str = r#"while IFS='	' read -r name _; do rm -f "nodes/$name"; done
"#;
