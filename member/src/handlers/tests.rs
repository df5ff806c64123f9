//! Handlers called by a cluster that is made up, in real shells.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::node::{Node, NodeKey};
use crate::snapshot::{Presence, Sighting};

/// A folder that goes when the test does, and a cluster to tell of.
struct Stage {
    folder: PathBuf,
    snapshots: watch::Sender<Arc<Snapshot>>,
    own: watch::Sender<Option<Arc<Sighting>>>,
    nodes: BTreeMap<NodeKey, Arc<Sighting>>,
}

impl Stage {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ragot-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            snapshots: watch::Sender::default(),
            own: watch::Sender::default(),
            nodes: BTreeMap::new(),
        }
    }

    fn view(&self) -> View {
        View {
            snapshots: self.snapshots.subscribe(),
            own: self.own.subscribe(),
            node: Description::balancer("ha"),
        }
    }

    /// Runs the command of each handler in the folder.
    fn calls(&self, handlers: &[&str], most: Duration) -> Calls {
        let parse = |text: &&str| {
            let (kinds, command) = text.split_once('=').unwrap();
            let text = format!("{kinds}=cd {} && {command}", self.folder.display());
            Handler::parse(&text).unwrap()
        };
        Calls {
            handlers: handlers.iter().map(parse).collect(),
            children: Children::new().unwrap(),
            limits: Limits {
                most,
                ..Limits::default()
            },
        }
    }

    fn is(&mut self, name: &str, word: Word) {
        let http = SocketAddr::from(([10, 0, 0, 1], 3000));
        let node: Node = Description::backend(name, http).live(1, http.ip(), word);
        let sighting = Sighting {
            node,
            gossip: http,
            presence: Presence::Live,
        };
        let key = sighting.node.key.clone();
        self.nodes.insert(key, Arc::new(sighting));
    }

    fn publish(&self) {
        let nodes = self.nodes.clone();
        self.snapshots
            .send_replace(Arc::new(nodes.into_iter().collect()));
    }

    fn tell(&mut self, name: &str, word: Word) {
        self.is(name, word);
        self.publish();
    }

    fn introduce(&self) {
        let gossip = SocketAddr::from(([10, 0, 0, 9], 7373));
        let node = Description::balancer("ha").live(1, gossip.ip(), Word::Ready);
        self.own.send_replace(Some(Arc::new(Sighting {
            node,
            gossip,
            presence: Presence::Live,
        })));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What is left there harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Waits until the file says so.
async fn says(path: &Path, expected: &str) {
    let mut text = String::new();
    for _ in 0..2_000 {
        text = fs::read_to_string(path).unwrap_or_default();
        if text == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{path:?} says {text:?}, not {expected:?}");
}

const LONG: Duration = Duration::from_secs(60);
const SERVER: &str = "10.0.0.1\tbackend\tport=3000,role=backend,service=nodes,weight=1";

#[tokio::test]
async fn each_event_calls_those_who_want_it_in_their_order() {
    let mut stage = Stage::new("order");
    let calls = stage.calls(
        &[
            "*=echo $SERF_EVENT $SERF_SELF_NAME $SERF_SELF_ROLE $SERF_TAG_ROLE >>all; cat >>all",
            "member-leave=echo and >>all; cat >>all",
        ],
        LONG,
    );
    let run = tokio::spawn(calls.serve(Inbox::new(Duration::ZERO, stage.view())));
    let mut expected = "member-join ha balancer balancer\n\
                        ha\t10.0.0.9\tbalancer\trole=balancer\n"
        .to_owned();
    stage.introduce();
    says(&stage.path("all"), &expected).await;
    stage.tell("s1", Word::Ready);
    expected += &format!("member-join ha balancer balancer\ns1\t{SERVER}\n");
    says(&stage.path("all"), &expected).await;
    stage.tell("s1", Word::Draining);
    expected += &format!("member-leave ha balancer balancer\ns1\t{SERVER}\nand\ns1\t{SERVER}\n");
    says(&stage.path("all"), &expected).await;
    run.abort();
}

/// What happens during a call is told after it: by kind, in order, each node once.
#[tokio::test]
async fn what_queues_up_is_told_together() {
    let mut stage = Stage::new("batch");
    let command = "*=echo $SERF_EVENT $(cut -f1 | tr '\\n' ' ') >>all; \
                   until [ -e go ]; do sleep 0.01; done";
    let calls = stage.calls(&[command], LONG);
    let run = tokio::spawn(calls.serve(Inbox::new(Duration::ZERO, stage.view())));
    stage.tell("first", Word::Ready);
    says(&stage.path("all"), "member-join first\n").await;
    for word in [Word::Ready, Word::Draining] {
        for name in ["s1", "s2", "s3"] {
            stage.tell(name, word.clone());
            // Let each be seen by itself.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
    }
    fs::write(stage.path("go"), "").unwrap();
    let expected = "member-join first\nmember-join s1 s2 s3\nmember-leave s1 s2 s3\n";
    says(&stage.path("all"), expected).await;
    run.abort();
}

#[tokio::test]
async fn one_that_hangs_is_killed_and_the_next_is_called() {
    let mut stage = Stage::new("hang");
    let command = "member-join=echo called >>all; if mkdir once; then sleep 600; fi";
    let calls = stage.calls(&[command], Duration::from_millis(200));
    let run = tokio::spawn(calls.serve(Inbox::new(Duration::ZERO, stage.view())));
    stage.tell("s1", Word::Ready);
    says(&stage.path("all"), "called\n").await;
    stage.tell("s2", Word::Ready);
    says(&stage.path("all"), "called\ncalled\n").await;
    run.abort();
}

/// With a full queue nothing is looked at; what then counts is what has come of it.
#[tokio::test]
async fn a_full_queue_grows_no_further_and_loses_nothing() {
    let mut stage = Stage::new("full");
    let mut inbox = Inbox::new(Duration::ZERO, stage.view());
    let mut turn = 0;
    while inbox.has_room() {
        let word = [Word::Ready, Word::Draining][turn % 2].clone();
        stage.tell("s1", word);
        inbox.news().await.unwrap();
        turn += 1;
    }
    assert_eq!(inbox.queue.len(), QUEUE);
    stage.tell("s1", Word::Ready);
    stage.tell("s2", Word::Ready);
    let mut last = None;
    while let Some((kind, members)) = inbox.batch() {
        assert_eq!(members.len(), 1);
        assert_ne!(last.replace(kind), Some(kind));
    }
    assert_eq!(last, Some(Kind::Leave));
    inbox.news().await.unwrap();
    let (kind, members) = inbox.batch().unwrap();
    let names: Vec<_> = members.iter().map(|member| &*member.name).collect();
    assert_eq!((kind, names), (Kind::Join, vec!["s1", "s2"]));
}

#[tokio::test(start_paused = true)]
async fn coalescing_waits_for_quiet_but_not_for_ever() {
    let second = Duration::from_secs(1);
    let mut stage = Stage::new("quiet");
    let mut inbox = Inbox::new(second, stage.view());
    let began = Instant::now();
    stage.tell("s1", Word::Ready);
    inbox.news().await.unwrap();
    assert_eq!(began.elapsed(), second);
    assert_eq!(inbox.batch().unwrap().0, Kind::Join);
    // Never quiet: 3 s, and of all the comings and goings only the last counts.
    let began = Instant::now();
    let mut news = std::pin::pin!(inbox.news());
    let mut turn = 0;
    loop {
        let word = [Word::Draining, Word::Ready][turn % 2].clone();
        stage.tell("s1", word);
        turn += 1;
        if tokio::time::timeout(second / 4, &mut news).await.is_ok() {
            break;
        }
    }
    let took = began.elapsed();
    assert!(
        took >= 3 * second && took < 3 * second + second / 2,
        "{took:?}"
    );
}
