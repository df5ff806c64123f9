//! Ending: what is in flight is finished, within bounds; a second signal cuts it short.

use std::time::Duration;

use e2e::backend::Backend;
use e2e::client;
use e2e::cluster::Cluster;
use e2e::deadline::eventually;
use e2e::member::Member;
use rustix::process::Signal;
use tokio::task::JoinHandle;

type Get = JoinHandle<Result<client::Answer, client::Failure>>;

#[tokio::test]
async fn a_balancer_finishes_what_is_in_flight() {
    let mut cluster = Cluster::of(2).await;
    let slow = in_flight(&cluster, "/slow/800").await;
    cluster.lb.terminate();
    cluster.lb.process.said("stopping").await;
    refuses(&cluster).await;
    assert_eq!(slow.await.unwrap().unwrap().status, 200);
    assert_eq!(ended(&mut cluster, Duration::from_secs(5)).await, Some(0));
}

#[tokio::test]
async fn a_balancer_ends_at_once_when_nothing_is_in_flight() {
    let mut cluster = Cluster::of(1).await;
    let mut idle = client::KeepAlive::to(cluster.lb.addr()).await;
    idle.get("/").await.unwrap();
    cluster.lb.terminate();
    assert_eq!(ended(&mut cluster, Duration::from_secs(3)).await, Some(0));
}

#[tokio::test]
async fn the_drain_timeout_bounds_a_stop() {
    let mut cluster = Cluster::with(1, "--drain-timeout 300ms").await;
    let hang = in_flight(&cluster, "/hang").await;
    cluster.lb.terminate();
    assert_eq!(ended(&mut cluster, Duration::from_secs(5)).await, Some(0));
    assert!(
        cluster
            .lb
            .process
            .stderr()
            .contains("1 requests did not end in time")
    );
    assert!(hang.await.unwrap().is_err());
}

#[tokio::test]
async fn a_second_signal_ends_a_balancer_at_once() {
    let mut cluster = Cluster::of(1).await;
    let hang = in_flight(&cluster, "/hang").await;
    cluster.lb.terminate();
    cluster.lb.process.said("stopping").await;
    cluster.lb.process.signal(Signal::INT);
    assert_eq!(ended(&mut cluster, Duration::from_secs(3)).await, Some(130));
    assert!(hang.await.unwrap().is_err());
}

#[tokio::test]
async fn a_member_waits_for_what_its_webapp_has_in_flight() {
    let mut cluster = Cluster::of(2).await;
    let slow = in_flight(&cluster, "/slow/800").await;
    let (app, member) = cluster
        .apps
        .iter_mut()
        .find(|(app, _)| app.hits("/slow/800") == 1)
        .unwrap();
    assert_eq!(member.stop().await, 0);
    // It has ended only now that the request has.
    assert_eq!(slow.await.unwrap().unwrap().text(), app.name);
    assert!(member.process.stderr().contains("1 balancer had let go"));
}

#[tokio::test]
async fn the_drain_timeout_bounds_a_members_leave() {
    let mut cluster = Cluster::of(1).await;
    cluster.add("--drain-timeout 300ms").await;
    cluster.ready().await;
    let _hangs = [
        in_flight(&cluster, "/hang").await,
        in_flight(&cluster, "/hang").await,
    ];
    let member = &mut cluster.apps[1].1;
    member.process.signal(Signal::TERM);
    let (status, _) = member.process.ended(Duration::from_secs(4)).await;
    assert_eq!(status.code(), Some(0));
    assert!(
        member
            .process
            .stderr()
            .contains("still had 1 requests in flight")
    );
}

#[tokio::test]
async fn a_member_without_a_balancer_ends_quickly() {
    let backend = Backend::http1("s1").await;
    let nowhere = "127.7.1.1:7373".parse().unwrap();
    let mut member = Member::start("s1", backend.addr, nowhere);
    member.process.said("gossips at").await;
    member.process.signal(Signal::TERM);
    let (status, took) = member.process.ended(Duration::from_secs(3)).await;
    eprintln!("stop: a member without a balancer ended after {took:?}");
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_a_member_at_once() {
    let mut cluster = Cluster::of(1).await;
    let hang = in_flight(&cluster, "/hang").await;
    let member = &mut cluster.apps[0].1;
    member.process.signal(Signal::INT);
    member.process.said("draining").await;
    member.process.signal(Signal::TERM);
    let (status, _) = member.process.ended(Duration::from_secs(3)).await;
    assert_eq!(status.code(), Some(143));
    hang.abort();
}

/// A request that a webapp is at work on.
async fn in_flight(cluster: &Cluster, path: &'static str) -> Get {
    let before = cluster.hits(path);
    let get = tokio::spawn(client::get(cluster.lb.addr(), path));
    eventually("a webapp has it", async || {
        (cluster.hits(path) > before).then_some(())
    })
    .await;
    get
}

async fn refuses(cluster: &Cluster) {
    eventually("no new connections", async || {
        client::get(cluster.lb.addr(), "/").await.err()
    })
    .await;
}

async fn ended(cluster: &mut Cluster, limit: Duration) -> Option<i32> {
    cluster.lb.process.ended(limit).await.0.code()
}
