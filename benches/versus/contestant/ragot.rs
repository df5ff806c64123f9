//! Ours. The member that announces the origin is no part of the proxy, and runs on the other core.

use std::path::Path;

use e2e::lb::Lb;
use e2e::member::Member;

use super::{CONNECTIONS, Running, Stage};
use crate::cores::Pinned;

pub(super) async fn start(program: &Path, stage: &Stage<'_>) -> Running {
    let pinned = Pinned::to(stage.cores.proxy);
    let lb = Lb::of(program, &format!("--workers 1 --maxconn {CONNECTIONS}")).await;
    drop(pinned);
    let member = Member::start("origin", stage.origin, lb.gossip());
    lb.until_up(&["origin"]).await;
    Running::new(lb.process.id(), lb.addr(), (lb, member))
}
