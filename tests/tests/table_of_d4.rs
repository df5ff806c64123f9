//! Every row of the table in ARCHITECTURE.md, "Who is believed", by its words: as two processes
//! show it. What cannot be reached from outside yet is in `table_of_d4_in_process`.

use e2e::backend::Backend;
use e2e::client;
use e2e::cluster::Cluster;
use e2e::csv;
use e2e::deadline::eventually;
use e2e::lb::Lb;
use e2e::member::Member;
use e2e::scripted::Scripted;
use e2e::webapp::Pair;

#[tokio::test]
async fn word_left_row_gone_once_in_flight_is_0() {
    let mut cluster = Cluster::of(1).await;
    cluster.add("--drain-timeout 100ms").await;
    cluster.ready().await;
    let slow = one_each(&cluster, "/slow/1500").await;
    // It gives up waiting and leaves; its row stays for as long as it has a request.
    assert_eq!(cluster.apps[1].1.stop().await, 0);
    let row = cluster.lb.until_status("s2", "DRAIN").await;
    assert_eq!(row.count("scur"), 1);
    slow.until_answered().await;
    cluster.lb.until_gone("s2").await;
}

#[tokio::test]
async fn word_left_until_a_new_generation() {
    let mut cluster = Cluster::of(2).await;
    assert_eq!(cluster.apps[1].1.stop().await, 0);
    cluster.lb.until_gone("s2").await;
    cluster.apps[1].1 = Member::start("s2", cluster.app(2).addr, cluster.lb.gossip());
    cluster.ready().await;
}

#[tokio::test]
async fn word_draining() {
    let mut cluster = Cluster::of(2).await;
    let slow = one_each(&cluster, "/slow/1000").await;
    cluster.apps[1]
        .1
        .process
        .signal(rustix::process::Signal::TERM);
    cluster.lb.until_status("s2", "DRAIN").await;
    assert_eq!(client::roll_call(cluster.lb.addr(), 4).await, ["s1"; 4]);
    slow.until_answered().await;
    cluster.lb.until_gone("s2").await;
}

#[tokio::test]
async fn word_down_the_members_own_probe_failed() {
    let mut cluster = Cluster::of(1).await;
    cluster.add("--check /health").await;
    cluster.ready().await;
    cluster.app(2).set_health(500);
    // Whoever finds out first: in the end it is the member's reason that is shown.
    cluster.apps[1].1.process.said("webapp is down").await;
    let says = |rows: &[csv::Row]| {
        csv::server(rows, "s2")
            .is_some_and(|row| row.status() == "DOWN" && row.get("last_chk").contains("500"))
    };
    cluster
        .lb
        .until("s2 is DOWN with its member's reason", says)
        .await;
    assert_eq!(client::roll_call(cluster.lb.addr(), 4).await, ["s1"; 4]);
    cluster.app(2).set_health(204);
    cluster.ready().await;
}

#[tokio::test]
async fn word_starting_no_row_yet() {
    let mut cluster = Cluster::of(1).await;
    let addr = Backend::http1("early").await.stop().await;
    let mut early = Member::start("early", addr, cluster.lb.gossip());
    early.process.said("is heard at").await;
    // What joins later and is in shows that this one has been heard as well.
    cluster.add("").await;
    cluster.ready().await;
    assert!(cluster.lb.server("early").await.is_none());
}

#[tokio::test]
async fn word_starting_until_ready() {
    let lb = Lb::start().await;
    let addr = Backend::http1("s1").await.stop().await;
    let mut member = Member::start("s1", addr, lb.gossip());
    member.process.said("is heard at").await;
    assert!(lb.server("s1").await.is_none());
    let _backend = Backend::at("s1", addr).await;
    lb.until_up(&["s1"]).await;
}

#[tokio::test]
async fn word_ready_new_here_one_connect_good() {
    let mut cluster = Cluster::of(1).await;
    cluster.add("--check /health").await;
    cluster.ready().await;
    let rows = cluster.lb.rows().await;
    // With full health at once, not after two checks.
    assert_eq!(
        csv::server(&rows, "s1").unwrap().get("check_status"),
        "L4OK"
    );
    assert_eq!(csv::server(&rows, "s1").unwrap().status(), "UP");
    let checked =
        |rows: &[csv::Row]| csv::server(rows, "s2").unwrap().get("check_status") == "L7OK";
    cluster.lb.until("its own check follows", checked).await;
}

#[tokio::test]
async fn ejected_a_crashed_server_is_out_at_once() {
    let lb = Lb::start().await;
    let _steady = pair(&lb, "steady").await;
    let mut victim = pair(&lb, "victim").await;
    let slow = tokio::spawn(client::get(lb.addr(), "/slow/60000"));
    let mut other = tokio::spawn(client::get(lb.addr(), "/slow/60000"));
    lb.until("both have one", |rows| {
        rows.iter()
            .filter(|row| row.is_server())
            .all(|row| row.count("scur") == 1)
    })
    .await;
    victim.kill();
    // Reset before it answered, and the connect that followed was refused.
    let row = lb.until_status("victim", "DOWN").await;
    assert_eq!(row.get("check_status"), "L4CON", "{row:?}");
    slow.abort();
    other.abort();
    assert!((&mut other).await.is_err());
}

/// The one deliberate departure: a reset alone proves nothing, since a URL may make a webapp hang
/// up, and everybody can ask for that URL.
#[tokio::test]
async fn a_url_that_hangs_up_does_not_empty_the_pool() {
    let cluster = Cluster::of(3).await;
    for _ in 0..10 {
        let answer = client::get(cluster.lb.addr(), "/hangup").await.unwrap();
        assert_eq!(answer.status, 502);
        assert_eq!(csv::up(&cluster.lb.rows().await).len(), 3);
    }
    assert_eq!(
        cluster.hits("/hangup"),
        20,
        "each was tried once more, elsewhere"
    );
    assert_eq!(client::roll_call(cluster.lb.addr(), 3).await.len(), 3);
    let downs = cluster
        .lb
        .rows()
        .await
        .iter()
        .filter(|r| r.is_server())
        .map(|r| r.count("chkdown"))
        .sum::<u64>();
    assert_eq!(downs, 0);
}

#[tokio::test]
async fn silent_connect_works() {
    let lb = Lb::with("--check-inter 60s").await;
    let server = Scripted::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let mut member = Member::start("s1", server.addr, lb.gossip());
    lb.until_up(&["s1"]).await;
    member.process.kill();
    // With nobody else left to connect, the one that comes now is asked because of the silence.
    let before = server.connections();
    eventually("one connect", async || {
        (server.connections() > before).then_some(())
    })
    .await;
    assert_eq!(client::get(lb.addr(), "/").await.unwrap().text(), "ok");
    assert!(lb.server("s1").await.unwrap().is_up());
}

#[tokio::test]
async fn all_out_answers_503_at_once() {
    let lb = Lb::start().await;
    let answer = client::get(lb.addr(), "/").await.unwrap();
    assert_eq!(answer.status, 503);
}

async fn pair(lb: &Lb, name: &str) -> Pair {
    let pair = Pair::start(name, lb.gossip(), "").await;
    lb.until_status(name, "UP").await;
    pair
}

/// One request under way at each of the webapps.
async fn one_each(cluster: &Cluster, path: &'static str) -> Slow {
    let addr = cluster.lb.addr();
    let gets = cluster
        .apps
        .iter()
        .map(|_| tokio::spawn(client::get(addr, path)))
        .collect();
    let each = async || {
        cluster
            .apps
            .iter()
            .all(|(app, _)| app.hits(path) == 1)
            .then_some(())
    };
    eventually("each has one", each).await;
    Slow(gets)
}

struct Slow(Vec<tokio::task::JoinHandle<Result<client::Answer, client::Failure>>>);

impl Slow {
    async fn until_answered(self) {
        for get in self.0 {
            assert_eq!(get.await.unwrap().unwrap().status, 200);
        }
    }
}
