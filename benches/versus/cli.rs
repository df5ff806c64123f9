//! The command line, and the plan that it makes. Nothing is started here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use crate::contestant::Contestant;
use crate::scenario::{SCENARIOS, Scenario};

/// Compares lb with HAProxy and nginx, as reverse proxies in front of the same server.
///
/// Each has one worker on a core of its own; the server and wrk, which asks, share another. In
/// every round each contestant is started anew for each scenario, in changing order, warmed up and
/// measured. Ratios are formed within a round, so that what the machine does meanwhile meets both
/// sides. Numbers of busy machines are worth little: see the columns of the cores.
#[derive(Debug, Parser)]
#[command(name = "versus", max_term_width = 100, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// How often everything is measured [default: 6; with --quick: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// How long each measurement of a load takes [default: 2; with --quick: 0.5]
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Measure again what others were in the way of, for so many seconds in all [default: 0]
    #[arg(long, value_name = "S", default_value_t = 0, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=3600))]
    patience: u64,
    /// Only this scenario; repeat it, or separate by commas, for several
    #[arg(long, value_name = "SCENARIO", value_delimiter = ',')]
    #[arg(value_parser = PossibleValuesParser::new(SCENARIOS.iter().map(|one| one.name)))]
    only: Vec<String>,
    /// Whom lb is compared with; separate by commas [default: all; relay copies bytes without
    /// knowing HTTP and is the floor]
    #[arg(long, value_name = "WHO", value_delimiter = ',')]
    #[arg(value_parser = PossibleValuesParser::new(["haproxy", "nginx", "relay"]))]
    against: Vec<String>,
    /// Another build of lb to compare with, called base
    #[arg(long, value_name = "PATH")]
    base: Option<PathBuf>,
    /// Install what is missing of haproxy, nginx and wrk with apt-get. Debian starts the first two
    /// as services; where that is not wanted, stop them afterwards
    #[arg(long)]
    pub(crate) install: bool,
    /// About a minute instead of seven: shows that everything works, and little more
    #[arg(long)]
    quick: bool,
    #[command(subcommand)]
    pub(crate) part: Option<Part>,
}

/// What this binary starts of itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// The server behind all of them
    #[command(hide = true)]
    Origin,
    /// The contestant that knows no HTTP
    #[command(hide = true)]
    Relay {
        /// Where the server listens.
        to: SocketAddr,
    },
}

/// What is going to be measured.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) seconds: Duration,
    pub(crate) warm_up: Duration,
    /// For measuring again.
    pub(crate) patience: Duration,
    pub(crate) scenarios: Vec<Scenario>,
    /// lb is the first.
    pub(crate) contestants: Vec<Contestant>,
}

impl Plan {
    /// The builds of ours that take part.
    pub(crate) fn builds(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        self.contestants.iter().filter_map(|one| match one {
            Contestant::Lb => Some((one.name(), e2e::bin::shipped_lb())),
            Contestant::Base(program) => Some((one.name(), program.clone())),
            _ => None,
        })
    }
}

impl Options {
    /// What it says, with the defaults.
    pub(crate) fn plan(&self) -> Result<Plan, String> {
        if !e2e::bin::is_optimised() {
            return Err("only optimised builds are compared: cargo run --release".to_owned());
        }
        let (rounds, seconds, warm_up) = if self.quick {
            (2, 0.5, 0.2)
        } else {
            (6, 2.0, 0.5)
        };
        let seconds = self.seconds.unwrap_or(seconds);
        if !(0.2..=60.0).contains(&seconds) {
            return Err("--seconds: from 0.2 to 60".to_owned());
        }
        let wanted =
            |list: &[String], name: &str| list.is_empty() || list.iter().any(|w| w == name);
        let scenarios = SCENARIOS.iter().filter(|one| wanted(&self.only, one.name));
        let mut contestants = vec![Contestant::Lb];
        contestants.extend(self.base.clone().map(Contestant::Base));
        let others = [Contestant::Haproxy, Contestant::Nginx, Contestant::Relay];
        let others = others
            .into_iter()
            .filter(|one| wanted(&self.against, one.name()));
        contestants.extend(others);
        Ok(Plan {
            rounds: self.rounds.map_or(rounds, |rounds| rounds as usize),
            seconds: Duration::from_secs_f64(seconds),
            warm_up: Duration::from_secs_f64(warm_up),
            patience: Duration::from_secs(self.patience),
            scenarios: scenarios.copied().collect(),
            contestants,
        })
    }
}

const EXAMPLES: &str = "\
Examples:
  cargo run --release -p bench --bin versus -- --install
  cargo run --release -p bench --bin versus -- --quick
  cargo run --release -p bench --bin versus -- --only keepalive-64 --against haproxy --rounds 15
  cargo run --release -p bench --bin versus -- --only keepalive-64 --against relay --base old/lb";
