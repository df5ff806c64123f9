//! Several balancers of one cluster: what members say reaches all of them, what one of them finds
//! stays its own, and the death of one is nobody else's.

use std::time::Duration;

use e2e::backend::Backend;
use e2e::client;
use e2e::cluster::Cluster;
use e2e::csv;
use e2e::deadline::eventually;
use e2e::lb::Lb;
use e2e::load::Load;
use e2e::member::Member;
use e2e::netns::Net;
use e2e::process::free_at;
use e2e::webapp::Webapp;
use rustix::process::Signal;

#[tokio::test]
async fn each_others_seeds_know_all_members_whoever_those_name() {
    let [one, two] = [11, 12].map(|last| free_at([127, 7, 2, last]));
    let ha = Lb::with(&format!("--name ha --gossip {one} --seed {two}")).await;
    let hb = Lb::with(&format!("--name hb --gossip {two} --seed {one}")).await;
    let backends = [Backend::http1("s1").await, Backend::http1("s2").await];
    let _members = [
        Member::start("s1", backends[0].addr, one),
        Member::start("s2", backends[1].addr, two),
    ];
    ha.until_up(&["s1", "s2"]).await;
    hb.until_up(&["s1", "s2"]).await;
}

#[tokio::test]
async fn a_dead_first_seed_keeps_nobody_from_the_second() {
    let ha = Lb::start().await;
    let hb = Lb::with(&format!("--name hb --seed {}", ha.gossip())).await;
    let backend = Backend::http1("s1").await;
    let dead = free_at([127, 7, 2, 13]);
    // A name that cannot be resolved is no better.
    let seeds = format!("--seed nowhere.invalid --seed {}", ha.gossip());
    let _member = Member::with("s1", backend.addr, &dead.to_string(), &seeds);
    let took = ha.until_up(&["s1"]).await;
    hb.until_up(&["s1"]).await;
    eprintln!("several: past a dead seed and a wrong one in {took:?}");
}

#[tokio::test]
async fn a_drain_waits_for_both_balancers() {
    let (mut cluster, hb) = two_balancers(2).await;
    // In flight at the one that the members were not told of.
    let addr = hb.addr();
    let slow = tokio::spawn(async move { client::get(addr, "/slow/1200").await });
    eventually("a webapp has it", async || {
        (cluster.hits("/slow/1200") == 1).then_some(())
    })
    .await;
    let busy = cluster.apps.iter_mut();
    let mut busy = busy.filter(|(app, _)| app.hits("/slow/1200") == 1);
    let (app, member) = busy.next().unwrap();
    assert_eq!(member.stop().await, 0);
    // It has ended only now that the request has.
    assert_eq!(slow.await.unwrap().unwrap().text(), app.name);
    let said = member.process.stderr();
    assert!(said.contains("2 balancers had let go"), "{said}");
}

#[tokio::test]
async fn a_balancers_death_is_not_felt_by_the_other_nor_by_who_leaves() {
    let (mut cluster, hb) = two_balancers(3).await;
    let load = Load::start(hb.addr(), 200);
    load.another(40).await;
    cluster.lb.process.kill();
    load.another(40).await;
    // At once, while its death is still unknown: it is waited for no longer than it is heard.
    let (_, member) = &mut cluster.apps[0];
    member.process.signal(Signal::TERM);
    let (status, took) = member.process.ended(Duration::from_secs(20)).await;
    eprintln!("several: beside a balancer just killed, a member left in {took:?}");
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(6), "{took:?}");
    // Later, when it is known.
    load.another(200).await;
    let (_, member) = &mut cluster.apps[1];
    member.process.signal(Signal::TERM);
    let (_, took) = member.process.ended(Duration::from_secs(20)).await;
    eprintln!("several: beside a balancer long dead, a member left in {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    hb.until_up(&["s3"]).await;
    load.stop().await.assert_clean();
}

#[tokio::test]
async fn a_balancer_that_comes_back_is_told_all_by_the_other() {
    let (mut cluster, hb) = two_balancers(3).await;
    cluster.lb.process.kill();
    hb.until_up(&["s1", "s2", "s3"]).await;
    cluster.lb.restart().await;
    cluster.ready().await;
    hb.until_up(&["s1", "s2", "s3"]).await;
}

/// One balancer is cut off from a server's port, not from its member's gossip.
#[tokio::test]
async fn what_one_balancer_cannot_reach_the_other_keeps() {
    let Some(net) = Net::open("several: ejections stay local") else {
        return;
    };
    net.bridge("lan", &["10.0.0.254/24"]);
    for (host, addresses) in [
        ("ha", &["10.0.0.1/24"][..]),
        ("hb", &["10.0.0.2/24"]),
        // Gossip at the one address, the webapp at the other.
        ("s1", &["10.0.0.11/24", "10.0.0.111/24"]),
        ("s2", &["10.0.0.12/24"]),
    ] {
        net.host_on("lan", host, addresses);
    }
    let listen = |ip: &str| format!("--listen {ip}:0 --stats {ip}:0 --gossip {ip}:0");
    let ha = Lb::of(&net.lb("ha"), &listen("10.0.0.1")).await;
    let seed = ha.gossip().to_string();
    let flags = format!("{} --name hb --seed {seed}", listen("10.0.0.2"));
    let hb = Lb::of(&net.lb("hb"), &flags).await;
    let mut running = Vec::new();
    for (name, gossip, http) in [
        ("s1", "10.0.0.11:0", "10.0.0.111:0"),
        ("s2", "10.0.0.12:0", "10.0.0.12:0"),
    ] {
        let webapp = Webapp::of(&net.webapp(name), name, http).await;
        let flags = format!("--gossip {gossip}");
        let member = Member::of(&net.member(name), name, webapp.addr, &seed, &flags);
        running.push((webapp, member));
    }
    ha.until_up(&["s1", "s2"]).await;
    hb.until_up(&["s1", "s2"]).await;

    net.at("hb", "route add unreachable 10.0.0.111/32");
    for _ in 0..8 {
        // Whoever it can reach answers in place of whom it cannot.
        assert_eq!(client::get(hb.addr(), "/").await.unwrap().text(), "s2");
    }
    let row = hb.until_status("s1", "DOWN").await;
    assert!(!row.get("last_chk").contains("silent"), "{row:?}");
    let rows = ha.rows().await;
    assert_eq!(csv::up(&rows), ["s1", "s2"]);
    let row = csv::server(&rows, "s1").unwrap();
    assert_eq!((row.get("chkfail"), row.get("chkdown")), ("0", "0"));
    assert!(!ha.process.stderr().contains("DOWN"));

    net.at("hb", "route delete unreachable 10.0.0.111/32");
    hb.until_up(&["s1", "s2"]).await;
}

/// As when a host's address was another cluster's yesterday, and somebody there still seeds at it.
#[tokio::test]
async fn another_cluster_is_not_heard() {
    let mut it = Cluster::of(1).await;
    let backend = Backend::http1("stray").await;
    let seed = it.lb.gossip().to_string();
    let mut stray = Member::with("stray", backend.addr, &seed, "--cluster yesterday");
    let why = "is of cluster \"yesterday\", not of ours (--cluster): it is not heard";
    it.lb.process.said(why).await;
    stray.process.said("no balancer answers").await;
    // Whoever comes after it is in the pool.
    it.add("").await;
    it.ready().await;
    assert!(it.lb.server("stray").await.is_none());
}

/// A cluster of balancer `ha` and so many webapps, and `hb` beside it, which knows them all.
async fn two_balancers(count: usize) -> (Cluster, Lb) {
    let cluster = Cluster::of(count).await;
    let seed = cluster.lb.gossip();
    let hb = Lb::with(&format!("--name hb --seed {seed}")).await;
    let names: Vec<_> = cluster
        .apps
        .iter()
        .map(|(app, _)| app.name.as_str())
        .collect();
    hb.until_up(&names).await;
    eventually("all members hear both", async || {
        let heard = |member: &Member| {
            let said = member.process.stderr();
            said.contains("balancer ha is heard") && said.contains("balancer hb is heard")
        };
        let mut members = cluster.apps.iter().map(|(_, member)| member);
        members.all(heard).then_some(())
    })
    .await;
    (cluster, hb)
}
