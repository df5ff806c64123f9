//! The id of a key: what nodes and logs say in its place. The keys themselves are `seal`'s.

use std::fmt;
use std::str::FromStr;

/// What a key goes by on the wire, in logs and in gossip: two bytes derived from it, which
/// tell nothing else about it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(pub u16);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

impl FromStr for KeyId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.len() == 4 && text.bytes().all(|c| c.is_ascii_hexdigit());
        match u16::from_str_radix(text, 16) {
            Ok(id) if plain => Ok(Self(id)),
            _ => Err("four hexadecimal digits"),
        }
    }
}
