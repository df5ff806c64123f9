//! The binaries under test: built once for each test process, in the profile of the tests
//! themselves or, from `rings`, in `release`, and found where cargo puts them. Which flags they take is not known here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The balancer.
#[must_use]
pub fn lb() -> PathBuf {
    built().join("lb")
}

/// The member.
#[must_use]
pub fn member() -> PathBuf {
    built().join("member")
}

/// The webapp that can be killed.
#[must_use]
pub fn webapp() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    // With the whole test package in it, which is built already, in the profile of the tests.
    BUILT.get_or_init(|| {
        let own = match folder_name().as_str() {
            "debug" => "dev".to_owned(),
            other => other.to_owned(),
        };
        build(&own, &["-p", "e2e", "--bin", "webapp"]);
    });
    folder().join("webapp")
}

/// The balancer as it is shipped, in the profile `dist`, whatever the profile of the tests.
#[must_use]
pub fn shipped_lb() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| build("dist", &["-p", "lb"]));
    target().join("dist/lb")
}

/// Whether what is tested is optimised.
#[must_use]
pub fn is_optimised() -> bool {
    profile() != "dev"
}

/// The folder of binaries that were built elsewhere, as those of an image: `E2E_BINARIES`.
#[must_use]
pub fn given() -> Option<PathBuf> {
    std::env::var_os("E2E_BINARIES").map(PathBuf::from)
}

/// The profile that the binaries are built in: `E2E_PROFILE`, else that of the tests.
#[must_use]
pub fn profile() -> String {
    std::env::var("E2E_PROFILE").unwrap_or_else(|_| match folder_name().as_str() {
        "debug" => "dev".to_owned(),
        "rings" => "release".to_owned(),
        other => other.to_owned(),
    })
}

/// The folder they are in.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(given) = given() {
            return given;
        }
        // Apart, so that the test package adds no features to what is shipped.
        let profile = profile();
        build(&profile, &["-p", "lb", "-p", "member"]);
        let folder = if profile == "dev" { "debug" } else { &profile };
        target().join(folder)
    })
}

fn build(profile: &str, what: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // What `cargo test` tells of this package: a build script (ring's) that follows it would be run
    // again here and again outside, and all that stands on it built anew each time.
    let ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--profile", profile, "--target-dir"])
        .arg(target())
        .args(what)
        .output()
        .expect("cargo can be run");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo build {what:?}: {text}");
}

/// `target/`, from `target/debug/deps/e2e-0123` or `target/debug/measure`.
fn target() -> PathBuf {
    folder().parent().expect("a target folder").to_owned()
}

fn folder_name() -> String {
    let folder = folder();
    let name = folder.file_name().expect("a profile folder");
    name.to_string_lossy().into_owned()
}

fn folder() -> PathBuf {
    let own = std::env::current_exe().expect("an executable");
    let folder = own.parent().expect("a folder");
    let is_deps = folder.ends_with("deps");
    let folder = if is_deps {
        folder.parent().expect("a profile folder")
    } else {
        folder
    };
    folder.to_owned()
}
