//! Gossip under a key: who has it takes part as before, nobody else hears or says a word, and it
//! can be given out and changed while everything runs.

use std::fs::Permissions;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use e2e::backend::Backend;
use e2e::bin;
use e2e::client;
use e2e::cluster;
use e2e::control::Control;
use e2e::csv;
use e2e::deadline::eventually;
use e2e::forged;
use e2e::lb::Lb;
use e2e::load::Load;
use e2e::member::Member;
use e2e::process::{Process, free_at};
use e2e::relay::Relay;
use member::seal::Key;
use rustix::process::Signal;
use tokio::net::UdpSocket;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW_KEY: &str = "8PHy8/T19vf4+fr7/P3+/wABAgMEBQYHCAkKCwwNDg8=";
const NAME: &str = "confidential-node";

fn id_of(key: &str) -> String {
    Key::parse(key).unwrap().id().to_string()
}

/// What passes between a balancer and a member that joins, serves and leaves.
async fn everything_said(flags: &str) -> Vec<Vec<u8>> {
    let (before_lb, before_member) = (Relay::start().await, Relay::start().await);
    let lb = Lb::with(&format!("--advertise {} {flags}", before_lb.addr())).await;
    before_lb.to(lb.gossip());
    let backend = Backend::http1(NAME).await;
    let behind = free_at(Ipv4Addr::new(127, 9, 0, 1));
    before_member.to(behind);
    let flags = format!(
        "--gossip {behind} --advertise {} --tag place=secret-place {flags}",
        before_member.addr()
    );
    let mut member = Member::with(NAME, backend.addr, &before_lb.addr().to_string(), &flags);
    lb.until_up(&[NAME]).await;
    let answer = client::get(lb.addr(), "/").await.unwrap();
    assert_eq!(answer.text(), NAME);
    assert_eq!(member.stop().await, 0);
    assert!(member.process.stderr().contains("1 balancer had let go"));
    lb.until_gone(NAME).await;
    let mut all = before_lb.passed();
    all.extend(before_member.passed());
    assert!(all.len() > 10, "{}", all.len());
    all
}

fn is_in(needle: &str, datagrams: &[Vec<u8>]) -> bool {
    let inside = |datagram: &Vec<u8>| {
        let mut parts = datagram.windows(needle.len());
        parts.any(|part| part == needle.as_bytes())
    };
    datagrams.iter().any(inside)
}

#[tokio::test]
async fn nothing_on_the_wire_can_be_read() {
    let sealed = everything_said(&format!("--encrypt {KEY}")).await;
    let cluster = cluster::name();
    for needle in [NAME, &cluster, "ready", "backend", "secret-place", "127."] {
        assert!(!is_in(needle, &sealed), "{needle}");
    }
    for datagram in &sealed {
        assert!(datagram.len() >= 48 && datagram[0] == 1, "{datagram:?}");
    }
    // The same look at the same story in clear does find something.
    let clear = everything_said("--log-level info").await;
    assert!(is_in(NAME, &clear) && is_in(&cluster, &clear));
}

/// Sends a well-formed SYN in clear and gives the socket on which an answer would come.
async fn stranger(lb: &Lb) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let me = forged::id("stranger", 1_700_000_000_000, socket.local_addr().unwrap());
    let syn = forged::syn(&cluster::name(), &[(me, 1)]);
    socket.send_to(&syn, lb.gossip()).await.unwrap();
    socket
}

#[tokio::test]
async fn strangers_hear_nothing_and_are_not_heard() {
    let mut lb = Lb::with(&format!("--encrypt {KEY}")).await;
    let backend = Backend::http1("x").await;
    let socket = stranger(&lb).await;
    lb.process.said("it is in clear").await;
    let mut keyless = Member::start("keyless", backend.addr, lb.gossip());
    let flags = format!("--encrypt {NEW_KEY}");
    let mut wrong = Member::with("wrong", backend.addr, &lb.gossip().to_string(), &flags);
    keyless.process.said("no balancer answers").await;
    wrong.process.said("no balancer answers").await;
    // Whoever has the key joins after all of that has arrived.
    let flags = format!("--encrypt {KEY}");
    let _member = Member::with("s1", backend.addr, &lb.gossip().to_string(), &flags);
    lb.until_up(&["s1"]).await;
    let mut buffer = [0; 16];
    assert!(
        socket.try_recv(&mut buffer).is_err(),
        "an answer to a stranger"
    );
    let heard = |process: &Process| process.stderr().contains("is heard at");
    assert!(!heard(&keyless.process) && !heard(&wrong.process));
    let key = format!("gossip is sealed with key {}", id_of(KEY));
    assert!(lb.process.stderr().contains(&key));
    assert!(!lb.process.stderr().contains(KEY));
    // Without a key the same stranger is answered, so it was well spoken.
    let clear = Lb::start().await;
    let socket = stranger(&clear).await;
    let (length, _) = socket.recv_from(&mut buffer).await.unwrap();
    assert!(length > 4);
}

/// A keyring file that goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, keys: &[&str]) -> Self {
        let name = format!("ragot-{}-{name}", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(keys);
        file
    }

    fn write(&self, keys: &[&str]) {
        let new = self.0.with_extension("new");
        let list: Vec<_> = keys.iter().map(|key| format!("\"{key}\"")).collect();
        std::fs::write(&new, format!("[{}]", list.join(", "))).unwrap();
        std::fs::rename(&new, &self.0).unwrap();
    }

    fn allow(&self, mode: u32) {
        std::fs::set_permissions(&self.0, Permissions::from_mode(mode)).unwrap();
    }

    fn flag(&self) -> String {
        format!("--keyring-file {}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn keys_are_rotated_under_load() {
    let (file, control) = (File::new("rotated", &[KEY]), Control::new());
    let mut lb = Lb::with(&format!("{} {}", file.flag(), control.flag())).await;
    let (one, two) = (Backend::http1("s1").await, Backend::http1("s2").await);
    let seed = lb.gossip().to_string();
    let mut members = [
        Member::with("s1", one.addr, &seed, &file.flag()),
        Member::with("s2", two.addr, &seed, &file.flag()),
    ];
    lb.until_up(&["s1", "s2"]).await;
    let load = Load::start(lb.addr(), 50);
    let (old, new) = (id_of(KEY), id_of(NEW_KEY));
    let steps = [
        (
            vec![KEY, NEW_KEY],
            format!("sealed with key {old}; {new} open too"),
        ),
        (
            vec![NEW_KEY, KEY],
            format!("sealed with key {new}; {old} open too"),
        ),
        (vec![NEW_KEY], format!("sealed with key {new}")),
    ];
    everywhere(&control, &old, 3).await;
    for (keys, told) in &steps {
        file.write(keys);
        // One is asked to look, the others notice.
        lb.process.signal(Signal::HUP);
        lb.process.said_last("sealed with", told).await;
        for member in &members {
            member.process.said_last("sealed with", told).await;
        }
        let seal = |id: &str| 3 * usize::from(told.starts_with(&format!("sealed with key {id}")));
        for id in [&old, &new].into_iter().filter(|id| told.contains(*id)) {
            everywhere(&control, id, seal(id)).await;
        }
        load.another(20).await;
    }
    eventually("nobody holds the old key", async || {
        let known = control.ask(r#"{"command":"keys"}"#).await;
        (!known.to_string().contains(&old)).then_some(())
    })
    .await;
    // A broken file changes nothing, and is told once.
    file.write(&["c2hvcnQ="]);
    lb.process.signal(Signal::HUP);
    lb.process.said("found 5 bytes; the keys stay").await;
    load.another(20).await;
    load.stop().await.assert_clean();
    lb.until_up(&["s1", "s2"]).await;
    for row in lb.rows().await.iter().filter(|row| row.is_server()) {
        assert_eq!(row.count("chkdown"), 0, "{row:?}");
    }
    let said = lb.process.stderr();
    assert!(!said.contains("silent") && !said.contains("DOWN"), "{said}");
    is_of_no_use(&mut lb, KEY, &one).await;
    for member in &mut members {
        assert_eq!(member.stop().await, 0);
    }
}

#[tokio::test]
async fn a_keyring_that_everybody_may_read_is_warned_of_at_any_time() {
    let file = File::new("public", &[KEY]);
    let everybody = "everybody on this host can read it";
    file.allow(0o600);
    let mut lb = Lb::with(&file.flag()).await;
    lb.process.said("sealed with").await;
    assert!(!lb.process.stderr().contains(everybody));
    file.allow(0o644);
    lb.process.signal(Signal::HUP);
    lb.process.said(everybody).await;
    let mut late = Lb::with(&file.flag()).await;
    late.process.said(everybody).await;
}

/// What an operator waits for before the next step: all three nodes hold a key, and so many seal with it.
async fn everywhere(control: &Control, id: &str, seal: usize) {
    let row = format!("{id:6} {seal:>5} {:>5}\n", 3);
    let held = async || {
        let table = control.done(&bin::lb(), "keys").await;
        table.contains(&row).then_some(())
    };
    eventually("every node tells of its keys", held).await;
}

/// Whoever has stolen an old key is not heard.
async fn is_of_no_use(lb: &mut Lb, key: &str, app: &Backend) {
    let seed = lb.gossip().to_string();
    let _thief = Member::with("thief", app.addr, &seed, &format!("--encrypt {key}"));
    lb.process.said(&format!("its key is {}", id_of(key))).await;
    assert!(lb.server("thief").await.is_none());
}

#[tokio::test]
async fn a_running_cluster_goes_from_clear_to_sealed() {
    let mut lb = Lb::start().await;
    let (one, two) = (Backend::http1("s1").await, Backend::http1("s2").await);
    let seed = lb.gossip().to_string();
    let member = |name, app: &Backend, flags: &str| Member::with(name, app.addr, &seed, flags);
    let mut s1 = member("s1", &one, "");
    let mut s2 = member("s2", &two, "");
    lb.until_up(&["s1", "s2"]).await;
    let migrate = format!("--encrypt {KEY} --encrypt-migrate true");
    let strict = format!("--encrypt {KEY} --encrypt-migrate false");
    for flags in [&migrate, &strict] {
        assert_eq!(s1.stop().await, 0);
        s1 = member("s1", &one, flags);
        both(&lb).await;
        assert_eq!(lb.stop().await, 0);
        lb.restart_with(flags).await;
        both(&lb).await;
        assert_eq!(s2.stop().await, 0);
        s2 = member("s2", &two, flags);
        both(&lb).await;
    }
    let said = lb.process.stderr();
    assert!(!said.contains("--encrypt-migrate: nodes"), "{said}");
    let mut keyless = member("s3", &one, "");
    keyless.process.said("no balancer answers").await;
    assert!(lb.server("s3").await.is_none());
}

/// Both are in the pool and heard: requests reach them, and their leave would be.
async fn both(lb: &Lb) {
    let is_so = |rows: &[csv::Row]| csv::up(rows) == ["s1", "s2"];
    lb.until("s1 and s2 are up", is_so).await;
    let names = client::roll_call(lb.addr(), 2).await;
    assert!(names.contains(&"s1".to_owned()) && names.contains(&"s2".to_owned()));
}

#[tokio::test]
async fn clear_gossip_is_warned_of_only_where_others_can_reach_it() {
    let mut lb = Lb::with("--gossip 0.0.0.0:0 --advertise 10.0.0.1").await;
    lb.process.said("gossip is in clear").await;
    // Whatever is told to others, strangers can send to where it listens.
    let mut everywhere = Lb::with("--gossip 0.0.0.0:0 --advertise 127.0.0.1").await;
    everywhere.process.said("gossip is in clear").await;
    let silent = Lb::start().await;
    assert!(!silent.process.stderr().contains("in clear"));
}

#[tokio::test]
async fn keygen_prints_a_key_that_can_be_used() {
    let mut process = Process::start(&bin::member(), ["keygen"]);
    let (status, _) = process.ended(e2e::deadline::LIMIT).await;
    let key = process.stdout();
    assert!(status.success() && key.len() == 44, "{key}");
    let mut lb = Lb::with(&format!("--encrypt {key}")).await;
    let sealed = format!("sealed with key {}", id_of(&key));
    lb.process.said(&sealed).await;
    let mut process = Process::start(&bin::member(), ["keygen", "twice"]);
    assert_eq!(process.ended(e2e::deadline::LIMIT).await.0.code(), Some(64));
}
