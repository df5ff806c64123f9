//! A response's body, taken out of its framing (RFC 9112, sections 6 and 7). Where its bytes come
//! from is `io::channel`'s business.

use bytes::{Buf, Bytes, BytesMut};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::grammar::{MAX_FIELDS, Malformed};

/// What is left of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decoder {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Everything until the server closes.
    UntilClose,
}

/// Where in a chunked body the next byte belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chunk {
    /// The line with a chunk's size.
    Size,
    /// So many bytes of data.
    Data(u64),
    /// The end of line after the data.
    DataEnd,
    /// The fields after the last chunk.
    Trailers,
}

/// What came next in a body.
#[derive(Debug, Eq, PartialEq)]
pub enum Piece {
    /// Some of its data.
    Data(Bytes),
    /// Fields after its last chunk: its end.
    Trailers(HeaderMap),
    /// Its end.
    End,
    /// Nothing that could be used yet.
    Starved,
}

impl Decoder {
    /// A body that has ended, or none.
    pub const DONE: Self = Self::Length(0);

    /// A chunked body.
    pub const CHUNKED: Self = Self::Chunked(Chunk::Size);

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Length(0))
    }

    /// Takes the next piece out of what was received.
    ///
    /// # Errors
    ///
    /// Names the rule that was broken.
    pub fn next(&mut self, received: &mut BytesMut) -> Result<Piece, Malformed> {
        match self {
            Self::Length(0) => Ok(Piece::End),
            Self::Length(left) => Ok(take(left, received)),
            Self::UntilClose => Ok(take(&mut u64::MAX.clone(), received)),
            Self::Chunked(chunk) => {
                let piece = chunk.next(received);
                if matches!(piece, Ok(Piece::End | Piece::Trailers(_))) {
                    *self = Self::DONE;
                }
                piece
            }
        }
    }

    /// The server has closed. Whether the body ended with that.
    pub fn close(&mut self) -> bool {
        if matches!(self, Self::UntilClose) {
            *self = Self::DONE;
        }
        self.is_done()
    }
}

/// Takes what is there of `left` bytes.
fn take(left: &mut u64, received: &mut BytesMut) -> Piece {
    let there = received
        .len()
        .min(usize::try_from(*left).unwrap_or(usize::MAX));
    if there == 0 {
        return Piece::Starved;
    }
    *left -= there as u64;
    Piece::Data(received.split_to(there).freeze())
}

impl Chunk {
    fn next(&mut self, received: &mut BytesMut) -> Result<Piece, Malformed> {
        loop {
            *self = match self {
                Self::Size => {
                    let Some(end) = received.iter().position(|&byte| byte == b'\n') else {
                        return starved(received);
                    };
                    match size(&received.split_to(end + 1)[..end])? {
                        0 => Self::Trailers,
                        size => Self::Data(size),
                    }
                }
                Self::Data(0) => Self::DataEnd,
                Self::Data(left) => return Ok(take(left, received)),
                Self::DataEnd => {
                    if received.len() < 2 {
                        return Ok(Piece::Starved);
                    }
                    if received[..2] != *b"\r\n" {
                        return Err(Malformed::new("a chunk is longer than it says"));
                    }
                    received.advance(2);
                    Self::Size
                }
                Self::Trailers => return trailers(received),
            };
        }
    }
}

/// Nothing usable yet; an error if that has gone on for too long.
fn starved(received: &BytesMut) -> Result<Piece, Malformed> {
    if received.len() < MAX_LINES {
        Ok(Piece::Starved)
    } else {
        Err(Malformed::new("framing of a chunked body without an end"))
    }
}

/// The size in a chunk's line, without its LF; extensions are passed over.
fn size(line: &[u8]) -> Result<u64, Malformed> {
    let line = line
        .strip_suffix(b"\r")
        .filter(|line| !line.contains(&b'\r'))
        .ok_or(Malformed::new("malformed end of a chunk's size"))?;
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let (digits, rest) = line.split_at(digits);
    if !matches!(rest.trim_ascii_start().first(), None | Some(b';')) {
        return Err(Malformed::new("malformed chunk size"));
    }
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or(Malformed::new("malformed chunk size"))
}

fn trailers(received: &mut BytesMut) -> Result<Piece, Malformed> {
    if received.starts_with(b"\r\n") {
        received.advance(2);
        return Ok(Piece::End);
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let httparse::Status::Complete((end, fields)) = httparse::parse_headers(received, &mut fields)?
    else {
        return starved(received);
    };
    let mut trailers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| Malformed::new("malformed field name"))?;
        trailers.append(name, HeaderValue::from_bytes(field.value)?);
    }
    received.advance(end);
    Ok(Piece::Trailers(trailers))
}

/// The longest line of a chunk's size with extensions, and the longest trailers: hyper's figure.
const MAX_LINES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes out of a body that arrives in steps of these sizes, in turn; `None`: not its end.
    fn decode(
        mut decoder: Decoder,
        wire: &[u8],
        steps: &[usize],
    ) -> Result<Option<(Vec<u8>, HeaderMap, usize)>, Malformed> {
        let (mut received, mut data) = (BytesMut::new(), Vec::new());
        let mut rest = wire;
        for step in steps.iter().copied().cycle() {
            loop {
                match decoder.next(&mut received)? {
                    Piece::Data(piece) => data.extend_from_slice(&piece),
                    Piece::Starved => break,
                    Piece::End => {
                        return Ok(Some((data, HeaderMap::new(), rest.len() + received.len())));
                    }
                    Piece::Trailers(fields) => {
                        assert!(decoder.is_done());
                        return Ok(Some((data, fields, rest.len() + received.len())));
                    }
                }
            }
            if rest.is_empty() {
                return Ok(decoder.close().then(|| (data, HeaderMap::new(), 0)));
            }
            let (next, left) = rest.split_at(step.clamp(1, rest.len()));
            received.extend_from_slice(next);
            rest = left;
        }
        unreachable!("a cycle has no end")
    }

    fn text(decoder: Decoder, wire: &str) -> Result<Option<String>, Malformed> {
        let whole = decode(decoder, wire.as_bytes(), &[usize::MAX])?;
        assert_eq!(
            decode(decoder, wire.as_bytes(), &[1])?,
            whole,
            "byte by byte: {wire:?}"
        );
        Ok(whole.map(|(data, trailers, left)| {
            let mut text = String::from_utf8(data).unwrap();
            for (name, value) in &trailers {
                text.push_str(&format!("|{name}={}", value.to_str().unwrap()));
            }
            if left > 0 {
                text.push_str(&format!("+{left}"));
            }
            text
        }))
    }

    #[test]
    fn lengths_and_closes() {
        let check = |decoder, wire, expected: Option<&str>| {
            assert_eq!(text(decoder, wire).unwrap().as_deref(), expected);
        };
        check(Decoder::Length(3), "abc", Some("abc"));
        check(Decoder::Length(3), "abcde", Some("abc+2"));
        check(Decoder::Length(3), "ab", None);
        check(Decoder::DONE, "", Some(""));
        check(Decoder::UntilClose, "abc", Some("abc"));
        check(Decoder::UntilClose, "", Some(""));
    }

    #[test]
    fn chunks() {
        let check = |wire, expected: Option<&str>| {
            assert_eq!(
                text(Decoder::CHUNKED, wire).unwrap().as_deref(),
                expected,
                "{wire:?}"
            );
        };
        check("3\r\nabc\r\n0\r\n\r\n", Some("abc"));
        check(
            "3;x=y\r\nabc\r\nA \r\n0123456789\r\n00\r\n\r\nmore",
            Some("abc0123456789+4"),
        );
        check(
            "0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n",
            Some("|x-sum=1|x-more=2"),
        );
        check("3\r\nabc\r\n0\r\n", None);
        check("3\r\nabc\r\n", None);
        check("3\r\nab", None);
    }

    #[test]
    fn what_is_not_chunked() {
        for wire in [
            "\r\n",
            ";x\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\na\r\n",
            "0x1\r\na\r\n",
            "1 1\r\na\r\n",
            "1\na\r\n0\r\n\r\n",
            "1;a\rb\r\na\r\n",
            "1\r\r\na\r\n",
            "10000000000000000\r\n",
            "1\r\nab\r\n",
            "1\r\na\n0\r\n\r\n",
            "0\r\nbad name: 1\r\n\r\n",
            "0\r\n: 1\r\n\r\n",
        ] {
            assert!(text(Decoder::CHUNKED, wire).is_err(), "{wire:?}");
        }
        let endless = format!("1;{}", "x".repeat(MAX_LINES));
        assert!(decode(Decoder::CHUNKED, endless.as_bytes(), &[4096]).is_err());
        let endless = format!("0\r\nx: {}", "x".repeat(MAX_LINES));
        assert!(decode(Decoder::CHUNKED, endless.as_bytes(), &[4096]).is_err());
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        /// However it is cut into chunks and the chunks into packets, the same body comes out.
        #[test]
        fn any_fragmentation(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..10),
            steps in prop::collection::vec(1_usize..40, 1..10),
            rest in "[a-z]{0,20}",
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            wire.extend_from_slice(rest.as_bytes());
            let (data, _, left) = decode(Decoder::CHUNKED, &wire, &steps).unwrap().unwrap();
            prop_assert_eq!(data, chunks.concat());
            prop_assert_eq!(left, rest.len());
        }

        /// Whatever a server sends, and however it is cut: no panic, and always the same verdict.
        #[test]
        fn any_bytes(
            wire in prop::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'2'), Just(b';'), any::<u8>()],
                0..60,
            ),
            steps in prop::collection::vec(1_usize..9, 1..5),
        ) {
            let whole = decode(Decoder::CHUNKED, &wire, &[usize::MAX]);
            let cut = decode(Decoder::CHUNKED, &wire, &steps);
            prop_assert_eq!(whole.ok(), cut.ok());
        }
    }
}
