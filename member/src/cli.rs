//! The command line of `member`: flags, their variables and their keys in the file, and
//! what they make of an agent. Nothing is bound or sent here.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use member::agent::AgentConfig;
use member::gossip::{GOSSIP_PORT, GossipConfig};
use member::node::{DEFAULT_SERVICE, Description};
use member::parse::{self, HostPort, Parsed};
use member::resolve::Resolver;
use member::settings::{EX_USAGE, Problems, Sources, Stop, arguments};
use member::{host, keys, log, rules};
use tracing_subscriber::EnvFilter;

/// Everything the binary needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) agent: AgentConfig,
    pub(crate) drain_timeout: Duration,
    pub(crate) log: EnvFilter,
}

/// Announces a webapp to Ragot's balancers, and takes it out of service gracefully.
///
/// Run it beside the webapp. It joins as soon as a balancer can be found and stays for as
/// long as it runs, whoever comes and goes. The balancers send requests once the webapp
/// answers, and stop when it does not. On SIGTERM or SIGINT it says that it leaves, waits
/// until every balancer has let go, and ends: stop the webapp after that, and no request is
/// lost. A second signal ends it at once.
#[derive(Debug, Parser)]
#[command(name = "member", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(override_usage = "member --seed <HOST:PORT> --http <PORT|IP:PORT> [OPTIONS]")]
struct Flags {
    /// A balancer's gossip address; repeat it for several. It need not be up yet [port: 7373]
    #[arg(long, value_name = "HOST:PORT", env = "RAGOT_SEED")]
    seed: Vec<String>,
    /// Where the webapp listens; a port alone is at the advertised address
    #[arg(long, value_name = "PORT|IP:PORT", env = "RAGOT_HTTP")]
    http: Option<String>,
    /// A path that must answer 2xx or 3xx; without it, a TCP connect is enough
    #[arg(long, value_name = "PATH", env = "RAGOT_CHECK")]
    check: Option<String>,
    /// This node's name [default: the host name]
    #[arg(long, env = "RAGOT_NAME")]
    name: Option<String>,
    /// Its share of requests, 0 to 256 [default: 1]
    #[arg(long, env = "RAGOT_WEIGHT")]
    weight: Option<String>,
    /// A free tag; repeat it for several
    #[arg(long, value_name = "NAME=VALUE", env = "RAGOT_TAG")]
    tag: Vec<String>,
    /// The service the webapp belongs to [default: nodes]
    #[arg(long, value_name = "NAME", env = "RAGOT_SERVICE")]
    service: Option<String>,
    /// The UDP address to gossip on [default: a free port on every address]
    #[arg(long, value_name = "ADDR", env = "RAGOT_GOSSIP")]
    gossip: Option<String>,
    /// The address that others reach us at [default: that of the route to the seed]
    #[arg(long, value_name = "IP", env = "RAGOT_ADVERTISE")]
    advertise: Option<String>,
    /// A name server to ask instead of the system's
    #[arg(long, value_name = "IP:PORT", env = "RAGOT_RESOLVER")]
    resolver: Option<String>,
    /// How long to wait at the end for requests in flight [default: 8s]
    #[arg(long, value_name = "TIME", env = "RAGOT_DRAIN_TIMEOUT")]
    drain_timeout: Option<String>,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL", env = "RAGOT_LOG_LEVEL")]
    log_level: Option<String>,
    /// A TOML file with the same settings; flags and variables win over it
    #[arg(short, long, value_name = "FILE", env = "RAGOT_CONFIG")]
    config: Option<String>,
}

/// Reads flags, environment and file.
///
/// # Errors
/// Help, version, or everything that is wrong, one problem a line.
pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Settings, Stop> {
    let matches = arguments(Flags::command(), args)?;
    let mut problems = Problems::default();
    let mut sources = Sources::from_matches(&matches, &KEYS);
    if let Some(file) = matches
        .get_one::<String>("config")
        .filter(|f| !f.is_empty())
    {
        sources.add_file(Path::new(file), &mut problems);
    }
    let settings = settings(&sources, &mut problems);
    problems.into_result(settings).map_err(|problems| Stop {
        text: problems.to_string(),
        code: EX_USAGE,
    })
}

fn settings(sources: &Sources, problems: &mut Problems) -> Settings {
    let mut gossip = GossipConfig::new(description(sources, problems));
    gossip.seeds = sources.many("seed", seed, problems);
    if !sources.is_given("seed") {
        problems.add("--seed: missing; where a balancer is, as --seed ha:7373");
    }
    gossip.listen = sources.one("gossip", gossip.listen, parse::listen, problems);
    gossip.advertise = sources.optional("advertise", parse::reachable, problems);
    gossip.resolver = Resolver::new(sources.optional("resolver", parse::address, problems));
    Settings {
        agent: AgentConfig::new(gossip),
        drain_timeout: sources.one("drain-timeout", DRAIN, parse::duration, problems),
        log: sources.one("log-level", log::default(), log::level, problems),
    }
}

fn description(sources: &Sources, problems: &mut Problems) -> Description {
    let http = sources.optional("http", parse::server, problems);
    if !sources.is_given("http") {
        problems.add("--http: missing; where the webapp listens, as --http 3000");
    }
    let http = http.unwrap_or_else(|| ([0, 0, 0, 0], 1).into());
    let name = sources.optional("name", text(rules::name), problems);
    let name = name.or_else(|| host::name().map(Arc::from));
    if name.is_none() {
        problems.add("--name: missing; this host has no name to take");
    }
    let mut node = Description::backend(name.as_deref().unwrap_or("unnamed"), http);
    let service = Arc::from(DEFAULT_SERVICE);
    node.service = sources.one("service", service, text(rules::name), problems);
    node.check = sources.optional("check", text(rules::path), problems);
    node.weight = sources.one("weight", 1, rule(rules::weight), problems);
    let tags = sources.many("tag", rule(rules::tag), problems);
    node.tags = tags.into_iter().collect();
    if problems.is_empty()
        && let Err(error) = keys::check(&node)
    {
        problems.add(format!("these settings are too much for one node: {error}"));
    }
    node
}

fn seed(text: &str) -> Parsed<HostPort> {
    parse::host_port(text, GOSSIP_PORT)
}

fn rule<T>(parse: impl Fn(&str) -> Result<T, &'static str>) -> impl Fn(&str) -> Parsed<T> {
    move |text| parse(text).map_err(str::to_owned)
}

fn text(parse: impl Fn(&str) -> Result<&str, &'static str>) -> impl Fn(&str) -> Parsed<Arc<str>> {
    move |text| parse(text).map(Arc::from).map_err(str::to_owned)
}

const KEYS: [&str; 12] = [
    "seed",
    "http",
    "check",
    "name",
    "weight",
    "tag",
    "service",
    "gossip",
    "advertise",
    "resolver",
    "drain-timeout",
    "log-level",
];

/// Below the 10 s after which `docker stop` kills.
const DRAIN: Duration = Duration::from_secs(8);

const EXAMPLES: &str = "\
Examples:
  member --seed ha:7373 --http 3000
      a webapp on port 3000 of this host joins the balancer `ha`
  member --seed ha:7373 --http 3000 --check / --name s1 --weight 2 --tag zone=a
      the same, ready only when `/` answers, under a name of its own, with a double share
  RAGOT_SEED=ha1:7373,ha2:7373 RAGOT_HTTP=3000 member
      everything from the environment, two balancers
  member -c member.toml
      from a file:  seed = [\"ha:7373\"]
                    http = 3000

TIME is 500ms, 10s or 2m; a plain number is seconds.
Exit codes: 0 after leaving, 64 for settings that cannot be used, 1 when it cannot start,
130 or 143 when a second signal cuts the leave short.";

#[cfg(test)]
mod tests {
    use super::*;

    fn from(args: &[&str]) -> Result<Settings, Stop> {
        read(
            std::iter::once("member")
                .chain(args.iter().copied())
                .map(OsString::from),
        )
    }

    #[test]
    fn two_flags_are_enough() {
        let settings = from(&["--seed", "ha", "--http", "3000"]).unwrap();
        let gossip = settings.agent.gossip;
        assert_eq!(gossip.seeds[0].to_string(), "ha:7373");
        assert_eq!(gossip.node.http, Some(([0, 0, 0, 0], 3000).into()));
        assert_eq!(&*gossip.node.service, "nodes");
        assert_eq!(settings.drain_timeout, Duration::from_secs(8));
    }

    #[test]
    fn every_flag_is_used() {
        let args = "--seed ha:1 --seed hb:2 --http 10.0.0.1:80 --check /x --name s1 --weight 2 \
                    --tag a=b --tag c=d --service web --gossip 127.0.0.1:9 --advertise 10.0.0.9 \
                    --resolver 127.0.0.1:53 --drain-timeout 1s --log-level debug";
        let settings = from(&args.split_whitespace().collect::<Vec<_>>()).unwrap();
        let gossip = settings.agent.gossip;
        let node = gossip.node;
        assert_eq!(gossip.seeds.len(), 2);
        assert_eq!(gossip.listen, ([127, 0, 0, 1], 9).into());
        assert_eq!(gossip.advertise, Some(([10, 0, 0, 9], 0).into()));
        assert_eq!((&*node.name, &*node.service, node.weight), ("s1", "web", 2));
        assert_eq!(node.check.as_deref(), Some("/x"));
        assert_eq!(
            (node.http, node.tags.len()),
            (Some(([10, 0, 0, 1], 80).into()), 2)
        );
        assert_eq!(settings.drain_timeout, Duration::from_secs(1));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let stop = from(&["--weight", "300", "--http", "0", "--check", "x"]).unwrap_err();
        assert_eq!(stop.code, EX_USAGE);
        let lines: Vec<_> = stop.text.lines().collect();
        assert_eq!(lines.len(), 4, "{}", stop.text);
        assert!(
            stop.text
                .contains("--weight \"300\": expected a number from 0 to 256")
        );
    }

    #[test]
    fn the_keys_are_the_flags() {
        let command = Flags::command();
        let longs = command.get_arguments().filter_map(|arg| arg.get_long());
        let flags: Vec<_> = longs.filter(|long| *long != "config").collect();
        assert_eq!(flags, KEYS);
    }
}
