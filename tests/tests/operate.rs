//! Operating a running cluster: the commands of both binaries, and the control socket under them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::bin;
use e2e::client::{get, roll_call};
use e2e::cluster::Cluster;
use e2e::control::Control;
use e2e::deadline::{eventually, spread};
use e2e::member::Member;
use e2e::process::Process;
use rustix::process::Signal;
use serde_json::Value;

/// A balancer and two webapps, each with its control socket.
struct Operated {
    cluster: Cluster,
    lb: Control,
    s1: Control,
    s2: Control,
}

impl Operated {
    async fn new() -> Self {
        let [lb, s1, s2] = [Control::new(), Control::new(), Control::new()];
        let mut cluster = Cluster::with(0, &lb.flag()).await;
        cluster.add(&format!("--tag zone=a {}", s1.flag())).await;
        cluster.add(&s2.flag()).await;
        cluster.ready().await;
        Self {
            cluster,
            lb,
            s1,
            s2,
        }
    }

    fn member(&mut self, number: usize) -> &mut Process {
        &mut self.cluster.apps[number - 1].1.process
    }

    /// Waits until the list at `control` says `status` of `name`.
    async fn until_listed(&self, control: &Control, name: &str, status: &str) {
        let request = format!(r#"{{"command":"list","name":"{name}","status":"{status}"}}"#);
        let what = format!("{name} is {status}");
        eventually(what, async || {
            let listed = control.ask(&request).await;
            (listed["members"].as_array().unwrap().len() == 1).then_some(())
        })
        .await;
    }
}

async fn lb(line: &str, control: &Control) -> (i32, String, String) {
    control.run(&bin::lb(), line).await
}

async fn member(line: &str, control: &Control) -> (i32, String, String) {
    control.run(&bin::member(), line).await
}

async fn done(program: &Path, line: &str, control: &Control) -> String {
    control.done(program, line).await
}

fn names(out: &str) -> Vec<String> {
    let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    out.lines().filter(|l| !l.is_empty()).map(first).collect()
}

#[tokio::test]
async fn everybody_lists_the_same_and_filters_as_serf_does() {
    let it = Operated::new().await;
    it.until_listed(&it.s1, "s2", "alive").await;
    it.until_listed(&it.s2, "s1", "alive").await;
    for (program, command, control) in [
        (bin::lb(), "members", &it.lb),
        (bin::member(), "list", &it.s1),
        (bin::member(), "members", &it.s2),
    ] {
        let list = async |flags: &str| {
            let out = done(&program, &format!("{command} {flags}"), control).await;
            names(&out)
        };
        assert_eq!(list("").await, ["ha", "s1", "s2"]);
        assert_eq!(list("--status alive").await, ["ha", "s1", "s2"]);
        assert_eq!(list("--status aliv").await, [""; 0]);
        assert_eq!(list("--status left|failed").await, [""; 0]);
        assert_eq!(list("--name s.").await, ["s1", "s2"]);
        assert_eq!(list("--name s").await, [""; 0]);
        assert_eq!(list("--role balancer").await, ["ha"]);
        assert_eq!(list("--tag zone=[ab]").await, ["s1"]);
        assert_eq!(list("--tag zone=b").await, [""; 0]);
        let (code, out, err) = control
            .run(&program, &format!("{command} --status ("))
            .await;
        assert_eq!((code, &*out), (64, ""));
        let expected = "--status \"(\": expected a regular expression";
        assert!(err.contains(expected), "{err}");
    }
    let out = done(&bin::lb(), "members", &it.lb).await;
    let line = out.lines().find(|line| line.starts_with("s1 ")).unwrap();
    assert!(line.ends_with("  alive  role=backend,zone=a"), "{out}");
    let out = done(&bin::lb(), "members --detailed --name s1", &it.lb).await;
    let http = it.cluster.app(1).addr;
    for part in [
        "  Protocol Version: 1  Available Protocol Range: [1, 1]  Generation: ",
        &format!("  State: ready  Service: nodes  HTTP: {http}  "),
    ] {
        assert!(out.contains(part), "{out}");
    }
}

#[tokio::test]
async fn json_is_serfs_with_more_fields() {
    let it = Operated::new().await;
    let out = done(&bin::lb(), "members --format json --name s1", &it.lb).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    let s1 = &json["members"][0];
    let addr = s1["addr"].as_str().unwrap();
    assert_eq!(addr.rsplit(':').next().unwrap(), s1["port"].to_string());
    assert_eq!(
        s1["tags"],
        serde_json::json!({"role": "backend", "zone": "a"})
    );
    assert_eq!(
        s1["protocol"],
        serde_json::json!({"max": 1, "min": 1, "version": 1})
    );
    for (field, value) in [
        ("name", "s1"),
        ("status", "alive"),
        ("state", "ready"),
        ("presence", "live"),
        ("service", "nodes"),
    ] {
        assert_eq!(s1[field], value, "{out}");
    }
    assert_eq!(s1["http"], it.cluster.app(1).addr.to_string());
    assert_eq!(s1["weight"], 1);
    assert!(s1["generation"].as_u64().unwrap() > 0 && s1["last_heartbeat_ms"].is_u64());
    // Ourselves we do not hear.
    let own = it.lb.ask(r#"{"command":"list","name":"ha"}"#).await;
    assert!(own["members"][0]["last_heartbeat_ms"].is_null());
    let info = done(&bin::lb(), "info --format json", &it.lb).await;
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["agent"]["name"], "ha");
    assert_eq!(info["agent"]["clients"], it.cluster.lb.addr().to_string());
    assert_eq!(info["cluster"]["alive"], "3");
    assert_eq!(info["gossip"]["lives"], "1");
    assert_eq!(info["gossip"]["encrypted"], "false");
    assert_eq!(info["pool nodes"]["in_rotation"], "2");
    let text = done(&bin::member(), "info", &it.s1).await;
    for line in [
        "agent:\n",
        "\tname = s1\n",
        "\tstate = ready\n",
        "\tbalancers_heard = 1\n",
        "tags:\n\tzone = a\n",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
}

#[tokio::test]
async fn a_monitor_sees_who_comes_changes_and_goes() {
    let mut it = Operated::new().await;
    let path = it.lb.path();
    let args = [
        "monitor",
        "--log-level",
        "info",
        "--control",
        path.to_str().unwrap(),
    ];
    let monitor = Process::start(&bin::lb(), args);
    let mut json = it.lb.open(r#"{"command":"monitor"}"#).await;
    json.until(|line| line["monitoring"]["time"].is_u64()).await;
    // The other does not print that it listens.
    eventually("the monitor listens", async || {
        let (code, ..) = member("tags --set at=once", &it.s1).await;
        assert_eq!(code, 0);
        let (code, ..) = member("tags --delete at", &it.s1).await;
        assert_eq!(code, 0);
        monitor.stdout().contains("member-update: s1").then_some(())
    })
    .await;
    it.cluster.add("--tag zone=b").await;
    let joined = monitor.printed("member-join: s3").await;
    assert!(joined.ends_with("role=backend,zone=b"), "{joined}");
    let event = json
        .until(|line| line["event"]["event"] == "member-join")
        .await;
    assert_eq!(event["event"]["member"]["name"], "s3");
    assert!(event["event"]["time"].as_u64().unwrap() > 0);
    monitor.printed("INFO Server nodes/s3 is UP").await;
    it.cluster.apps[2].1.stop().await;
    let left = monitor.printed("member-leave: s3").await;
    assert!(left.contains(" left, weight 1"), "{left}");
    it.member(2).kill();
    monitor.printed("member-failed: s2").await;
    json.until(|line| line["event"]["event"] == "member-leave")
        .await;
    json.until(|line| line["event"]["event"] == "member-failed")
        .await;
    let (code, _, err) = lb("monitor --log-level loud", &it.lb).await;
    let expected = "--log-level \"loud\": expected error,";
    assert!(code == 64 && err.contains(expected), "{code}: {err}");
}

#[tokio::test]
async fn a_drain_waits_for_what_is_in_flight_and_ready_ends_it() {
    let mut it = Operated::new().await;
    let addr = it.cluster.lb.addr();
    // In turn, so one of the two is at s1.
    let slow = [(); 2].map(|()| tokio::spawn(async move { get(addr, "/slow/1500").await }));
    eventually("both have one", async || {
        let info = it.lb.ask(r#"{"command":"info"}"#).await;
        (info["info"]["pool nodes"]["requests_in_flight"] == "2").then_some(())
    })
    .await;
    let path = it.s1.path();
    let args = ["drain", "--control", path.to_str().unwrap()];
    let mut drain = Process::start(&bin::member(), args);
    drain.printed("ha: 1 request in flight").await;
    assert!(drain.is_running());
    it.until_listed(&it.lb, "s1", "leaving").await;
    assert_eq!(roll_call(addr, 3).await, ["s2", "s2", "s2"]);
    let (status, _) = drain.ended(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0), "{}", drain.stderr());
    let told = drain.stdout();
    let told: Vec<_> = told.lines().collect();
    let end = &told[told.len() - 2..];
    assert_eq!(end[0], "ha: released", "{told:?}");
    assert!(end[1].starts_with("drained in "), "{told:?}");
    assert!(end[1].ends_with("1 balancer has let go"), "{told:?}");
    for answer in slow {
        assert_eq!(answer.await.unwrap().unwrap().status, 200);
    }
    assert!(it.member(1).is_running());
    assert_eq!(
        it.cluster.lb.server("s1").await.unwrap().get("status"),
        "DRAIN"
    );
    assert_eq!(roll_call(addr, 3).await, ["s2", "s2", "s2"]);
    // A second time it has nothing to wait for; then back, out, and back.
    for _ in 0..2 {
        assert_eq!(done(&bin::member(), "ready", &it.s1).await, "ready\n");
        it.cluster.lb.until_up(&["s1", "s2"]).await;
        let all = roll_call(addr, 4).await;
        assert!(all.contains(&"s1".to_owned()), "{all:?}");
        done(&bin::member(), "drain", &it.s1).await;
        assert_eq!(roll_call(addr, 2).await, ["s2", "s2"]);
    }
    assert_eq!(it.member(1).stderr().matches("on duty again").count(), 2);
}

#[tokio::test]
async fn a_drain_that_takes_too_long_says_who_holds_what() {
    let it = Operated::new().await;
    let addr = it.cluster.lb.addr();
    let slow = [(); 2].map(|()| tokio::spawn(async move { get(addr, "/slow/3000").await }));
    eventually("both have one", async || {
        let info = it.lb.ask(r#"{"command":"info"}"#).await;
        (info["info"]["pool nodes"]["requests_in_flight"] == "2").then_some(())
    })
    .await;
    let (code, _, err) = member("drain --timeout 300ms", &it.s1).await;
    assert_eq!(code, 1);
    assert!(err.contains("not drained within 3"), "{err}");
    assert!(err.contains("ha: 1 request in flight"), "{err}");
    for answer in slow {
        assert_eq!(answer.await.unwrap().unwrap().status, 200);
    }
}

#[tokio::test]
async fn ready_says_so_when_the_webapp_does_not_answer() {
    let mut it = Operated::new().await;
    done(&bin::member(), "drain", &it.s1).await;
    let (app, member_of_s1) = it.cluster.apps.remove(0);
    let addr = app.stop().await;
    let (code, _, err) = member("ready --timeout 300ms", &it.s1).await;
    assert_eq!(code, 1);
    assert!(
        err.contains("the webapp does not answer its probe"),
        "{err}"
    );
    let _app = e2e::backend::Backend::at("s1", addr).await;
    it.cluster.lb.until_up(&["s1", "s2"]).await;
    drop(member_of_s1);
}

#[tokio::test]
async fn a_weight_shifts_the_rotation_without_a_new_life() {
    let it = Operated::new().await;
    let life = it.lb.ask(r#"{"command":"list","name":"s1"}"#).await;
    assert_eq!(
        done(&bin::member(), "weight 3", &it.s1).await,
        "weight is 3\n"
    );
    eventually("the balancer has it", async || {
        let row = it.cluster.lb.server("s1").await.unwrap();
        (row.get("weight") == "3").then_some(())
    })
    .await;
    let mut shares = BTreeMap::<String, usize>::new();
    for name in roll_call(it.cluster.lb.addr(), 8).await {
        *shares.entry(name).or_default() += 1;
    }
    assert_eq!(shares, [("s1".to_owned(), 6), ("s2".to_owned(), 2)].into());
    let after = it.lb.ask(r#"{"command":"list","name":"s1"}"#).await;
    assert_eq!(
        life["members"][0]["generation"],
        after["members"][0]["generation"]
    );
    let (code, _, err) = member("weight 257", &it.s1).await;
    assert_eq!(code, 64);
    assert!(err.contains("a number from 0 to 256"), "{err}");
    let wrong = it.s1.ask(r#"{"command":"weight","weight":257}"#).await;
    assert!(wrong["error"].as_str().unwrap().contains("from 0 to 256"));
    let (code, ..) = member("weight 0", &it.s1).await;
    assert_eq!(code, 0);
    eventually("s1 has no share", async || {
        let all = roll_call(it.cluster.lb.addr(), 4).await;
        all.iter().all(|name| name == "s2").then_some(())
    })
    .await;
}

#[tokio::test]
async fn tags_change_while_it_runs() {
    let it = Operated::new().await;
    let set = "tags --set color=red --set zone=b";
    assert_eq!(done(&bin::member(), set, &it.s1).await, "tags changed\n");
    let listed = async |tag: &str| {
        eventually(tag.to_owned(), async || {
            let out = done(&bin::lb(), &format!("members --tag {tag}"), &it.lb).await;
            (names(&out) == ["s1"]).then_some(out)
        })
        .await
    };
    let out = listed("zone=b").await;
    assert!(out.ends_with("  color=red,role=backend,zone=b\n"), "{out}");
    done(&bin::member(), "tags --delete color --set zone=c", &it.s1).await;
    let out = listed("zone=c").await;
    assert!(out.ends_with("  role=backend,zone=c\n"), "{out}");
    done(&bin::lb(), "tags --set site=north", &it.lb).await;
    let own = it.lb.ask(r#"{"command":"list","name":"ha"}"#).await;
    assert_eq!(own["members"][0]["tags"]["site"], "north");
    for line in ["tags --set a=b --delete a", "tags", "tags --set ab"] {
        let (code, _, err) = member(line, &it.s1).await;
        assert!(code == 64 && err.starts_with("member: "), "{line}: {err}");
    }
    let too_much: BTreeMap<String, &str> = (0..40).map(|n| (format!("t{n}"), "x")).collect();
    let set = serde_json::to_string(&too_much).unwrap();
    let request = format!(r#"{{"command":"tags","set":{set}}}"#);
    let refused = it.s1.ask(&request).await;
    assert!(
        refused["error"]
            .as_str()
            .unwrap()
            .contains("more than 32 entries"),
        "{refused}"
    );
}

/// Each of them, and prints how long from the command to the balancer's event; that no round is waited for is
/// `a_word_does_not_wait_for_a_gossip_round`.
#[tokio::test]
async fn every_change_reaches_the_balancer() {
    let it = Operated::new().await;
    let mut events = it.lb.open(r#"{"command":"monitor"}"#).await;
    events
        .until(|line| line["monitoring"]["time"].is_u64())
        .await;
    let mut times = Vec::new();
    for weight in 10..60 {
        let began = Instant::now();
        let request = format!(r#"{{"command":"weight","weight":{weight}}}"#);
        assert!(it.s1.ask(&request).await["done"].is_string());
        events
            .until(|line| line["event"]["member"]["weight"] == weight)
            .await;
        times.push(began.elapsed());
    }
    println!(
        "from the command to the balancer's event: {}",
        spread(&times)
    );
}

#[tokio::test]
async fn a_silent_node_is_evicted_everywhere_and_comes_back() {
    let mut it = Operated::new().await;
    let nothing = lb("evict s1", &it.lb).await;
    assert_eq!(nothing.0, 1);
    assert!(
        nothing.2.contains("`s1` is alive: drain it instead"),
        "{nothing:?}"
    );
    let unknown = member("evict s9", &it.s1).await;
    assert_eq!(unknown.0, 1);
    assert!(unknown.2.contains("no node is called `s9`"), "{unknown:?}");
    let oneself = member("evict s1", &it.s1).await;
    assert_eq!(oneself.0, 1);
    assert!(
        oneself.2.contains("`s1` is this node itself"),
        "{oneself:?}"
    );

    it.member(2).kill();
    it.until_listed(&it.lb, "s2", "failed").await;
    it.until_listed(&it.s1, "s2", "failed").await;
    // Its webapp answers still: silence alone takes nobody out of the pool.
    assert_eq!(
        it.cluster.lb.server("s2").await.unwrap().get("status"),
        "UP"
    );
    let out = done(&bin::member(), "evict s2", &it.s1).await;
    assert_eq!(out, "`s2` counts as left\n");
    it.until_listed(&it.s1, "s2", "left").await;
    it.until_listed(&it.lb, "s2", "left").await;
    it.cluster.lb.until_gone("s2").await;
    let again = lb("evict s2", &it.lb).await;
    assert!(again.2.contains("`s2` has left already"), "{again:?}");

    let (addr, seed) = (it.cluster.app(2).addr, it.cluster.lb.gossip());
    it.cluster.apps[1].1 = Member::start("s2", addr, seed);
    it.until_listed(&it.lb, "s2", "alive").await;
    it.cluster.lb.until_up(&["s1", "s2"]).await;
}

#[tokio::test]
async fn one_that_speaks_after_all_is_believed_again() {
    let mut it = Operated::new().await;
    it.member(2).signal(Signal::STOP);
    it.until_listed(&it.lb, "s2", "failed").await;
    done(&bin::lb(), "evict s2", &it.lb).await;
    it.until_listed(&it.lb, "s2", "left").await;
    it.until_listed(&it.s1, "s2", "left").await;
    it.cluster.lb.until_gone("s2").await;
    it.member(2).signal(Signal::CONT);
    it.until_listed(&it.lb, "s2", "alive").await;
    it.until_listed(&it.s1, "s2", "alive").await;
    it.cluster.lb.until_up(&["s1", "s2"]).await;
}

#[tokio::test]
async fn leave_drains_and_ends_the_process() {
    let mut it = Operated::new().await;
    let out = done(&bin::member(), "leave", &it.s1).await;
    assert!(out.contains("left in "), "{out}");
    let (status, _) = it.member(1).ended(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0));
    assert!(!it.s1.path().exists());
    it.until_listed(&it.lb, "s1", "left").await;
    it.cluster.lb.until_gone("s1").await;
    let (code, _, err) = lb("evict s1", &it.lb).await;
    assert_eq!(code, 1, "{err}");
    let wrong = it.lb.ask(r#"{"command":"leave"}"#).await;
    assert!(wrong["error"].as_str().unwrap().contains("SIGTERM"));
    let wrong = it.lb.ask(r#"{"command":"drain"}"#).await;
    assert!(wrong["error"].as_str().unwrap().contains("has no webapp"));
}
