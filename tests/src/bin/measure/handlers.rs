//! How soon an event handler runs: from the word of a member until the first line of a script
//! like the lab's.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use e2e::backend::Backend;
use e2e::folder::Folder;
use e2e::lb::Lb;
use e2e::member::Member;

use crate::clock::{between, time_of_day};
use crate::{RUNS, say};

/// Both clocks are this machine's: the member's log tells when it said `ready`, the script when
/// it began. In between are gossip, the event and the start of `sh` and `bash`.
pub(super) async fn run() {
    let folder = Folder::new();
    let script = folder.file("handler.sh");
    folder.write("handler.sh", SCRIPT);
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("our own file");
    let handler = format!(
        "member-join=OUT={} {}",
        folder.at("began"),
        script.display()
    );
    let lb = Lb::told(&[("--event-handler", &handler)]).await;
    let addr = Backend::http1("w").await.stop().await;
    let (mut times, mut alone) = (Vec::new(), Vec::new());
    for turn in 0..RUNS {
        alone.push(by_hand(&folder.at("handler.sh")).await);
        let name = format!("w{turn}");
        let mut member = Member::start(&name, addr, lb.gossip());
        // Joined, it waits for its webapp.
        member.process.said("is heard at").await;
        let webapp = Backend::at("w", addr).await;
        let word = member.process.said("webapp is ready").await;
        let mine = format!(" {name}");
        let told = |text: &str| text.lines().any(|line| line.ends_with(&mine));
        let text = folder.until("began", "it is called", told).await;
        let line = text.lines().find(|line| line.ends_with(&mine));
        let began = line.and_then(|line| line.split(' ').next());
        let began = began.and_then(epoch).expect("a time");
        times.push(between(time_of_day(&word), began));
        member.stop().await;
        webapp.stop().await;
    }
    say("handlers: a member's word until its handler runs", &times);
    say("handlers: of that, `sh` and `bash` started by hand", &alone);
}

/// How long the shells alone take on this machine at this moment.
async fn by_hand(script: &str) -> Duration {
    let command = format!("OUT=/dev/stdout {script}");
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let asked = UNIX_EPOCH.elapsed().expect("after 1970");
    let mut child = shell.spawn().expect("a shell");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"x\n").await.expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().await.expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    let began = text.split(' ').next().and_then(epoch);
    between(asked, began.expect("a time"))
}

/// Bash's `1795634609.159629`, seconds since 1970.
fn epoch(text: &str) -> Option<Duration> {
    let seconds = text.replace(',', ".").parse().ok()?;
    Some(Duration::from_secs_f64(seconds))
}

const SCRIPT: &str = r#"#!/usr/bin/env bash
began=$EPOCHREALTIME
while read -ra values; do
  echo "$began ${values[0]}" >>"$OUT"
done
"#;
