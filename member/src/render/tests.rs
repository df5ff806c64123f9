//! A file kept rendered for a cluster that is made up, on a real disk.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;
use crate::node::{Description, NodeKey, Word};
use crate::snapshot::{Presence, Sighting};

/// A folder with a template, which goes when the test does; and a cluster to render.
struct Stage {
    folder: PathBuf,
    snapshots: watch::Sender<Arc<Snapshot>>,
    nodes: BTreeMap<NodeKey, Arc<Sighting>>,
}

impl Stage {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("ragot-render-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let stage = Self {
            folder,
            snapshots: watch::Sender::default(),
            nodes: BTreeMap::new(),
        };
        fs::write(stage.path("t.hb"), "{{#each addresses}}{{host}} {{/each}}").unwrap();
        stage
    }

    fn folder_name(&self) -> String {
        let name = self.folder.file_name().unwrap();
        name.to_string_lossy().into_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn rendering(&self, command: &str) -> Rendering {
        let folder = self.folder.display();
        Rendering::parse(&format!("{folder}/t.hb:{folder}/out:{command}")).unwrap()
    }

    /// Keeps the file from now on.
    fn keep(&self, command: &str) -> tokio::task::JoinHandle<()> {
        let children = Children::new().unwrap();
        let (rendering, snapshots) = (self.rendering(command), self.snapshots.subscribe());
        tokio::spawn(run(rendering, Duration::ZERO, snapshots, children))
    }

    fn tell(&mut self, name: &str, word: Word, presence: Presence) {
        let http = SocketAddr::from(([10, 0, 0, 1], 3000));
        let sighting = Sighting {
            node: Description::backend(name, http).live(1, http.ip(), word),
            gossip: http,
            presence,
        };
        self.nodes
            .insert(sighting.node.key.clone(), Arc::new(sighting));
        let nodes = self.nodes.clone();
        self.snapshots
            .send_replace(Arc::new(nodes.into_iter().collect()));
    }

    fn joins(&mut self, name: &str) {
        self.tell(name, Word::Ready, Presence::Live);
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|_| "(none)".to_owned())
    }

    async fn says(&self, name: &str, expected: &str) {
        for _ in 0..2_000 {
            if self.text(name) == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{name} says {:?}, not {expected:?}", self.text(name));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What is left there harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_made_at_once_and_followed() {
    let mut stage = Stage::new("new");
    let command = format!("echo >>{}/ran", stage.folder.display());
    let keeper = stage.keep(&command);
    stage.says("out", "").await;
    stage.says("ran", "\n").await;
    stage.joins("s1");
    stage.says("out", "s1 ").await;
    stage.says("ran", "\n\n").await;
    stage.tell("s1", Word::Draining, Presence::Live);
    stage.says("out", "").await;
    keeper.abort();
}

/// Many changes during a command: it is run once more after them.
#[tokio::test]
async fn a_burst_during_a_command_is_rendered_once() {
    let mut stage = Stage::new("burst");
    let folder = stage.folder.display().to_string();
    let command =
        format!("cd {folder}; cat out >>ran; echo >>ran; until [ -e go ]; do sleep 0.01; done");
    stage.joins("s0");
    let keeper = stage.keep(&command);
    stage.says("ran", "s0 \n").await;
    for n in 1..6 {
        stage.joins(&format!("s{n}"));
        tokio::task::yield_now().await;
    }
    fs::write(stage.path("go"), "").unwrap();
    stage.says("ran", "s0 \ns0 s1 s2 s3 s4 s5 \n").await;
    // A change that changes nothing in the file runs nothing.
    stage.tell("s6", Word::Starting, Presence::Live);
    stage.joins("s7");
    stage
        .says("ran", "s0 \ns0 s1 s2 s3 s4 s5 \ns0 s1 s2 s3 s4 s5 s7 \n")
        .await;
    keeper.abort();
}

/// When an outlook is due, on a clock that nobody waits for.
#[tokio::test(start_paused = true)]
async fn a_file_of_a_former_life_is_left_alone_until_the_picture_is_quiet() {
    let mut stage = Stage::new("former");
    let mut outlook = Outlook::new(false, Duration::ZERO, stage.snapshots.subscribe());
    let hour = Duration::from_secs(3_600);
    let due = async |outlook: &mut Outlook| {
        let began = Instant::now();
        let due = tokio::time::timeout(hour, outlook.due()).await;
        due.ok()
            .flatten()
            .map(|addresses| (addresses.len(), began.elapsed()))
    };
    assert_eq!(due(&mut outlook).await, None, "nobody is heard");
    stage.tell("rumour", Word::Ready, Presence::Silent);
    assert_eq!(due(&mut outlook).await, None, "a rumour is no voice");
    stage.joins("s1");
    let (snapshots, mut nodes) = (stage.snapshots.clone(), stage.nodes.clone());
    let others = tokio::spawn(async move {
        for n in 2..5 {
            tokio::time::sleep(SETTLE / 2).await;
            let mut stage = Stage::new("former-others");
            stage.nodes = std::mem::take(&mut nodes);
            stage.joins(&format!("s{n}"));
            nodes = stage.nodes.clone();
            let told = Arc::new(nodes.clone().into_iter().collect());
            snapshots.send_replace(told);
        }
    });
    // s4 came after 1.5 s; then a second of quiet.
    assert_eq!(due(&mut outlook).await, Some((4, SETTLE / 2 * 5)));
    others.await.unwrap();
    // From then on at once.
    stage.joins("s9");
    assert_eq!(due(&mut outlook).await.unwrap().1, Duration::ZERO);
}

#[tokio::test]
async fn a_restarted_node_does_not_empty_a_good_file_nor_run_its_command() {
    let mut stage = Stage::new("restart");
    fs::write(stage.path("out"), "s1 s2 ").unwrap();
    let before = fs::metadata(stage.path("out")).unwrap().ino();
    let command = format!("echo >>{}/ran", stage.folder.display());
    let keeper = stage.keep(&command);
    stage.joins("s2");
    stage.joins("s1");
    stage.joins("s3");
    // The first that it writes is complete.
    stage.says("ran", "\n").await;
    assert_eq!(stage.text("out"), "s1 s2 s3 ");
    assert_ne!(fs::metadata(stage.path("out")).unwrap().ino(), before);
    keeper.abort();
}

#[test]
fn replaced_in_one_step_by_other_content_only_with_its_mode() {
    let stage = Stage::new("replace");
    let (file, link) = (stage.path("file"), stage.path("link"));
    assert!(replace(&file, "a").unwrap());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let inode = fs::metadata(&file).unwrap().ino();
    assert!(!replace(&file, "a").unwrap());
    assert_eq!(fs::metadata(&file).unwrap().ino(), inode);
    symlink(&file, &link).unwrap();
    // Left by one that was killed in the middle.
    fs::write(stage.path(".file.ragot-new"), "half").unwrap();
    assert!(replace(&link, "b").unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(
        (stage.text("file"), metadata.mode() & 0o777),
        ("b".to_owned(), 0o640)
    );
    assert_ne!(metadata.ino(), inode);
    assert!(!stage.path(".file.ragot-new").exists());
    let nowhere = stage.path("nowhere/file");
    assert!(replace(&nowhere, "a").is_err());
}

/// What only some server makes fail is not found at the start.
#[tokio::test]
async fn a_template_that_breaks_leaves_the_file_as_it_is() {
    let mut stage = Stage::new("breaks");
    let text = "{{#each addresses}}{{host}} {{#if (gt weight 5)}}{{boom host}}{{/if}}{{/each}}";
    fs::write(stage.path("t.hb"), text).unwrap();
    let command = format!(
        "cat {0}/out >>{0}/ran; echo >>{0}/ran",
        stage.folder.display()
    );
    let keeper = stage.keep(&command);
    stage.joins("s1");
    stage.says("out", "s1 ").await;
    let heavy = stage.nodes.values().next().map(|seen| {
        let mut heavy = (**seen).clone();
        heavy.node.weight = 7;
        (heavy.node.key.clone(), Arc::new(heavy))
    });
    let light = stage.nodes.clone();
    stage.nodes.extend(heavy);
    stage.joins("s2");
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.text("out"), "s1 ");
    stage.nodes = light;
    stage.joins("s3");
    stage.says("out", "s1 s3 ").await;
    assert!(!stage.text("ran").contains("s2"));
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_is_tried_again() {
    let mut stage = Stage::new("again");
    let mut outlook = Outlook::new(true, Duration::ZERO, stage.snapshots.subscribe());
    stage.joins("s1");
    let addresses = outlook.due().await.unwrap();
    outlook.again();
    let began = Instant::now();
    assert_eq!(outlook.due().await, Some(addresses));
    assert_eq!(began.elapsed(), AGAIN);
}

#[test]
fn what_is_given_is_checked_at_once() {
    let stage = Stage::new("given");
    let folder = stage.folder.display().to_string();
    fs::write(stage.path("bad.hb"), "a\n\n{{frobnicate x}}\n").unwrap();
    let check = |text: String, parts: &[&str]| {
        let rule = Rendering::parse(&text).unwrap_err();
        assert_eq!(rule.lines().count(), 1, "{rule}");
        for part in parts {
            assert!(rule.contains(part), "{text}: {part:?} in {rule:?}");
        }
    };
    check(format!("{folder}/t.hb"), &["TEMPLATE:FILE"]);
    check(format!("{folder}/t.hb:"), &["TEMPLATE:FILE"]);
    check(
        format!("{folder}/none.hb:{folder}/x"),
        &["none.hb", "No such file"],
    );
    check(
        format!("{folder}/bad.hb:{folder}/x"),
        &["bad.hb:3", "frobnicate"],
    );
    check(
        format!("{folder}/t.hb:{folder}/none/x"),
        &["folder", "none/x"],
    );
    check(format!("{folder}/t.hb:{folder}"), &[&folder]);
    let itself = format!("{folder}/../{}/t.hb", stage.folder_name());
    check(
        format!("{folder}/t.hb:{itself}"),
        &["another file than the template"],
    );
    let rendering = stage.rendering("curl http://x:80/ a:b");
    assert_eq!(rendering.command.as_deref(), Some("curl http://x:80/ a:b"));
    assert_eq!(stage.rendering(" ").command, None);
}
