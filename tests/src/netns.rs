//! Networks of our own: namespaces that hosts live in, joined by bridges in one more, which the
//! test itself enters. Nothing of the machine's own network is touched. Needs root and `ip`; whoever
//! has them not is told by `ring`. What an aborted run has left is removed by the next.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::bin;
use crate::folder::Folder;
use crate::ring;

/// Some networks, and hosts in them. The thread that opened them is in their midst, at the bridges'
/// addresses, until this is dropped; it must not be sent elsewhere.
#[derive(Debug)]
pub struct Net {
    ip: PathBuf,
    /// What the names of this net's namespaces begin with.
    prefix: String,
    before: File,
    scripts: Folder,
    hosts: Mutex<Vec<String>>,
    links: AtomicU64,
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Net {
    /// Opens one for a test, on whose only thread it stays; without root or `ip` the test has not
    /// run.
    #[must_use]
    pub fn open(test: &str) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let ip = ring::tool("system", test, "ip")?;
        if !rustix::process::geteuid().is_root() {
            ring::not_run("system", &format!("{test}: not root"));
            return None;
        }
        sweep(&ip);
        // Built from outside, where cargo has the network it may want.
        let _ = (bin::lb(), bin::member());
        let (own, next) = (std::process::id(), NEXT.fetch_add(1, Relaxed));
        let net = Self {
            ip,
            prefix: format!("{NAMES}{own}-{next}-"),
            before: File::open(OWN).expect("this thread has a network"),
            scripts: Folder::new(),
            hosts: Mutex::default(),
            links: AtomicU64::new(0),
            _not_send: std::marker::PhantomData,
        };
        let hub = net.full(HUB);
        let made = Command::new(&net.ip).args(["netns", "add", &hub]).output();
        let made = made.expect("ip can be run");
        if !made.status.success() {
            let why = String::from_utf8_lossy(&made.stderr).trim().to_owned();
            ring::not_run("system", &format!("{test}: no network namespaces: {why}"));
            return None;
        }
        net.hosts.lock().expect("no panic").push(HUB.to_owned());
        net.at(HUB, "link set lo up");
        let place = Path::new("/run/netns").join(hub);
        enter(&File::open(place).expect("the namespace just made"));
        Some(net)
    }

    /// A network on which the test itself has these addresses.
    pub fn bridge(&self, name: &str, addresses: &[&str]) {
        self.at(HUB, &format!("link add {name} type bridge"));
        self.dress(HUB, name, addresses);
    }

    /// From now on the hub passes on what its hosts send one another. Neighbours have 1,024 places in a
    /// kernel, whatever the namespaces, so many hosts must each know the hub alone.
    pub fn forward(&self) {
        // Of the network that this thread is in.
        for (name, value) in [
            ("conf/all/send_redirects", "0"),
            ("conf/default/send_redirects", "0"),
            ("ip_forward", "1"),
        ] {
            let path = Path::new("/proc/sys/net/ipv4").join(name);
            fs::write(path, value).expect("a setting of the hub's own");
        }
    }

    /// A host without any link yet.
    pub fn host(&self, name: &str) {
        self.run(&["netns", "add", &self.full(name)]);
        self.hosts.lock().expect("no panic").push(name.to_owned());
        self.at(name, "link set lo up");
    }

    /// Plugs an interface of a host into a network; the port it is plugged into.
    pub fn plug(&self, host: &str, interface: &str, bridge: &str, addresses: &[&str]) -> String {
        let port = format!("port{}", self.links.fetch_add(1, Relaxed));
        let peer = self.full(host);
        self.at(
            HUB,
            &format!("link add {port} type veth peer name {interface} netns {peer}"),
        );
        self.replug(&port, bridge);
        self.dress(host, interface, addresses);
        port
    }

    /// Cuts a host off at its port: nothing passes any more, and nobody is told so.
    pub fn unplug(&self, port: &str) {
        self.at(HUB, &format!("link set {port} nomaster"));
    }

    /// A port belongs to a network, this one from now on.
    pub fn replug(&self, port: &str, bridge: &str) {
        self.at(HUB, &format!("link set {port} master {bridge} up"));
    }

    /// A host on one network, its interface being `eth0`; the port it is plugged into.
    pub fn host_on(&self, bridge: &str, name: &str, addresses: &[&str]) -> String {
        self.host(name);
        self.plug(name, "eth0", bridge, addresses)
    }

    /// Runs `ip` with these words in a host.
    pub fn at(&self, host: &str, words: &str) {
        let full = self.full(host);
        let words = words.split_whitespace();
        let all: Vec<&str> = ["-n", &full].into_iter().chain(words).collect();
        self.run(&all);
    }

    /// Runs a program of the system in a host; what it prints.
    pub fn done(&self, host: &str, program: &Path, args: &[&str]) -> String {
        let (full, program) = (self.full(host), program.to_string_lossy());
        let all = ["netns", "exec", &full, &program];
        self.run(&[&all, args].concat())
    }

    /// The balancer as a program that runs in a host.
    #[must_use]
    pub fn lb(&self, host: &str) -> PathBuf {
        self.program(host, &bin::lb())
    }

    /// The member as a program that runs in a host.
    #[must_use]
    pub fn member(&self, host: &str) -> PathBuf {
        self.program(host, &bin::member())
    }

    /// The webapp as a program that runs in a host.
    #[must_use]
    pub fn webapp(&self, host: &str) -> PathBuf {
        self.program(host, &bin::webapp())
    }

    /// A script that becomes the program, in the host.
    fn program(&self, host: &str, program: &Path) -> PathBuf {
        let base = program.file_name().unwrap_or_default().to_string_lossy();
        let path = self.scripts.file(&format!("{base}-{host}"));
        let (ip, full) = (self.ip.display(), self.full(host));
        let program = program.display();
        let text = format!("#!/bin/sh\nexec '{ip}' netns exec '{full}' '{program}' \"$@\"\n");
        fs::write(&path, text).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a script");
        path
    }

    fn dress(&self, host: &str, interface: &str, addresses: &[&str]) {
        for address in addresses {
            // Duplicates are looked for in IPv6 for a second or two; there are none here.
            let nodad = if address.contains(':') { "nodad" } else { "" };
            self.at(host, &format!("addr add {address} dev {interface} {nodad}"));
        }
        self.at(host, &format!("link set {interface} up"));
    }

    fn run(&self, args: &[&str]) -> String {
        let output = Command::new(&self.ip).args(args).output();
        let output = output.expect("ip can be run");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ip {args:?}: {text}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn full(&self, host: &str) -> String {
        format!("{}{host}", self.prefix)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        enter(&self.before);
        for host in self.hosts.lock().expect("no panic").drain(..) {
            remove(&self.ip, &self.full(&host));
        }
    }
}

fn enter(network: &File) {
    let moved = move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
    moved.expect("root may enter a network namespace");
}

/// Removes what processes that are gone have left. One at a time, since a process counts as here
/// while it sweeps.
fn sweep(ip: &Path) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(NAMES)
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            remove(ip, &name);
        }
    }
}

fn remove(ip: &Path, name: &str) {
    // Somebody else may have swept it away; a namespace goes when its last process does.
    let _ = Command::new(ip).args(["netns", "delete", name]).output();
}

const NAMES: &str = "ragot-test-";
const HUB: &str = "hub";
const OWN: &str = "/proc/thread-self/ns/net";
