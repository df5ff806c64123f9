//! The command line of `member`: flags, their variables and their keys in the file, and
//! what they make of an agent. Nothing is bound or sent here.

mod commands;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser};
use member::agent::AgentConfig;
use member::control::args::Ask;
use member::flags::{self, Gossiping, Hooking};
use member::hooks::Hooks;
use member::node::{DEFAULT_SERVICE, Description};
use member::parse::{self, Parsed};
use member::program::Program;
use member::restart::Restart;
use member::settings::{EX_USAGE, Problems, Sources, Stop, arguments};
use member::wrapper::Wrapping;
use member::{host, keys, log, rules};

use self::commands::Sub;

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Run the agent.
    Run(Box<Settings>),
    /// Ask one that runs.
    Ask(Ask),
    /// Print a new key.
    Keygen,
}

/// Everything the agent needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) agent: AgentConfig,
    pub(crate) control: Option<PathBuf>,
    pub(crate) drain_timeout: Duration,
    /// The webapp, where it is the member's to run.
    pub(crate) wrapping: Option<Wrapping>,
    pub(crate) hooks: Hooks,
    pub(crate) log: log::Filter,
}

/// Announces a webapp to Ragot's balancers, and takes it out of service gracefully.
///
/// Run it beside the webapp, or around it: it starts what stands after `--`. It joins as soon
/// as a balancer can be found and stays for as long as it runs, whoever comes and goes. The
/// balancers send requests once the webapp answers, and stop when it does not. On SIGTERM or
/// SIGINT it says that it leaves, waits until every balancer has let go, and ends: stop the
/// webapp after that, and no request is lost. A second signal ends it at once.
///
/// Around a webapp it does that by itself: the signal is passed on only after the drain, and a
/// second one at once. Other signals are the webapp's. When the webapp ends, every balancer knows
/// within milliseconds. It may be PID 1 of a container.
#[derive(Debug, Parser)]
#[command(name = "member", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(override_usage = USAGE, args_conflicts_with_subcommands = true)]
struct Flags {
    #[command(subcommand)]
    command: Option<Sub>,
    #[command(flatten)]
    run: Run,
}

#[derive(Args, Debug)]
struct Run {
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
    /// The address that others reach us at: IP, iface:NAME or cidr:NET [default: that of the route
    /// to the seed]
    #[arg(long, value_name = "WHICH", env = "RAGOT_ADVERTISE")]
    advertise: Option<String>,
    #[command(flatten)]
    gossiping: Gossiping,
    /// How long to wait at the end for requests in flight [default: 8s]
    #[arg(long, value_name = "TIME", env = "RAGOT_DRAIN_TIMEOUT")]
    drain_timeout: Option<String>,
    /// A unix socket on which the commands above reach this process [default: none]
    #[arg(long, value_name = "PATH", env = "RAGOT_CONTROL")]
    control: Option<String>,
    /// Whether a PROGRAM that ends is started again: no, on-failure or always [default: no]
    #[arg(long, value_name = "WHEN", env = "RAGOT_RESTART")]
    restart: Option<String>,
    /// How long PROGRAM may take to stop before it is killed [default: what the drain has left of
    /// 9.5s, at least 1.5s]
    #[arg(long, value_name = "TIME", env = "RAGOT_STOP_TIMEOUT")]
    stop_timeout: Option<String>,
    #[command(flatten)]
    hooking: Hooking,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL", env = "RAGOT_LOG_LEVEL")]
    log_level: Option<String>,
    /// A TOML file with the same settings; flags and variables win over it
    #[arg(short, long, value_name = "FILE", env = "RAGOT_CONFIG")]
    config: Option<String>,
    /// The webapp and its arguments, to be run around; beside one that runs already without it
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// Reads flags, environment and file.
///
/// # Errors
/// Help, version, or everything that is wrong, one problem a line.
pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Command, Stop> {
    let args: Vec<_> = args.into_iter().collect();
    let mut problems = Problems::default();
    let bare = args.last().is_some_and(|last| last == "--");
    let mut matches = arguments(Flags::command(), args)?;
    // What clap has accepted can be taken out of its matches.
    let flags = Flags::from_arg_matches(&matches).map_err(|error| unusable(error.to_string()))?;
    match flags.command {
        Some(Sub::Keygen) => Ok(Command::Keygen),
        Some(Sub::Ask(command)) => command.ask().map(Command::Ask).map_err(unusable),
        None => {
            let program = Program::of(matches.remove_many("program").into_iter().flatten());
            if bare && program.is_none() {
                problems.add("--: expected a program after it, as -- node server.js");
            }
            run(&matches, program, problems)
        }
    }
}

fn unusable(text: String) -> Stop {
    Stop {
        text,
        code: EX_USAGE,
    }
}

fn run(
    matches: &ArgMatches,
    program: Option<Program>,
    mut problems: Problems,
) -> Result<Command, Stop> {
    let mut sources = Sources::from_matches(matches, &KEYS);
    if let Some(file) = matches
        .get_one::<String>("config")
        .filter(|f| !f.is_empty())
    {
        sources.add_file(Path::new(file), &mut problems);
    }
    let settings = settings(&sources, program, &mut problems);
    let command = Command::Run(Box::new(settings));
    problems
        .into_result(command)
        .map_err(|problems| unusable(problems.to_string()))
}

fn settings(sources: &Sources, program: Option<Program>, problems: &mut Problems) -> Settings {
    let gossip = flags::gossip(description(sources, problems), sources, problems);
    if !sources.is_given("seed") {
        problems.add("--seed: missing; where a balancer is, as --seed ha:7373");
    }
    let drain_timeout = sources.one("drain-timeout", DRAIN, parse::duration, problems);
    Settings {
        agent: AgentConfig::new(gossip),
        drain_timeout,
        wrapping: wrapping(sources, program, drain_timeout, problems),
        control: sources.optional("control", parse::socket, problems),
        hooks: Hooks::from_sources(sources, problems),
        log: sources.one("log-level", log::default(), log::level, problems),
    }
}

fn wrapping(
    sources: &Sources,
    program: Option<Program>,
    drain_timeout: Duration,
    problems: &mut Problems,
) -> Option<Wrapping> {
    let restart = sources.one("restart", Restart::No, rule(Restart::parse), problems);
    let stop_timeout = sources.optional("stop-timeout", parse::duration, problems);
    if program.is_none() {
        for key in ["restart", "stop-timeout"] {
            if sources.is_given(key) {
                let shown = sources.shown(key);
                problems.add(format!("{shown}: of use only with a program after `--`"));
            }
        }
    }
    program.map(|program| Wrapping {
        program,
        restart,
        drain_timeout,
        stop_timeout,
    })
}

fn description(sources: &Sources, problems: &mut Problems) -> Description {
    let http = sources.optional("http", parse::server, problems);
    if !sources.is_given("http") {
        problems.add("--http: missing; where the webapp listens, as --http 3000");
    }
    let http = http.unwrap_or_else(|| ([0, 0, 0, 0], 1).into());
    let name = sources.optional("name", flags::name, problems);
    let name = name.or_else(|| host::name().map(Arc::from));
    if name.is_none() {
        problems.add("--name: missing; this host has no name to take");
    }
    let mut node = Description::backend(name.as_deref().unwrap_or("unnamed"), http);
    let service = Arc::from(DEFAULT_SERVICE);
    node.service = sources.one("service", service, flags::name, problems);
    node.check = sources.optional("check", check_path, problems);
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

fn rule<T>(parse: impl Fn(&str) -> Result<T, &'static str>) -> impl Fn(&str) -> Parsed<T> {
    move |text| parse(text).map_err(str::to_owned)
}

fn check_path(text: &str) -> Parsed<Arc<str>> {
    rules::path(text).map(Arc::from).map_err(str::to_owned)
}

const KEYS: [&str; 22] = [
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
    "cluster",
    "keyring-file",
    "encrypt",
    "encrypt-migrate",
    "drain-timeout",
    "control",
    "restart",
    "stop-timeout",
    "event-handler",
    "render",
    "coalesce",
    "log-level",
];

/// Below the 10 s after which `docker stop` kills.
const DRAIN: Duration = Duration::from_secs(8);

const USAGE: &str = "\
member --seed <HOST:PORT> --http <PORT|IP:PORT> [OPTIONS] [-- <PROGRAM>...]
       member <COMMAND> --control <PATH>";

const EXAMPLES: &str = "\
Examples:
  member --seed ha:7373 --http 3000
      a webapp on port 3000 of this host joins the balancer `ha`
  member --seed ha:7373 --http 3000 --check / --name s1 --weight 2 --tag zone=a
      the same, ready only when `/` answers, under a name of its own, with a double share
  RAGOT_SEED=ha1:7373,ha2:7373 RAGOT_HTTP=3000 member
      everything from the environment, two balancers
  member --seed ha:7373 --http 3000 --restart on-failure -- node server.js
      around the webapp: starts it, drains before it stops it, starts it again when it fails
  member -c member.toml
      from a file:  seed = [\"ha:7373\"]
                    http = 3000
  member --seed ha:7373 --http 3000 --control /run/ragot/control.sock
  RAGOT_CONTROL=/run/ragot/control.sock member list
      ask the one that runs; each command has its own --help
  member keygen
      a new key, to seal gossip with: the same for every node

TIME is 500ms, 10s or 2m; a plain number is seconds.
Exit codes: 0 after leaving, 64 for settings that cannot be used, 1 when it cannot start or a
command cannot be done, 130 or 143 when a second signal cuts the leave short. Around PROGRAM: that
of PROGRAM, also when it was told to stop; 128 and the number when a signal ended it (143 for
SIGTERM, 137 when it had to be killed); 127 when there is no such program, 126 when it cannot be
executed.";

#[cfg(test)]
mod tests {
    use member::advertise::Advertise;

    use super::*;

    fn read_from(args: &[&str]) -> Result<Command, Stop> {
        read(
            std::iter::once("member")
                .chain(args.iter().copied())
                .map(OsString::from),
        )
    }

    fn from(args: &[&str]) -> Result<Settings, Stop> {
        read_from(args).map(|command| match command {
            Command::Run(settings) => *settings,
            other => panic!("{other:?}"),
        })
    }

    fn asked(line: &str) -> Result<Ask, String> {
        let line: Vec<_> = line.split_whitespace().collect();
        match read_from(&line) {
            Ok(Command::Ask(ask)) => Ok(ask),
            Ok(other) => panic!("{other:?}"),
            Err(stop) => {
                assert_eq!(stop.code, EX_USAGE, "{line:?}");
                Err(stop.text)
            }
        }
    }

    #[test]
    fn each_command_asks_its_question() {
        for (line, json) in [
            ("list", r#"{"command":"list"}"#),
            (
                "members --status alive --tag a=b.*",
                r#"{"command":"list","status":"alive","tags":{"a":"b.*"}}"#,
            ),
            ("info --format json", r#"{"command":"info"}"#),
            ("keys", r#"{"command":"keys"}"#),
            (
                "monitor --log-level debug",
                r#"{"command":"monitor","log-level":"debug"}"#,
            ),
            (
                "drain --timeout 2s",
                r#"{"command":"drain","timeout":"2s"}"#,
            ),
            ("ready", r#"{"command":"ready"}"#),
            (
                "tags --set a=b=c --delete d",
                r#"{"command":"tags","set":{"a":"b=c"},"delete":["d"]}"#,
            ),
            ("weight 3", r#"{"command":"weight","weight":3}"#),
            ("evict s1", r#"{"command":"evict","name":"s1"}"#),
            ("leave", r#"{"command":"leave"}"#),
        ] {
            let ask = asked(&format!("{line} --control /x.sock")).unwrap();
            assert_eq!(serde_json::to_string(&ask.request).unwrap(), json, "{line}");
            assert_eq!(ask.path, Path::new("/x.sock"));
        }
    }

    #[test]
    fn a_slip_in_a_command_is_told() {
        for (line, part) in [
            ("list", "--control: missing"),
            ("weight 257 --control x", "from 0 to 256"),
            ("tags --control x", "nothing to change"),
            (
                "tags --set ab --control x",
                "--set \"ab\": expected name=value",
            ),
            ("drain --timeout soon --control x", "--timeout \"soon\""),
            ("evict a,b --control x", "name \"a,b\""),
            ("list --tag a --control x", "--tag \"a\""),
            ("list --format yaml --control x", "yaml"),
        ] {
            let error = asked(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
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
                    --resolver 127.0.0.1:53 --cluster blue --drain-timeout 1s --control /run/x \
                    --log-level debug \
                    --event-handler member-join=/x --event-handler /y --coalesce 2s \
                    --encrypt AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= --encrypt-migrate";
        let settings = from(&args.split_whitespace().collect::<Vec<_>>()).unwrap();
        let gossip = settings.agent.gossip;
        let node = gossip.node;
        assert_eq!((gossip.seeds.len(), &*gossip.cluster), (2, "blue"));
        assert_eq!(gossip.listen, ([127, 0, 0, 1], 9).into());
        let advertised = Advertise::Address(([10, 0, 0, 9], 0).into());
        assert_eq!(gossip.advertise, Some(advertised));
        assert_eq!((&*node.name, &*node.service, node.weight), ("s1", "web", 2));
        assert_eq!(node.check.as_deref(), Some("/x"));
        assert_eq!(
            (node.http, node.tags.len()),
            (Some(([10, 0, 0, 1], 80).into()), 2)
        );
        assert_eq!(settings.drain_timeout, Duration::from_secs(1));
        assert_eq!(settings.control.as_deref(), Some(Path::new("/run/x")));
        let hooks = settings.hooks;
        assert_eq!((hooks.handlers.len(), hooks.renderings.len()), (2, 0));
        assert_eq!(hooks.coalesce, Duration::from_secs(2));
        assert!(gossip.protection.keyring.is_some() && gossip.protection.migrates);
    }

    #[test]
    fn what_stands_after_two_dashes_is_the_program_as_it_is() {
        let words = |line: &str| {
            let flags = ["--seed", "ha", "--http", "1"];
            let args: Vec<_> = flags.into_iter().chain(line.split_whitespace()).collect();
            let wrapping = from(&args).unwrap().wrapping?;
            let Program { name, mut args } = wrapping.program;
            args.insert(0, name);
            Some((
                args.join(" ".as_ref()).into_string().unwrap(),
                wrapping.restart,
            ))
        };
        let program = |text: &str, restart| Some((text.to_owned(), restart));
        assert_eq!(words(""), None);
        assert_eq!(
            words("-- node --http 2"),
            program("node --http 2", Restart::No)
        );
        assert_eq!(words("-- sh -c x --"), program("sh -c x --", Restart::No));
        assert_eq!(
            words("--restart always -- a"),
            program("a", Restart::Always)
        );
        let stop = from(&["--seed", "ha", "--http", "1", "--"]).unwrap_err();
        assert_eq!(stop.code, EX_USAGE);
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
