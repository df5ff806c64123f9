//! Where nodes are found and what they tell others to find them at: names with several addresses,
//! both versions of IP, several interfaces, addresses that change, names and clocks that clash.
//! What needs networks of its own is in a module of its own, of the system ring.

mod networks;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::backend::Backend;
use e2e::client;
use e2e::csv;
use e2e::deadline::{eventually, within};
use e2e::dns::Dns;
use e2e::folder::Folder;
use e2e::lb::Lb;
use e2e::member::Member;

#[tokio::test]
async fn of_a_names_several_addresses_the_dead_ones_are_no_harm() {
    let (here, dead) = ([127, 7, 3, 1], [127, 7, 3, 2]);
    let lb = Lb::with("--gossip 127.7.3.1:0").await;
    let addresses = [
        IpAddr::from(dead),
        IpAddr::from(here),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ];
    let dns = Dns::of(Ipv4Addr::LOCALHOST.into(), addresses).await;
    let backend = Backend::http1("s1").await;
    let seed = format!("ha.test:{}", lb.gossip().port());
    // Over either version of IP, and over both.
    let flags = format!("--resolver {} --gossip [::]:0", dns.addr);
    let _member = Member::with("s1", backend.addr, &seed, &flags);
    let took = lb.until_up(&["s1"]).await;
    eprintln!("addresses: past two dead addresses of a name in {took:?}");
}

#[tokio::test]
async fn ipv6_alone() {
    let lb = Lb::with("--listen [::1]:0 --stats [::1]:0 --gossip [::1]:0").await;
    let dns = Dns::of(Ipv4Addr::LOCALHOST.into(), [Ipv6Addr::LOCALHOST.into()]).await;
    let backends = [
        Backend::at("s1", (Ipv6Addr::LOCALHOST, 0).into()).await,
        Backend::at("s2", (Ipv6Addr::LOCALHOST, 0).into()).await,
    ];
    let named = format!("ha.test:{}", lb.gossip().port());
    let flags = format!("--gossip [::1]:0 --resolver {}", dns.addr);
    let literal = lb.gossip().to_string();
    let _members = [
        Member::with("s1", backends[0].addr, &literal, "--gossip [::1]:0"),
        Member::with("s2", backends[1].addr, &named, &flags),
    ];
    lb.until_up(&["s1", "s2"]).await;
    for _ in 0..2 {
        assert_eq!(client::get(lb.addr(), "/").await.unwrap().status, 200);
    }
    assert_eq!([backends[0].hits("/"), backends[1].hits("/")], [1, 1]);
}

#[tokio::test]
async fn members_of_either_ip_version_meet_at_one_balancer() {
    let lb = Lb::with("--gossip [::]:0").await;
    let port = lb.gossip().port();
    let over_v6 = Backend::at("s6", (Ipv6Addr::LOCALHOST, 0).into()).await;
    let over_v4 = Backend::http1("s4").await;
    let over_both = Backend::http1("s46").await;
    let _members = [
        Member::with(
            "s6",
            over_v6.addr,
            &format!("[::1]:{port}"),
            "--gossip [::1]:0",
        ),
        Member::with("s4", over_v4.addr, &format!("127.0.0.1:{port}"), ""),
        Member::with(
            "s46",
            over_both.addr,
            &format!("[::1]:{port}"),
            "--gossip [::]:0",
        ),
    ];
    lb.until_up(&["s4", "s46", "s6"]).await;
}

#[tokio::test]
async fn two_nodes_of_one_name_are_both_served_and_warned_about_once() {
    let lb = Lb::start().await;
    let twins = [Backend::http1("s1").await, Backend::http1("s1").await];
    let _first = Member::start("s1", twins[0].addr, lb.gossip());
    lb.until_up(&["s1"]).await;
    let mut second = Member::start("s1", twins[1].addr, lb.gossip());
    lb.until_up(&["s1", "s1~2"]).await;
    for _ in 0..4 {
        client::get(lb.addr(), "/").await.unwrap();
    }
    assert_eq!([twins[0].hits("/"), twins[1].hits("/")], [2, 2]);
    let warned = || {
        let said = lb.process.stderr();
        said.matches("warning: two live nodes are named s1").count()
    };
    assert_eq!(warned(), 1);
    assert_eq!(second.stop().await, 0);
    lb.until_up(&["s1"]).await;
    assert_eq!(warned(), 1);
}

/// A clock set back by an hour: the balancer remembers a life of the name that began later.
#[tokio::test]
async fn a_member_whose_clock_was_set_back_is_believed() {
    let folder = Folder::new();
    let backend = Backend::http1("s1").await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let (now, later) = (now.as_millis() as u64, now.as_millis() as u64 + 3_600_000);
    let server = serde_json::json!({
        "service": "nodes", "name": "s1", "generation": later, "http": backend.addr.to_string(),
        "check": null, "weight": 1, "gossip": "127.0.0.1:9", // fixed port: nobody answers
    });
    let text = serde_json::json!({"format": 1, "written": now, "servers": [server]});
    let path = folder.file("pool.json");
    std::fs::write(&path, text.to_string()).unwrap();
    let lb = Lb::with(&format!("--pool-file {}", path.display())).await;
    let row = lb.until_status("s1", "UP").await;
    assert!(row.get("last_chk").contains("silent"), "{row:?}");
    let mut member = Member::start("s1", backend.addr, lb.gossip());
    lb.until("s1 is heard", |rows| {
        csv::up(rows) == ["s1"]
            && csv::server(rows, "s1").is_some_and(|row| !row.get("last_chk").contains("silent"))
    })
    .await;
    eventually("the life that is heard is remembered", async || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        (text.contains("\"s1\"") && !text.contains(&later.to_string())).then_some(())
    })
    .await;
    assert_eq!(member.stop().await, 0);
    lb.until_up(&[]).await;
}

#[tokio::test]
async fn an_address_that_nobody_else_can_reach_is_refused_and_why() {
    let backend = Backend::http1("s1").await;
    // A documentation address (RFC 5737): on no host, so not on this one.
    for flags in [
        "--gossip 127.0.0.1:0",
        "--gossip [::]:0 --advertise 127.0.0.1",
    ] {
        let mut member = Member::with("s1", backend.addr, "192.0.2.1:7373", flags);
        let said = member.process.said("not heard by anybody").await;
        assert!(said.contains("127.0.0.1 is for this host only"), "{said}");
        assert!(said.contains("192.0.2.1:7373"), "{said}");
        assert!(!member.process.stderr().contains("gossips at"), "{flags}");
    }
    let mut member = Member::with(
        "s1",
        backend.addr,
        "127.0.0.1",
        "--advertise iface:nowhere0",
    );
    let said = member.process.said("not heard by anybody").await;
    assert!(
        said.contains("iface:nowhere0; it has ") && said.contains("127.0.0.1 on lo"),
        "{said}"
    );
}

#[tokio::test]
async fn a_names_address_that_changes_is_followed() {
    let port = {
        let free = UdpSocket::bind((Ipv4Addr::new(127, 7, 3, 3), 0)).unwrap();
        free.local_addr().unwrap().port()
    };
    let dns = Dns::start(Some(Ipv4Addr::new(127, 7, 3, 4))).await;
    let backend = Backend::http1("s1").await;
    let seed = format!("ha.test:{port}");
    let flags = format!("--resolver {}", dns.addr);
    let mut member = Member::with("s1", backend.addr, &seed, &flags);
    member.process.said("no balancer answers").await;
    let lb = Lb::with(&format!("--gossip 127.7.3.3:{port}")).await;
    dns.set(Some(Ipv4Addr::new(127, 7, 3, 3)));
    let up = async || (csv::up(&lb.rows().await) == ["s1"]).then_some(());
    let (_, took) = within(Duration::from_secs(5), "s1 is up", up).await;
    eprintln!("addresses: a name's new address was found in {took:?}");
}
