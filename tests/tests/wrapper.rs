//! A member around its webapp: drained before it is told to stop, missed as soon as it has ended,
//! started again, and its exit code given on.

use std::net::SocketAddr;
use std::time::Duration;

use e2e::cluster::Cluster;
use e2e::csv::{self, Row};
use e2e::deadline::eventually;
use e2e::lb::Lb;
use e2e::load::Load;
use e2e::member::Member;
use e2e::process::{Process, own_port};
use e2e::{bin, client, ring};
use rustix::process::{Signal, kill_process};

const SOON: Duration = Duration::from_secs(9);

#[tokio::test]
async fn a_webapp_is_told_to_stop_when_its_last_request_is_answered() {
    let mut wrapped = Wrapped::start("").await;
    // It has no handler for the signal: reached too early, it would answer nobody any more.
    let slow = at_both(&wrapped.cluster.lb, "/slow/800").await;
    let load = Load::start(wrapped.cluster.lb.addr(), 100);
    load.another(20).await;
    wrapped.member.process.signal(Signal::TERM);
    assert_answered_by_both(slow).await;
    assert_eq!(wrapped.ended().await, 143);
    load.another(20).await;
    load.stop().await.assert_clean();
    let said = wrapped.member.process.stderr();
    let at = |what: &str| {
        said.find(what)
            .unwrap_or_else(|| panic!("no {what:?}: {said}"))
    };
    assert!(at("draining") < at("1 balancer had let go"), "{said}");
    assert!(at("had let go") < at("app was killed by SIGTERM"), "{said}");
    assert!(at("app was killed") < at("left after"), "{said}");
    wrapped.cluster.lb.until_gone("w").await;
}

#[tokio::test]
async fn a_second_signal_is_passed_on_at_once() {
    let mut wrapped = Wrapped::start("--drain-timeout 1m").await;
    let hangs = at_both(&wrapped.cluster.lb, "/hang").await;
    wrapped.member.process.signal(Signal::TERM);
    wrapped.member.process.said("draining").await;
    wrapped.member.process.signal(Signal::INT);
    assert_eq!(wrapped.ended().await, 130);
    hangs.iter().for_each(Get::abort);
}

#[tokio::test]
async fn what_does_not_stop_is_killed_after_its_time_or_at_a_third_signal() {
    let stubborn = "trap '' TERM INT; echo up; while :; do sleep 0.1; done";
    for (flags, more) in [
        ("--stop-timeout 200ms", &[][..]),
        ("", &[Signal::INT, Signal::TERM]),
    ] {
        let mut member = alone(flags, &["sh", "-c", stubborn]);
        member.process.printed("up").await;
        member.process.signal(Signal::TERM);
        for signal in more {
            // Without a balancer there is nothing to drain: this one already says to kill.
            member.process.said("0 balancers had let go").await;
            member.process.signal(*signal);
        }
        let (status, _) = member.process.ended(SOON).await;
        assert_eq!(status.code(), Some(137), "{}", member.process.stderr());
    }
}

#[tokio::test]
async fn its_exit_code_is_the_programs() {
    let check = async |program: &[&str], code: i32, said: &str| {
        let mut member = alone("", program);
        let (status, _) = member.process.ended(SOON).await;
        let stderr = member.process.stderr();
        assert_eq!(status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    };
    check(&["true"], 0, "app exited with 0").await;
    check(&["sh", "-c", "exit 7"], 7, "app exited with 7").await;
    check(&["sh", "-c", "kill -9 $$"], 137, "killed by SIGKILL").await;
    check(
        &["no-such-program"],
        127,
        "cannot start \"no-such-program\"",
    )
    .await;
    check(&["/"], 126, "cannot start \"/\"").await;
    // One that handles the signal ends as it likes.
    let mut member = alone(
        "",
        &[
            "sh",
            "-c",
            "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done",
        ],
    );
    member.process.printed("up").await;
    assert_eq!(member.stop().await, 0);
}

#[tokio::test]
async fn a_webapp_that_dies_is_out_at_once_with_its_reason_and_its_member_ends() {
    // Without a request, which might meet it refused before anybody could say so.
    let mut wrapped = Wrapped::start("").await;
    wrapped.kill_app().await;
    let lb = &mut wrapped.cluster.lb;
    lb.process
        .said("its member says: app was killed by SIGKILL")
        .await;
    assert_eq!(wrapped.ended().await, 137);
    wrapped.cluster.lb.until_gone("w").await;
}

#[tokio::test]
async fn a_webapp_that_dies_is_started_again_and_served_by() {
    let mut wrapped = Wrapped::start("--restart on-failure").await;
    let load = Load::start(wrapped.cluster.lb.addr(), 100);
    for turn in 1..=3 {
        load.another(20).await;
        wrapped.kill_app().await;
        let lb = &mut wrapped.cluster.lb;
        // Not found out by a probe: nobody has told its member but the kernel.
        lb.until("it has been down", |rows| {
            let row = csv::server(rows, "w");
            row.is_some_and(|row| row.get("chkdown") == turn.to_string())
        })
        .await;
        // At the third time it is not trusted so soon.
        if turn < 3 {
            lb.until_up(&["s1", "w"]).await;
        }
    }
    wrapped.cluster.lb.process.said("held out for").await;
    load.stop().await.assert_clean();
    let said = wrapped.member.process.stderr();
    for pause in ["100ms", "200ms", "400ms"] {
        assert!(
            said.contains(&format!("starting it again in {pause}")),
            "{said}"
        );
    }
    assert_eq!(wrapped.member.stop().await, 143);
}

#[tokio::test]
async fn what_fails_again_and_again_is_started_ever_later_and_can_be_stopped() {
    let mut member = alone("--restart always", &["sh", "-c", "exit 3"]);
    for pause in ["100ms", "200ms", "400ms", "800ms"] {
        member
            .process
            .said(&format!("starting it again in {pause}"))
            .await;
    }
    assert_eq!(member.stop().await, 3);
}

#[tokio::test]
async fn other_signals_are_the_programs() {
    let script = "for s in HUP QUIT USR1 USR2 WINCH CONT; do trap \"echo got $s\" $s; done; \
                  echo up; while :; do sleep 0.02; done";
    // Whoever runs these tests in the background may have ignored some of them.
    let program = ["env", "--default-signal", "sh", "-c", script];
    let mut member = alone("", &program);
    member.process.printed("up").await;
    for (signal, name) in [
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
        (Signal::WINCH, "WINCH"),
        (Signal::CONT, "CONT"),
    ] {
        member.process.signal(signal);
        member.process.printed(&format!("got {name}")).await;
    }
    assert_eq!(member.stop().await, 143);
}

/// What `nohup` ignores stays ignored, in the member and in its program.
#[tokio::test]
async fn what_was_ignored_stays_ignored() {
    let script = format!(
        "trap '' HUP; exec {} --seed 127.0.0.1:1 --http 1 --gossip 127.0.0.1:0 -- \
         sh -c 'echo up; while :; do sleep 0.02; done'", // fixed port: nobody's
        bin::member().display()
    );
    let mut member = Process::start("/bin/sh".as_ref(), ["-c", &script]);
    member.printed("up").await;
    member.signal(Signal::HUP);
    assert_eq!(member.stop().await, 143, "{}", member.stderr());
}

#[tokio::test]
async fn the_program_has_its_environment_without_the_key() {
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let variables = [("RAGOT_ENCRYPT", key), ("RAGOT_NAME", "w")];
    let line = "--seed 127.0.0.1:1 --http 1 --gossip 127.0.0.1:0 -- env"; // fixed port: nobody's
    let mut member = Process::start_in(&variables, &bin::member(), line.split(' '));
    assert!(member.ended(SOON).await.0.success());
    let printed = member.stdout();
    assert!(printed.contains("RAGOT_NAME=w"), "{printed}");
    assert!(!printed.contains("RAGOT_ENCRYPT"), "{printed}");
}

/// A terminal sends its Ctrl-C to everything in the foreground, at once.
#[tokio::test]
async fn ctrl_c_in_a_terminal_drains_before_it_stops() {
    let test = "ctrl_c_in_a_terminal_drains_before_it_stops";
    let Some(script) = ring::tool("system", test, "script") else {
        return;
    };
    let cluster = Cluster::of(1).await;
    let (addr, seed) = (own_port(), cluster.lb.gossip());
    let command = format!(
        "{} --gossip 127.0.0.1:0 --name w --http {addr} --seed {seed} -- {} w {addr}",
        bin::member().display(),
        bin::webapp().display()
    );
    let mut terminal = Process::start(&script, ["-qefc", &command, "/dev/null"]);
    cluster.lb.until_up(&["s1", "w"]).await;
    let slow = at_both(&cluster.lb, "/slow/800").await;
    terminal.type_line("\u{3}");
    assert_answered_by_both(slow).await;
    let (status, _) = terminal.ended(SOON).await;
    let said = terminal.stdout();
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("1 balancer had let go"), "{said}");
}

#[tokio::test]
async fn pid_1_reaps_orphans_and_passes_signals_and_the_exit_code_on() {
    let test = "pid_1_reaps_orphans_and_passes_signals_and_the_exit_code_on";
    let Some(unshare) = ring::tool("system", test, "unshare") else {
        return;
    };
    if !rustix::process::geteuid().is_root() {
        return ring::not_run("system", &format!("{test}: needs root"));
    }
    // Twenty orphans, then nobody but PID 1 and this shell, which looks without a process more.
    let script = "trap 'exit 9' USR1; for i in $(seq 20); do (sleep 0.1 & ); done; \
                  while set -- /proc/[0-9]*; [ $# -gt 2 ]; do sleep 0.02; done; \
                  echo alone beside $PPID; while :; do sleep 0.02; done";
    let member = bin::member();
    let line = "--pid --fork --mount-proc --kill-child MEMBER --gossip 127.0.0.1:0 \
                --seed 127.0.0.1:1 --http 1 -- sh -c SCRIPT"; // fixed port: nobody's
    let words = line.split_whitespace().map(|word| match word {
        "MEMBER" => member.to_str().unwrap(),
        "SCRIPT" => script,
        word => word,
    });
    let mut namespace = Process::start(&unshare, words);
    assert_eq!(namespace.printed("alone beside").await, "alone beside 1");
    let pid_1 = eventually("unshare has a child", async || namespace.child()).await;
    kill_process(pid_1, Signal::USR1).unwrap();
    let (status, _) = namespace.ended(SOON).await;
    assert_eq!(status.code(), Some(9), "{}", namespace.stderr());
}

/// A balancer, the webapp `s1` with a member beside it, and `w` with one around it.
struct Wrapped {
    cluster: Cluster,
    member: Member,
}

impl Wrapped {
    async fn start(flags: &str) -> Self {
        let cluster = Cluster::of(1).await;
        let (addr, webapp) = (own_port(), bin::webapp());
        let program = [webapp.to_str().unwrap(), "w", &addr.to_string()];
        let member = Member::around("w", addr, cluster.lb.gossip(), flags, &program);
        cluster.lb.until_up(&["s1", "w"]).await;
        Self { cluster, member }
    }

    async fn kill_app(&self) {
        let member = &self.member.process;
        let app = eventually("it has a child", async || member.child()).await;
        kill_process(app, Signal::KILL).unwrap();
    }

    async fn ended(&mut self) -> i32 {
        let (status, _) = self.member.process.ended(SOON).await;
        let code = status.code();
        code.unwrap_or_else(|| panic!("{status}: {}", self.member.process.stderr()))
    }
}

type Get = tokio::task::JoinHandle<Result<client::Answer, client::Failure>>;

/// A request at each of the two webapps, both at work on it.
async fn at_both(lb: &Lb, path: &'static str) -> [Get; 2] {
    let gets = [(); 2].map(|()| tokio::spawn(client::get(lb.addr(), path)));
    let busy = |row: Option<&Row>| row.is_some_and(|row| row.count("scur") == 1);
    lb.until("both are at work", |rows| {
        ["s1", "w"].iter().all(|name| busy(csv::server(rows, name)))
    })
    .await;
    gets
}

async fn assert_answered_by_both(gets: [Get; 2]) {
    let mut names = Vec::new();
    for get in gets {
        names.push(get.await.unwrap().unwrap().text());
    }
    names.sort();
    assert_eq!(names, ["s1", "w"]);
}

/// Around a program, with no balancer anywhere.
fn alone(flags: &str, program: &[&str]) -> Member {
    let nowhere = SocketAddr::from(([127, 7, 1, 2], 7373));
    Member::around("w", nowhere, nowhere, flags, program)
}
