//! A request to a server: its head written, its body put into its framing. What the head says is
//! `headers`' business.

use bytes::Bytes;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    HOST, HeaderMap, HeaderName, HeaderValue, MAX_FORWARDS, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING,
};
use hyper::http::request::Parts;

use super::grammar::{length, write_fields};

/// How the end of a request's body is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Framing {
    /// By so many bytes; none: there is no body.
    Length(u64),
    /// By a last chunk, after which these fields may come.
    Chunked(Vec<HeaderName>),
}

impl Framing {
    /// Says in the header what body follows. One of unknown length is chunked, whatever the method;
    /// a length without a body may be that of one an embedder has consumed.
    pub fn state(headers: &mut HeaderMap, has_body: bool) -> Self {
        if !has_body {
            if headers
                .get(CONTENT_LENGTH)
                .is_some_and(|length| length != "0")
            {
                headers.remove(CONTENT_LENGTH);
            }
            return Self::Length(0);
        }
        if let Some(length) = length(headers) {
            return Self::Length(length);
        }
        headers.remove(CONTENT_LENGTH);
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        Self::Chunked(announced(headers))
    }

    /// The framing before and after a piece of the body, which is shortened to the length that was
    /// stated; `last` if nothing follows it.
    pub fn piece(&mut self, piece: &mut Bytes, last: bool, before: &mut Vec<u8>) -> &'static [u8] {
        match self {
            Self::Length(left) => {
                piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= piece.len() as u64;
                b""
            }
            Self::Chunked(_) if piece.is_empty() => b"",
            Self::Chunked(_) => {
                before.extend_from_slice(format!("{:X}\r\n", piece.len()).as_bytes());
                if last { b"\r\n0\r\n\r\n" } else { b"\r\n" }
            }
        }
    }

    /// The end of a body whose last piece was not known to be the last; `false` if it came too
    /// early.
    pub fn end(&self, trailers: &HeaderMap, to: &mut Vec<u8>) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(announced) => {
                to.extend_from_slice(b"0\r\n");
                let may_follow = |(name, _): &(&HeaderName, &HeaderValue)| {
                    announced.contains(name) && may_trail(name)
                };
                write_fields(trailers.iter().filter(may_follow), to);
                to.extend_from_slice(b"\r\n");
                true
            }
        }
    }

    /// Whether a body may end here, after a piece that was known to be its last.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(_))
    }

    /// Whether no more bytes may follow.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        matches!(self, Self::Length(0))
    }
}

/// Writes a request's head. The target is in origin form, or `*`.
pub fn write_head(parts: &Parts, to: &mut Vec<u8>) {
    to.extend_from_slice(parts.method.as_str().as_bytes());
    to.push(b' ');
    let target = parts.uri.path_and_query().map_or("", |path| path.as_str());
    // An absolute form may have had a query and no path (RFC 9112, section 3.2.1).
    if !target.starts_with('/') && target != "*" {
        to.push(b'/');
    }
    to.extend_from_slice(target.as_bytes());
    to.extend_from_slice(b" HTTP/1.1\r\n");
    write_fields(parts.headers.iter(), to);
    to.extend_from_slice(b"\r\n");
}

/// The fields that `Trailer` announces (RFC 9110, section 6.6.2).
fn announced(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(TRAILER)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect()
}

/// Whether a field may come after the body (RFC 9110, section 6.5.1): none that frames, routes or
/// changes the meaning of a request.
fn may_trail(name: &HeaderName) -> bool {
    let never = [
        AUTHORIZATION,
        CACHE_CONTROL,
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CONTENT_RANGE,
        CONTENT_TYPE,
        HOST,
        MAX_FORWARDS,
        SET_COOKIE,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
    ];
    !never.contains(name)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn framed(headers: &[(&'static str, &'static str)], has_body: bool) -> (Framing, String) {
        let mut request = Request::builder().method("PUT").uri("/a?b");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let framing = Framing::state(&mut parts.headers, has_body);
        let mut head = Vec::new();
        write_head(&parts, &mut head);
        (framing, String::from_utf8(head).unwrap())
    }

    #[test]
    fn heads() {
        let check = |headers: &[_], has_body, framing, fields: &str| {
            let expected = format!("PUT /a?b HTTP/1.1\r\n{fields}\r\n");
            assert_eq!(framed(headers, has_body), (framing, expected));
        };
        let none = Framing::Length(0);
        check(&[("host", "h")], false, none.clone(), "host: h\r\n");
        check(
            &[("content-length", "0")],
            false,
            none.clone(),
            "content-length: 0\r\n",
        );
        check(&[("content-length", "5")], false, none, "");
        let five = Framing::Length(5);
        check(
            &[("content-length", "5")],
            true,
            five,
            "content-length: 5\r\n",
        );
        let chunked = || Framing::Chunked(Vec::new());
        check(&[], true, chunked(), "transfer-encoding: chunked\r\n");
        let nonsense = [("content-length", "+5")];
        check(&nonsense, true, chunked(), "transfer-encoding: chunked\r\n");
    }

    #[test]
    fn targets() {
        let check = |uri: &'static str, expected: &str| {
            let (mut parts, ()) = Request::new(()).into_parts();
            parts.uri = hyper::Uri::from_static(uri);
            let mut head = Vec::new();
            write_head(&parts, &mut head);
            let expected = format!("GET {expected} HTTP/1.1\r\n\r\n");
            assert_eq!(String::from_utf8(head).unwrap(), expected, "{uri}");
        };
        check("/a?b", "/a?b");
        check("http://h?x", "/?x");
        check("http://h", "/");
        check("*", "*");
    }

    fn body(mut framing: Framing, pieces: &[&'static str], trailers: &HeaderMap) -> Option<String> {
        let mut wire = Vec::new();
        for piece in pieces {
            let mut piece = Bytes::from_static(piece.as_bytes());
            let after = framing.piece(&mut piece, false, &mut wire);
            wire.extend_from_slice(&piece);
            wire.extend_from_slice(after);
        }
        framing
            .end(trailers, &mut wire)
            .then(|| String::from_utf8(wire).unwrap())
    }

    #[test]
    fn bodies() {
        let none = HeaderMap::new();
        let check = |framing, pieces: &[_], expected: Option<&str>| {
            assert_eq!(body(framing, pieces, &none).as_deref(), expected);
        };
        check(Framing::Length(4), &["ab", "cd"], Some("abcd"));
        check(Framing::Length(3), &["ab", "cd"], Some("abc"));
        check(Framing::Length(5), &["ab", "cd"], None);
        let chunked = Framing::Chunked(Vec::new());
        check(
            chunked,
            &["ab", "", "0123456789"],
            Some("2\r\nab\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        );
    }

    #[test]
    fn only_announced_and_harmless_fields_trail() {
        let mut trailers = HeaderMap::new();
        for name in ["x-sum", "x-other", "host"] {
            trailers.insert(name, HeaderValue::from_static("1"));
        }
        let mut headers = HeaderMap::new();
        headers.insert(TRAILER, HeaderValue::from_static("X-Sum, Host"));
        let framing = Framing::state(&mut headers, true);
        let text = body(framing, &["a"], &trailers).unwrap();
        assert_eq!(text, "1\r\na\r\n0\r\nx-sum: 1\r\n\r\n");
    }
}
