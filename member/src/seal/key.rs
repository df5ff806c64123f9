//! One key: 32 bytes that never show themselves, the id they go by, and the keys of senders
//! that are derived from them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{CHACHA20_POLY1305, LessSafeKey, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use crate::key_id::KeyId;

/// A shared key. Neither its `Debug` nor anything else prints it, save [`Key::text`].
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    bytes: [u8; KEY_BYTES],
    derive: Prk,
}

impl Key {
    /// The key with these bytes, which must have been drawn at random.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let derive = Salt::new(HKDF_SHA256, SALT).extract(&bytes);
        let mut id = [0; 2];
        // Fails only for more than 255 hashes of output.
        if let Ok(output) = derive.expand(&[b"key id"], Length(id.len())) {
            let _ = output.fill(&mut id);
        }
        let id = KeyId(u16::from_be_bytes(id));
        Self { id, bytes, derive }
    }

    /// The key that `text` is: 32 bytes in base64 (RFC 4648 section 4), 44 characters.
    ///
    /// # Errors
    /// What was found instead; never the text itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        const RULE: &str =
            "expected a key of 32 bytes in base64 (44 characters, as `member keygen` prints)";
        let found = |what: &str| format!("{RULE}, found {what}");
        let bytes = STANDARD
            .decode(text.trim())
            .map_err(|_| found("what is not base64"))?;
        let length = bytes.len();
        let bytes = bytes
            .try_into()
            .map_err(|_| found(&format!("{length} bytes")))?;
        Ok(Self::new(bytes))
    }

    /// What [`Key::parse`] reads: the secret itself.
    pub fn text(&self) -> String {
        STANDARD.encode(self.bytes)
    }

    /// What it goes by.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key with which a sender in `cluster` seals under `number`.
    pub(super) fn of_sender(&self, cluster: &str, number: u64) -> Option<LessSafeKey> {
        let number = number.to_be_bytes();
        let info = [&b"gossip1"[..], cluster.as_bytes(), &number];
        // Neither can fail for a key of this length.
        let key = self.derive.expand(&info, &CHACHA20_POLY1305).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        // Of an operator's own keys, never of a stranger's: time tells nothing.
        self.bytes == other.bytes
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// How many bytes to derive.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// AES-256 and ChaCha20 both take 32 bytes; Serf also takes 16 and 24, for AES only.
pub(crate) const KEY_BYTES: usize = 32;
const SALT: &[u8] = b"ragot gossip 1";
