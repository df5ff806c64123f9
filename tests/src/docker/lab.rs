//! One lab: networks, a balancer `ha`, webapps. Containers are known here by their host names;
//! Docker knows them by names that cannot clash with a lab that somebody runs by hand.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::engine::{docker, run};
use super::images::{self, LABEL};
use crate::deadline::within;
use crate::process::free_port;
use crate::stats::Stats;

/// A lab under test. Only one exists at a time; everything in it goes with it.
#[derive(Debug)]
pub struct Lab {
    addr: SocketAddr,
    stats: Stats,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    /// Two networks and nothing in them. `None` where Docker cannot be had; that is told.
    pub async fn open(test: &str) -> Option<Self> {
        images::ready(test).await?;
        let lab = Self {
            _turn: TURN.lock().await,
            addr: free_port(),
            stats: Stats::at(free_port()),
        };
        for (network, subnet) in [(NET, "192.168.43.0/24"), (OTHER, "192.168.44.0/24")] {
            docker(&format!(
                "network create --label {LABEL} --subnet {subnet} {network}"
            ))
            .await;
        }
        Some(lab)
    }

    /// The same with a balancer and these webapps, all in the pool.
    pub async fn with(test: &str, webapps: &[&str]) -> Option<Self> {
        let lab = Self::open(test).await?;
        lab.start("ha", "").await;
        for name in webapps {
            lab.start(name, "").await;
        }
        lab.stats.until_up(webapps).await;
        Some(lab)
    }

    /// Where clients connect.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The balancer's statistics.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Starts the balancer `ha`, published on the same ports each time, or a webapp of any other name.
    /// `options` are `docker run`'s.
    pub async fn start(&self, name: &str, options: &str) {
        if name == "ha" {
            let (addr, stats) = (self.addr, self.stats.addr());
            let options = format!("--publish {addr}:80 --publish {stats}:1936 {options}");
            launch(name, &options, "ragot/lb").await;
        } else {
            launch(name, options, "ragot/webapp").await;
        }
    }

    /// Starts a webapp without s6: a member around it is PID 1.
    pub async fn start_wrapped(&self, name: &str, options: &str) {
        let options = format!("--user nobody --entrypoint member {options}");
        launch(name, &options, "ragot/webapp -- node /app/server.js").await;
    }

    /// The processes in a container: id, state and command, a line each after the first.
    pub async fn processes(&self, name: &str) -> String {
        docker(&format!("top {} -eo pid,stat,args", full(name))).await
    }

    /// Runs a `docker` command on a container, as `stop` or `kill`; how long it took.
    pub async fn tell(&self, name: &str, command: &str) -> Duration {
        let began = Instant::now();
        docker(&format!("{command} {}", full(name))).await;
        began.elapsed()
    }

    /// Runs a command in a container; what it printed.
    pub async fn exec(&self, name: &str, command: &str) -> String {
        docker(&format!("exec {} {command}", full(name))).await
    }

    /// What a container has written, both streams together.
    pub async fn logs(&self, name: &str) -> String {
        let shell = format!("exec docker logs {} 2>&1", full(name));
        run("sh", &["-c", &shell]).await.expect("logs")
    }

    /// The container ends by itself within 30 s, with this code and these words; it is removed.
    pub async fn assert_ends(&self, name: &str, code: i32, said: &str) {
        let ended = async || (self.inspect(name, "/State/Running").await == false).then_some(());
        within(Duration::from_secs(30), "it stops", ended).await;
        let logs = self.logs(name).await;
        assert_eq!(self.inspect(name, "/State/ExitCode").await, code, "{logs}");
        assert!(logs.contains(said), "{logs}");
        self.tell(name, "rm").await;
    }

    /// Something that Docker knows of a container, by its JSON pointer (RFC 6901).
    pub async fn inspect(&self, name: &str, pointer: &str) -> Value {
        let text = docker(&format!("inspect {}", full(name))).await;
        let all: Value = serde_json::from_str(&text).expect("JSON");
        let found = all[0].pointer(pointer);
        found.unwrap_or_else(|| panic!("no {pointer}")).clone()
    }

    /// Takes a container off a network, as if its cable were pulled.
    pub async fn cut(&self, name: &str, network: &str) {
        docker(&format!("network disconnect {network} {}", full(name))).await;
    }

    /// Puts a container on a network.
    pub async fn heal(&self, name: &str, network: &str) {
        let name_there = format!("--alias {name} {network} {}", full(name));
        docker(&format!("network connect {name_there}")).await;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let all = now(&format!("docker ps --all --quiet --filter label={LABEL}"));
        for name in all.split_whitespace().filter(|_| std::thread::panicking()) {
            eprintln!("--- {}", now(&format!("docker logs {name}")));
        }
        now(&format!("docker rm --force {}", all.replace('\n', " ")));
        now(&format!("docker network rm {NET} {OTHER}"));
    }
}

async fn launch(name: &str, options: &str, image: &str) {
    let network = Some(NET).filter(|_| !options.contains("--network"));
    let network = network.map_or_else(String::new, |net| format!("--network {net}"));
    let named = format!(
        "--name {} --hostname {name} --network-alias {name}",
        full(name)
    );
    docker(&format!(
        "run --detach --label {LABEL} {named} {network} {options} {image}"
    ))
    .await;
}

fn full(name: &str) -> String {
    format!("{LABEL}-{name}")
}

/// Runs a command where nothing can be awaited; both its streams.
fn now(command: &str) -> String {
    let shell = Command::new("sh")
        .args(["-c", &format!("exec {command} 2>&1")])
        .stdin(Stdio::null())
        .output();
    shell.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// The network that containers are on unless told otherwise.
pub const NET: &str = "ragot.test-net";
/// Another one.
pub const OTHER: &str = "ragot.test-other";

static TURN: Mutex<()> = Mutex::const_new(());
