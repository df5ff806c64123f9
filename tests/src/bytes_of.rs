//! Bodies of any length without the memory for them: a seeded pattern made on the fly, and the
//! hash of whatever passes.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use sha2::{Digest, Sha256};

/// A body of so many bytes; the same for the same seed.
#[derive(Debug)]
pub struct Pattern {
    block: Bytes,
    left: u64,
    number: u8,
}

impl Pattern {
    /// `length` bytes.
    #[must_use]
    pub fn new(seed: u64, length: u64) -> Self {
        let mut state = seed | 1;
        let next = || {
            // xorshift64: no two blocks in a row are alike, and nothing compresses.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        let block = std::iter::repeat_with(next)
            .take(BLOCK / 8)
            .flatten()
            .collect();
        Self {
            block,
            left: length,
            number: 0,
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        // Each block begins elsewhere, so that one that is lost or doubled is noticed.
        self.number = self.number.wrapping_add(1);
        let from = usize::from(self.number);
        let size = usize::try_from(self.left)
            .unwrap_or(BLOCK)
            .min(BLOCK - from);
        self.left -= size as u64;
        Some(self.block.slice(from..from + size))
    }

    /// The hash of all of it.
    #[must_use]
    pub fn hash(mut self) -> String {
        let mut hash = Sha256::new();
        while let Some(block) = self.next() {
            hash.update(&block);
        }
        hex(hash)
    }
}

impl Body for Pattern {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|block| Ok(Frame::data(block))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The hash of a body, read to its end, and its length.
///
/// # Errors
///
/// Those of the body.
pub async fn hash<B>(mut body: B) -> Result<(String, u64), B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (mut hash, mut length) = (Sha256::new(), 0);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            length += data.len() as u64;
            hash.update(&data);
        }
    }
    Ok((hex(hash), length))
}

fn hex(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

const BLOCK: usize = 64 * 1024;
