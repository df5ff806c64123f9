//! A webapp that comes back elsewhere is still the same server.

use e2e::client;
use e2e::deadline::eventually;
use e2e::docker::Lab;

#[tokio::test]
async fn a_webapp_made_anew_at_another_address_keeps_its_row() {
    let test = "a_webapp_made_anew_at_another_address_keeps_its_row";
    let Some(lab) = Lab::with(test, &["s1"]).await else {
        return;
    };
    assert_eq!(client::roll_call(lab.addr(), 4).await.len(), 4);
    let before = lab.stats().server("s1").await.unwrap();
    // Without a goodbye, as a host that has burnt down.
    lab.tell("s1", "rm --force").await;
    lab.start("s1", "--ip 192.168.43.177").await;
    let began = tokio::time::Instant::now();
    eventually("s1 answers at its new address", async || {
        let answer = client::get(lab.addr(), "/").await.ok()?;
        (answer.header("x-backend-ip") == "192.168.43.177").then_some(())
    })
    .await;
    let took = began.elapsed();
    eprintln!("addresses: made anew elsewhere, answers after {took:?}");
    let after = lab.stats().server("s1").await.unwrap();
    assert_eq!(after.get("sid"), before.get("sid"));
    assert!(after.count("stot") > before.count("stot"), "{after:?}");
}
