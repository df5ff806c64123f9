//! The programs of the system that are needed: found, or installed where that was asked for.

use std::path::PathBuf;
use std::process::Command;

/// Where they are.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) haproxy: PathBuf,
    pub(crate) nginx: PathBuf,
    pub(crate) wrk: PathBuf,
}

impl Tools {
    /// Finds all three.
    pub(crate) fn find(install: bool) -> Result<Self, String> {
        if install {
            install_missing()?;
        }
        if let [_, ..] = &*missing() {
            return Err(format!(
                "missing: {}; --install installs what is missing with apt-get",
                missing().join(", ")
            ));
        }
        let [haproxy, nginx, wrk] = NAMES.map(|name| find(name).expect("it was there just now"));
        Ok(Self {
            haproxy,
            nginx,
            wrk,
        })
    }

    /// A line each, as they say themselves.
    pub(crate) fn versions(&self) -> [String; 3] {
        let programs = [&self.haproxy, &self.nginx, &self.wrk];
        programs.map(|program| says(Command::new(program).arg("-v")))
    }
}

fn missing() -> Vec<&'static str> {
    let missing = NAMES.into_iter().filter(|name| find(name).is_none());
    missing.collect()
}

/// Debian's packages have the programs' names.
fn install_missing() -> Result<(), String> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    apt_get(&["update", "-q"])?;
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    apt_get(&[&install, &*packages].concat())
}

fn apt_get(args: &[&str]) -> Result<(), String> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("apt-get");
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get {}: {status}", args.join(" "))),
        Err(error) => Err(format!("apt-get cannot be run: {error}")),
    }
}

/// Debian keeps servers where a user's PATH does not look.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// The first line that a program prints.
pub(crate) fn says(command: &mut Command) -> String {
    let output = command.output().expect("a program that can be run");
    // nginx writes its version to standard error.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or_default().to_owned()
}

const NAMES: [&str; 3] = ["haproxy", "nginx", "wrk"];
