//! Ours beside the lab's pair, Serf and HAProxy: the same webapps, the same load, the same
//! moments, one after the other.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use e2e::client;
use e2e::csv;
use e2e::deadline::{eventually, within};
use e2e::lb::Lb;
use e2e::load::Load;
use e2e::member::Member;
use e2e::process::Process;
use e2e::ring;
use e2e::stats::Stats;
use e2e::webapp::Webapp;

use super::serf::Balancer;
use super::{is_out, print, say};

/// Who balances, and who announces webapps to it.
enum Side {
    Ours(Box<Lb>),
    Pair(Box<Balancer>),
}

/// A webapp and whoever announces it.
struct Node {
    name: String,
    webapp: Webapp,
    announcer: Process,
}

/// The requests of all turns.
#[derive(Default)]
struct Requests {
    failed: usize,
    sent: u64,
}

impl Requests {
    /// Ends a load after a while more, and counts what was its.
    async fn end(&mut self, load: Load) {
        load.another(CALM).await;
        let report = load.stop().await;
        self.failed += report.failed.len();
        self.sent += report.sent;
    }
}

/// Joins, leaves, crashes, deaths and restarts of both.
pub(super) async fn pair() {
    let tool = |name| ring::tool("measure", "pair", name);
    if let (Some(serf), Some(haproxy)) = (tool("serf"), tool("haproxy")) {
        all(Side::Pair(Box::new(Balancer::start(&serf, &haproxy).await))).await;
    } else {
        print("pair: Debian's packages serf and haproxy are needed; ours alone:");
    }
    all(Side::Ours(Box::new(Lb::with("--workers 2").await))).await;
}

async fn all(mut side: Side) {
    let mut steady = Vec::new();
    for name in STEADY {
        steady.push(side.join(name).await);
    }
    side.stats().until_up(&STEADY).await;
    joins(&side).await;
    leaves(&side).await;
    crashes(&side).await;
    deaths(&side).await;
    restarts(&mut side).await;
}

async fn joins(side: &Side) {
    let mut times = Vec::new();
    for turn in 0..JOINS {
        let name = format!("j{turn}");
        let webapp = Webapp::start(&name).await;
        let began = Instant::now();
        let announcer = side.announce(&name, &webapp).await;
        let mine = async || {
            // A fresh connection each time: an old one may be with the HAProxy that is ending.
            let answer = client::get(side.addr(), "/").await.ok()?;
            (answer.text() == name).then_some(())
        };
        within(PATIENCE, format!("{name} serves"), mine).await;
        times.push(began.elapsed());
        let mut node = Node {
            name,
            webapp,
            announcer,
        };
        node.leave(side).await;
        side.until_forgotten(&node.name).await;
    }
    side.say(
        "join: announcer started beside a webapp that answers, until it serves",
        &times,
    );
}

async fn leaves(side: &Side) {
    let (mut out, mut requests) = (Vec::new(), Requests::default());
    for turn in 0..LEAVES {
        let (mut node, load) = side.join_busy(&format!("l{turn}")).await;
        let began = Instant::now();
        let (name, stats) = (node.name.clone(), side.stats());
        tokio::join!(node.leave(side), async {
            side.until_forgotten(&name).await;
            out.push(began.elapsed());
        });
        stats.until("it is out", |rows| is_out(rows, &name)).await;
        requests.end(load).await;
    }
    side.say("leave: told to leave until out of the configuration", &out);
    side.count(
        "leave: its webapp ended when its announcer had",
        LEAVES,
        &requests,
    );
}

/// The webapp dies, whoever announces it does not.
async fn crashes(side: &Side) {
    let (mut out, mut requests) = (Vec::new(), Requests::default());
    for turn in 0..DEATHS {
        let (mut node, load) = side.join_busy(&format!("c{turn}")).await;
        let began = Instant::now();
        node.webapp.process.kill();
        let gone = |rows: &[csv::Row]| is_out(rows, &node.name);
        side.stats().until("it is out", gone).await;
        out.push(began.elapsed());
        requests.end(load).await;
        node.leave(side).await;
        side.until_forgotten(&node.name).await;
    }
    side.say(
        "crash: SIGKILL of the webapp until it is out of rotation",
        &out,
    );
    side.count("crash: meanwhile", DEATHS, &requests);
}

/// The balancer is killed and started again, knowing nobody.
async fn restarts(side: &mut Side) {
    let mut times = Vec::new();
    for _ in 0..DEATHS {
        let began = Instant::now();
        side.restart().await;
        let up = async || {
            let rows = csv::parse(&side.stats().csv().await.ok()?)?;
            let is_up = |name: &&str| csv::server(&rows, name).is_some_and(csv::Row::is_up);
            STEADY.iter().all(is_up).then_some(())
        };
        within(PATIENCE, "all are up again", up).await;
        times.push(began.elapsed());
    }
    side.say(
        "restart: balancer killed and started until all are up",
        &times,
    );
}

async fn deaths(side: &Side) {
    let (mut out, mut gone, mut requests) = (Vec::new(), Vec::new(), Requests::default());
    for turn in 0..DEATHS {
        let (mut node, load) = side.join_busy(&format!("d{turn}")).await;
        let began = Instant::now();
        node.webapp.process.kill();
        node.announcer.kill();
        let (name, stats) = (node.name.clone(), side.stats());
        let unused = async {
            stats.until("it is out", |rows| is_out(rows, &name)).await;
            out.push(began.elapsed());
        };
        tokio::join!(unused, async {
            side.until_forgotten(&name).await;
            gone.push(began.elapsed());
        });
        requests.end(load).await;
    }
    side.say("death: SIGKILL of both until it is out of rotation", &out);
    side.say(
        "death: SIGKILL of both until out of the configuration",
        &gone,
    );
    side.count("death: meanwhile", DEATHS, &requests);
}

impl Side {
    fn addr(&self) -> std::net::SocketAddr {
        match self {
            Self::Ours(lb) => lb.addr(),
            Self::Pair(pair) => pair.addr,
        }
    }

    fn stats(&self) -> Stats {
        match self {
            Self::Ours(lb) => ***lb,
            Self::Pair(pair) => pair.stats,
        }
    }

    async fn announce(&self, name: &str, webapp: &Webapp) -> Process {
        match self {
            Self::Ours(lb) => Member::start(name, webapp.addr, lb.gossip()).process,
            Self::Pair(pair) => pair.announce(name, webapp.addr).await,
        }
    }

    async fn restart(&mut self) {
        match self {
            Self::Ours(lb) => {
                lb.process.kill();
                lb.restart().await;
            }
            Self::Pair(pair) => pair.restart().await,
        }
    }

    async fn join(&self, name: &str) -> Node {
        let webapp = Webapp::start(name).await;
        Node {
            name: name.to_owned(),
            announcer: self.announce(name, &webapp).await,
            webapp,
        }
    }

    /// The same once it is up, beside a load that has been on for a while.
    async fn join_busy(&self, name: &str) -> (Node, Load) {
        let node = self.join(name).await;
        self.stats().until_status(name, "UP").await;
        let load = Load::start(self.addr(), RATE);
        load.another(CALM).await;
        (node, load)
    }

    /// Until requests can no longer go to a server, whatever checks say: the configuration has
    /// changed and is in force; ours has no other than the pool.
    async fn until_forgotten(&self, name: &str) {
        let stats = self.stats();
        match self {
            Self::Ours(_) => {
                stats.until("it is out", |rows| is_out(rows, name)).await;
            }
            Self::Pair(pair) => {
                let what = format!("{name} is out of HAProxy's configuration");
                let out = async || (!pair.names(name)).then_some(());
                within(PATIENCE, what, out).await;
                eventually("and that is in force", async || {
                    let rows = csv::parse(&stats.csv().await.ok()?)?;
                    csv::server(&rows, name).is_none().then_some(())
                })
                .await;
            }
        }
    }

    fn say(&self, what: &str, times: &[Duration]) {
        say(&format!("{}: {what}", self.name()), times);
    }

    fn count(&self, what: &str, turns: usize, requests: &Requests) {
        let (name, Requests { failed, sent }) = (self.name(), requests);
        print(&format!(
            "{name}: {what}: {failed} of {sent} requests failed, in {turns} turns at {RATE}/s"
        ));
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Ours(_) => "ragot",
            Self::Pair(_) => "serf+haproxy",
        }
    }
}

impl Node {
    /// Its announcer leaves as gracefully as it can; the webapp ends when that has.
    async fn leave(&mut self, side: &Side) {
        self.announcer.signal(match side {
            Side::Ours(_) => Signal::TERM,
            Side::Pair(_) => Signal::INT, // on TERM an agent ends without a word
        });
        self.announcer.ended(PATIENCE).await;
        self.webapp.process.kill();
    }
}

const STEADY: [&str; 3] = ["s1", "s2", "s3"];
const JOINS: usize = 10;
const LEAVES: usize = 10;
const DEATHS: usize = 5;
const RATE: u32 = 200;
/// Requests before and after: half a second.
const CALM: u64 = 100;
/// Serf needs 7 s to believe a death, and tries to reach who has failed each 30 s.
const PATIENCE: Duration = Duration::from_secs(90);
