//! The binary as a stranger meets it: help, complaints, exit codes, signals.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use member::gossip::{Gossip, GossipConfig};
use member::node::{Description, Word};
use member::receipt::{Ack, Receipt};
use member::snapshot::{Sighting, Snapshot};
use rustix::process::{Pid, Signal, kill_process};

fn member(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_member"));
    for (key, _) in std::env::vars().filter(|(key, _)| key.starts_with("RAGOT_")) {
        command.env_remove(key);
    }
    command
        .args(args)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

fn run(args: &[&str]) -> Output {
    member(args).output().unwrap()
}

fn complaint(args: &[&str], code: i32) -> String {
    let output = run(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Reads what the child writes until a line of that has `part`.
fn until(stderr: &mut impl BufRead, part: &str) {
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended");
    }
}

/// Whether these tests, and so what they start, were started so.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 != 0
}

/// Everything the child still writes, and its exit code.
fn end(mut child: Child, stderr: &mut impl Read) -> (String, Option<i32>) {
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    (text, child.wait().unwrap().code())
}

#[test]
fn help_has_examples_and_goes_to_standard_output() {
    let output = run(&["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text.contains("member --seed ha:7373 --http 3000"), "{text}");
}

#[test]
fn every_mistake_is_one_line_and_exit_code_64() {
    let good = ["--seed", "ha", "--http", "3000"];
    let cases: [(&[&str], &str); 9] = [
        (
            &["--wieght", "3"],
            "unexpected argument '--wieght' found; a similar argument exists: '--weight'",
        ),
        (
            &["webapp"],
            "unexpected argument 'webapp' found; a subcommand comes before its flags, a program after `--`",
        ),
        (
            &["--weight", "300"],
            "--weight \"300\": expected a number from 0 to 256",
        ),
        (
            &["--advertise", "eth0"],
            "--advertise \"eth0\": expected an address",
        ),
        (
            &["--gossip", "host:1"],
            "--gossip \"host:1\": expected an address to listen on",
        ),
        (
            &["--resolver", "1.2.3.4"],
            "--resolver \"1.2.3.4\": expected an address and a port",
        ),
        (&["--tag", "a"], "--tag \"a\": expected name=value"),
        (
            &["--control", "/nonexistent/c.sock"],
            "--control \"/nonexistent/c.sock\": expected a path in a folder that is there",
        ),
        (
            &["-c", "/nonexistent.toml"],
            "/nonexistent.toml: cannot be read",
        ),
    ];
    for (bad, expected) in cases {
        let text = complaint(&[&good, bad].concat(), 64);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with(&format!("member: {expected}")), "{text}");
    }
    assert_eq!(complaint(&[], 64).lines().count(), 2);
}

#[test]
fn a_variable_is_named_in_its_complaint() {
    let mut command = member(&["--seed", "ha"]);
    let output = command.env("RAGOT_HTTP", "x").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("member: RAGOT_HTTP \"x\": expected a port"),
        "{text}"
    );
}

#[test]
fn a_taken_gossip_port_is_one_line_and_exit_code_1() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = complaint(&["--seed", "ha", "--http", "3000", "--gossip", &address], 1);
    let expected = format!("member: cannot listen for gossip on udp {address}: ");
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn without_a_balancer_it_stays_and_leaves_at_once_when_told() {
    let nowhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    let seed = nowhere.local_addr().unwrap().to_string();
    let mut child = member(&["--seed", &seed, "--http", "1"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    until(&mut stderr, "no balancer answers");
    // As to HAProxy, this is no reason to end. Under `nohup` it is ignored altogether.
    signal(&child, Signal::HUP);
    if !hangups_are_ignored() {
        until(
            &mut stderr,
            "SIGHUP: there is no keyring file to read again",
        );
    }
    signal(&child, Signal::INT);
    let (text, code) = end(child, &mut stderr);
    assert_eq!(code, Some(0), "{text}");
}

#[tokio::test]
async fn sigterm_drains_leaves_and_exits_0() {
    let lb = balancer().await;
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let child = beside(&lb, &app);
    let seen = hears(&lb, &Word::Ready).await;
    signal(&child, Signal::TERM);
    hears(&lb, &Word::Draining).await;
    let receipt = Receipt {
        ack: Ack::Drained,
        inflight: 0,
    };
    lb.acknowledge(&seen.node.key, receipt);
    hears(&lb, &Word::Left).await;
    let (text, code) = ended(child).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 balancer had let go"), "{text}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let lb = balancer().await;
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    for (first, second, expected) in [
        (Signal::INT, Signal::TERM, 143),
        (Signal::TERM, Signal::INT, 130),
    ] {
        let child = beside(&lb, &app);
        hears(&lb, &Word::Ready).await;
        signal(&child, first);
        hears(&lb, &Word::Draining).await;
        signal(&child, second);
        let (text, code) = ended(child).await;
        assert_eq!(code, Some(expected), "{text}");
    }
}

#[tokio::test]
async fn around_a_webapp_it_drains_then_stops_it_then_leaves() {
    let lb = balancer().await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let script = "trap 'echo told; sleep 0.3; exit 5' TERM; while :; do sleep 0.02; done";
    let mut child = around(&lb, &port, script);
    let seen = hears(&lb, &Word::Ready).await;
    signal(&child, Signal::TERM);
    hears(&lb, &Word::Draining).await;
    let receipt = |ack, inflight| lb.acknowledge(&seen.node.key, Receipt { ack, inflight });
    receipt(Ack::Draining, 1);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let told = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        line
    });
    // It would be told within this, were one request in flight taken for none.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!told.is_finished());
    receipt(Ack::Drained, 0);
    assert_eq!(told.await.unwrap(), "told\n");
    hears(&lb, &Word::Draining).await;
    hears(&lb, &Word::Left).await;
    let (text, code) = ended(child).await;
    assert_eq!(code, Some(5), "{text}");
}

#[tokio::test]
async fn around_a_webapp_that_ends_it_says_why_and_leaves() {
    let lb = balancer().await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = around(&lb, &port, "read line; exit 3");
    hears(&lb, &Word::Ready).await;
    drop(child.stdin.take());
    hears(&lb, &Word::Down("app exited with 3".into())).await;
    hears(&lb, &Word::Left).await;
    let (text, code) = ended(child).await;
    assert_eq!(code, Some(3), "{text}");
}

/// Only a signal is so much in earnest.
#[tokio::test]
async fn who_asks_again_to_leave_cuts_nothing_short() {
    let lb = balancer().await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let control = Control::new("again");
    let script = "trap 'exit 5' TERM; while :; do sleep 0.02; done";
    let more = ["--control", control.path(), "--", "sh", "-c", script];
    let child = start(&lb, &port, &more);
    let seen = hears(&lb, &Word::Ready).await;
    let asked = tokio::task::spawn_blocking(control.ask("leave"));
    hears(&lb, &Word::Draining).await;
    for (word, answer) in [("leave", "it leaves already"), ("ready", "it leaves")] {
        for _ in 0..2 {
            let again = tokio::task::spawn_blocking(control.ask(word));
            let (told, code) = again.await.unwrap();
            assert!(told.contains(answer) && code == Some(1), "{word}: {told}");
        }
    }
    assert!(!asked.is_finished());
    let (ack, inflight) = (Ack::Drained, 0);
    lb.acknowledge(&seen.node.key, Receipt { ack, inflight });
    let (told, code) = asked.await.unwrap();
    assert!(told.contains("1 balancer has let go"), "{told}");
    assert_eq!(code, Some(0), "{told}");
    hears(&lb, &Word::Left).await;
    let (text, code) = ended(child).await;
    assert_eq!(code, Some(5), "{text}");
}

#[tokio::test]
async fn who_asks_to_leave_between_two_lives_of_the_app_is_told_that_it_left() {
    let lb = balancer().await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let control = Control::new("pause");
    let restart = ["--restart", "always", "--control", control.path()];
    let more = [&restart[..], &["--", "sh", "-c", "exit 3"]].concat();
    let mut child = start(&lb, &port, &more);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let leave = control.ask("leave");
    let asked = tokio::task::spawn_blocking(move || {
        until(&mut stderr, "starting it again in 1.6s");
        (leave(), end(child, &mut stderr))
    });
    let ((told, code), (text, ended)) = asked.await.unwrap();
    assert!(told.contains("left: no balancer had to"), "{told}");
    assert_eq!((code, ended), (Some(0), Some(3)), "{text}");
    hears(&lb, &Word::Left).await;
}

/// Where a member's control socket is; gone with the test.
struct Control(std::path::PathBuf);

impl Control {
    fn new(test: &str) -> Self {
        let name = format!("ragot-binary-{test}-{}.sock", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Asks there; what is said, and the exit code.
    fn ask(&self, word: &str) -> impl FnOnce() -> (String, Option<i32>) + Send + use<> {
        let mut command = member(&[word, "--control", self.path()]);
        move || {
            let output = command.output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            (String::from_utf8(text).unwrap(), output.status.code())
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn balancer() -> Gossip {
    let mut config = GossipConfig::new(Description::balancer("lb"));
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Gossip::start(config).await.unwrap()
}

/// A member that would wait for a minute.
fn beside(lb: &Gossip, app: &TcpListener) -> Child {
    start(lb, app, &[])
}

/// The same around a script; somebody else answers for it.
fn around(lb: &Gossip, app: &TcpListener, script: &str) -> Child {
    start(lb, app, &["--", "sh", "-c", script])
}

fn start(lb: &Gossip, app: &TcpListener, more: &[&str]) -> Child {
    let seed = lb.local_addr().to_string();
    let port = app.local_addr().unwrap().port().to_string();
    let args = [
        "--seed",
        &seed,
        "--http",
        &port,
        "--name",
        "s1",
        "--drain-timeout",
        "1m",
    ];
    let mut command = member(&[&args, more].concat());
    command.stdin(Stdio::piped()).spawn().unwrap()
}

async fn ended(mut child: Child) -> (String, Option<i32>) {
    let mut stderr = child.stderr.take().unwrap();
    tokio::task::spawn_blocking(move || end(child, &mut stderr))
        .await
        .unwrap()
}

/// Waits until the newest life of the member is seen to say `word`.
async fn hears(lb: &Gossip, word: &Word) -> Sighting {
    let mut snapshots = lb.snapshots();
    let said = |s: &Arc<Snapshot>| s.named("s1").last().is_some_and(|b| b.node.word == *word);
    let soon = Duration::from_secs(10);
    let snapshot = tokio::time::timeout(soon, snapshots.wait_for(said)).await;
    let snapshot = snapshot
        .unwrap_or_else(|_| panic!("never {word:?}"))
        .unwrap();
    let sighting = snapshot.named("s1").last().unwrap();
    Sighting::clone(sighting)
}
