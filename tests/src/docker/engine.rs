//! The `docker` command, its words as they are typed. What they mean is not known here.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// Runs `docker` with these words; what it printed.
///
/// # Panics
///
/// When it fails.
pub async fn docker(words: &str) -> String {
    match try_docker(words).await {
        Ok(printed) => printed,
        Err(error) => panic!("docker {words}: {error}"),
    }
}

/// The same, where it may fail.
///
/// # Errors
///
/// What it said.
pub async fn try_docker(words: &str) -> Result<String, String> {
    run("docker", &words.split_whitespace().collect::<Vec<_>>()).await
}

/// Runs `docker-compose`, or `docker compose` where that is what there is.
///
/// # Errors
///
/// What it said.
pub async fn compose(words: &str) -> Result<String, String> {
    run("sh", &["-c", &format!("{COMPOSE}; compose {words}")]).await
}

/// Runs a program in the project's folder; what it printed.
pub(super) async fn run(program: &str, args: &[&str]) -> Result<String, String> {
    let child = Command::new(program)
        .args(args)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(LIMIT, child).await;
    let output = output.map_err(|_| format!("not within {LIMIT:?}"))?;
    let output = output.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!(
            "{}\n{}",
            text(&output.stdout),
            text(&output.stderr)
        ))
    }
}

/// A shell function.
pub const COMPOSE: &str = "compose() { if docker compose version >/dev/null 2>&1; \
                           then docker compose \"$@\"; else docker-compose \"$@\"; fi; }";

/// What takes longest is building the images for the first time.
const LIMIT: Duration = Duration::from_secs(1800);
