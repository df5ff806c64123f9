//! Coming and going under load: no request is lost when webapps join and leave.

use e2e::lb::Lb;
use e2e::load::Load;
use e2e::webapp::Pair;

/// Each webapp ends as soon as its member has.
#[tokio::test]
async fn twenty_joins_and_leaves_under_200_requests_a_second() {
    let lb = Lb::with("--workers 2").await;
    let mut live = vec![Pair::start("w0", lb.gossip(), "").await];
    lb.until_up(&["w0"]).await;
    let load = Load::start(lb.addr(), 200);
    for turn in 1..=20 {
        let name = format!("w{turn}");
        live.push(Pair::start(&name, lb.gossip(), "").await);
        lb.until_status(&name, "UP").await;
        load.another(40).await;
        assert_eq!(live.remove(0).leave().await, 0);
        load.another(40).await;
    }
    let report = load.stop().await;
    eprintln!(
        "churn: {} requests, slowest {:?}",
        report.sent, report.slowest
    );
    report.assert_clean();
}

/// Two balancers: a member leaves only when both have let go.
#[tokio::test]
async fn leaving_two_balancers_loses_nothing_at_either() {
    let first = Lb::start().await;
    let second = Lb::with(&format!("--name hb --seed {}", first.gossip())).await;
    let mut live = vec![Pair::start("w0", first.gossip(), "").await];
    second.until_up(&["w0"]).await;
    first.until_up(&["w0"]).await;
    let loads = [
        Load::start(first.addr(), 100),
        Load::start(second.addr(), 100),
    ];
    for turn in 1..=5 {
        let name = format!("w{turn}");
        live.push(Pair::start(&name, first.gossip(), "").await);
        first.until_status(&name, "UP").await;
        second.until_status(&name, "UP").await;
        assert_eq!(live.remove(0).leave().await, 0);
    }
    for load in loads {
        load.stop().await.assert_clean();
    }
}
