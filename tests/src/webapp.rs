//! A webapp as a process of its own, so that it can be killed and stopped as people's webapps are.

use std::net::SocketAddr;
use std::path::Path;

use rustix::process::Signal;

use crate::bin;
use crate::member::Member;
use crate::process::Process;

/// A running webapp.
#[derive(Debug)]
pub struct Webapp {
    /// The process.
    pub process: Process,
    /// Where it answers.
    pub addr: SocketAddr,
}

impl Webapp {
    /// Starts one that answers its name.
    pub async fn start(name: &str) -> Self {
        Self::of(&bin::webapp(), name, "127.0.0.1:0").await
    }

    /// Another program, as one that runs elsewhere, that listens where it is told to.
    pub async fn of(program: &Path, name: &str, addr: &str) -> Self {
        let process = Process::start(program, [name, addr]);
        let line = process.printed("listening on ").await;
        let addr = line.rsplit(' ').next().and_then(|addr| addr.parse().ok());
        Self {
            process,
            addr: addr.expect("an address"),
        }
    }
}

/// A webapp and its member, both processes of their own.
#[derive(Debug)]
pub struct Pair {
    /// The name that both go by.
    pub name: String,
    /// The webapp.
    pub webapp: Webapp,
    /// Its member.
    pub member: Member,
}

impl Pair {
    /// Starts both; `flags` are the member's.
    pub async fn start(name: &str, seed: SocketAddr, flags: &str) -> Self {
        let webapp = Webapp::start(name).await;
        let member = Member::with(name, webapp.addr, &seed.to_string(), flags);
        Self {
            name: name.to_owned(),
            webapp,
            member,
        }
    }

    /// Kills both without a word.
    pub fn kill(&mut self) {
        self.webapp.process.signal(Signal::KILL);
        self.member.process.signal(Signal::KILL);
        self.webapp.process.kill();
        self.member.process.kill();
    }

    /// The member leaves; the webapp ends as soon as it has.
    pub async fn leave(&mut self) -> i32 {
        let code = self.member.stop().await;
        self.webapp.process.kill();
        code
    }
}
