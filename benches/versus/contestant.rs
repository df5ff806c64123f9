//! Who is compared: each started on its core in front of the origin, with one worker and what the
//! lab's HAProxy does, and ended with its handle. What it is asked is not known here.

mod haproxy;
mod nginx;
mod ragot;

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use e2e::bin;
use e2e::client;
use e2e::deadline::eventually;

use crate::cores::{Cores, Pinned};
use crate::own;
use crate::tools::Tools;

/// Who may take part.
#[derive(Clone, Debug)]
pub(crate) enum Contestant {
    /// Ours, built from this tree.
    Lb,
    /// Ours, built elsewhere.
    Base(PathBuf),
    /// Debian's.
    Haproxy,
    /// Debian's.
    Nginx,
    /// Copies bytes.
    Relay,
}

/// What a contestant is started with.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) cores: Cores,
    pub(crate) origin: SocketAddr,
    /// For configurations, and what nginx keeps in files.
    pub(crate) folder: &'a Path,
}

/// A contestant at work.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// Its process, or the parent of all of them.
    pub(crate) pid: u32,
    /// What ends with it.
    _held: Box<dyn Debug>,
}

impl Contestant {
    /// As the tables have it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Lb => "lb",
            Self::Base(_) => "base",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Relay => "relay",
        }
    }

    /// Starts it; it forwards requests when this returns.
    pub(crate) async fn start(&self, stage: &Stage<'_>) -> Running {
        let running = match self {
            Self::Lb => ragot::start(&bin::shipped_lb(), stage).await,
            Self::Base(program) => ragot::start(program, stage).await,
            Self::Haproxy => haproxy::start(stage),
            Self::Nginx => nginx::start(stage),
            Self::Relay => {
                let args = ["relay".to_owned(), stage.origin.to_string()];
                let _pinned = Pinned::to(stage.cores.proxy);
                let (process, addr) = own::start(&args).await;
                Running::new(process.id(), addr, process)
            }
        };
        eventually(format!("{} answers", self.name()), async || {
            let answer = client::get(running.addr, "/").await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        running
    }
}

impl Running {
    fn new(pid: u32, addr: SocketAddr, held: impl Debug + 'static) -> Self {
        Self {
            addr,
            pid,
            _held: Box::new(held),
        }
    }
}

/// More connections at once than any scenario has.
const CONNECTIONS: u32 = 4_000;
