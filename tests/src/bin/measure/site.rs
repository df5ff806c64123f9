//! A cluster in a network of its own: a balancer and hosts, on each a webapp and its member. The
//! network can be cut and made to lose, and counts what passes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use e2e::bin;
use e2e::control::Control;
use e2e::csv;
use e2e::deadline::within;
use e2e::lb::Lb;
use e2e::member::Member;
use e2e::netns::Net;
use e2e::process::Process;
use e2e::ring;
use e2e::webapp::Webapp;

/// A cluster; hosts are numbered from 0, and called after it.
#[derive(Debug)]
pub(super) struct Site<'n> {
    net: &'n Net,
    nft: PathBuf,
    name: &'static str,
    pub(super) lb: Lb,
    pub(super) hosts: Vec<Host>,
    /// Tells what gossip believes, line by line.
    monitor: Process,
    _control: Control,
}

/// A host with its webapp and member.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) webapp: Webapp,
    pub(super) member: Member,
    port: String,
}

impl<'n> Site<'n> {
    /// `count` hosts in the network 10.`number`.0.0, all in the pool when this returns; `flags` are
    /// the members'. The measurement itself is on every such network, and exempt from its losses.
    pub(super) async fn open(
        net: &'n Net,
        name: &'static str,
        number: u8,
        count: usize,
        flags: &str,
    ) -> Self {
        let nft = ring::tool("measure", name, "nft").expect("nft, for losses and counts");
        let at = |last: usize| format!("10.{number}.{}.{}", last / 200, last % 200 + 1);
        let hub = format!("10.{number}.9.254");
        let routed = count > MOST_NEIGHBOURS;
        if routed {
            net.forward();
        }
        net.bridge(name, &[&format!("{hub}/16")]);
        let ha = format!("{name}-ha");
        let plug = |host: &str, ip: &str| {
            if !routed {
                return net.host_on(name, host, &[&format!("{ip}/16")]);
            }
            let port = net.host_on(name, host, &[&format!("{ip}/32")]);
            net.at(host, &format!("route add {hub} dev eth0"));
            net.at(host, &format!("route add default via {hub}"));
            port
        };
        plug(&ha, &format!("10.{number}.8.1"));
        let control = Control::new();
        let ip = format!("10.{number}.8.1");
        let places = format!(
            "--listen {ip}:0 --stats {ip}:0 --gossip {ip}:0 --workers 2 {}",
            control.flag()
        );
        let lb = Lb::of(&net.lb(&ha), &places).await;
        let socket = control.path();
        let socket = socket.to_str().expect("a plain path");
        let monitor = Process::start(&bin::lb(), ["monitor", "--control", socket]);
        let mut site = Self {
            net,
            nft,
            name,
            lb,
            hosts: Vec::new(),
            monitor,
            _control: control,
        };
        for number in 0..count {
            let (host, ip) = (format!("{name}{number}"), at(number));
            let port = plug(&host, &ip);
            site.add(host, &ip, port, flags).await;
        }
        site.ready().await;
        site
    }

    async fn add(&mut self, name: String, ip: &str, port: String, flags: &str) {
        let webapp = Webapp::of(&self.net.webapp(&name), &name, &format!("{ip}:0")).await;
        let flags = format!("--gossip {ip}:0 {flags}");
        let seed = self.lb.gossip().to_string();
        let program = self.net.member(&name);
        let member = Member::of(&program, &name, webapp.addr, &seed, &flags);
        self.hosts.push(Host {
            name,
            webapp,
            member,
            port,
        });
    }

    /// Waits until all are in the pool.
    pub(super) async fn ready(&self) {
        let (count, lb) = (self.hosts.len(), &self.lb);
        let all = async || (csv::up(&lb.rows().await).len() == count).then_some(());
        within(PATIENCE, format!("{count} hosts are up"), all).await;
    }

    /// Nothing reaches these hosts any more, nor comes from them.
    pub(super) fn silence(&self, hosts: &[usize]) {
        for host in hosts {
            self.net.unplug(&self.hosts[*host].port);
        }
    }

    /// These hosts are in another network, with one another.
    pub(super) fn part(&self, hosts: &[usize], elsewhere: &str) {
        for host in hosts {
            self.net.replug(&self.hosts[*host].port, elsewhere);
        }
    }

    /// They are back.
    pub(super) fn heal(&self, hosts: &[usize]) {
        self.part(hosts, self.name);
    }

    /// From now on so many per cent of what arrives anywhere is lost; `what` is the words of nft for
    /// it, as `meta l4proto udp`.
    pub(super) fn lose(&self, what: &str, percent: u32) {
        let rules = format!(
            "add table ip lossy; \
             add chain ip lossy arriving {{ type filter hook input priority 0; }}; \
             add rule ip lossy arriving iifname lo accept; \
             add rule ip lossy arriving ip saddr {} accept; \
             add rule ip lossy arriving {what} numgen random mod 100 < {percent} drop",
            self.here()
        );
        self.each(&rules);
    }

    /// Counts what members send over UDP from now on: IP packets with their headers.
    pub(super) fn count(&self) {
        self.each(
            "add table ip counted; \
             add chain ip counted leaving { type filter hook output priority 0; }; \
             add rule ip counted leaving oifname eth0 meta l4proto udp counter",
        );
    }

    /// How many bytes, and packets, each host has sent, the balancer last.
    pub(super) fn counted(&self) -> Vec<(u64, u64)> {
        let one = |host: String| {
            let text = self.net.done(&host, &self.nft, &["list table ip counted"]);
            let after = |word: &str| {
                let mut words = text.split_whitespace().skip_while(|w| *w != word).skip(1);
                words.next().and_then(|number| number.parse().ok())
            };
            (
                after("bytes").expect("a count"),
                after("packets").expect("a count"),
            )
        };
        self.names().map(one).collect()
    }

    /// The times that a node was believed dead, by its silence alone.
    pub(super) fn verdicts(&self) -> usize {
        let said = self.monitor.stdout();
        let failed = said.lines().filter(|line| line.contains("member-failed"));
        failed.count()
    }

    /// What the balancer has said so far of servers that went out.
    pub(super) fn downs(&self) -> Vec<String> {
        let said = self.lb.process.stderr();
        let lines = said.lines().filter(|line| line.contains(" is DOWN"));
        lines.map(str::to_owned).collect()
    }

    /// The network's address of the measurement itself.
    fn here(&self) -> String {
        let SocketAddr::V4(lb) = self.lb.gossip() else {
            panic!("a network of IPv4");
        };
        format!("10.{}.9.254", lb.ip().octets()[1])
    }

    fn each(&self, rules: &str) {
        for host in self.names() {
            self.net.done(&host, &self.nft, &[rules]);
        }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let hosts = self.hosts.iter().map(|host| host.name.clone());
        hosts.chain([format!("{}-ha", self.name)])
    }
}

/// More hosts are routed: each knows all others, and is known by them.
const MOST_NEIGHBOURS: usize = 20;
/// A hundred hosts on two cores come one after the other.
const PATIENCE: Duration = Duration::from_secs(60);
