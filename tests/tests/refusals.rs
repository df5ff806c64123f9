//! What is refused before any server sees it.

use e2e::client::exchange;
use e2e::cluster::Cluster;

/// Sends a request and expects a status; 400s come with HAProxy's page unless it was hyper that
/// could not read the request.
async fn check(cases: &[(&str, u16)]) {
    let cluster = Cluster::of(1).await;
    for (request, status) in cases {
        let answer = exchange(cluster.lb.addr(), &format!("{request}\r\n\r\n")).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:?}: {answer}"
        );
    }
    let seen = cluster.hits("/") + cluster.hits("/x") + cluster.hits("word");
    assert_eq!(seen, 0, "a server saw one of them");
}

#[tokio::test]
async fn hosts() {
    check(&[
        ("GET / HTTP/1.1", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b", 400),
        ("GET / HTTP/1.1\r\nhost:", 400),
        ("GET / HTTP/1.1\r\nhost: a b", 400),
        ("GET / HTTP/1.1\r\nhost: a/b", 400),
        ("GET / HTTP/1.1\r\nhost: u@a", 400),
        ("GET / HTTP/1.1\r\nhost: a:port", 400),
        ("GET / HTTP/1.1\r\nhost: a, b", 400),
    ])
    .await;
}

#[tokio::test]
async fn targets() {
    check(&[
        ("GET http://b/x HTTP/1.1\r\nhost: a", 400),
        ("GET http://a:81/x HTTP/1.1\r\nhost: a", 400),
        ("GET word HTTP/1.1\r\nhost: a", 400),
        ("GET * HTTP/1.1\r\nhost: a", 400),
        ("GET ftp://a/x HTTP/1.1\r\nhost: a", 400),
        ("CONNECT a:80 HTTP/1.1\r\nhost: a:80", 501),
    ])
    .await;
}

#[tokio::test]
async fn framing() {
    check(&[
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nbad name: x", 400),
        ("GET / HTTP/9.9\r\nhost: a", 400),
    ])
    .await;
}

#[tokio::test]
async fn a_refusal_says_so_on_haproxys_page_and_ends_the_connection() {
    let cluster = Cluster::of(1).await;
    let answer = exchange(cluster.lb.addr(), "GET / HTTP/1.1\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad request\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("connection: close\r\n") && answer.contains("content-length: 90\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with(
        "<h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n"
    ));
    let row = cluster.lb.row("localnodes", "FRONTEND").await;
    assert_eq!((row.count("ereq"), row.count("hrsp_4xx")), (1, 1));
}

/// Both framings at once is how requests are smuggled: one of them must go.
#[tokio::test]
async fn a_length_beside_chunks_does_not_reach_the_server() {
    let cluster = Cluster::of(1).await;
    let request = "POST /head HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\
                   \r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = exchange(cluster.lb.addr(), request).await;
    assert!(!answer.contains("\ncontent-length: 6\n"), "{answer}");
    assert!(
        answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 200 "),
        "{answer}"
    );
}
