//! `lb demo`: balancer, gossip and webapps (`webapp`) in one process on loopback, over real
//! sockets (`places`), with a console (`console`) to take webapps away and add others.

mod console;
mod places;
mod webapp;

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use member::agent::{Agent, AgentConfig};
use member::gossip::GossipConfig;
use member::hooks::Hooks;
use member::node::{DEFAULT_SERVICE, Description};
use member::signals::Signals;
use stats_ui::PageSettings;

use self::console::{Command, Console};
use self::places::Places;
use self::webapp::Webapp;
use crate::app::{Lb, Settings};
use crate::config::{CheckPolicy, ProxyPolicy};

/// Runs the demo until Ctrl-C, SIGTERM or `quit`; returns the exit code.
///
/// # Errors
///
/// What kept the balancer or a webapp from starting.
pub async fn run(backends: usize) -> Result<u8, Box<dyn StdError>> {
    let mut signals = Signals::new()?;
    let mut stage = Stage::set().await?;
    for _ in 0..backends {
        stage.add().await?;
    }
    print(&stage.playbill())?;
    let mut console = Console::open();
    loop {
        tokio::select! {
            _ = signals.next() => break,
            command = console.next() => match command {
                Ok(Command::Quit) => break,
                Ok(command) => print(&stage.perform(command).await)?,
                Err(complaint) => print(&complaint)?,
            },
        }
    }
    print("ending; once more to end at once\n")?;
    tokio::select! {
        () = stage.close() => Ok(0),
        code = signals.next() => Ok(code),
    }
}

fn settings(Places([listen, stats, gossip_at]): Places) -> Settings {
    let mut gossip = GossipConfig::new(Description::balancer("ha"));
    gossip.listen = gossip_at;
    Settings {
        listen,
        stats: Some(stats),
        page: PageSettings {
            refresh: Some(2),
            ..PageSettings::default()
        },
        gossip,
        service: Arc::from(DEFAULT_SERVICE),
        workers: 2,
        maxconn: 1000,
        drain_timeout: DRAIN,
        checks: CheckPolicy::default(),
        proxy: ProxyPolicy::default(),
        pool_file: None,
        hooks: Hooks::default(),
    }
}

/// Everything that runs.
struct Stage {
    lb: Lb,
    stats: SocketAddr,
    webapps: BTreeMap<String, (Webapp, Agent)>,
    born: usize,
    /// What differs from what people expect.
    words: Vec<String>,
}

impl Stage {
    async fn set() -> Result<Self, Box<dyn StdError>> {
        let mut places = Places::choose();
        let lb = loop {
            match Lb::start(settings(places)).await {
                Ok(lb) => break lb,
                Err(error) => match places.left() {
                    same if same == places => return Err(error.into()),
                    // Somebody was faster at one of them.
                    left => places = left,
                },
            }
        };
        Ok(Self {
            stats: lb.stats.unwrap_or(places.0[1]),
            lb,
            webapps: BTreeMap::new(),
            born: 0,
            words: places.words().collect(),
        })
    }

    async fn add(&mut self) -> Result<String, Box<dyn StdError>> {
        self.born += 1;
        let name = format!("s{}", self.born);
        let webapp = Webapp::start(&name).await?;
        let mut node = Description::backend(&name, webapp.addr);
        node.check = Some(Arc::from("/"));
        let mut gossip = GossipConfig::new(node);
        gossip.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        gossip.seeds = vec![self.lb.gossip.into()];
        let agent = Agent::start(AgentConfig::new(gossip)).await?;
        let line = format!("{name} joins from {}\n", webapp.addr);
        self.webapps.insert(name, (webapp, agent));
        Ok(line)
    }

    async fn perform(&mut self, command: Command) -> String {
        match command {
            Command::Add => self
                .add()
                .await
                .unwrap_or_else(|error| format!("{error}\n")),
            Command::Stop(name) => match self.webapps.remove(&name) {
                None => self.stranger(&name),
                Some((webapp, agent)) => {
                    let report = agent.drain(DRAIN).await;
                    webapp.stop();
                    format!("{name} left gracefully after {:?}\n", report.took)
                }
            },
            Command::Kill(name) => match self.webapps.remove(&name) {
                None => self.stranger(&name),
                Some((webapp, agent)) => {
                    webapp.stop();
                    agent.kill();
                    format!("{name} and its member are dead, without a word\n")
                }
            },
            Command::List => self.list(),
            Command::Help => console::HELP.to_owned(),
            Command::Quit => String::new(),
        }
    }

    fn stranger(&self, name: &str) -> String {
        format!("there is no {name:?}; there is:\n{}", self.list())
    }

    fn list(&self) -> String {
        self.webapps
            .iter()
            .map(|(name, (webapp, _))| format!("  {name} on {}\n", webapp.addr))
            .collect()
    }

    fn playbill(&self) -> String {
        let Self { lb, stats, .. } = self;
        let words: String = self
            .words
            .iter()
            .map(|word| format!("({word})\n"))
            .collect();
        format!(
            "{words}\n\
             Ragot is running: one balancer and {count} webapps, joined by gossip.\n\n\
             \x20 webapps through the balancer   http://{listen}\n\
             \x20 statistics page                http://{stats}\n\
             \x20 the same as CSV                http://{stats}/;csv\n\n\
             Try, in another terminal:\n\
             \x20 for i in 1 2 3 4 5 6; do curl -s http://{listen}/; echo; done\n\
             \x20 member --seed {gossip} --http PORT     (a webapp of your own)\n\n\
             And here:\n{help}\n",
            count = self.webapps.len(),
            listen = lb.listen,
            gossip = lb.gossip,
            help = console::HELP,
        )
    }

    /// Webapps first, so that the balancer can let go of each.
    async fn close(self) {
        for (_, (webapp, agent)) in self.webapps {
            agent.drain(DRAIN).await;
            webapp.stop();
        }
        self.lb.stop().await;
    }
}

fn print(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

const DRAIN: Duration = Duration::from_secs(5);
