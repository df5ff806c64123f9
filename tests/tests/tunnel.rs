//! WebSockets: a tunnel that lives as long as either side wants.

use std::time::Duration;

use e2e::client::Raw;
use e2e::cluster::Cluster;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

type Socket = WebSocketStream<TcpStream>;

async fn open(cluster: &Cluster) -> Socket {
    let addr = cluster.lb.addr();
    let stream = TcpStream::connect(addr).await.unwrap();
    client_async(format!("ws://{addr}/ws"), stream)
        .await
        .unwrap()
        .0
}

async fn echo(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
    assert_eq!(
        socket.next().await.unwrap().unwrap().to_text().unwrap(),
        text
    );
}

async fn in_flight(cluster: &Cluster, count: u64) {
    let sum = |rows: &[e2e::csv::Row]| {
        let servers = rows.iter().filter(|row| row.is_server());
        servers.map(|row| row.count("scur")).sum::<u64>() == count
    };
    cluster.lb.until(&format!("{count} in flight"), sum).await;
}

#[tokio::test]
async fn a_thousand_messages_are_echoed() {
    let cluster = Cluster::of(1).await;
    let mut socket = open(&cluster).await;
    for number in 0..1000 {
        // Up to 8 kB, so that some come in parts.
        let text = format!("message {number} {}", "x".repeat(number * 8));
        echo(&mut socket, &text).await;
    }
    in_flight(&cluster, 1).await;
    let row = cluster.lb.row("nodes", "BACKEND").await;
    assert_eq!(
        row.count("hrsp_1xx") + row.count("hrsp_other"),
        1,
        "{row:?}"
    );
}

#[tokio::test]
async fn a_tunnel_survives_a_change_of_the_pool() {
    let mut cluster = Cluster::of(1).await;
    let mut socket = open(&cluster).await;
    echo(&mut socket, "before").await;
    cluster.add("").await;
    cluster.ready().await;
    echo(&mut socket, "joined").await;
    assert_eq!(cluster.apps[1].1.stop().await, 0);
    cluster.lb.until_gone("s2").await;
    echo(&mut socket, "left").await;
}

#[tokio::test]
async fn a_tunnel_holds_its_server_while_that_drains() {
    let mut cluster = Cluster::of(2).await;
    let mut socket = open(&cluster).await;
    echo(&mut socket, "before").await;
    let at = cluster
        .apps
        .iter()
        .position(|(app, _)| app.hits("/ws") == 1)
        .unwrap();
    cluster.apps[at]
        .1
        .process
        .signal(rustix::process::Signal::TERM);
    cluster
        .lb
        .until_status(&format!("s{}", at + 1), "DRAIN")
        .await;
    echo(&mut socket, "while it drains").await;
    socket.close(None).await.unwrap();
    let limit = Duration::from_secs(6);
    assert_eq!(
        cluster.apps[at].1.process.ended(limit).await.0.code(),
        Some(0)
    );
}

#[tokio::test]
async fn a_tunnel_ends_when_the_client_goes() {
    let cluster = Cluster::of(1).await;
    let mut socket = open(&cluster).await;
    echo(&mut socket, "hello").await;
    drop(socket);
    in_flight(&cluster, 0).await;
}

#[tokio::test]
async fn a_tunnel_ends_when_the_server_goes() {
    let cluster = Cluster::of(1).await;
    let mut socket = open(&cluster).await;
    echo(&mut socket, "hello").await;
    socket.send(Message::text("bye")).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    in_flight(&cluster, 0).await;
}

#[tokio::test]
async fn a_silent_tunnel_ends() {
    let cluster = Cluster::with(1, "--timeout-tunnel 300ms").await;
    let mut socket = open(&cluster).await;
    echo(&mut socket, "hello").await;
    while let Some(Ok(_)) = socket.next().await {}
    in_flight(&cluster, 0).await;
}

#[tokio::test]
async fn a_tunnel_keeps_its_place_under_maxconn() {
    let cluster = Cluster::with(1, "--maxconn 1").await;
    let mut socket = open(&cluster).await;
    echo(&mut socket, "here").await;
    let row = cluster.lb.row("localnodes", "FRONTEND").await;
    assert_eq!(row.count("scur"), 1, "{row:?}");
    let mut next = Raw::to(cluster.lb.addr()).await;
    next.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(
        !next.hears_within(Duration::from_millis(300)).await,
        "it waits for a place"
    );
    socket.close(None).await.unwrap();
    assert!(next.until("s1").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_resets_its_tunnel_is_not_the_servers_failure() {
    let cluster = Cluster::of(1).await;
    let mut socket = open(&cluster).await;
    echo(&mut socket, "here").await;
    let stream = socket.get_ref();
    stream.set_zero_linger().unwrap();
    drop(socket);
    let blamed = |rows: &[e2e::csv::Row]| {
        let server = e2e::csv::server(rows, "s1");
        server.is_some_and(|row| (row.count("cli_abrt"), row.count("srv_abrt")) == (1, 0))
    };
    cluster.lb.until("the client to be blamed", blamed).await;
}
