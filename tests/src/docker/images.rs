//! The images under test: built once for each test process, from this tree, by the Dockerfiles
//! that users build with, under the names that users give them.

use std::fs::File;

use tokio::sync::OnceCell;

use super::engine::{docker, run, try_docker};
use crate::ring;

/// Builds both images. `None` where they cannot be had; that is told.
pub async fn ready(test: &str) -> Option<()> {
    ring::tool("docker", test, "docker")?;
    match BUILT.get_or_init(build).await {
        Ok(_) => Some(()),
        Err(reason) => {
            ring::not_run("docker", &format!("{test}: {reason}"));
            None
        }
    }
}

/// # Errors
///
/// What this machine lacks. That an image does not build is no reason not to run: it panics.
async fn build() -> Result<File, String> {
    try_docker("version")
        .await
        .map_err(|_| "no Docker engine answers".to_owned())?;
    let ours = engine_to_ourselves().await;
    for base in bases() {
        let here = try_docker(&format!("image inspect --format x {base}")).await;
        if here.is_err() && try_docker(&format!("pull --quiet {base}")).await.is_err() {
            return Err(format!(
                "no base image {base}; `docker/stand-ins` makes local ones"
            ));
        }
    }
    for image in ["lb", "webapp"] {
        let file = format!("docker/{image}/Dockerfile");
        let tag = format!("ragot/{image}");
        let args = ["build", "--quiet", "--file", &file, "--tag", &tag, "."];
        if let Err(error) = run("docker", &args).await {
            panic!("{file}: {error}");
        }
    }
    clean_up().await;
    Ok(ours)
}

/// Waits until no other process tests on this machine's engine: names, networks and ports are the
/// same. Ends with the process, however that ends.
async fn engine_to_ourselves() -> File {
    let path = std::env::temp_dir().join("ragot-docker-tests.lock");
    let file = File::create(path).expect("a file to lock");
    let locked = tokio::task::spawn_blocking(|| file.lock().map(|()| file)).await;
    locked
        .expect("waiting does not panic")
        .expect("a file can be locked")
}

/// Removes what an aborted run has left.
async fn clean_up() {
    let all = format!("--all --quiet --filter label={LABEL}");
    let containers = docker(&format!("ps {all}")).await;
    if !containers.is_empty() {
        docker(&format!("rm --force {containers}")).await;
    }
    let networks = docker(&format!("network ls --quiet --filter label={LABEL}")).await;
    if !networks.is_empty() {
        docker(&format!("network rm {networks}")).await;
    }
}

/// The images that the Dockerfiles build on, unless told otherwise.
fn bases() -> impl Iterator<Item = &'static str> {
    let default = |line: &'static str| line.strip_prefix("ARG ")?.split_once('=');
    WEBAPP.lines().filter_map(default).map(|(_, image)| image)
}

static BUILT: OnceCell<Result<File, String>> = OnceCell::const_new();

/// On every container and network that tests make.
pub(super) const LABEL: &str = "ragot.test";
const WEBAPP: &str = include_str!("../../../docker/webapp/Dockerfile");
