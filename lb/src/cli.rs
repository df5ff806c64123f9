//! The command line of `lb`: flags, their variables and their keys in the file, and what they
//! make of a balancer. Nothing is bound or sent here.

mod settings;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use member::control::args::{self, Ask};
use member::flags::{Gossiping, Hooking};
use member::settings::{EX_USAGE, Problems, Sources, Stop, arguments};
use member::{log, parse};

use self::settings::{STATS_PORT, number, settings, wildcard};
use crate::app::Settings;

/// What was asked for.
#[derive(Debug)]
pub enum Command {
    /// Run the balancer.
    Run(Box<Settings>, Shell),
    /// Run balancer and webapps in one process.
    Demo {
        /// How many webapps.
        backends: usize,
        /// What to log.
        log: log::Filter,
    },
    /// The configuration is well.
    Check,
    /// Ask the balancer on this host whether it is well.
    Ping(SocketAddr),
    /// Ask one that runs.
    Ask(Ask),
}

/// What is around a balancer in a process of its own.
#[derive(Debug)]
pub struct Shell {
    /// Where an operator reaches it.
    pub control: Option<PathBuf>,
    /// What to log.
    pub log: log::Filter,
}

/// Balances HTTP requests over the webapps that members announce by gossip.
///
/// There is no list of servers to configure: a webapp is in rotation as soon as the `member`
/// beside it says so, and out as soon as it leaves, stops answering, or is met refused. Nothing is
/// ever reloaded. Point webapps here with `member --seed THIS_HOST:7373 --http PORT`.
#[derive(Debug, Parser)]
#[command(name = "lb", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true)]
struct Flags {
    #[command(subcommand)]
    command: Option<Sub>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Balancer, gossip and webapps in one process on loopback; prints what to open
    Demo {
        /// How many webapps to start with
        #[arg(long, value_name = "N", default_value = "3")]
        backends: String,
        /// error, warn, info, debug or trace
        #[arg(long, value_name = "LEVEL", default_value = "info")]
        log_level: String,
    },
    /// Validate the configuration and exit: 0 when it can be used, else 64
    Check(Box<Run>),
    /// Is the balancer on this host well? 0 when its statistics page answers, else 1
    Ping {
        /// Its statistics page [default: :1936]
        #[arg(long, value_name = "ADDR", env = "RAGOT_STATS")]
        stats: Option<String>,
    },
    /// Who is in the cluster, as `serf members` prints it
    #[command(visible_alias = "list")]
    Members(args::List),
    /// How this balancer, its pool and its gossip are
    Info(args::Info),
    /// Which keys gossip is sealed with, by their ids, and who does not hold one, as `serf keys -list`
    Keys(args::Keys),
    /// Who joins, leaves, falls silent or changes, line by line, until you stop it
    Monitor(args::Monitor),
    /// Change this balancer's tags while it runs
    Tags(args::Tags),
    /// Have a silent node count as left, on every node, as `serf force-leave`
    ///
    /// Only a node that has failed can be evicted; one that is alive is drained, by `member drain`.
    /// Should it speak again after all, or come back anew, it is believed again.
    #[command(visible_alias = "force-leave")]
    Evict(args::Evict),
}

#[derive(Args, Debug)]
struct Run {
    /// Where clients connect; `:PORT` is every IPv6 and IPv4 address [default: :80]
    #[arg(long, value_name = "ADDR", env = "RAGOT_LISTEN")]
    listen: Option<String>,
    /// The statistics page and its CSV; `off` for none [default: :1936]
    #[arg(long, value_name = "ADDR", env = "RAGOT_STATS")]
    stats: Option<String>,
    /// Browsers load the statistics page again after this many seconds [default: never]
    #[arg(long, value_name = "SECONDS", env = "RAGOT_STATS_REFRESH")]
    stats_refresh: Option<String>,
    /// The UDP address to gossip on [default: :7373]
    #[arg(long, value_name = "ADDR", env = "RAGOT_GOSSIP")]
    gossip: Option<String>,
    /// Another balancer's gossip address; repeat it for several [port: 7373]
    #[arg(long, value_name = "HOST:PORT", env = "RAGOT_SEED")]
    seed: Vec<String>,
    /// The address that others reach us at: IP, iface:NAME or cidr:NET [default: found out]
    #[arg(long, value_name = "WHICH", env = "RAGOT_ADVERTISE")]
    advertise: Option<String>,
    #[command(flatten)]
    gossiping: Gossiping,
    /// This balancer's name [default: the host name]
    #[arg(long, env = "RAGOT_NAME")]
    name: Option<String>,
    /// The service that requests go to: the members' `--service` [default: nodes]
    #[arg(long, value_name = "NAME", env = "RAGOT_SERVICE")]
    service: Option<String>,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", env = "RAGOT_WORKERS")]
    workers: Option<String>,
    /// Client connections at once; more wait [default: 10000]
    #[arg(long, value_name = "N", env = "RAGOT_MAXCONN")]
    maxconn: Option<String>,
    /// Attempts after the first, where a request may be repeated [default: 3]
    #[arg(long, value_name = "N", env = "RAGOT_RETRIES")]
    retries: Option<String>,
    /// Limit for connecting to a server [default: 5s]
    #[arg(long, value_name = "TIME", env = "RAGOT_TIMEOUT_CONNECT")]
    timeout_connect: Option<String>,
    /// Limit for a client's silence [default: 50s]
    #[arg(long, value_name = "TIME", env = "RAGOT_TIMEOUT_CLIENT")]
    timeout_client: Option<String>,
    /// Limit for a server's silence [default: 50s]
    #[arg(long, value_name = "TIME", env = "RAGOT_TIMEOUT_SERVER")]
    timeout_server: Option<String>,
    /// Limit for a request's header, and for waiting for the next one [default: 10s]
    #[arg(long, value_name = "TIME", env = "RAGOT_TIMEOUT_HTTP_REQUEST")]
    timeout_http_request: Option<String>,
    /// Limit for the silence of a tunnel (WebSocket) [default: 1h]
    #[arg(long, value_name = "TIME", env = "RAGOT_TIMEOUT_TUNNEL")]
    timeout_tunnel: Option<String>,
    /// Time between two checks of a server [default: 2s]
    #[arg(long, value_name = "TIME", env = "RAGOT_CHECK_INTER")]
    check_inter: Option<String>,
    /// How long requests in flight may take when the balancer stops [default: 30s]
    #[arg(long, value_name = "TIME", env = "RAGOT_DRAIN_TIMEOUT")]
    drain_timeout: Option<String>,
    /// A file to remember the servers in, so that a restart finds them at once [default: none]
    #[arg(long, value_name = "FILE", env = "RAGOT_POOL_FILE")]
    pool_file: Option<String>,
    #[command(flatten)]
    hooking: Hooking,
    /// A unix socket on which members, info, monitor and the like reach this process [default: none]
    #[arg(long, value_name = "PATH", env = "RAGOT_CONTROL")]
    control: Option<String>,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL", env = "RAGOT_LOG_LEVEL")]
    log_level: Option<String>,
    /// A TOML file with the same settings; flags and variables win over it
    #[arg(short, long, value_name = "FILE", env = "RAGOT_CONFIG")]
    config: Option<PathBuf>,
}

/// Reads the command line, the environment and the file.
///
/// # Errors
///
/// Help, version, or everything that is wrong, one problem a line.
pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Command, Stop> {
    let matches = arguments(Flags::command(), args)?;
    // What clap has accepted can be taken out of its matches.
    let flags = Flags::from_arg_matches(&matches).map_err(|error| Stop {
        text: error.to_string(),
        code: EX_USAGE,
    })?;
    let mut problems = Problems::default();
    let command = match flags.command {
        None => run(&matches, &mut problems),
        Some(Sub::Check(_)) => {
            if let Some(matches) = matches.subcommand_matches("check") {
                run(matches, &mut problems);
            }
            Command::Check
        }
        Some(Sub::Demo {
            backends,
            log_level,
        }) => demo(&backends, &log_level, &mut problems),
        Some(Sub::Ping { stats }) => ping(stats.as_deref(), &mut problems),
        Some(Sub::Members(members)) => ask(members.ask())?,
        Some(Sub::Info(info)) => ask(info.ask())?,
        Some(Sub::Keys(keys)) => ask(keys.ask())?,
        Some(Sub::Monitor(monitor)) => ask(monitor.ask())?,
        Some(Sub::Tags(tags)) => ask(tags.ask())?,
        Some(Sub::Evict(evict)) => ask(evict.ask())?,
    };
    problems.into_result(command).map_err(|problems| Stop {
        text: problems.to_string(),
        code: EX_USAGE,
    })
}

fn run(matches: &clap::ArgMatches, problems: &mut Problems) -> Command {
    let mut sources = Sources::from_matches(matches, &KEYS);
    if let Some(file) = matches.get_one::<PathBuf>("config") {
        sources.add_file(file, problems);
    }
    let log = sources.one("log-level", log::default(), log::level, problems);
    let shell = Shell {
        control: sources.optional("control", parse::socket, problems),
        log,
    };
    Command::Run(Box::new(settings(&sources, problems)), shell)
}

fn ask(asked: Result<Ask, String>) -> Result<Command, Stop> {
    asked.map(Command::Ask).map_err(|text| Stop {
        text,
        code: EX_USAGE,
    })
}

fn demo(backends: &str, log_level: &str, problems: &mut Problems) -> Command {
    let backends = number(1..=MAX_DEMO)(backends).unwrap_or_else(|rule| {
        problems.add(format!("--backends {backends:?}: expected {rule}"));
        1
    });
    let log = log::level(log_level).unwrap_or_else(|rule| {
        problems.add(format!("--log-level {log_level:?}: expected {rule}"));
        log::Filter::default()
    });
    Command::Demo { backends, log }
}

fn ping(stats: Option<&str>, problems: &mut Problems) -> Command {
    let addr = stats.unwrap_or(":1936");
    Command::Ping(parse::listen(addr).unwrap_or_else(|rule| {
        problems.add(format!("--stats {addr:?}: expected {rule}"));
        wildcard(STATS_PORT)
    }))
}

const KEYS: [&str; 29] = [
    "listen",
    "stats",
    "stats-refresh",
    "gossip",
    "seed",
    "advertise",
    "resolver",
    "cluster",
    "keyring-file",
    "encrypt",
    "encrypt-migrate",
    "name",
    "service",
    "workers",
    "maxconn",
    "retries",
    "timeout-connect",
    "timeout-client",
    "timeout-server",
    "timeout-http-request",
    "timeout-tunnel",
    "check-inter",
    "drain-timeout",
    "pool-file",
    "event-handler",
    "render",
    "coalesce",
    "control",
    "log-level",
];

/// More webapps than that show nothing more on one screen.
const MAX_DEMO: usize = 100;

const EXAMPLES: &str = "\
Examples:
  lb
      clients on port 80, statistics on 1936, gossip on 7373/udp
  lb --listen 127.0.0.1:8080 --stats 127.0.0.1:1936 --gossip 127.0.0.1:7373
      everything on loopback; then, beside each webapp:
      member --seed 127.0.0.1:7373 --http 3000
  lb --seed ha2:7373
      a second balancer of one cluster
  lb --control /run/ragot/control.sock
  RAGOT_CONTROL=/run/ragot/control.sock lb members
      ask the one that runs who is there
  RAGOT_ENCRYPT=$(member keygen) lb
      gossip sealed; give every member and balancer the same key
  lb demo
      see it work without anything else

TIME is 500ms, 10s or 2m; a plain number is seconds.
Exit codes: 0 after stopping, 64 for settings that cannot be used, 1 when it cannot start or a
command cannot be done, 130 or 143 when a second signal cuts the stop short.";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{ProxyPolicy, Timeouts};

    fn from(args: &[&str]) -> Result<Command, Stop> {
        read(
            std::iter::once("lb")
                .chain(args.iter().copied())
                .map(OsString::from),
        )
    }

    fn run(args: &str) -> Settings {
        match from(&args.split_whitespace().collect::<Vec<_>>()).unwrap() {
            Command::Run(settings, _) => *settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_defaults_are_the_labs() {
        let settings = run("");
        assert_eq!(settings.listen.to_string(), "[::]:80");
        assert_eq!(settings.stats.unwrap().to_string(), "[::]:1936");
        assert_eq!(settings.gossip.listen.to_string(), "[::]:7373");
        assert_eq!(&*settings.service, "nodes");
        assert_eq!(settings.proxy, ProxyPolicy::default());
    }

    #[test]
    fn every_flag_is_used() {
        let settings = run(
            "--listen 127.0.0.1:1 --stats 127.0.0.1:2 --stats-refresh 5 --gossip 127.0.0.1:3 \
             --seed a --seed b:4 --advertise 127.0.0.9 --resolver 127.0.0.1:53 \
             --cluster blue --name x --service web --workers 3 --maxconn 7 --retries 1 --timeout-connect 1s \
             --timeout-client 2s --timeout-server 3s --timeout-http-request 4s \
             --timeout-tunnel 5s --check-inter 6s --drain-timeout 7s \
             --pool-file pool.json --event-handler /x \
             --coalesce 8s \
             --encrypt AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= --encrypt-migrate true",
        );
        assert_eq!(settings.listen.port(), 1);
        assert_eq!(&*settings.gossip.cluster, "blue");
        let protection = &settings.gossip.protection;
        assert!(protection.keyring.is_some() && protection.migrates);
        assert_eq!(
            (settings.stats.unwrap().port(), settings.page.refresh),
            (2, Some(5))
        );
        assert_eq!(
            (settings.gossip.listen.port(), settings.gossip.seeds.len()),
            (3, 2)
        );
        assert_eq!(
            (&*settings.gossip.node.name, &*settings.service),
            ("x", "web")
        );
        assert_eq!((settings.workers, settings.maxconn), (3, 7));
        assert_eq!(settings.proxy.retry.retries, 1);
        let seconds = |seconds| Duration::from_secs(seconds);
        let Timeouts {
            connect,
            client,
            server,
            request,
            tunnel,
        } = settings.proxy.timeouts;
        let timeouts = [connect, client, server, request, tunnel];
        assert_eq!(timeouts, [1, 2, 3, 4, 5].map(seconds));
        assert_eq!(
            (settings.checks.interval, settings.drain_timeout),
            (seconds(6), seconds(7))
        );
        assert_eq!(settings.pool_file.unwrap().to_str(), Some("pool.json"));
        let hooks = settings.hooks;
        assert_eq!((hooks.handlers.len(), hooks.coalesce), (1, seconds(8)));
        assert!(run("--stats off").stats.is_none());
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let stop = from(&["--listen", "x", "--workers", "0", "--retries", "many"]).unwrap_err();
        assert_eq!(
            (stop.code, stop.text.lines().count()),
            (EX_USAGE, 3),
            "{}",
            stop.text
        );
        assert!(
            stop.text
                .contains("--workers \"0\": expected a number from 1 to 1024")
        );
        assert_eq!(
            from(&["demo", "--backends", "0"]).unwrap_err().code,
            EX_USAGE
        );
        assert_eq!(from(&["--bogus"]).unwrap_err().code, EX_USAGE);
    }

    #[test]
    fn the_keys_are_the_flags() {
        let command = Flags::command();
        let longs = command.get_arguments().filter_map(|arg| arg.get_long());
        let flags: Vec<_> = longs.filter(|long| *long != "config").collect();
        assert_eq!(flags, KEYS);
    }
}
