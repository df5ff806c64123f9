//! Randomness of the system, for keys and numbers of senders: what must not be guessed.

use ring::rand::{SecureRandom, SystemRandom};

use crate::seal::Key;

/// Random bytes.
///
/// # Errors
/// The system has none to give.
pub fn bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_err(|_| std::io::Error::other("the system gives no random bytes"))?;
    Ok(bytes)
}

/// A key nobody else has.
///
/// # Errors
/// As [`bytes`].
pub fn key() -> std::io::Result<Key> {
    bytes().map(Key::new)
}
