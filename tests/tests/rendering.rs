//! Files rendered for other programs, by what happens to real processes.

use std::process::Command;

use e2e::folder::{Folder, example};
use e2e::lb::Lb;
use e2e::member::Member;
use e2e::ring;
use e2e::webapp::Pair;

const NAMES: &str = "{{#each addresses}}{{host}} {{/each}}";

/// A template, a file and a command that copies what it finds.
struct Desk {
    folder: Folder,
    spec: String,
}

impl Desk {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("t.hb", NAMES);
        let at = |name| folder.at(name);
        let spec = format!(
            "{}:{}:cat {} >>{3}; echo >>{3}",
            at("t.hb"),
            at("out"),
            at("out"),
            at("ran")
        );
        Self { folder, spec }
    }

    async fn says(&self, expected: &str) {
        let is_so = |text: &str| text == expected;
        self.folder
            .until("out", &format!("{expected:?}"), is_so)
            .await;
    }

    /// How often the command has run.
    fn runs(&self) -> usize {
        self.folder.text("ran").lines().count()
    }
}

#[tokio::test]
async fn a_file_follows_the_cluster_and_its_command_each_change() {
    let desk = Desk::new();
    let lb = Lb::told(&[("--render", &desk.spec)]).await;
    desk.says("").await;
    let mut s2 = Pair::start("s2", lb.gossip(), "").await;
    desk.says("s2 ").await;
    let mut s1 = Pair::start("s1", lb.gossip(), "").await;
    desk.says("s1 s2 ").await;
    assert_eq!(s1.leave().await, 0);
    desk.says("s2 ").await;
    // Its member says that it is down.
    s2.webapp.process.kill();
    desk.says("").await;
    let ran = "\ns2 \ns1 s2 \ns2 \n\n";
    let all = |text: &str| text == ran;
    desk.folder.until("ran", "a run a change", all).await;
}

#[tokio::test]
async fn many_at_once_are_rendered_few_times() {
    let desk = Desk::new();
    let lb = Lb::told(&[("--render", &desk.spec), ("--coalesce", "500ms")]).await;
    let _pairs: Vec<Member> = (0..20)
        .map(|n| {
            let http = lb.addr(); // answers, be it with 503
            Member::start(&format!("s{n:02}"), http, lb.gossip())
        })
        .collect();
    let all: String = (0..20).map(|n| format!("s{n:02} ")).collect();
    desk.says(&all).await;
    desk.folder
        .until("ran", "the last run", |text| {
            text.ends_with(&format!("{all}\n"))
        })
        .await;
    let runs = desk.runs();
    assert!(
        runs <= 10,
        "{runs} runs for 20 joins: {}",
        desk.folder.text("ran")
    );
}

/// The file of a balancer that is killed and comes back never loses a server, and its command is
/// not run for nothing.
#[tokio::test]
async fn a_restart_does_not_touch_a_good_file() {
    let desk = Desk::new();
    let mut lb = Lb::told(&[("--render", &desk.spec)]).await;
    let mut pairs = Vec::new();
    for name in ["s1", "s2", "s3"] {
        pairs.push(Pair::start(name, lb.gossip(), "").await);
        lb.until_status(name, "UP").await;
    }
    desk.says("s1 s2 s3 ").await;
    desk.folder
        .until("ran", "the last run", |text| text.ends_with("s1 s2 s3 \n"))
        .await;
    let (runs, before) = (desk.runs(), inode(&desk));
    for _ in 0..3 {
        lb.process.kill();
        lb.restart().await;
        lb.until_up(&["s1", "s2", "s3"]).await;
    }
    // From here on it is followed again; nothing was written in between.
    assert_eq!(inode(&desk), before);
    let last = pairs.pop().unwrap();
    { last }.leave().await;
    desk.says("s1 s2 ").await;
    desk.folder
        .until("ran", "one more run", |text| text.ends_with("s1 s2 \n"))
        .await;
    assert_eq!(desk.runs(), runs + 1, "{}", desk.folder.text("ran"));
}

fn inode(desk: &Desk) -> u64 {
    let metadata = std::fs::metadata(desk.folder.file("out")).unwrap();
    std::os::unix::fs::MetadataExt::ino(&metadata)
}

/// Silence is no proof: the file keeps the server whose member alone has died.
#[tokio::test]
async fn a_silent_server_stays() {
    let desk = Desk::new();
    let text =
        "{{#each addresses}}{{name}} {{tags.zone}} {{service}} {{weight}} {{state}}\n{{/each}}";
    desk.folder.write("t.hb", text);
    let lb = Lb::told(&[("--render", &desk.spec)]).await;
    let mut s1 = Pair::start("s1", lb.gossip(), "--tag zone=eu --weight 7").await;
    desk.says("s1 eu nodes 7 ready\n").await;
    s1.member.process.kill();
    desk.says("s1 eu nodes 7 silent\n").await;
}

#[tokio::test]
async fn a_member_renders_its_peers() {
    let desk = Desk::new();
    let lb = Lb::start().await;
    let flags = format!(
        "--render {}:{}",
        desk.folder.at("t.hb"),
        desk.folder.at("out")
    );
    let _s1 = Pair::start("s1", lb.gossip(), &flags).await;
    let mut s2 = Pair::start("s2", lb.gossip(), "").await;
    desk.says("s2 ").await;
    assert_eq!(s2.leave().await, 0);
    desk.says("").await;
}

#[tokio::test]
async fn a_command_that_fails_is_told_and_not_repeated() {
    let desk = Desk::new();
    let ran = desk.folder.at("ran");
    let spec = format!(
        "{}:{}:echo >>{ran}; echo no such thing; exit 3",
        desk.folder.at("t.hb"),
        desk.folder.at("out")
    );
    let mut lb = Lb::told(&[("--render", &spec)]).await;
    lb.process.said("ended with 3: no such thing").await;
    let _s1 = Pair::start("s1", lb.gossip(), "").await;
    desk.says("s1 ").await;
    desk.folder
        .until("ran", "twice", |text| text == "\n\n")
        .await;
}

/// What the lab's HAProxy would be given is a configuration that HAProxy takes.
#[tokio::test]
async fn haproxy_takes_a_file_of_the_labs_shape() {
    let test = "haproxy_takes_a_file_of_the_labs_shape";
    let Some(haproxy) = ring::tool("system", test, "haproxy") else {
        return;
    };
    let folder = Folder::new();
    let (file, verdict) = (folder.at("haproxy.cfg"), folder.at("verdict"));
    let spec = format!(
        "{}:{file}:{} -c -f {file} >>{verdict} 2>&1; echo code $? >>{verdict}",
        example("haproxy.cfg.hb"),
        haproxy.display()
    );
    let lb = Lb::told(&[("--render", &spec)]).await;
    let _pairs = [
        Pair::start("s1", lb.gossip(), "").await,
        Pair::start("s2", lb.gossip(), "").await,
    ];
    let both = "    server s1 127.0.0.1:3000 check\n    server s2 127.0.0.1:3000 check\n"; // fixed port: only written, never bound
    let text = folder
        .until("haproxy.cfg", "both servers", |text| text.contains(both))
        .await;
    assert!(text.ends_with(both), "{text}");
    // By hand, so that it is this file that was judged.
    let judged = Command::new(haproxy)
        .args(["-c", "-f", &file])
        .output()
        .unwrap();
    assert!(judged.status.success(), "{judged:?}");
    let verdict = folder
        .until("verdict", "the command's verdict", |text| {
            text.contains("code")
        })
        .await;
    assert!(
        verdict.contains("code 0") && !verdict.contains("code 1"),
        "{verdict}"
    );
}
