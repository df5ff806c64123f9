//! What is compressed: the blocks that chitchat cuts a delta into, and whole messages as our
//! envelopes hold them. Every output has a limit, whatever the input claims.

use crate::inspect::walk::{Fault, Walk};

/// The stream in the blocks that `walk` stands before.
pub(super) fn read(walk: &mut Walk<'_>) -> Result<Vec<u8>, Fault> {
    let mut stream = Vec::new();
    let mut buffer = Vec::new();
    for _ in 0..=BLOCKS {
        let kind = walk.u8()?;
        if kind == NO_MORE {
            return Ok(stream);
        }
        let length = usize::from(walk.u16()?);
        let block = walk.take(length)?;
        match kind {
            PLAIN if length <= BLOCK => stream.extend_from_slice(block),
            COMPRESSED => {
                buffer.resize(BLOCK, 0);
                let length = zstd::bulk::decompress_to_buffer(block, &mut buffer[..])
                    .map_err(|_| Fault("a block cannot be decompressed to 16 KiB"))?;
                stream.extend_from_slice(&buffer[..length]);
            }
            PLAIN => return Err(Fault("a block is larger than 16 KiB")),
            _ => return Err(Fault("a block is of no known kind")),
        }
    }
    Err(Fault("more blocks than a cluster fills"))
}

/// Appends `stream` as blocks, as chitchat does.
pub(super) fn write(stream: &[u8], out: &mut Vec<u8>) {
    for block in stream.chunks(BLOCK) {
        let mut buffer = vec![0; block.len()];
        let compressed = zstd::bulk::compress_to_buffer(block, &mut buffer[..], LEVEL);
        let (kind, bytes) = match &compressed {
            Ok(length) => (COMPRESSED, &buffer[..*length]),
            // It would be longer.
            Err(_) => (PLAIN, block),
        };
        out.push(kind);
        // At most `BLOCK`.
        out.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
        out.extend_from_slice(bytes);
    }
    out.push(NO_MORE);
}

/// Appends `stream` as blocks that nobody has to unpack.
pub(super) fn plain(stream: &[u8], out: &mut Vec<u8>) {
    for block in stream.chunks(BLOCK) {
        out.push(PLAIN);
        // At most `BLOCK`.
        out.extend_from_slice(&(block.len() as u16).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.push(NO_MORE);
}

/// `message` as one zstd frame, if that is shorter.
pub fn compress(message: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = vec![0; message.len()];
    let length = zstd::bulk::compress_to_buffer(message, &mut buffer[..], LEVEL).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

/// What [`compress`] made, at most `limit` bytes.
///
/// # Errors
/// It is no such frame, or longer.
pub fn decompress(frame: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    let fault = Fault("it cannot be decompressed to the size of a datagram");
    zstd::bulk::decompress(frame, limit).map_err(|_| fault)
}

const NO_MORE: u8 = 0;
const COMPRESSED: u8 = 1;
const PLAIN: u8 = 2;
/// What chitchat cuts its stream into.
const BLOCK: usize = 16_384;
/// 2 MiB in all: twice what 512 nodes of the most keys have to say.
const BLOCKS: usize = 128;
/// zstd's default, as chitchat.
const LEVEL: i32 = 0;
