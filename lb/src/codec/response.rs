//! The head of a server's response, read: what it says, what body follows, and whether the
//! connection can be used again (RFC 9112, sections 4, 6.3 and 9.3).

use std::mem::MaybeUninit;

use bytes::BytesMut;
use hyper::ext::ReasonPhrase;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use hyper::http::response::Parts;
use hyper::{Method, Response, StatusCode, Version};

use super::body::Decoder;
use super::grammar::{MAX_FIELDS, Malformed, length};

/// A response's head.
#[derive(Debug)]
pub struct Head {
    /// What it says.
    pub parts: Parts,
    /// The body that follows.
    pub body: Decoder,
    /// Whether the connection stays open after that.
    pub keep: bool,
}

/// Takes the head of the final response, or of one that switches protocols, out of what was
/// received; `None` if it is not complete. Other informational responses are passed over.
///
/// # Errors
///
/// Names the rule that was broken.
pub fn read_head(received: &mut BytesMut, method: &Method) -> Result<Option<Head>, Malformed> {
    loop {
        let Some(parts) = split_head(received)? else {
            return if received.len() < MAX_HEAD {
                Ok(None)
            } else {
                Err(Malformed::new("a header without an end"))
            };
        };
        let status = parts.status;
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return follow(parts, method).map(Some);
        }
    }
}

fn split_head(received: &mut BytesMut) -> Result<Option<Parts>, Malformed> {
    if received.is_empty() {
        return Ok(None);
    }
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut head = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut head,
        received,
        &mut fields,
    )?;
    let httparse::Status::Complete(end) = parsed else {
        return Ok(None);
    };
    let mut response = Response::new(());
    let status = StatusCode::from_u16(head.code.unwrap_or_default())
        .map_err(|_| Malformed::new("malformed status"))?;
    *response.status_mut() = status;
    *response.version_mut() = match head.version {
        Some(1) => Version::HTTP_11,
        _ => Version::HTTP_10,
    };
    if head.reason != status.canonical_reason() {
        let reason = ReasonPhrase::try_from(head.reason.unwrap_or_default().as_bytes())
            .map_err(|_| Malformed::new("malformed reason"))?;
        response.extensions_mut().insert(reason);
    }
    // Values stay where they were received; only where they are is known until that is frozen.
    let start = received.as_ptr() as usize;
    let span = |part: &[u8]| {
        let from = part.as_ptr() as usize - start;
        from..from + part.len()
    };
    let fields: Vec<_> = head
        .headers
        .iter()
        .map(|field| (span(field.name.as_bytes()), span(field.value)))
        .collect();
    let bytes = received.split_to(end).freeze();
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields {
        let name = HeaderName::from_bytes(&bytes[name])
            .map_err(|_| Malformed::new("malformed field name"))?;
        headers.append(name, HeaderValue::from_maybe_shared(bytes.slice(value))?);
    }
    *response.headers_mut() = headers;
    Ok(Some(response.into_parts().0))
}

/// What follows a head.
fn follow(mut parts: Parts, method: &Method) -> Result<Head, Malformed> {
    let length = agree_on_length(&mut parts.headers)?;
    let body = body_of(&parts, method, length)?;
    let keep = stays_open(&parts)
        && body != Decoder::UntilClose
        && parts.status != StatusCode::SWITCHING_PROTOCOLS;
    Ok(Head { parts, body, keep })
}

/// The length that is stated, if one is. Several equal ones become one, since they must not be passed
/// on so (RFC 9110, section 8.6). Beside `Transfer-Encoding` a length says nothing, and is removed
/// later.
fn agree_on_length(headers: &mut HeaderMap) -> Result<Option<u64>, Malformed> {
    if headers.contains_key(TRANSFER_ENCODING) || !headers.contains_key(CONTENT_LENGTH) {
        return Ok(None);
    }
    let agreed = length(headers).ok_or(Malformed::new("malformed `content-length`"))?;
    let is_one = |value: &HeaderValue| value.as_bytes().iter().all(u8::is_ascii_digit);
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    if !values.next().is_some_and(is_one) || values.next().is_some() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(agreed));
    }
    Ok(Some(agreed))
}

/// The rules of RFC 9112, section 6.3, in their order.
fn body_of(parts: &Parts, method: &Method, length: Option<u64>) -> Result<Decoder, Malformed> {
    let bodiless = [
        StatusCode::SWITCHING_PROTOCOLS,
        StatusCode::NO_CONTENT,
        StatusCode::NOT_MODIFIED,
    ];
    if method == Method::HEAD || bodiless.contains(&parts.status) {
        return Ok(Decoder::DONE);
    }
    if parts.headers.contains_key(TRANSFER_ENCODING) {
        return match parts.version {
            Version::HTTP_10 => Err(Malformed::new("HTTP/1.0 with `transfer-encoding`")),
            _ if ends_chunked(&parts.headers) => Ok(Decoder::CHUNKED),
            _ => Ok(Decoder::UntilClose),
        };
    }
    Ok(length.map_or(Decoder::UntilClose, Decoder::Length))
}

fn ends_chunked(headers: &HeaderMap) -> bool {
    let last = headers.get_all(TRANSFER_ENCODING).iter().next_back();
    last.and_then(|value| value.as_bytes().rsplit(|&byte| byte == b',').next())
        .is_some_and(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

fn stays_open(parts: &Parts) -> bool {
    let says = |word: &[u8]| {
        parts
            .headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
            .any(|option| option.trim_ascii().eq_ignore_ascii_case(word))
    };
    !says(b"close") && (parts.version == Version::HTTP_11 || says(b"keep-alive"))
}

/// The longest head: what hyper's client would take.
const MAX_HEAD: usize = 8192 + 4096 * 100;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(method: &Method, wire: &[u8], step: usize) -> Result<Option<(Head, usize)>, Malformed> {
        let mut received = BytesMut::new();
        for (index, packet) in wire.chunks(step).enumerate() {
            received.extend_from_slice(packet);
            if let Some(head) = read_head(&mut received, method)? {
                let rest = wire.len().saturating_sub((index + 1) * step);
                return Ok(Some((head, received.len() + rest)));
            }
        }
        Ok(None)
    }

    /// `status reason body keep [name=value ...]`, and what is left.
    fn text(method: &Method, wire: &str) -> Result<Option<String>, Malformed> {
        let mut texts = Vec::new();
        for step in [usize::MAX, 1, 7] {
            let read = read(method, wire.as_bytes(), step.min(wire.len().max(1)))?;
            texts.push(read.map(|(head, left)| {
                let reason = head.parts.extensions.get::<ReasonPhrase>();
                let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()));
                let fields: Vec<String> = head
                    .parts
                    .headers
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
                    .collect();
                format!(
                    "{} {:?} {:?} {} {fields:?} {left}",
                    head.parts.status.as_u16(),
                    reason.as_deref().unwrap_or("-"),
                    head.body,
                    if head.keep { "keep" } else { "close" },
                )
            }));
        }
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
        Ok(texts.swap_remove(0))
    }

    fn check(method: &Method, wire: &str, expected: &str) {
        assert_eq!(
            text(method, wire).unwrap().as_deref(),
            Some(expected),
            "{wire:?}"
        );
    }

    #[test]
    fn heads() {
        let get = Method::GET;
        check(
            &get,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
            r#"200 "-" Length(5) keep ["content-length=5", "x=y"] 5"#,
        );
        check(
            &get,
            "HTTP/1.1 200 Awesome\r\ncontent-length: 0\r\n\r\n",
            r#"200 "Awesome" Length(0) keep ["content-length=0"] 0"#,
        );
        check(
            &get,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\ncontent-length: 5\r\n\r\n",
            r#"200 "-" Chunked(Size) keep ["transfer-encoding=gzip, Chunked", "content-length=5"] 0"#,
        );
        check(
            &get,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            r#"200 "-" UntilClose close ["transfer-encoding=gzip"] 0"#,
        );
        check(
            &get,
            "HTTP/1.1 200\r\n\r\n",
            r#"200 "" UntilClose close [] 0"#,
        );
    }

    #[test]
    fn lengths_are_passed_on_as_one() {
        let get = Method::GET;
        let expected = r#"200 "-" Length(5) keep ["content-length=5"] 0"#;
        for lengths in ["5, 5", "5\r\ncontent-length: 5", " 5 "] {
            let wire = format!("HTTP/1.1 200 OK\r\ncontent-length: {lengths}\r\n\r\n");
            check(&get, &wire, expected);
        }
        for lengths in ["5, 6", "x", "5\r\ncontent-length: 6", "5,", "+5"] {
            let wire = format!("HTTP/1.1 200 OK\r\ncontent-length: {lengths}\r\n\r\n");
            assert!(text(&get, &wire).is_err(), "{wire:?}");
            assert!(text(&Method::HEAD, &wire).is_err(), "{wire:?}");
        }
    }

    #[test]
    fn heads_without_a_body() {
        let body = "content-length: 5\r\n\r\n";
        let fields = r#"["content-length=5"] 0"#;
        for status in ["204 No Content", "304 Not Modified"] {
            let expected = format!(r#"{} "-" Length(0) keep {fields}"#, &status[..3]);
            check(
                &Method::GET,
                &format!("HTTP/1.1 {status}\r\n{body}"),
                &expected,
            );
        }
        let expected = format!(r#"200 "-" Length(0) keep {fields}"#);
        check(
            &Method::HEAD,
            &format!("HTTP/1.1 200 OK\r\n{body}"),
            &expected,
        );
        check(
            &Method::GET,
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nxyz",
            r#"101 "-" Length(0) close ["upgrade=x"] 3"#,
        );
    }

    #[test]
    fn informational_heads_are_passed_over() {
        check(
            &Method::GET,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n\
             HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
            r#"200 "-" Length(1) keep ["content-length=1"] 1"#,
        );
        assert_eq!(
            text(&Method::GET, "HTTP/1.1 100 Continue\r\n\r\n"),
            Ok(None)
        );
    }

    #[test]
    fn who_keeps_the_connection() {
        let keeps = |version: &str, field: &str| {
            let wire = format!("{version} 200 OK\r\ncontent-length: 0\r\n{field}\r\n");
            let (head, _) = read(&Method::GET, wire.as_bytes(), wire.len())
                .unwrap()
                .unwrap();
            head.keep
        };
        assert!(keeps("HTTP/1.1", ""));
        assert!(!keeps("HTTP/1.1", "connection: x, Close\r\n"));
        assert!(!keeps(
            "HTTP/1.1",
            "connection: close\r\nconnection: keep-alive\r\n"
        ));
        assert!(!keeps("HTTP/1.0", ""));
        assert!(keeps("HTTP/1.0", "connection: keep-alive\r\n"));
    }

    #[test]
    fn what_is_no_head() {
        let many = "x: y\r\n".repeat(MAX_FIELDS + 1);
        for wire in [
            "nonsense\r\n\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx : y\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx: y\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            &format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        ] {
            assert!(text(&Method::GET, wire).is_err(), "{wire:?}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(MAX_HEAD));
        assert!(read(&Method::GET, endless.as_bytes(), MAX_HEAD).is_err());
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        /// Whatever a server sends, and however it is cut: no panic, and always the same verdict.
        #[test]
        fn any_bytes(
            line in "HTTP/1.1 (200|100|204)( OK)?\r\n",
            fields in "(([a-z:-]|content-length|[0-9 ]|: |\r\n){0,30})",
            rest in prop::collection::vec(any::<u8>(), 0..40),
            step in 1_usize..50,
        ) {
            let wire = [line.as_bytes(), fields.as_bytes(), b"\r\n\r\n", &rest].concat();
            let told = |step| read(&Method::GET, &wire, step).map(|read| {
                read.map(|(head, left)| (head.body, head.keep, head.parts.headers, left))
            });
            prop_assert_eq!(told(wire.len()).ok(), told(step).ok());
        }
    }
}
