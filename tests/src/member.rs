//! A member process, beside a webapp or around it.

use std::net::SocketAddr;
use std::path::Path;

use crate::bin;
use crate::lb::Flags;
use crate::process::Process;

/// A running member.
#[derive(Debug)]
pub struct Member {
    /// The process.
    pub process: Process,
}

impl Member {
    /// Announces the webapp at `http` as `name` to the balancer at `seed`.
    #[must_use]
    pub fn start(name: &str, http: SocketAddr, seed: SocketAddr) -> Self {
        Self::with(name, http, &seed.to_string(), "")
    }

    /// With more flags, as they are typed; the seed may be a name.
    #[must_use]
    pub fn with(name: &str, http: SocketAddr, seed: &str, flags: &str) -> Self {
        Self::of(&bin::member(), name, http, seed, flags)
    }

    /// The same of another program, as one that runs elsewhere.
    #[must_use]
    pub fn of(program: &Path, name: &str, http: SocketAddr, seed: &str, flags: &str) -> Self {
        Self {
            process: Process::start(program, args(name, http, seed, flags)),
        }
    }

    /// Around a program, which is to listen at `http`.
    #[must_use]
    pub fn around(
        name: &str,
        http: SocketAddr,
        seed: SocketAddr,
        flags: &str,
        program: &[&str],
    ) -> Self {
        let mut all = args(name, http, &seed.to_string(), flags);
        all.push("--".to_owned());
        all.extend(program.iter().map(|word| (*word).to_owned()));
        Self {
            process: Process::start(&bin::member(), all),
        }
    }

    /// Asks it to end and waits; the exit code.
    pub async fn stop(&mut self) -> i32 {
        self.process.stop().await
    }
}

fn args(name: &str, http: SocketAddr, seed: &str, flags: &str) -> Vec<String> {
    let mut all = Flags::default();
    all.add("--gossip 127.0.0.1:0");
    all.add(&format!("--name {name} --http {http} --seed {seed}"));
    all.add(flags);
    all.args()
}
