//! A balancer that is killed and started again with `--pool-file`: its servers are back before
//! gossip has told of them, and nothing that the file says outlives what gossip or a connect says.

use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use e2e::backend::Backend;
use e2e::client;
use e2e::cluster::Cluster;
use e2e::csv;
use e2e::deadline::eventually;
use e2e::folder::Folder;
use e2e::lb::Lb;
use e2e::member::Member;

#[tokio::test]
async fn servers_are_back_without_gossip_and_stay_as_long_as_they_answer() {
    let folder = Folder::new();
    let mut cluster = with_file(3, &folder).await;
    cluster.lb.process.kill();
    for (_, member) in &mut cluster.apps {
        member.process.kill();
    }
    let began = Instant::now();
    cluster.lb.restart().await;
    let row = cluster.lb.until_status("s1", "UP").await;
    eprintln!("pool file: up {:?} after the start", began.elapsed());
    assert!(row.get("last_chk").contains("silent in gossip"), "{row:?}");
    cluster.ready().await;
    assert_eq!(
        client::get(cluster.lb.addr(), "/").await.unwrap().status,
        200
    );
    // No gossip at all is no reason to drop anybody; a webapp that refuses is out as usual.
    let addr = cluster.apps.remove(0).0.stop().await;
    for _ in 0..4 {
        assert_eq!(
            client::get(cluster.lb.addr(), "/").await.unwrap().status,
            200
        );
    }
    cluster.lb.until_up(&["s2", "s3"]).await;
    eventually("it is no longer remembered", async || {
        (!text(&folder).contains(&addr.to_string())).then_some(())
    })
    .await;
}

#[tokio::test]
async fn members_find_a_balancer_that_only_its_file_leads_to_them() {
    let folder = Folder::new();
    let mut cluster = with_file(3, &folder).await;
    cluster.lb.process.kill();
    // At another address, which nobody knows, and without seeds.
    let lb = Lb::with(&flags(&folder)).await;
    lb.until("all are up and heard", |rows| {
        let heard = |row: &&csv::Row| !row.get("last_chk").contains("silent");
        csv::up(rows).len() == 3 && rows.iter().filter(|r| r.is_server()).all(|r| heard(&r))
    })
    .await;
    assert!(!lb.process.stderr().contains("silent"));
}

#[tokio::test]
async fn who_is_dead_has_no_row_and_who_is_unknown_goes_cleanly() {
    let folder = Folder::new();
    let dead = Backend::http1("s3").await.stop().await;
    let unknown = Backend::http1("s2").await;
    lay(
        &file(&folder),
        &remembered(&[("s2", unknown.addr), ("s3", dead)]),
        0o600,
    );
    let lb = Lb::with(&flags(&folder)).await;
    lb.until_up(&["s2"]).await;
    let backend = Backend::http1("s1").await;
    let _member = Member::start("s1", backend.addr, lb.gossip());
    lb.until_up(&["s1", "s2"]).await;
    let took = lb.until_gone("s2").await;
    eprintln!("pool file: an unknown server left after {took:?}");
    let said = lb.process.stderr();
    assert!(said.contains("know nothing of them: s2, s3"), "{said}");
    assert!(
        !said.contains("DOWN") && !said.contains("nodes/s3"),
        "{said}"
    );
    assert!(lb.server("s3").await.is_none());
    eventually("only s1 is remembered", async || {
        let text = text(&folder);
        (text.contains("\"s1\"") && !text.contains("\"s2\"") && !text.contains("\"s3\""))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_members_say_supersedes_the_file() {
    let folder = Folder::new();
    let mut cluster = with_file(3, &folder).await;
    let seed = cluster.lb.gossip().to_string();
    cluster.lb.process.kill();
    // s1 comes back as another process elsewhere, s2 is ill, s3 stays as it was.
    let (old, mut member) = cluster.apps.remove(0);
    member.process.kill();
    let backend = Backend::http1("s1").await;
    let member = Member::with("s1", backend.addr, &seed, "");
    let ill = cluster.apps.remove(0);
    ill.0.stop().await;
    cluster.lb.restart().await;
    eventually("the new s1 serves", async || {
        let _ = client::get(cluster.lb.addr(), "/").await;
        (backend.hits("/") > 0).then_some(())
    })
    .await;
    // For a moment, what others tell of the old process may pass for a second s1.
    eventually("it alone is s1", async || {
        let (new, before) = (backend.hits("/"), old.hits("/"));
        for _ in 0..4 {
            let answer = client::get(cluster.lb.addr(), "/").await.unwrap();
            assert_eq!(answer.status, 200);
        }
        ((backend.hits("/") - new, old.hits("/") - before) == (2, 0)).then_some(())
    })
    .await;
    cluster.lb.until_up(&["s1", "s3"]).await;
    cluster.lb.until_status("s2", "DOWN").await;
    drop(member);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_told_once_and_replaced() {
    let folder = Folder::new();
    let path = file(&folder);
    let broken: [(&str, &[u8], u32, &str); 4] = [
        (
            "truncated",
            b"{\"format\":1,\"written\":1,\"servers\":[",
            0o600,
            "it is not whole",
        ),
        (
            "foreign",
            b"{\"format\":99}",
            0o600,
            "its format is 99, expected 1",
        ),
        ("binary", &[0xff, 0, 0x1b, 0x7f], 0o600, "it is not whole"),
        ("open to all", b"{}", 0o666, "may be written by others"),
    ];
    for (what, content, mode, told) in broken {
        lay(&path, content, mode);
        let mut lb = Lb::with(&flags(&folder)).await;
        let said = lb.process.said("is ignored").await;
        assert!(
            said.contains(told) && said.contains(path.to_str().unwrap()),
            "{what}: {said}"
        );
        assert_eq!(
            lb.process.stderr().matches("is ignored").count(),
            1,
            "{what}"
        );
        let backend = Backend::http1("s1").await;
        let _member = Member::start("s1", backend.addr, lb.gossip());
        lb.until_up(&["s1"]).await;
        eventually("it is written anew", async || {
            text(&folder)
                .contains(&backend.addr.to_string())
                .then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_once_and_costs_nothing_else() {
    let folder = Folder::new();
    let path = folder.file("missing").join("pool.json");
    let mut cluster = Cluster::with(2, &format!("--pool-file {}", path.display())).await;
    cluster.lb.process.said("cannot be written").await;
    cluster.add("").await;
    cluster.ready().await;
    std::fs::create_dir(folder.file("missing")).unwrap();
    cluster.add("").await;
    cluster.lb.process.said("is written again").await;
    cluster.ready().await;
    let told = cluster
        .lb
        .process
        .stderr()
        .matches("cannot be written")
        .count();
    assert_eq!(told, 1);
}

/// A cluster whose balancer has written all of its servers down.
async fn with_file(count: usize, folder: &Folder) -> Cluster {
    let cluster = Cluster::with(count, &flags(folder)).await;
    eventually("all are remembered", async || {
        let text = text(folder);
        let known = |app: &Backend| text.contains(&app.addr.to_string());
        cluster.apps.iter().all(|(app, _)| known(app)).then_some(())
    })
    .await;
    cluster
}

fn flags(folder: &Folder) -> String {
    // Checks often, so that a test need not wait for them.
    format!("--pool-file {} --check-inter 500ms", file(folder).display())
}

fn file(folder: &Folder) -> PathBuf {
    folder.file("pool.json")
}

fn text(folder: &Folder) -> String {
    std::fs::read_to_string(file(folder)).unwrap_or_default()
}

/// A file's text.
fn remembered(servers: &[(&str, SocketAddr)]) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let servers: Vec<_> = servers
        .iter()
        .map(|(name, addr)| {
            serde_json::json!({
                "service": "nodes", "name": name, "generation": 7, "http": addr.to_string(),
                "check": null, "weight": 1, "gossip": "127.0.0.1:9", // fixed port: nobody answers
            })
        })
        .collect();
    let written = now.as_millis() as u64;
    let text = serde_json::json!({"format": 1, "written": written, "servers": servers});
    text.to_string().into_bytes()
}

fn lay(path: &Path, content: &[u8], mode: u32) {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    let _ = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    options.open(path).unwrap().write_all(content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
