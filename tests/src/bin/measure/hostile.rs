//! What hostile peers cost: a balancer under a flood, a crowd or a bomb, while webapps join and
//! leave.

use std::time::Duration;

use e2e::backend::Backend;
use e2e::control::Control;
use e2e::csv;
use e2e::deadline::spread;
use e2e::flood::{Flood, junk};
use e2e::forged::{self, Insider};
use e2e::lb::Lb;
use e2e::member::Member;
use e2e::process::Process;
use e2e::relay::Relay;
use serde_json::Value;
use tokio::time::Instant;

use crate::print;

/// Every attack, on a balancer in clear and on one under a key.
pub(crate) async fn all() {
    for (how, flags) in [("clear", CLEAR), ("sealed", SEALED)] {
        attack(&format!("{how}, nothing"), flags, vec![Vec::new()], 1).await;
        attack(
            &format!("{how}, junk"),
            flags,
            junk(7_373, 3_000, KEY_ID),
            FLOOD,
        )
        .await;
        let forged = junk(7_374, 3_000, KEY_ID).into_iter().filter(|d| d[0] == 1);
        let forged = forged.map(|d| [&d[..], &[0; 1_000]].concat()).collect();
        attack(
            &format!("{how}, 1,000 bytes under a known key id"),
            flags,
            forged,
            FLOOD,
        )
        .await;
        let dressed = |messages: Vec<Vec<u8>>| {
            let mut insider = Insider::new(KEY, 42);
            let seal = |message: Vec<u8>| insider.seal(&message);
            match how {
                "sealed" => messages.into_iter().map(seal).collect::<Vec<_>>(),
                _ => messages,
            }
        };
        let bombs = dressed(vec![forged::bomb(); 1_000]);
        attack(
            &format!("{how}, 1,000 zstd bombs from inside"),
            flags,
            bombs,
            1_000,
        )
        .await;
        let crowd = dressed(forged::crowd(100, 100));
        attack(
            &format!("{how}, 10,000 fake nodes from inside"),
            flags,
            crowd,
            100,
        )
        .await;
    }
    let mut thief = Insider::new(KEY, 42);
    let stolen = forged::crowd(100, 100);
    let stolen = stolen.iter().map(|message| thief.seal(message)).collect();
    let what = "sealed, fake nodes under a stolen key that is no longer used";
    attack(what, ROTATED, stolen, FLOOD).await;
    replays().await;
}

/// All that a member's life has put on the wire, from its first word to its farewell, again and again.
async fn replays() {
    let relay = Relay::start().await;
    let flags = format!("--workers 1 {SEALED} --advertise {}", relay.addr());
    let lb = Lb::with(&flags).await;
    relay.to(lb.gossip());
    let app = Backend::http1("before").await;
    let seed = relay.addr().to_string();
    let mut member = Member::with("before", app.addr, &seed, SEALED);
    lb.until_up(&["before"]).await;
    member.process.signal(rustix::process::Signal::TERM);
    member.process.ended(Duration::from_secs(20)).await;
    let recorded = relay.passed();
    let what = format!("sealed, {} recorded datagrams", recorded.len());
    attacked(&what, lb, SEALED, recorded, FLOOD).await;
}

async fn attack(what: &str, flags: &str, datagrams: Vec<Vec<u8>>, count: u64) {
    let lb = Lb::with(&format!("--workers 1 {flags}")).await;
    attacked(what, lb, flags, datagrams, count).await;
}

async fn attacked(what: &str, lb: Lb, flags: &str, datagrams: Vec<Vec<u8>>, count: u64) {
    let seed = lb.gossip().to_string();
    let (steady, control) = (Backend::http1("s1").await, Control::new());
    let heeded = format!("{flags} {}", control.flag());
    let _steady = Member::with("s1", steady.addr, &seed, &heeded);
    lb.until_up(&["s1"]).await;
    let before = (lb.process.memory("VmRSS"), cpu(&lb.process));
    let began = Instant::now();
    let flood = Flood::start(lb.gossip(), datagrams, count);
    let (mut joins, mut leaves) = (Vec::new(), Vec::new());
    let traffic = async {
        let mut turn = 0;
        while turn < 5 || (flood.is_on() && turn < MOST_TURNS) {
            let (joined, left) = comes_and_goes(&lb, turn, flags).await;
            joins.push(joined);
            leaves.push(left);
            turn += 1;
        }
    };
    let mut quietest = 0;
    tokio::select! {
        () = traffic => {}
        () = listen(&control, &mut quietest) => {}
    }
    let took = flood.end();
    let rate = count as f64 / took.as_secs_f64();
    let seconds = began.elapsed().as_secs_f64();
    let used = (cpu(&lb.process) - before.1) / seconds * 100.0;
    let grown = lb.process.memory("VmRSS") as i64 - before.0 as i64;
    let up = csv::up(&lb.rows().await);
    print(&format!(
        "hostile: {what}: {count} datagrams, {rate:.0}/s; RSS {grown:+} KiB; CPU {used:.0} % of a \
         core; its heartbeat moved every {quietest} ms at least; join {}; leave {}; up afterwards {up:?}",
        spread(&joins),
        spread(&leaves)
    ));
}

/// Asks a member for ever how long ago the balancer's heartbeat moved; the longest, in milliseconds.
async fn listen(control: &Control, quietest: &mut u64) {
    loop {
        let told = control.ask(r#"{"command":"list"}"#).await;
        let members = told["members"].as_array().expect("an array");
        let is_balancer = |member: &&Value| member["tags"]["role"] == "balancer";
        let beat = members.iter().find(is_balancer);
        let beat = beat.and_then(|member| member["last_heartbeat_ms"].as_u64());
        *quietest = beat.unwrap_or(u64::MAX).max(*quietest);
        tokio::time::sleep(OFTEN).await;
    }
}

/// How long a webapp takes to come in, and to go out.
async fn comes_and_goes(lb: &Lb, turn: usize, flags: &str) -> (Duration, Duration) {
    let name = format!("w{turn}");
    let app = Backend::http1(&name).await;
    let began = Instant::now();
    let mut member = Member::with(&name, app.addr, &lb.gossip().to_string(), flags);
    lb.until_status(&name, "UP").await;
    let joined = began.elapsed();
    let began = Instant::now();
    member.process.signal(rustix::process::Signal::TERM);
    let is_out = |rows: &[csv::Row]| csv::server(rows, &name).is_none_or(|row| !row.is_up());
    lb.until("it is out", is_out).await;
    let left = began.elapsed();
    member.process.ended(Duration::from_secs(20)).await;
    (joined, left)
}

/// Processor time of a process so far, in seconds (`proc(5)`: fields 14 and 15 of `stat`, in
/// ticks of 10 ms).
fn cpu(process: &Process) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", process.id()));
    let text = text.expect("a running child");
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

const CLEAR: &str = "--log-level info";
const SEALED: &str = "--encrypt AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// After that one, which is no longer held.
const ROTATED: &str = "--encrypt ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
/// What it goes by.
const KEY_ID: u16 = 0x1a9a;
/// Between two questions; a balancer's round comes every 100 ms.
const OFTEN: Duration = Duration::from_millis(20);
const FLOOD: u64 = 300_000;
const MOST_TURNS: usize = 200;
