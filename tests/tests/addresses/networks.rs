//! The same in networks of our own: hosts with IPv6 only, with two interfaces, with an address
//! that changes while everybody runs.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use e2e::client;
use e2e::csv;
use e2e::deadline::eventually;
use e2e::dns::Dns;
use e2e::lb::Lb;
use e2e::member::Member;
use e2e::netns::Net;
use e2e::stats::Stats;
use e2e::webapp::Webapp;

#[tokio::test]
async fn hosts_with_ipv6_only() {
    let Some(net) = Net::open("addresses: IPv6 only") else {
        return;
    };
    net.bridge("lan", &["fd00::fe/64"]);
    for (host, address) in [
        ("ha", "fd00::1/64"),
        ("s1", "fd00::11/64"),
        ("s2", "fd00::12/64"),
    ] {
        net.host_on("lan", host, &[address]);
    }
    let ip = "[fd00::1]";
    let flags = format!("--listen {ip}:0 --stats {ip}:0 --gossip [::]:0");
    let lb = Lb::of(&net.lb("ha"), &flags).await;
    let seed = format!("{ip}:{}", lb.gossip().port());
    let mut running = Vec::new();
    for name in ["s1", "s2"] {
        let webapp = Webapp::of(&net.webapp(name), name, "[::]:0").await;
        let mut member = beside(&net.member(name), &webapp, name, &seed, "");
        member.process.said("gossips at [fd00::1").await;
        running.push((webapp, member));
    }
    lb.until_up(&["s1", "s2"]).await;
    let mut names = [String::new(), String::new()];
    for name in &mut names {
        *name = client::get(lb.addr(), "/").await.unwrap().text();
    }
    names.sort();
    assert_eq!(names, ["s1", "s2"]);
}

#[tokio::test]
async fn of_several_interfaces_the_one_toward_the_seed_unless_said_otherwise() {
    let Some(net) = Net::open("addresses: several interfaces") else {
        return;
    };
    net.bridge("front", &["10.1.0.254/24"]);
    net.bridge("back", &["10.2.0.254/24"]);
    for (host, last) in [("ha", 1), ("s1", 11)] {
        net.host_on("front", host, &[&format!("10.1.0.{last}/24")]);
        net.plug(host, "eth1", "back", &[&format!("10.2.0.{last}/24")]);
    }
    let flags = "--listen 10.1.0.1:0 --stats 10.1.0.1:0 --gossip [::]:0";
    let lb = Lb::of(&net.lb("ha"), flags).await;
    let seed = format!("10.2.0.1:{}", lb.gossip().port());
    let webapp = Webapp::of(&net.webapp("s1"), "s1", "[::]:0").await;
    for (said, advertised) in [
        ("", "10.2.0.11"),
        ("--advertise iface:eth0", "10.1.0.11"),
        ("--advertise iface:eth1", "10.2.0.11"),
        ("--advertise cidr:10.1.0.0/16", "10.1.0.11"),
        ("--advertise cidr:10.0.0.0/8", "10.2.0.11"),
        ("--advertise 10.1.0.11", "10.1.0.11"),
    ] {
        let mut member = beside(&net.member("s1"), &webapp, "s1", &seed, said);
        let line = member.process.said("gossips at").await;
        assert!(
            line.contains(&format!("gossips at {advertised}:")),
            "{said}: {line}"
        );
        lb.until_up(&["s1"]).await;
        assert_eq!(client::get(lb.addr(), "/").await.unwrap().text(), "s1");
        assert_eq!(member.stop().await, 0);
        lb.until_gone("s1").await;
    }
    let mut member = beside(
        &net.member("s1"),
        &webapp,
        "s1",
        &seed,
        "--advertise iface:eth7",
    );
    let line = member.process.said("not heard by anybody").await;
    for candidate in ["10.1.0.11 on eth0", "10.2.0.11 on eth1"] {
        assert!(line.contains(candidate), "{line}");
    }
}

#[tokio::test]
async fn a_member_whose_address_changes_keeps_its_row() {
    let Some(net) = Net::open("addresses: a member moves") else {
        return;
    };
    net.bridge("lan", &["10.0.0.254/24"]);
    for (host, address) in [("ha", "10.0.0.1/24"), ("s1", "10.0.0.11/24")] {
        net.host_on("lan", host, &[address]);
    }
    let flags = "--listen 10.0.0.1:0 --stats 10.0.0.1:0 --gossip 10.0.0.1:0";
    let lb = Lb::of(&net.lb("ha"), flags).await;
    let webapp = Webapp::of(&net.webapp("s1"), "s1", "0.0.0.0:0").await;
    let seed = lb.gossip().to_string();
    let mut member = beside(&net.member("s1"), &webapp, "s1", &seed, "");
    lb.until_up(&["s1"]).await;
    for _ in 0..5 {
        assert_eq!(client::get(lb.addr(), "/").await.unwrap().text(), "s1");
    }
    let before = lb.server("s1").await.unwrap();

    net.at("s1", "addr delete 10.0.0.11/24 dev eth0");
    net.at("s1", "addr add 10.0.0.21/24 dev eth0");
    member.process.said("gossips at 10.0.0.21:").await;
    eventually("it serves at its new address", async || {
        let answer = client::get(lb.addr(), "/").await.ok()?;
        (answer.status == 200).then_some(())
    })
    .await;
    lb.until_up(&["s1"]).await;
    let after = lb.server("s1").await.unwrap();
    assert_eq!(before.get("sid"), after.get("sid"));
    assert!(after.count("stot") > before.count("stot"), "{after:?}");
    let rows = lb.rows().await;
    assert!(csv::server(&rows, "s1~2").is_none());
    assert_eq!(member.stop().await, 0);
    lb.until_gone("s1").await;
}

#[tokio::test]
async fn a_balancer_whose_address_changes_is_found_again() {
    let Some(net) = Net::open("addresses: a balancer moves") else {
        return;
    };
    net.bridge("lan", &["10.0.0.254/24"]);
    for (host, address) in [("ha", "10.0.0.1/24"), ("s1", "10.0.0.11/24")] {
        net.host_on("lan", host, &[address]);
    }
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let dns = Dns::of(address("10.0.0.254"), [address("10.0.0.1")]).await;
    let flags = "--listen 0.0.0.0:0 --stats 0.0.0.0:0 --gossip 0.0.0.0:0";
    let mut lb = Lb::of(&net.lb("ha"), flags).await;
    // A network that leads nowhere else: no default route tells which address is ours.
    lb.process.said("ha gossips at 10.0.0.1:").await;
    let at = |ip: &str, port: u16| SocketAddr::new(address(ip), port);
    let (stats, clients) = (lb.stats().port(), lb.addr().port());
    let webapp = Webapp::of(&net.webapp("s1"), "s1", "0.0.0.0:0").await;
    let seed = format!("ha.test:{}", lb.gossip().port());
    let flags = format!("--resolver {}", dns.addr);
    let mut member = beside(&net.member("s1"), &webapp, "s1", &seed, &flags);
    Stats::at(at("10.0.0.1", stats)).until_up(&["s1"]).await;

    net.at("ha", "addr delete 10.0.0.1/24 dev eth0");
    net.at("ha", "addr add 10.0.0.2/24 dev eth0");
    dns.set(Some([10, 0, 0, 2].into()));
    lb.process.said("ha gossips at 10.0.0.2:").await;
    Stats::at(at("10.0.0.2", stats)).until_up(&["s1"]).await;
    let answer = client::get(at("10.0.0.2", clients), "/").await.unwrap();
    assert_eq!(answer.text(), "s1");
    // And it is the new one that is told, and waited for.
    member
        .process
        .said("balancer ha is heard at 10.0.0.2:")
        .await;
    assert_eq!(member.stop().await, 0);
    let said = member.process.stderr();
    assert!(said.contains("1 balancer had let go"), "{said}");
}

/// A member beside a webapp that listens on every address of its host.
fn beside(program: &Path, webapp: &Webapp, name: &str, seed: &str, flags: &str) -> Member {
    let http = SocketAddr::from(([0, 0, 0, 0], webapp.addr.port()));
    Member::of(
        program,
        name,
        http,
        seed,
        &format!("--gossip [::]:0 {flags}"),
    )
}
