//! Started in any order, and the balancer anew: all webapps are in the pool soon after.

use e2e::docker::Lab;

#[tokio::test]
async fn every_order() {
    let Some(lab) = Lab::open("every_order").await else {
        return;
    };
    let orders = [
        ["ha", "s1", "s2"],
        ["ha", "s2", "s1"],
        ["s1", "ha", "s2"],
        ["s2", "ha", "s1"],
        ["s1", "s2", "ha"],
        ["s2", "s1", "ha"],
    ];
    for order in orders {
        for name in order {
            lab.start(name, "").await;
        }
        let took = lab.stats().until_up(&["s1", "s2"]).await;
        eprintln!("order: {order:?}: all in the pool {took:?} after the last start");
        for name in order {
            lab.tell(name, "rm --force").await;
        }
    }
}

#[tokio::test]
async fn the_balancer_restarted_and_made_anew() {
    let test = "the_balancer_restarted_and_made_anew";
    let Some(lab) = Lab::with(test, &["s1", "s2"]).await else {
        return;
    };
    let again = async |what: &str| {
        let took = lab.stats().until_up(&["s1", "s2"]).await;
        eprintln!("order: {what}: all in the pool after {took:?}");
    };
    lab.tell("ha", "restart").await;
    again("ha restarted").await;
    lab.tell("ha", "kill").await;
    lab.tell("ha", "start").await;
    again("ha killed and started").await;
    lab.tell("ha", "rm --force").await;
    lab.start("ha", "--ip 192.168.43.199").await;
    again("ha made anew at another address").await;
}
