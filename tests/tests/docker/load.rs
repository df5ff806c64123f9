//! Containers that come and go under load: nobody notices. `measure -- docker-stop` and
//! `docker-kill` do the same at 500 requests a second, which needs a machine of one's own.

use e2e::docker::Lab;
use e2e::load::Load;

#[tokio::test]
async fn twenty_webapps_added_and_stopped_in_turn() {
    let test = "twenty_webapps_added_and_stopped_in_turn";
    let Some(lab) = Lab::with(test, &["w0", "w1"]).await else {
        return;
    };
    let load = Load::start(lab.addr(), RATE);
    for turn in 2..22 {
        let (new, old) = (format!("w{turn}"), format!("w{}", turn - 2));
        lab.start(&new, "").await;
        lab.stats().until_status(&new, "UP").await;
        load.another(STEADY).await;
        lab.tell(&old, "stop").await;
        assert_eq!(lab.inspect(&old, "/State/ExitCode").await, 0, "{old}");
        lab.stats().until_gone(&old).await;
    }
    let report = load.stop().await;
    eprintln!(
        "stopped under load: {} requests, slowest {:?}",
        report.sent, report.slowest
    );
    report.assert_clean();
}

#[tokio::test]
async fn webapps_killed_ten_times() {
    let all = ["s1", "s2", "s3", "s4", "s5"];
    let Some(lab) = Lab::with("webapps_killed_ten_times", &all).await else {
        return;
    };
    let load = Load::start(lab.addr(), RATE);
    // In turn: one that is killed three times in a row is held out for a while.
    for victim in all.into_iter().cycle().take(10) {
        load.another(STEADY).await;
        lab.tell(victim, "kill").await;
        let others: Vec<_> = all.into_iter().filter(|name| *name != victim).collect();
        lab.stats().until_up(&others).await;
        load.another(STEADY).await;
        lab.tell(victim, "start").await;
        lab.stats().until_up(&all).await;
    }
    let report = load.stop().await;
    eprintln!(
        "killed under load: {} requests, slowest {:?}",
        report.sent, report.slowest
    );
    report.assert_clean();
}

const RATE: u32 = 200;
/// Requests between two changes: a fifth of a second.
const STEADY: u64 = 40;
