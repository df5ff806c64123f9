//! The webapp's image without s6: a member around node is PID 1. It drains before it stops node, ends
//! or starts it again when it has died, gives its exit code on and leaves no zombies.

use std::time::Duration;

use e2e::client;
use e2e::deadline::{eventually, within};
use e2e::docker::{Lab, Mode, Plan, fill, roll};
use e2e::load::Load;

#[tokio::test]
async fn a_wrapped_webapp_is_stopped_after_its_last_request() {
    let test = "a_wrapped_webapp_is_stopped_after_its_last_request";
    let Some(lab) = with_wrapped(test, "").await else {
        return;
    };
    // Slow enough that each webapp always has several requests.
    for _ in 0..2 {
        let slow = client::post(lab.addr(), "/delay", r#"{"delay": 100}"#).await;
        assert_eq!(slow.unwrap().status, 200);
    }
    let load = Load::start(lab.addr(), 100);
    load.another(50).await;
    let took = lab.tell("s1", "stop").await;
    load.another(50).await;
    load.stop().await.assert_clean();
    assert!(took < Duration::from_secs(9), "it was killed: {took:?}");
    let lines = lab.logs("s1").await;
    assert_eq!(lab.inspect("s1", "/State/ExitCode").await, 0, "{lines}");
    let at = |what: &str| {
        let line = lines.lines().position(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("no {what:?} in {lines}"))
    };
    // Node and its member write to one stream each, and what both write within a few milliseconds
    // may be kept in either order.
    assert!(lines.contains("1 balancer had let go"), "{lines}");
    assert!(at("draining") < at("webapp s1 stops"), "{lines}");
    assert!(at("webapp s1 stops") < at("left after"), "{lines}");
}

#[tokio::test]
async fn a_container_ends_with_its_killed_webapp() {
    let test = "a_container_ends_with_its_killed_webapp";
    let Some(lab) = with_wrapped(test, "").await else {
        return;
    };
    let load = Load::start(lab.addr(), 200);
    load.another(40).await;
    kill_node(&lab).await;
    let ended = async || (lab.inspect("s1", "/State/Running").await == false).then_some(());
    within(Duration::from_secs(10), "it stops", ended).await;
    lab.stats().until_gone("s1").await;
    load.stop().await.assert_clean();
    let logs = lab.logs("s1").await;
    assert_eq!(lab.inspect("s1", "/State/ExitCode").await, 137, "{logs}");
    assert!(logs.contains("app was killed by SIGKILL"), "{logs}");
}

#[tokio::test]
async fn a_killed_webapp_is_started_again_if_asked_to() {
    let test = "a_killed_webapp_is_started_again_if_asked_to";
    let Some(lab) = with_wrapped(test, "--env RAGOT_RESTART=on-failure").await else {
        return;
    };
    let load = Load::start(lab.addr(), 200);
    for _ in 0..2 {
        load.another(40).await;
        kill_node(&lab).await;
        lab.stats().until_up(&["s2"]).await;
        let back = lab.stats().until_up(&["s1", "s2"]).await;
        eprintln!("wrapped: node killed, back in rotation after {back:?}");
    }
    load.stop().await.assert_clean();
    lab.tell("s1", "stop").await;
    assert_eq!(lab.inspect("s1", "/State/ExitCode").await, 0);
}

#[tokio::test]
async fn orphans_are_reaped_by_the_member() {
    let test = "orphans_are_reaped_by_the_member";
    let Some(lab) = with_wrapped(test, "").await else {
        return;
    };
    // Node ends before the one it has started.
    let script = "require('child_process').spawn('sleep',['0.3'],{detached:true}).unref()";
    for _ in 0..5 {
        lab.exec("s1", &format!("node -e {script}")).await;
    }
    let clean = async || {
        let processes = lab.processes("s1").await;
        (processes.lines().count() == 3 && !processes.contains("sleep")).then_some(())
    };
    eventually("member and node are alone", clean).await;
}

#[tokio::test]
async fn what_cannot_run_ends_the_container_with_a_code() {
    let test = "what_cannot_run_ends_the_container_with_a_code";
    let Some(lab) = Lab::open(test).await else {
        return;
    };
    let check = async |options: &str, code: i32, said: &str| {
        lab.start_wrapped("s1", options).await;
        lab.assert_ends("s1", code, said).await;
    };
    check(
        "--env RAGOT_WEIGHT=999",
        64,
        "expected a number from 0 to 256",
    )
    .await;
    check("--env PATH=/usr/local/bin", 127, "cannot start \"node\"").await;
    check("--env PORT=-1", 1, "app exited with 1").await;
}

/// `measure -- rolling` does the same a hundred times, as fast as the machine can.
#[tokio::test]
async fn rolling_restarts_lose_no_request_and_run_no_job_twice() {
    let test = "rolling_restarts_lose_no_request_and_run_no_job_twice";
    let plan = Plan {
        webapps: 3,
        restarts: 6,
        rate: 200,
        nth: 2,
    };
    for mode in [Mode::Wrapped, Mode::Beside] {
        let Some(lab) = Lab::open(test).await else {
            return;
        };
        fill(&lab, mode, plan.webapps).await;
        let rolled = roll(&lab, plan).await;
        eprintln!(
            "rolling, {mode:?}: {} requests, {} jobs, slowest {:?}",
            rolled.report.sent, rolled.begun, rolled.report.slowest
        );
        rolled.report.assert_clean();
        assert!(rolled.twice.is_empty(), "run twice: {:?}", rolled.twice);
        assert!(rolled.unknown.is_empty(), "lost: {:?}", rolled.unknown);
        assert_eq!(rolled.begun, rolled.report.jobs.len());
    }
}

/// A balancer, the wrapped webapp `s1`, and `s2` with a member beside it.
async fn with_wrapped(test: &str, options: &str) -> Option<Lab> {
    let lab = Lab::with(test, &["s2"]).await?;
    lab.start_wrapped("s1", options).await;
    lab.stats().until_up(&["s1", "s2"]).await;
    Some(lab)
}

async fn kill_node(lab: &Lab) {
    let logs = lab.logs("s1").await;
    let line = logs.lines().rfind(|line| line.contains("app started"));
    let pid = line.and_then(|line| line.rsplit(' ').next()).unwrap();
    lab.exec("s1", &format!("node -e process.kill({pid},9)"))
        .await;
}
