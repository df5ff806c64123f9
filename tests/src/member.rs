//! A member process beside a webapp.

use std::net::SocketAddr;

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
        let mut all = Flags::default();
        all.add("--gossip 127.0.0.1:0");
        all.add(&format!("--name {name} --http {http} --seed {seed}"));
        all.add(flags);
        Self {
            process: Process::start(&bin::member(), all.args()),
        }
    }

    /// Asks it to end and waits; the exit code.
    pub async fn stop(&mut self) -> i32 {
        self.process.stop().await
    }
}
