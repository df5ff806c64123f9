//! A request between its attempts: what is kept of it so that it can be made again.

use hyper::http::request::Parts;

use crate::codec::request::Framing;
use crate::io::record::Ticket;
use crate::io::upload::Uploads;
use crate::io::upstream::Want;
use crate::retry::Failure;

/// A request on its way through its attempts.
pub(super) struct Journey {
    pub(super) parts: Parts,
    /// Of its body.
    pub(super) framing: Framing,
    pub(super) uploads: Uploads,
    pub(super) idempotent: bool,
    pub(super) ticket: Ticket,
    /// Fresh connections that ended without an answer.
    pub(super) hangups: u32,
    /// Attempts left after the present one.
    pub(super) left: u32,
}

impl Journey {
    /// Which connection the next attempt may take. One that has died can only be made good where
    /// nothing of a body was asked for.
    pub(super) const fn want(&self, again: bool) -> Want {
        match (again, self.idempotent && self.uploads.is_none()) {
            (true, _) => Want::Fresh,
            (false, true) => Want::Any,
            (false, false) => Want::Alive,
        }
    }

    /// What is known before a connection is looked at: nothing sent, nothing received.
    pub(super) fn failure(&self, reused: bool) -> Failure {
        Failure {
            bytes_sent: false,
            answered: false,
            reused,
            body_intact: self.uploads.is_intact(),
            idempotent: self.idempotent,
            left: self.left,
            hangups: self.hangups,
        }
    }
}
