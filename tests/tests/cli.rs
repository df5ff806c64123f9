//! The command lines of both: help that a stranger can start from, and one clear line for each
//! thing that is wrong.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::bin;
use e2e::lb::Lb;
use e2e::process::Process;

/// What a command that ends by itself said: its code, standard output and standard error.
async fn run(program: &Path, line: &str) -> (i32, String, String) {
    let mut process = Process::start(program, line.split_whitespace());
    let (status, _) = process.ended(Duration::from_secs(15)).await;
    let code = status.code().expect("no death by a signal");
    (code, process.stdout(), process.stderr())
}

/// Fails with this code and one line on standard error, in which all of `parts` are.
async fn check(program: &Path, line: &str, code: i32, parts: &[&str]) {
    let (ended, out, err) = run(program, line).await;
    let name = program.file_name().unwrap().to_str().unwrap();
    assert_eq!(ended, code, "{name} {line}: {err}");
    assert!(
        out.is_empty() && !err.contains("panicked"),
        "{name} {line}: {out}{err}"
    );
    let told: Vec<&str> = err
        .lines()
        .filter(|l| l.starts_with(&format!("{name}: ")))
        .collect();
    assert!(!told.is_empty(), "{name} {line}: {err}");
    for part in parts {
        assert!(
            told[0].contains(part),
            "{name} {line}: no {part:?} in {told:?}"
        );
    }
}

#[tokio::test]
async fn help_names_every_flag_and_shows_how_to_begin() {
    for (program, flags) in [(bin::lb(), LB), (bin::member(), MEMBER)] {
        let (code, out, _) = run(&program, "--help").await;
        assert_eq!(code, 0);
        for flag in flags {
            assert!(out.contains(&format!("--{flag} ")), "{program:?}: --{flag}");
        }
        assert!(
            out.contains("Examples:") && out.contains("Exit codes:"),
            "{out}"
        );
        assert!(run(&program, "--version").await.1.contains("0.1.0"));
    }
}

#[tokio::test]
async fn help_names_every_command_and_each_has_its_own() {
    let lb = ["members", "info", "keys", "monitor", "tags", "evict"];
    let member = [
        "list", "info", "keys", "monitor", "drain", "ready", "tags", "weight", "evict", "leave",
    ];
    for (program, commands) in [(bin::lb(), &lb[..]), (bin::member(), &member[..])] {
        let (_, all, _) = run(&program, "--help").await;
        for command in commands {
            assert!(all.contains(&format!("\n  {command} ")), "{command}: {all}");
            let (code, out, _) = run(&program, &format!("{command} --help")).await;
            assert_eq!(code, 0, "{command}");
            assert!(out.contains("RAGOT_CONTROL"), "{command}: {out}");
        }
    }
}

#[tokio::test]
async fn bad_flags_of_lb() {
    let lb = bin::lb();
    for (line, part) in [
        ("--bogus", "--bogus"),
        ("--listen", "--listen"),
        ("--listen nonsense", "--listen \"nonsense\""),
        ("--listen 127.0.0.1", "--listen"),
        ("--listen 127.0.0.1:99999", "--listen"), // fixed port: there is no such port
        ("--listen 300.0.0.1:80", "--listen"),
        ("--stats maybe", "`off`"),
        ("--gossip :x", "--gossip"),
        ("--seed bad_host!:1", "--seed"),
        ("--seed a:b:c", "--seed"),
        ("--advertise 0.0.0.0", "--advertise"),
        ("--resolver ns", "--resolver"),
        ("--workers 0", "from 1 to 1024"),
        ("--maxconn -1", "-1"),
        ("--retries many", "from 0 to 100"),
        ("--timeout-server 5parsecs", "--timeout-server"),
        ("--timeout-connect 0s", "more than no time"),
        ("--log-level loud", "--log-level"),
        ("--stats-refresh 0", "--stats-refresh"),
        ("--event-handler member-jon=/x", "\"member-jon\""),
        ("--event-handler member-join=", "expected a command"),
        ("--render /x", "TEMPLATE:FILE"),
        ("--render /nowhere/x.hb:/tmp/x", "/nowhere/x.hb"),
        ("--coalesce soon", "--coalesce"),
        ("--name a,b", "--name"),
        ("--pool-file /tmp/", "--pool-file"),
        ("demo --backends 0", "--backends"),
        ("members", "--control: missing"),
        ("evict --control x", "<NAME>"),
        ("ping --stats x", "--stats"),
        ("frobnicate", "frobnicate"),
        ("-c /nowhere/lb.toml", "/nowhere/lb.toml"),
    ] {
        // Only ever checked: what passes by mistake must not take the system's ports.
        let line = match line.split(' ').next() {
            Some("demo" | "ping" | "frobnicate" | "members" | "evict") => line.to_owned(),
            _ => format!("check {line}"),
        };
        check(&lb, &line, 64, &[part]).await;
    }
}

#[tokio::test]
async fn bad_flags_of_member() {
    let member = bin::member();
    for (line, part) in [
        ("--http 3000", "--seed: missing"),
        ("--seed ha", "--http: missing"),
        ("--seed ha --http 0", "--http \"0\""),
        ("--seed ha --http http://x", "--http"),
        ("--seed ha --http 3000 --weight 257", "from 0 to 256"),
        ("--seed ha --http 3000 --check health", "--check"),
        ("--seed ha --http 3000 --tag novalue", "--tag"),
        ("--seed ha: --http 3000", "--seed"),
        (
            "--seed ha --http 3000 --drain-timeout soon",
            "--drain-timeout",
        ),
        ("--seed ha --http 3000 --name a,b", "--name"),
        ("--seed ha --http 3000 --event-handler x=y", "\"x\""),
        ("--seed ha --http 3000 --render x:", "TEMPLATE:FILE"),
        ("--seed ha --http 3000 extra", "extra"),
        ("--seed ha --http 3000 --log-level loud", "--log-level"),
        ("--seed ha --http 3000 --", "-- node server.js"),
        ("--seed ha --http 3000 --restart no", "after `--`"),
        (
            "--seed ha --http 3000 --restart never -- true",
            "no, on-failure or always",
        ),
        (
            "--seed ha --http 3000 --stop-timeout x -- true",
            "--stop-timeout",
        ),
        ("drain", "--control: missing"),
        ("drian", "drian"),
        ("--seed ha drain", "unexpected argument 'drain'"),
        ("weight many --control x", "from 0 to 256"),
        ("tags --control x", "nothing to change"),
    ] {
        check(&member, line, 64, &[part]).await;
    }
}

#[tokio::test]
async fn taken_ports() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (tcp, port) = (
        tcp.local_addr().unwrap().to_string(),
        (udp.local_addr().unwrap().to_string(), tcp),
    );
    let (udp_addr, _held) = (port.0, port.1);
    let rest = "--gossip 127.0.0.1:0";
    check(
        &bin::lb(),
        &format!("--listen {tcp} --stats off {rest}"),
        1,
        &[&tcp, "--listen", "in use"],
    )
    .await;
    check(
        &bin::lb(),
        &format!("--listen 127.0.0.1:0 --stats {tcp} {rest}"),
        1,
        &[&tcp, "--stats"],
    )
    .await;
    let taken = format!("--listen 127.0.0.1:0 --stats off --gossip {udp_addr}");
    check(&bin::lb(), &taken, 1, &[&udp_addr, "in use"]).await;
    let taken = format!("--seed 127.0.0.1:1 --http 3000 --gossip {udp_addr}");
    check(&bin::member(), &taken, 1, &[&udp_addr, "in use"]).await;
}

#[tokio::test]
async fn an_address_that_is_not_ours() {
    let line = "--listen 192.0.2.1:80 --stats off --gossip 127.0.0.1:0";
    check(&bin::lb(), line, 1, &["192.0.2.1:80"]).await;
}

/// Nobody exits for a name that is not known yet; it is said once, in one line.
#[tokio::test]
async fn an_unknown_host_is_told_and_waited_for() {
    let dns = e2e::dns::Dns::start(None).await;
    let line = format!(
        "--seed nobody.test --http 127.0.0.1:1 --gossip 127.0.0.1:0 --resolver {}",
        dns.addr
    );
    let mut member = Process::start(&bin::member(), line.split_whitespace());
    assert!(member.said("cannot resolve").await.contains("nobody.test"));
    assert_eq!(member.stop().await, 0);
}

#[tokio::test]
async fn a_file_with_a_wrong_key_is_told_by_line() {
    let file = File::with(
        "lb",
        "workers = 2\n\nlisten = \"127.0.0.1:0\"\ntimeout-sever = \"1s\"\n",
    );
    check(
        &bin::lb(),
        &format!("check -c {}", file.0.display()),
        64,
        &[&file.at(4), "timeout-sever", "timeout-server"],
    )
    .await;
    let file = File::with("value", "workers = \"none\"\n");
    check(
        &bin::lb(),
        &format!("-c {}", file.0.display()),
        64,
        &[&file.at(1), "from 1 to 1024"],
    )
    .await;
    let file = File::with("syntax", "workers = 1\nlisten = \n");
    check(
        &bin::lb(),
        &format!("-c {}", file.0.display()),
        64,
        &[&file.at(2)],
    )
    .await;
    let file = File::with("member", "seed = [\"ha\"]\nhtpp = 3000\n");
    check(
        &bin::member(),
        &format!("-c {} --http 1", file.0.display()),
        64,
        &[&file.at(2), "htpp"],
    )
    .await;
}

#[tokio::test]
async fn a_template_that_cannot_be_rendered_is_told_by_line() {
    let template = File::with("template", "first\n\n{{frobnicate addresses}}\n");
    check(
        &bin::lb(),
        &format!("check --render {}:/tmp/x", template.0.display()),
        64,
        &["--render", &template.at(3), "frobnicate"],
    )
    .await;
}

/// Serf's other events do not exist here: what names them is taken, and says so.
#[tokio::test]
async fn handlers_of_events_that_do_not_exist_are_taken() {
    let handlers = "user:deploy,member-join=/bin/true\nquery:load=/bin/true";
    let mut lb = Process::start_in(
        &[("RAGOT_EVENT_HANDLER", handlers)],
        &bin::lb(),
        [
            "--listen",
            "127.0.0.1:0",
            "--stats",
            "off",
            "--gossip",
            "127.0.0.1:0",
        ],
    );
    lb.said("`user:deploy` is never called").await;
    lb.said("`query:load` is never called").await;
    assert_eq!(lb.stop().await, 0);
}

#[tokio::test]
async fn flags_win_over_variables_and_those_over_the_file() {
    let file = File::with(
        "order",
        "name = \"file\"\nlisten = \"127.0.0.1:0\"\nstats = \"off\"\ngossip = \"127.0.0.1:0\"\n",
    );
    let path = file.0.to_str().unwrap();
    for (variables, flags, name) in [
        (&[][..], &["-c", path][..], "file gossips"),
        (
            &[("RAGOT_NAME", "variable")][..],
            &["-c", path][..],
            "variable gossips",
        ),
        (
            &[("RAGOT_NAME", "variable")][..],
            &["-c", path, "--name", "flag"][..],
            "flag gossips",
        ),
    ] {
        let mut lb = Process::start_in(variables, &bin::lb(), flags);
        lb.said(name).await;
    }
}

#[tokio::test]
async fn check_says_whether_it_can_be_used() {
    let (code, _, err) = run(&bin::lb(), "check --listen 127.0.0.1:0").await;
    assert_eq!((code, err.lines().count()), (0, 1), "{err}");
    assert_eq!(run(&bin::lb(), "check --workers x").await.0, 64);
}

#[tokio::test]
async fn ping_asks_the_one_on_this_host() {
    let mut lb = Lb::start().await;
    let stats = lb.stats();
    assert_eq!(run(&bin::lb(), &format!("ping --stats {stats}")).await.0, 0);
    lb.process.kill();
    check(
        &bin::lb(),
        &format!("ping --stats {stats}"),
        1,
        &[&stats.to_string(), "refused"],
    )
    .await;
}

/// A file that goes when the test does.
struct File(PathBuf);

impl File {
    fn with(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ragot-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn too_few_descriptors_lower_maxconn_with_a_word() {
    let shell = Path::new("/bin/sh");
    let script = format!(
        "ulimit -n 544; exec {} --workers 2 --listen 127.0.0.1:0 --stats 127.0.0.1:0 --gossip 127.0.0.1:0",
        bin::lb().display()
    );
    let mut lb = Process::start(shell, ["-c", &script]);
    lb.said("544 open files are too few for --maxconn 10000: taking 40")
        .await;
    assert_eq!(lb.stop().await, 0);
}

/// The public names, pinned: scripts outside use them.
const LB: &[&str] = &[
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
    "config",
];
const MEMBER: &[&str] = &[
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
    "restart",
    "stop-timeout",
    "event-handler",
    "render",
    "coalesce",
    "control",
    "log-level",
    "config",
];
