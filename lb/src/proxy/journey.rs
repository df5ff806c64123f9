//! A request between its attempts: what is kept of it so that it can be made again.

use hyper::Request;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;

use crate::io::record::Ticket;
use crate::io::upload::{Upload, Uploads};
use crate::io::upstream::Want;
use crate::retry::Failure;

/// A request on its way through its attempts.
pub(super) struct Journey {
    pub(super) parts: Parts,
    pub(super) uploads: Uploads,
    pub(super) idempotent: bool,
    pub(super) ticket: Ticket,
    /// Fresh connections that ended without an answer.
    pub(super) hangups: u32,
    /// Attempts left after the present one.
    pub(super) left: u32,
}

impl Journey {
    /// Which connection the next attempt may take.
    pub(super) const fn want(&self, again: bool) -> Want {
        match (again, self.idempotent) {
            (true, _) => Want::Fresh,
            (false, true) => Want::Any,
            (false, false) => Want::Alive,
        }
    }

    /// The request for one attempt; `None` if its body is gone.
    pub(super) fn request(&self) -> Option<Request<Upload>> {
        let mut request = Request::new(self.uploads.attempt()?);
        request.method_mut().clone_from(&self.parts.method);
        request.uri_mut().clone_from(&self.parts.uri);
        request.headers_mut().clone_from(&self.parts.headers);
        self.frame(request.headers_mut());
        Some(request)
    }

    /// Says what body follows: hyper would send none with a GET of unknown length, and an embedder's
    /// length may be that of a body it has consumed.
    fn frame(&self, headers: &mut HeaderMap) {
        let has_body = !self.uploads.is_none();
        let length = headers.get(CONTENT_LENGTH);
        if has_body && length.is_none() {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        } else if !has_body && length.is_some_and(|length| length != "0") {
            headers.remove(CONTENT_LENGTH);
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
