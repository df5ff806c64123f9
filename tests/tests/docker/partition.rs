//! Cables pulled and put back: what cannot be reached is out, what can be reached serves on, and
//! everything is as it was when the networks have healed.

use e2e::docker::{Lab, NET, OTHER};
use e2e::load::Load;

#[tokio::test]
async fn two_networks_cut_and_healed() {
    let Some(lab) = Lab::open("two_networks_cut_and_healed").await else {
        return;
    };
    lab.start("ha", "").await;
    lab.heal("ha", OTHER).await;
    lab.start("s1", "").await;
    lab.start("s2", &format!("--network {OTHER}")).await;
    lab.stats().until_up(&["s1", "s2"]).await;
    let load = Load::start(lab.addr(), 100);

    // The balancer loses one network, and with it one webapp.
    load.another(50).await;
    lab.cut("ha", OTHER).await;
    let out = lab.stats().until_up(&["s1"]).await;
    load.another(50).await;
    lab.heal("ha", OTHER).await;
    let back = lab.stats().until_up(&["s1", "s2"]).await;
    eprintln!("partition: network of ha cut, out after {out:?}; healed, back after {back:?}");

    // A webapp loses its only one.
    load.another(50).await;
    lab.cut("s1", NET).await;
    let out = lab.stats().until_up(&["s2"]).await;
    load.another(50).await;
    lab.heal("s1", NET).await;
    let back = lab.stats().until_up(&["s1", "s2"]).await;
    eprintln!("partition: network of s1 cut, out after {out:?}; healed, back after {back:?}");

    let report = load.stop().await;
    eprintln!(
        "partition: slowest of {} answers {:?}",
        report.sent, report.slowest
    );
    report.assert_clean();
}
