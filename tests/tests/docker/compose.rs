//! The compose file itself: the lab's names, addresses and ports, and one more webapp at will.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;

use e2e::csv::{self, Row};
use e2e::deadline::eventually;
use e2e::docker::{COMPOSE, Lab, compose, docker, try_docker};
use e2e::folder::Folder;
use e2e::stats::Stats;
use e2e::{client, ring};

/// The lab as the compose file makes it, under a project of its own; ends with its value.
struct Project;

impl Project {
    async fn up() -> Self {
        down();
        for name in ["ha", "s1", "s2", "s3"] {
            let taken = try_docker(&format!("inspect --format x {name}"))
                .await
                .is_ok();
            assert!(
                !taken,
                "a lab is running here: `{name}` exists; `docker-compose down` first"
            );
        }
        let project = Self;
        compose_up("up -d --build").await;
        project
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        down();
    }
}

fn down() {
    let shell = format!(
        "{COMPOSE}; docker rm -f $(docker ps -aq --filter label=ragot.test=by-hand); \
         export COMPOSE_PROJECT_NAME=ragot-test COMPOSE_PROFILES=more,wrapped; \
         compose down -t 1 --rmi local"
    );
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut command = Command::new("sh");
    let output = command.args(["-c", &shell]).current_dir(folder).output();
    drop(output); // what is not there cannot be taken down
}

#[tokio::test]
async fn the_lab_as_it_is_written_down() {
    let test = "the_lab_as_it_is_written_down";
    // The lab itself is not used; it is this test's turn, and the images are built.
    let Some(_turn) = Lab::open(test).await else {
        return;
    };
    if compose("version").await.is_err() {
        let missing = "neither `docker-compose` nor `docker compose` is installed";
        return ring::not_run("docker", &format!("{test}: {missing}"));
    }
    let _project = Project::up().await;
    let stats = Stats::at(local(1936));
    stats.until_up(&["s1", "s2"]).await;
    every_address_answers().await;
    let healthy = async || {
        let health = docker("inspect --format {{.State.Health.Status}} ha").await;
        (health == "healthy").then_some(())
    };
    eventually("ha is healthy", healthy).await;

    // More webapps: by hand, and as many as wanted.
    docker("run -d --label ragot.test=by-hand --network heig --name s3 --hostname s3 ragot/webapp")
        .await;
    stats.until_up(&["s1", "s2", "s3"]).await;
    compose_up("--profile more up -d --scale webapp=2").await;
    let five = |rows: &[Row]| csv::up(rows).len() == 5;
    stats.until("five are up", five).await;
    compose_up("--profile wrapped up -d --scale wrapped=2").await;
    let seven = |rows: &[Row]| csv::up(rows).len() == 7;
    stats.until("seven are up", seven).await;

    // The balancer made anew, while its webapps run on.
    compose_up("up -d --force-recreate --no-deps ha").await;
    stats.until("seven are up again", seven).await;

    // The same with a key.
    let folder = Folder::new();
    let given = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../.env")).unwrap();
    folder.write("env", &format!("{given}\nRAGOT_ENCRYPT={KEY}\n"));
    let file = folder.file("env");
    compose_up(&format!("--env-file {} up -d", file.display())).await;
    eventually("all three hold the key", async || {
        let table = try_docker("exec ha /lb keys").await.unwrap_or_default();
        table
            .lines()
            .any(|row| row.ends_with("3     3"))
            .then_some(())
    })
    .await;
    let node = docker("exec s1 pidof node").await;
    let variables = docker(&format!("exec --user nobody s1 cat /proc/{node}/environ")).await;
    assert!(variables.contains("TAG=s1"), "{variables}");
    assert!(!variables.contains(KEY), "the webapp has the key");
}

/// The lab's addresses and ports, on this host and on its network.
async fn every_address_answers() {
    let mut ips = BTreeSet::new();
    for _ in 0..4 {
        let answer = client::get(local(80), "/").await.unwrap();
        ips.insert(answer.header("x-backend-ip").to_owned());
    }
    let lab: BTreeSet<_> = ["192.168.42.11", "192.168.42.22"].map(str::to_owned).into();
    assert_eq!(ips, lab);
    for (port, tag) in [(4000, "s1"), (4001, "s2")] {
        let direct = client::get(local(port), "/").await.unwrap().text();
        assert!(direct.contains(&format!("\"tag\":\"{tag}\"")), "{direct}");
    }
    let script = "fetch('http://192.168.42.42/').then(r=>console.log(r.status))";
    let node = format!("run --rm --network heig --entrypoint node ragot/webapp -e {script}");
    assert_eq!(docker(&node).await, "200");
}

async fn compose_up(words: &str) {
    if let Err(error) = compose(&format!("-p ragot-test {words}")).await {
        panic!("docker-compose {words}: {error}");
    }
}

/// Where the compose file publishes a port.
fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into() // fixed port: the lab's
}

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
