//! Started in every order: whoever comes last, all webapps are in the pool within three seconds,
//! and nobody gives up waiting.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

use e2e::backend::Backend;
use e2e::cluster::{Cluster, announce};
use e2e::dns::Dns;
use e2e::lb::Lb;
use e2e::member::Member;
use e2e::process::free_at;

#[tokio::test]
async fn members_first() {
    let gossip = free_at([127, 7, 0, 1]);
    let mut apps = announce(&NAMES, &gossip.to_string(), "").await;
    for (_, member) in &mut apps {
        member.process.said("no balancer answers").await;
    }
    let began = Instant::now();
    let lb = Lb::with(&format!("--gossip {gossip}")).await;
    all_in(&lb, &mut apps, began, "members first").await;
}

#[tokio::test]
async fn balancer_first() {
    let lb = Lb::start().await;
    let began = Instant::now();
    let mut apps = announce(&NAMES, &lb.gossip().to_string(), "").await;
    all_in(&lb, &mut apps, began, "balancer first").await;
}

#[tokio::test]
async fn balancer_killed_and_restarted_at_the_same_addresses() {
    let mut cluster = Cluster::of(3).await;
    cluster.lb.process.kill();
    let began = Instant::now();
    cluster.lb.restart().await;
    all_in(
        &cluster.lb,
        &mut cluster.apps,
        began,
        "balancer killed and restarted",
    )
    .await;
}

#[tokio::test]
async fn balancer_stopped_and_restarted_at_the_same_addresses() {
    let mut cluster = Cluster::of(3).await;
    assert_eq!(cluster.lb.stop().await, 0);
    let began = Instant::now();
    cluster.lb.restart().await;
    all_in(
        &cluster.lb,
        &mut cluster.apps,
        began,
        "balancer stopped and restarted",
    )
    .await;
}

#[tokio::test]
async fn balancer_replaced_at_another_address_behind_the_same_name() {
    let old = free_at([127, 7, 0, 2]);
    let new = SocketAddr::from(([127, 7, 0, 3], old.port()));
    let dns = Dns::start(Some(Ipv4Addr::new(127, 7, 0, 2))).await;
    let mut lb = Lb::with(&format!("--gossip {old}")).await;
    let seed = format!("ha.test:{}", old.port());
    let mut apps = announce(&NAMES, &seed, &format!("--resolver {}", dns.addr)).await;
    lb.until_up(&NAMES).await;

    lb.process.kill();
    dns.set(Some(Ipv4Addr::new(127, 7, 0, 3)));
    let began = Instant::now();
    let lb = Lb::with(&format!("--gossip {new}")).await;
    all_in(
        &lb,
        &mut apps,
        began,
        "balancer replaced at another address",
    )
    .await;
}

#[tokio::test]
async fn a_name_that_does_not_exist_yet_is_asked_for_again() {
    let gossip = free_at([127, 7, 0, 4]);
    let dns = Dns::start(None).await;
    let seed = format!("ha.test:{}", gossip.port());
    let mut apps = announce(&NAMES, &seed, &format!("--resolver {}", dns.addr)).await;
    for (_, member) in &mut apps {
        member.process.said("cannot resolve").await;
    }
    dns.set(Some(Ipv4Addr::new(127, 7, 0, 4)));
    let began = Instant::now();
    let lb = Lb::with(&format!("--gossip {gossip}")).await;
    all_in(&lb, &mut apps, began, "name first unknown").await;
}

#[tokio::test]
async fn two_balancers_know_the_same_members() {
    let mut first = Cluster::of(3).await;
    let began = Instant::now();
    let seed = first.lb.gossip();
    let second = Lb::with(&format!("--name hb --seed {seed}")).await;
    all_in(&second, &mut first.apps, began, "a second balancer").await;
    first.lb.until_up(&NAMES).await;
}

async fn all_in(lb: &Lb, apps: &mut [(Backend, Member)], began: Instant, order: &str) {
    lb.until_up(&NAMES).await;
    let took = began.elapsed();
    eprintln!("order: {order}: all in the pool {took:?} after the last start");
    assert!(took < Duration::from_secs(3), "{order}: {took:?}");
    assert!(
        apps.iter_mut()
            .all(|(_, member)| member.process.is_running())
    );
}

const NAMES: [&str; 3] = ["s1", "s2", "s3"];
