//! The rows of the table in ARCHITECTURE.md, "Who is believed", that need an operator, an exact
//! moment or less patience than two processes ask for: a balancer in process, told of its servers.

use std::time::Duration;

use e2e::backend::Backend;
use lb::pool::proof::Finding;
use lb::pool::view::{Admin, Shown};
use member::node::Word;
use member::snapshot::Presence;

use crate::told::{Mute, Told};

#[tokio::test]
async fn operator_maint() {
    let told = Told::of(2).await;
    assert!(
        told.balancer
            .operator()
            .set_state("nodes", "s1", Admin::Maint)
            .await
    );
    assert_eq!(told.shown("s1"), Some(Shown::Maint));
    assert_eq!(told.roll_call(4).await, ["s2"; 4]);
    // The operator outranks the server's own word, and its return to health.
    told.say("s1", Word::Down("ill".into()));
    told.say("s1", Word::Ready);
    assert_eq!(told.shown("s1"), Some(Shown::Maint));
    assert!(
        told.balancer
            .operator()
            .set_state("nodes", "s1", Admin::Ready)
            .await
    );
    told.until_up("s1").await;
}

#[tokio::test]
async fn operator_drain() {
    let told = Told::of(2).await;
    assert!(
        told.balancer
            .operator()
            .set_state("nodes", "s1", Admin::Drain)
            .await
    );
    assert_eq!(told.shown("s1"), Some(Shown::Drain));
    assert_eq!(told.roll_call(4).await, ["s2"; 4]);
    assert!(
        told.balancer
            .operator()
            .set_state("nodes", "s1", Admin::Ready)
            .await
    );
    told.until_up("s1").await;
}

#[tokio::test]
async fn an_operator_learns_that_there_is_no_such_server() {
    let told = Told::of(1).await;
    assert!(
        !told
            .balancer
            .operator()
            .set_state("nodes", "s9", Admin::Maint)
            .await
    );
    assert!(
        !told
            .balancer
            .operator()
            .set_state("other", "s1", Admin::Maint)
            .await
    );
}

#[tokio::test]
async fn word_ready_new_here_connect_failed() {
    let mut told = Told::of(1).await;
    let addr = Backend::http1("s2").await.stop().await;
    told.meet("s2", addr, None);
    told.until("s2", |view| matches!(view.shown, Shown::Down { .. }))
        .await;
    assert_eq!(told.finding("s2"), Some(Finding::L4Con));
    assert_eq!(told.roll_call(3).await, ["s1"; 3]);
    let _backend = Backend::at("s2", addr).await;
    told.until_up("s2").await;
}

#[tokio::test]
async fn ejected_a_request_met_refused_until_2_good_probes() {
    let mut told = Told::of(2).await;
    let addr = told.stop("s1").await;
    // The first request that meets it is answered all the same, and takes it out for all others.
    assert_eq!(told.roll_call(2).await, ["s2"; 2]);
    told.until("s1", |view| matches!(view.shown, Shown::Down { .. }))
        .await;
    assert_eq!(told.finding("s1"), Some(Finding::L4Con));
    told.start("s1", addr).await;
    told.until("s1", |view| {
        view.shown == Shown::Down { good: 1 } || view.shown.is_up()
    })
    .await;
    told.until_up("s1").await;
}

#[tokio::test]
async fn own_check_failed_3_times_until_2_good_checks() {
    let told = Told::of(2).await;
    told.backend("s1").set_health(500);
    told.until("s1", |view| view.shown == Shown::Up { left: 2 })
        .await;
    assert_eq!(told.finding("s1"), Some(Finding::L7Sts));
    told.until("s1", |view| view.shown == Shown::Down { good: 0 })
        .await;
    assert_eq!(told.roll_call(3).await, ["s2"; 3]);
    told.backend("s1").set_health(302);
    told.until("s1", |view| {
        view.shown == Shown::Down { good: 1 } || view.shown.is_up()
    })
    .await;
    told.until_up("s1").await;
}

#[tokio::test]
async fn silent_until_it_speaks() {
    let told = Told::of(1).await;
    told.hear("s1", Presence::Silent);
    told.until("s1", |view| view.silent && view.shown.is_up())
        .await;
    told.hear("s1", Presence::Live);
    told.until("s1", |view| !view.silent && view.shown.is_up())
        .await;
}

#[tokio::test]
async fn silent_and_a_probe_failed() {
    let mut told = Told::of(2).await;
    let addr = told.stop("s1").await;
    told.hear("s1", Presence::Silent);
    told.until("s1", |view| matches!(view.shown, Shown::Down { .. }))
        .await;
    told.until_forgotten("s1").await;
    // Only its own voice brings it back: that its port answers is not enough.
    told.start("s1", addr).await;
    told.hear("s1", Presence::Live);
    told.until_up("s1").await;
}

#[tokio::test]
async fn silent_and_a_request_failed() {
    let mut told = Told::of(2).await;
    told.hear("s1", Presence::Silent);
    told.until("s1", |view| view.silent && !view.checking).await;
    told.stop("s1").await;
    assert_eq!(told.roll_call(2).await, ["s2"; 2]);
    told.until_forgotten("s1").await;
}

#[tokio::test]
async fn losing_gossip_never_empties_the_pool() {
    let told = Told::of(2).await;
    told.hear("s1", Presence::Silent);
    told.hear("s2", Presence::Silent);
    told.until("s1", |view| view.silent).await;
    let told = told.without_gossip();
    assert_eq!(told.roll_call(4).await.len(), 4);
    assert!(told.shown("s1").unwrap().is_up() && told.shown("s2").unwrap().is_up());
}

#[tokio::test]
async fn an_attempt_still_connecting_is_abandoned_and_made_elsewhere() {
    let mut told = Told::of(1).await;
    // A backlog that is full: connects hang, as to a host that is gone.
    let mute = Mute::start().await;
    told.meet_up("s2", mute.addr).await;
    mute.fill().await;
    let get = told.get("/");
    let get = tokio::spawn(get);
    let other = tokio::spawn(told.get("/"));
    told.say("s2", Word::Draining);
    for get in [get, other] {
        let answer = tokio::time::timeout(Duration::from_secs(4), get).await;
        assert_eq!(answer.unwrap().unwrap(), (200, "s1".to_owned()));
    }
}
