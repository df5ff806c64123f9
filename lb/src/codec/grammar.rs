//! What the messages of both directions have in common: fields, lengths, and what is wrong with
//! them. Which message they stand in it does not know.

use std::fmt;

use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};

/// Why bytes of a server are not HTTP/1.1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Malformed(&'static str);

impl Malformed {
    pub(super) const fn new(rule: &'static str) -> Self {
        Self(rule)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<httparse::Error> for Malformed {
    fn from(error: httparse::Error) -> Self {
        Self(match error {
            httparse::Error::HeaderName => "malformed field name",
            httparse::Error::HeaderValue => "malformed field value",
            httparse::Error::NewLine => "malformed end of line",
            httparse::Error::Status => "malformed status",
            httparse::Error::Token => "malformed status line",
            httparse::Error::TooManyHeaders => "too many fields",
            httparse::Error::Version => "neither HTTP/1.0 nor HTTP/1.1",
        })
    }
}

impl From<InvalidHeaderValue> for Malformed {
    fn from(_: InvalidHeaderValue) -> Self {
        Self("malformed field value")
    }
}

/// The one length that all `Content-Length` fields agree on (RFC 9112, section 6.3); `None` if
/// there is none, or no agreement.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    let mut agreed = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for text in value.as_bytes().split(|&byte| byte == b',') {
            let digits = std::str::from_utf8(text.trim_ascii()).ok()?;
            // `parse` would take a sign.
            let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
            let length: u64 = digits.parse().ok().filter(|_| all_digits)?;
            if agreed.is_some_and(|agreed| agreed != length) {
                return None;
            }
            agreed = Some(length);
        }
    }
    agreed
}

/// Writes `name: value` lines.
pub(super) fn write_fields<'a>(
    fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    to: &mut Vec<u8>,
) {
    for (name, value) in fields {
        to.extend_from_slice(name.as_str().as_bytes());
        to.extend_from_slice(b": ");
        to.extend_from_slice(value.as_bytes());
        to.extend_from_slice(b"\r\n");
    }
}

/// Fields in one message, as in hyper's server.
pub(super) const MAX_FIELDS: usize = 100;
