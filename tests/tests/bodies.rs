//! Bodies larger than anybody's memory: they pass unharmed, and the balancer holds next to nothing
//! of them.

use std::time::Duration;

use e2e::bin;
use e2e::bytes_of::{Pattern, hash};
use e2e::client::{Raw, open, request};
use e2e::cluster::Cluster;
use http_body_util::BodyExt;
use hyper::{Method, Request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_up() {
    let cluster = Cluster::of(1).await;
    let before = cluster.lb.process.memory("VmHWM");
    let request = Request::post("/hash")
        .header("host", "h")
        .body(Pattern::new(1, size()))
        .unwrap();
    let answer = open(cluster.lb.addr(), request).await.unwrap();
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    let expected = format!("{} {}", Pattern::new(1, size()).hash(), size());
    assert_eq!(String::from_utf8_lossy(&text), expected);
    assert_small(&cluster, before, &passed("up"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_down() {
    let cluster = Cluster::of(1).await;
    let before = cluster.lb.process.memory("VmHWM");
    let path = format!("/big/{}", size());
    let request = request(cluster.lb.addr(), Method::GET, &path, "");
    let answer = open(cluster.lb.addr(), request).await.unwrap();
    let (hash, length) = hash(answer.into_body()).await.unwrap();
    assert_eq!((hash, length), (Pattern::new(1, size()).hash(), size()));
    assert_small(&cluster, before, &passed("down"));
}

/// A client that does not read: what the server sends stops moving, and memory stays.
#[tokio::test]
async fn a_slow_reader_holds_its_server_back() {
    let cluster = Cluster::of(1).await;
    let before = cluster.lb.process.memory("VmHWM");
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("GET /big/1000000000 HTTP/1.1\r\nhost: h\r\n\r\n")
        .await;
    raw.until("\r\n\r\n").await;
    let mut last = u64::MAX;
    // The sockets' buffers fill, and then nothing moves any more.
    e2e::deadline::eventually("nothing moves", async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sent = cluster.lb.server("s1").await?.count("bout");
        let rests = sent > 0 && sent == std::mem::replace(&mut last, sent);
        rests.then_some(())
    })
    .await;
    assert!(
        last < 100_000_000,
        "{last} bytes were taken of a server whose client reads none"
    );
    assert_small(&cluster, before, "a reader that does not read");
}

fn assert_small(cluster: &Cluster, before: u64, what: &str) {
    let grown = cluster.lb.process.memory("VmHWM") - before;
    let mib = size() >> 20;
    eprintln!("bodies: {what}: {mib} MiB, SHA-256 equal; the balancer grew by {grown} KiB at most");
    assert!(grown < 16 * 1024, "{what}: {grown} KiB");
}

fn passed(way: &str) -> String {
    format!("{} MiB {way}, SHA-256 equal", size() >> 20)
}

/// All of it where that takes seconds, or when asked for.
fn size() -> u64 {
    let full = bin::is_optimised() || std::env::var_os("E2E_FULL").is_some();
    if full { 1 << 30 } else { 256 << 20 }
}
