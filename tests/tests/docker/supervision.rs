//! s6 in the webapp's container: what ends is started again, what cannot run stops the container,
//! and `docker stop` takes them down in order.

use std::time::Duration;

use e2e::client;
use e2e::deadline::eventually;
use e2e::docker::Lab;
use e2e::load::Load;

#[tokio::test]
async fn a_killed_webapp_is_back_and_no_get_was_lost() {
    let test = "a_killed_webapp_is_back_and_no_get_was_lost";
    let Some(lab) = Lab::with(test, &["s1", "s2"]).await else {
        return;
    };
    let load = Load::start(lab.addr(), 200);
    // As often as somebody may do it to see what happens: that must not stop the container.
    for turn in 1..=7 {
        lab.exec("s1", "s6-svc -k /services/node").await;
        lab.stats().until_up(&["s2"]).await;
        if turn < 3 {
            let back = lab.stats().until_up(&["s1", "s2"]).await;
            eprintln!("supervision: node killed, back in rotation after {back:?}");
        } else {
            // Whoever goes down that often is trusted later.
            eventually("it is well, and held out", async || {
                let told = lab.logs("ha").await;
                let held = told.matches("nodes/s1 is well, but went down too often");
                (held.count() == turn - 2).then_some(())
            })
            .await;
        }
    }
    load.stop().await.assert_clean();
}

#[tokio::test]
async fn a_killed_member_is_back_and_its_webapp_stays() {
    let test = "a_killed_member_is_back_and_its_webapp_stays";
    let Some(lab) = Lab::with(test, &["s1", "s2"]).await else {
        return;
    };
    let before = starts(&lab, "s1").await;
    let load = Load::start(lab.addr(), 200);
    load.another(100).await;
    lab.exec("s1", "s6-svc -k /services/member").await;
    eventually("the member is started again", async || {
        (starts(&lab, "s1").await > before).then_some(())
    })
    .await;
    lab.stats().until_up(&["s1", "s2"]).await;
    load.another(100).await;
    load.stop().await.assert_clean();
    let told = lab.logs("ha").await;
    assert!(!told.contains("nodes/s1 is DOWN"), "{told}");
}

#[tokio::test]
async fn the_member_leaves_before_the_webapp_is_told_to_stop() {
    let test = "the_member_leaves_before_the_webapp_is_told_to_stop";
    let Some(lab) = Lab::with(test, &["s1", "s2"]).await else {
        return;
    };
    // Slow enough that each webapp always has several requests.
    for _ in 0..2 {
        let slow = client::post(lab.addr(), "/delay", r#"{"delay": 100}"#).await;
        assert_eq!(slow.unwrap().status, 200);
    }
    let load = Load::start(lab.addr(), 100);
    load.another(50).await;
    let took = lab.tell("s1", "stop --time 30").await;
    load.another(50).await;
    load.stop().await.assert_clean();
    assert!(took < Duration::from_secs(15), "it was killed: {took:?}");
    assert_eq!(lab.inspect("s1", "/State/ExitCode").await, 0);
    let lines = lab.logs("s1").await;
    let at = |what: &str| {
        let line = lines.lines().position(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("no {what:?} in {lines}"))
    };
    assert!(at("left after") < at("webapp s1 stops"), "{lines}");
    assert!(lines.contains("1 balancer had let go"), "{lines}");
}

#[tokio::test]
async fn a_container_whose_services_cannot_run_stops() {
    let test = "a_container_whose_services_cannot_run_stops";
    let Some(lab) = Lab::open(test).await else {
        return;
    };
    // What is wrong, the exit code, and what is said of it.
    let check = async |options: &str, code: i32, said: &str| {
        lab.start("s1", options).await;
        lab.assert_ends("s1", code, said).await;
    };
    check(
        "--env RAGOT_WEIGHT=999",
        64,
        "expected a number from 0 to 256",
    )
    .await;
    check("--env PORT=99999", 1, "node: it ends again and again").await;
}

#[tokio::test]
async fn the_end_of_one_life_is_not_that_of_the_next() {
    let test = "the_end_of_one_life_is_not_that_of_the_next";
    let Some(lab) = Lab::open(test).await else {
        return;
    };
    lab.start("s1", "").await;
    // What finish leaves when a service can never run.
    let leave = "require('fs').writeFileSync('/run/exit-code','64\\n')";
    lab.exec("s1", &format!("node -e {leave}")).await;
    lab.tell("s1", "stop").await;
    assert_eq!(lab.inspect("s1", "/State/ExitCode").await, 64);
    lab.tell("s1", "start").await;
    lab.tell("s1", "stop").await;
    assert_eq!(lab.inspect("s1", "/State/ExitCode").await, 0);
}

/// How often the member of a container has been started.
async fn starts(lab: &Lab, name: &str) -> usize {
    lab.logs(name).await.matches(" gossips at ").count()
}
