//! `lb demo`: what a newcomer sees first.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use e2e::bin;
use e2e::client::{get, roll_call};
use e2e::csv;
use e2e::deadline::eventually;
use e2e::process::Process;
use rustix::process::Signal;

/// A demo, and what it printed of itself.
struct Demo {
    process: Process,
    listen: SocketAddr,
    stats: SocketAddr,
}

impl Demo {
    async fn start() -> Self {
        let process = Process::start(&bin::lb(), ["demo", "--backends", "2"]);
        let listen = address(&process.printed("through the balancer  ").await);
        let stats = address(&process.printed("statistics page  ").await);
        process.printed("quit").await;
        let demo = Self {
            process,
            listen,
            stats,
        };
        demo.until_up(&["s1", "s2"]).await;
        demo
    }

    async fn until_up(&self, names: &[&str]) {
        eventually(format!("up: {names:?}"), async || {
            let text = get(self.stats, "/;csv").await.ok()?.text();
            (csv::up(&csv::parse(&text)?) == names).then_some(())
        })
        .await;
    }

    async fn hosts(&self, count: usize) -> BTreeSet<String> {
        let answers = roll_call(self.listen, count).await;
        let hosts = answers.iter().map(|text| {
            let answer: serde_json::Value = serde_json::from_str(text).unwrap();
            answer["host"].as_str().unwrap().to_owned()
        });
        hosts.collect()
    }

    async fn end(mut self, signal: Signal) -> i32 {
        self.process.signal(signal);
        self.process
            .ended(std::time::Duration::from_secs(15))
            .await
            .0
            .code()
            .unwrap()
    }
}

fn address(line: &str) -> SocketAddr {
    line.rsplit("http://")
        .next()
        .and_then(|text| text.parse().ok())
        .expect("a numeric URL")
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn webapps_take_turns_come_and_go_and_ctrl_c_ends_it() {
    let mut demo = Demo::start().await;
    assert_eq!(demo.hosts(2).await, names(["s1", "s2"]));
    demo.process.type_line("stop s2");
    demo.process.printed("s2 left gracefully").await;
    assert_eq!(demo.hosts(4).await, names(["s1"]));
    demo.process.type_line("add");
    demo.until_up(&["s1", "s3"]).await;
    assert_eq!(demo.hosts(2).await, names(["s1", "s3"]));
    demo.process.type_line("kill s1");
    demo.process.printed("without a word").await;
    // Killed is not left: what it had begun may still come.
    let only = async || (demo.hosts(4).await == names(["s3"])).then_some(());
    eventually("s3 alone answers", only).await;
    assert_eq!(demo.end(Signal::INT).await, 0);
}

#[tokio::test]
async fn the_answer_is_the_labs() {
    let demo = Demo::start().await;
    let answer = get(demo.listen, "/").await.unwrap();
    let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    for key in ["hello", "ip", "host", "tag", "sessionViews", "id"] {
        assert!(value.get(key).is_some(), "{key}: {value}");
    }
    assert!(answer.header("set-cookie").starts_with("NODESESSID="));
    assert_eq!(answer.header("x-backend-ip"), "127.0.0.1");
    assert_eq!(demo.end(Signal::TERM).await, 0);
}

#[tokio::test]
async fn a_taken_port_is_told_and_another_taken() {
    // Perhaps somebody else has it already: that is as good.
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 8080));
    let demo = Demo::start().await;
    assert_ne!(demo.listen.port(), 8080);
    let out = demo.process.stdout();
    assert!(
        out.contains("(port 8080 is taken: the balancer took another)"),
        "{out}"
    );
    assert_eq!(demo.hosts(2).await, names(["s1", "s2"]));
}

/// Each finds the usual ports free, and all but one come too late to some.
#[tokio::test]
async fn several_started_at_once_all_come_up() {
    let all = futures_util::future::join_all((0..4).map(|_| Demo::start())).await;
    let places: BTreeSet<_> = all.iter().map(|demo| demo.listen).collect();
    assert_eq!(places.len(), 4);
}

#[tokio::test]
async fn what_cannot_be_understood_is_told_with_what_can() {
    let mut demo = Demo::start().await;
    demo.process.type_line("dance");
    demo.process.printed("\"dance\" is not a command").await;
    demo.process.type_line("stop s9");
    demo.process.printed("there is no \"s9\"").await;
    demo.process.type_line("quit");
    let limit = std::time::Duration::from_secs(15);
    assert_eq!(demo.process.ended(limit).await.0.code(), Some(0));
}
