//! Who answers: strict rotation as a person pressing reload sees it.

use std::collections::BTreeMap;

use e2e::client::{KeepAlive, roll_call};
use e2e::cluster::Cluster;

#[tokio::test]
async fn nine_requests_over_three_webapps_with_one_worker() {
    nine_in_turn("--workers 1").await;
}

#[tokio::test]
async fn nine_requests_over_three_webapps_with_two_workers() {
    nine_in_turn("--workers 2").await;
}

async fn nine_in_turn(flags: &str) {
    let cluster = Cluster::with(3, flags).await;
    let names = roll_call(cluster.lb.addr(), 9).await;
    assert_in_turn(&names, 3);
}

#[tokio::test]
async fn one_connection_is_balanced_by_request() {
    let cluster = Cluster::with(3, "--workers 2").await;
    let mut client = KeepAlive::to(cluster.lb.addr()).await;
    let mut names = Vec::new();
    for _ in 0..9 {
        names.push(client.get("/").await.unwrap().text());
    }
    assert_in_turn(&names, 3);
}

#[tokio::test]
async fn weights_are_shares() {
    let mut cluster = Cluster::of(1).await;
    cluster.add("--weight 2").await;
    cluster.add("--weight 0").await;
    cluster.ready().await;
    let mut shares = BTreeMap::<String, usize>::new();
    for name in roll_call(cluster.lb.addr(), 12).await {
        *shares.entry(name).or_default() += 1;
    }
    let expected = [("s1".to_owned(), 4), ("s2".to_owned(), 8)];
    assert_eq!(shares, expected.into());
}

/// Every round is like the first, and the first has everybody in it.
fn assert_in_turn(names: &[String], servers: usize) {
    let (first, rest) = names.split_at(servers);
    let mut sorted = first.to_vec();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), servers, "{names:?}");
    assert!(
        rest.chunks(servers).all(|round| round == first),
        "{names:?}"
    );
}
