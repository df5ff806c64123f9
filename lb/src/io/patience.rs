//! How long a peer may keep something waiting: a timer that is armed by waiting, not by every
//! step, so that whoever is never kept waiting pays nothing for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

/// A limit, and the wait that is under way.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting: None,
        }
    }

    /// Something has moved: the next wait begins anew.
    pub(super) fn renew(&mut self) {
        self.waiting = None;
    }

    /// Nothing moves: ready when that has lasted too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let begin = || Box::pin(tokio::time::sleep(limit));
        self.waiting.get_or_insert_with(begin).as_mut().poll(cx)
    }
}
