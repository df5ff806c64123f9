//! What passes through unharmed, and what is changed on the way (RFC 9110 and 9112; HAProxy's
//! `option forwardfor`).

use std::time::Duration;

use e2e::client::{self, Raw, exchange};
use e2e::cluster::Cluster;
use e2e::deadline::eventually;
use e2e::lb::Lb;
use e2e::member::Member;
use e2e::scripted::Scripted;
use hyper::{Method, Request};

/// What a server is sent for a request with these header lines.
async fn head(lines: &str) -> Vec<String> {
    let cluster = Cluster::of(1).await;
    let request = format!("GET /head HTTP/1.1\r\nhost: h\r\n{lines}connection: close\r\n\r\n");
    let answer = exchange(cluster.lb.addr(), &request).await;
    let port = cluster.lb.addr().port().to_string();
    let (_, body) = answer.split_once("\r\n\r\n").expect("a header");
    let lines = body
        .lines()
        .filter(|line| line.contains(": ") || line.starts_with("GET"));
    lines.map(|line| line.replace(&port, "PORT")).collect()
}

#[tokio::test]
async fn x_forwarded_for_is_appended_and_x_forwarded_port_replaced() {
    let lines = "x-forwarded-for: 9.9.9.9\r\nx-forwarded-port: 1\r\n";
    let head = head(lines).await;
    let about = |name: &str| {
        head.iter()
            .filter(|line| line.starts_with(name))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        about("x-forwarded-for"),
        ["x-forwarded-for: 9.9.9.9", "x-forwarded-for: 127.0.0.1"]
    );
    assert_eq!(about("x-forwarded-port"), ["x-forwarded-port: PORT"]);
}

#[tokio::test]
async fn what_belongs_to_one_connection_is_removed() {
    let head = head(
        "connection: x-mine\r\nx-mine: 1\r\nkeep-alive: 5\r\nproxy-connection: x\r\n\
         te: gzip, trailers\r\nupgrade: h2c\r\nx-yours: 2\r\n",
    )
    .await
    .join("\n");
    for gone in ["x-mine", "keep-alive", "proxy-connection", "upgrade"] {
        assert!(!head.contains(&format!("\n{gone}:")), "{gone} in {head}");
    }
    assert!(
        head.contains("\nx-yours: 2") && head.contains("\nte: trailers\nconnection: te")
            || head.contains("\nconnection: te\nte: trailers"),
        "{head}"
    );
}

#[tokio::test]
async fn a_head_has_no_body_and_keeps_the_connection() {
    let cluster = Cluster::of(1).await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("HEAD /big/1000 HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let head = raw.until("\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-length: 1000"),
        "{head}"
    );
    raw.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(raw.until("s1").await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_204_and_a_304_have_no_body_and_keep_the_connection() {
    let cluster = Cluster::of(1).await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    for status in [204, 304] {
        raw.send(format!("GET /status/{status} HTTP/1.1\r\nhost: h\r\n\r\n"))
            .await;
        let head = raw.until("\r\n\r\n").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
    raw.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(raw.until("s1").await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn trailers_go_both_ways() {
    let cluster = Cluster::of(1).await;
    let addr = cluster.lb.addr();
    let request = Request::builder()
        .uri("/trailers")
        .header("host", "h")
        .header("te", "trailers");
    let request = request
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .unwrap();
    let answer = client::send(addr, request).await.unwrap();
    assert_eq!(answer.trailers.expect("trailers")["x-sum"], "42");
    let upload = "POST /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntrailer: x-up\r\n\
                  connection: close\r\n\r\n4\r\nbody\r\n0\r\nx-up: 7\r\n\r\n";
    let answer = exchange(addr, upload).await;
    assert!(answer.contains("4 Some({\"x-up\": \"7\"})"), "{answer}");
}

#[tokio::test]
async fn expect_100_continue_is_the_servers_to_answer() {
    let cluster = Cluster::of(1).await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    let head =
        "POST /count HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n";
    raw.send(head).await;
    assert_eq!(raw.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("body").await;
    assert!(raw.until("4 None").await.starts_with("HTTP/1.1 200"));
}

/// Chunk by chunk, as it is made: a client sees the first before the last exists.
#[tokio::test]
async fn a_response_is_streamed() {
    let cluster = Cluster::of(1).await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("GET /drip/1000000/100 HTTP/1.1\r\nhost: h\r\n\r\n")
        .await;
    assert!(
        raw.until("drip...")
            .await
            .contains("transfer-encoding: chunked")
    );
    raw.until("drip...").await;
}

/// What a server sends back of a body arrives while the client still sends.
#[tokio::test]
async fn a_request_is_streamed() {
    let cluster = Cluster::of(1).await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        .await;
    raw.until("first").await;
    raw.send("6\r\nsecond\r\n0\r\n\r\n").await;
    assert!(raw.until("0\r\n\r\n").await.contains("second"));
}

#[tokio::test]
async fn an_early_answer_to_a_long_upload_reaches_the_client() {
    let cluster = Cluster::of(1).await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("POST /early HTTP/1.1\r\nhost: h\r\ncontent-length: 100000000\r\n\r\n")
        .await;
    // The server reads none of it: it resets the connection, its answer on the way.
    raw.send(&vec![b'x'; 300_000]).await;
    let head = raw.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert_eq!(cluster.hits("/early"), 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_turn() {
    let cluster = Cluster::of(1).await;
    let one = |path| format!("GET {path} HTTP/1.1\r\nhost: h\r\n");
    let text = format!(
        "{}\r\n{}\r\n{}connection: close\r\n\r\n",
        one("/slow/200"),
        one("/status/418"),
        one("/")
    );
    let answers = exchange(cluster.lb.addr(), &text).await;
    let lines = answers
        .split("HTTP/1.1 ")
        .map(|part| part.get(..3).unwrap_or_default());
    assert_eq!(
        lines.collect::<Vec<_>>(),
        ["", "200", "418", "200"],
        "{answers}"
    );
}

#[tokio::test]
async fn an_http_1_0_client_is_served_and_let_go() {
    let cluster = Cluster::of(1).await;
    let answer = exchange(cluster.lb.addr(), "GET /head HTTP/1.0\r\n\r\n").await;
    assert!(answer.contains("GET /head HTTP/1.1\n"), "{answer}");
    let local = cluster.lb.addr();
    assert!(answer.contains(&format!("host: {local}")), "{answer}");
}

#[tokio::test]
async fn connections_to_servers_are_kept() {
    let lb = Lb::with("--workers 1").await;
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let closing = Scripted::answering(answer).await;
    let _member = Member::start("s1", closing.addr, lb.gossip());
    lb.until_up(&["s1"]).await;
    // This one closes after each answer; nobody notices.
    for _ in 0..20 {
        assert_eq!(client::get(lb.addr(), "/").await.unwrap().text(), "ok");
    }
    let cluster = Cluster::with(1, "--workers 1").await;
    client::roll_call(cluster.lb.addr(), 10).await;
    let row = cluster.lb.server("s1").await.unwrap();
    assert_eq!((row.count("connect"), row.count("reuse")), (1, 9));
}

#[tokio::test]
async fn the_connection_beyond_maxconn_waits() {
    let cluster = Cluster::with(1, "--maxconn 2").await;
    let addr = cluster.lb.addr();
    let (mut first, mut second) = (Raw::to(addr).await, Raw::to(addr).await);
    let get = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
    for raw in [&mut first, &mut second] {
        raw.send(get).await;
        raw.until("s1").await;
    }
    let mut third = Raw::to(addr).await;
    third.send(get).await;
    assert!(!third.hears_within(Duration::from_millis(300)).await);
    drop(first);
    third.until("s1").await;
    assert_eq!(cluster.hits("/"), 3);
}

/// However servers die, and however often a POST is begun, no webapp is asked twice.
#[tokio::test]
async fn no_post_is_made_twice_while_servers_die() {
    let mut cluster = Cluster::of(3).await;
    let addr = cluster.lb.addr();
    let posts = tokio::spawn(async move {
        let mut answered = 0;
        for number in 0..400 {
            let answer = client::call(addr, Method::POST, &format!("/post/{number}"), "x").await;
            answered += u32::from(answer.is_ok_and(|answer| answer.status == 200));
        }
        answered
    });
    let mut dead = Vec::new();
    for turn in 0..8 {
        let (app, _) = &mut cluster.apps[turn % 3];
        let seen = app.total();
        eventually("it is in use", async || {
            (app.total() > seen || posts.is_finished()).then_some(())
        })
        .await;
        let reborn = app.crash_and_return().await;
        dead.push(std::mem::replace(app, reborn));
    }
    let answered = posts.await.unwrap();
    let all = || dead.iter().chain(cluster.apps.iter().map(|(app, _)| app));
    for number in 0..400 {
        let hits: u64 = all().map(|app| app.hits(&format!("/post/{number}"))).sum();
        assert!(hits <= 1, "POST {number} was made {hits} times");
    }
    assert!(answered > 300, "{answered} of 400 were answered");
}

/// hyper by itself would send a GET of unknown length without its body.
#[tokio::test]
async fn the_body_of_a_get_is_not_lost() {
    let cluster = Cluster::of(1).await;
    let request = "GET /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\
                   connection: close\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    let answer = exchange(cluster.lb.addr(), request).await;
    assert!(answer.contains("4 None"), "{answer}");
}

#[tokio::test]
async fn a_response_with_trailers_ends_well_and_keeps_the_connection() {
    let cluster = Cluster::with(1, "--workers 1").await;
    for _ in 0..5 {
        let request = Request::builder()
            .uri("/trailers")
            .header("host", "h")
            .header("te", "trailers");
        let request = request
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        client::send(cluster.lb.addr(), request).await.unwrap();
    }
    let row = cluster.lb.row("nodes", "BACKEND").await;
    assert_eq!(
        (row.count("cli_abrt"), row.count("reuse")),
        (0, 4),
        "{row:?}"
    );
}

/// HTTP/1.0 has no upgrades (RFC 9110, section 7.8).
#[tokio::test]
async fn an_upgrade_asked_for_by_http_1_0_is_ignored() {
    let cluster = Cluster::of(1).await;
    let request = "GET /head HTTP/1.0\r\nhost: h\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\n\r\n";
    let answer = exchange(cluster.lb.addr(), request).await;
    assert!(
        answer.starts_with("HTTP/1.0 200") && !answer.contains("upgrade:"),
        "{answer}"
    );
}
