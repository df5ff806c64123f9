//! Servers and clients that misbehave: who is told what, and nobody waits for ever.

use std::time::Duration;

use e2e::client::{self, Raw, exchange};
use e2e::cluster::Cluster;
use e2e::lb::Lb;
use e2e::member::Member;
use e2e::scripted::Scripted;
use hyper::Method;

/// A balancer before one server that says exactly this.
async fn before(answer: &str, flags: &str) -> (Lb, Scripted, Member) {
    let lb = Lb::with(flags).await;
    let server = Scripted::answering(answer).await;
    let member = Member::start("s1", server.addr, lb.gossip());
    lb.until_up(&["s1"]).await;
    (lb, server, member)
}

fn assert_page(answer: &str, line: &str, sentence: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {line}\r\n")),
        "{answer}"
    );
    let page = format!("\r\n\r\n<html><body><h1>{line}</h1>\n{sentence}\n</body></html>\n");
    assert!(answer.ends_with(&page), "{answer}");
    assert!(answer.contains("cache-control: no-cache\r\n"), "{answer}");
}

const GET: &str = "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn no_server_is_503() {
    let lb = Lb::start().await;
    let answer = exchange(lb.addr(), GET).await;
    assert_page(
        &answer,
        "503 Service Unavailable",
        "No server is available to handle this request.",
    );
    assert!(answer.contains("content-length: 107\r\n"), "{answer}");
}

#[tokio::test]
async fn closing_without_an_answer_is_502_and_not_tried_again() {
    let (lb, server, _member) = before("", "").await;
    let answer = exchange(lb.addr(), POST).await;
    assert_page(
        &answer,
        "502 Bad Gateway",
        "The server returned an invalid or incomplete response.",
    );
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn garbage_is_502() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
    ] {
        let (lb, _server, _member) = before(garbage, "").await;
        let answer = exchange(lb.addr(), GET).await;
        assert_page(
            &answer,
            "502 Bad Gateway",
            "The server returned an invalid or incomplete response.",
        );
    }
}

#[tokio::test]
async fn a_header_cut_short_is_502() {
    let (lb, _server, _member) = before("HTTP/1.1 200 OK\r\ncontent-le", "").await;
    assert_eq!(client::post(lb.addr(), "/", "").await.unwrap().status, 502);
}

#[tokio::test]
async fn no_answer_in_time_is_504() {
    let cluster = Cluster::with(2, "--timeout-server 300ms").await;
    let hang = GET.replace("GET /", "GET /hang");
    let answer = exchange(cluster.lb.addr(), &hang).await;
    assert_page(
        &answer,
        "504 Gateway Time-out",
        "The server didn't respond in time.",
    );
    assert_eq!(cluster.hits("/hang"), 1);
}

#[tokio::test]
async fn a_server_that_falls_silent_in_a_body_ends_the_response_badly() {
    let cluster = Cluster::with(1, "--timeout-server 300ms").await;
    let failed = client::get(cluster.lb.addr(), "/drip/2/60000").await;
    assert!(failed.is_err(), "{failed:?}");
    let row = cluster.lb.server("s1").await.unwrap();
    assert_eq!(row.count("srv_abrt"), 1, "{row:?}");
}

#[tokio::test]
async fn a_slow_header_is_not_waited_for() {
    let cluster = Cluster::with(1, "--timeout-http-request 300ms").await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("GET / HTTP/1.1\r\nhost: h\r\n").await;
    let answer = raw.rest().await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
        "{answer}"
    );
    assert_eq!(cluster.hits("/"), 0);
}

#[tokio::test]
async fn a_slow_body_is_408() {
    let cluster = Cluster::with(1, "--timeout-client 300ms").await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("POST /count HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nfive.")
        .await;
    let answer = raw.rest().await;
    assert_page(
        &answer,
        "408 Request Time-out",
        "Your browser didn't send a complete request in time.",
    );
}

#[tokio::test]
async fn a_response_cut_short_is_not_passed_off_as_whole() {
    let cluster = Cluster::of(1).await;
    for path in ["/short/3", "/torn/3"] {
        let failed = client::get(cluster.lb.addr(), path).await;
        assert!(failed.is_err(), "{path}: {failed:?}");
        let raw = exchange(
            cluster.lb.addr(),
            &GET.replace("GET /", &format!("GET {path}")),
        )
        .await;
        assert!(
            raw.contains("drip..."),
            "what had come was passed on: {raw}"
        );
        assert!(!raw.ends_with("0\r\n\r\n"), "{raw}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_server() {
    let cluster = Cluster::of(1).await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("GET /hang HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let busy = |count: u64| {
        move |rows: &[e2e::csv::Row]| e2e::csv::server(rows, "s1").unwrap().count("scur") == count
    };
    cluster.lb.until("it is at work", busy(1)).await;
    drop(raw);
    cluster.lb.until("it is free", busy(0)).await;
}

#[tokio::test]
async fn a_switch_nobody_asked_for_is_502() {
    let (lb, _server, _member) = before(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        "",
    )
    .await;
    assert_eq!(client::get(lb.addr(), "/").await.unwrap().status, 502);
}

#[tokio::test]
async fn a_put_is_made_again_only_if_nothing_of_its_body_has_gone() {
    let cluster = Cluster::of(2).await;
    let answer = client::call(cluster.lb.addr(), Method::PUT, "/hangup", "body")
        .await
        .unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(cluster.hits("/hangup"), 1);
    let answer = client::call(cluster.lb.addr(), Method::PUT, "/hangup", "")
        .await
        .unwrap();
    assert_eq!((answer.status, cluster.hits("/hangup")), (502, 1 + 2));
}

/// While the client has something to send, its silence is not the server's.
#[tokio::test]
async fn a_client_that_pauses_its_upload_is_no_silent_server() {
    let cluster = Cluster::with(1, "--timeout-server 200ms --timeout-client 20s").await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("POST /count HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbo")
        .await;
    assert!(!raw.hears_within(Duration::from_secs(1)).await);
    raw.send("dy").await;
    assert!(raw.until("4 None").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_answer_in_a_coding_we_cannot_relay_is_a_bad_answer() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let (lb, _server, _member) = before(answer, "").await;
    let answer = client::get(lb.addr(), "/").await.unwrap();
    assert_eq!(answer.status, 502);
}

/// Idling between requests is what keep-alive is for; bytes of a request that never becomes whole
/// are another thing.
#[tokio::test]
async fn an_idle_connection_that_is_closed_was_no_bad_request() {
    let cluster = Cluster::with(1, "--timeout-http-request 200ms").await;
    let mut idle = Raw::to(cluster.lb.addr()).await;
    idle.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    idle.until("s1").await;
    idle.rest().await;
    let row = cluster.lb.row("localnodes", "FRONTEND").await;
    assert_eq!(
        (row.count("ereq"), row.count("hrsp_4xx")),
        (0, 0),
        "{row:?}"
    );
    let mut half = Raw::to(cluster.lb.addr()).await;
    half.send("GET / HTTP/1.1\r\nho").await;
    half.rest().await;
    let counted = |rows: &[e2e::csv::Row]| {
        let front = rows
            .iter()
            .find(|row| row.name() == "FRONTEND" && row.get("pxname") == "localnodes");
        front.is_some_and(|row| (row.count("ereq"), row.count("hrsp_4xx")) == (1, 0))
    };
    cluster.lb.until("one bad request", counted).await;
}
