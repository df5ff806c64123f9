//! The numbers a process goes by: another towards each address, so that only who receives
//! there learns which. All of them come from one secret, so none has to be remembered.

use std::net::{IpAddr, SocketAddr};

use ring::hmac::{HMAC_SHA256, Key, Tag, sign};

/// What a process makes its numbers of: drawn at random at its start, and nobody else's.
#[derive(Clone, Debug)]
pub struct Secret(Key);

impl Secret {
    /// The secret with these bytes, which must have been drawn at random.
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        // ring shows no more of its key than the algorithm.
        Self(Key::new(HMAC_SHA256, &bytes))
    }

    /// Where our counter begins: below 2^62, so that it does not come to its end.
    pub fn beginning(&self) -> u64 {
        first(&sign(&self.0, b"counter")) >> 2
    }

    /// Our number towards `to`, never 0: HMAC-SHA256 (RFC 2104) of its IP address and port, cut
    /// to 64 bits. An IPv4 address and the IPv6 one it is mapped to (RFC 4291 section 2.5.5.2)
    /// have the same.
    pub fn number(&self, to: SocketAddr) -> u64 {
        let port = to.port().to_be_bytes();
        // The length tells the two apart.
        let tag = match to.ip().to_canonical() {
            IpAddr::V4(ip) => sign(&self.0, &[&ip.octets()[..], &port].concat()),
            IpAddr::V6(ip) => sign(&self.0, &[&ip.octets()[..], &port].concat()),
        };
        first(&tag).max(1)
    }
}

fn first(tag: &Tag) -> u64 {
    let first = tag.as_ref().first_chunk();
    first.map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// As many as the hash gives.
const SECRET_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn each_begins_to_count_elsewhere() {
        let beginnings = (0..100).map(|n| Secret::new([n; 32]).beginning());
        let beginnings: HashSet<_> = beginnings.collect();
        assert_eq!(beginnings.len(), 100);
        assert!(beginnings.iter().all(|at| *at < 1 << 62));
    }

    #[test]
    fn each_address_has_another_number_and_always_the_same() {
        let (ours, theirs) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let addresses = [
            "10.0.0.1:7373",
            "10.0.0.1:7374",
            "10.0.0.2:7373",
            "[::1]:7373",
            "[::10.0.0.1]:7373",
            "[fe80::1]:7373",
        ];
        let numbers = addresses.map(|to| [ours.number(at(to)), theirs.number(at(to))]);
        let apart: HashSet<_> = numbers.iter().flatten().collect();
        assert_eq!(apart.len(), 2 * addresses.len());
        let again = addresses.map(|to| ours.clone().number(at(to)));
        assert_eq!(again, numbers.map(|[ours, _]| ours));
    }

    /// However the system, or a name's lookup, writes an address.
    #[test]
    fn one_address_has_one_number() {
        let secret = Secret::new([1; 32]);
        let same = |a, b| secret.number(at(a)) == secret.number(at(b));
        assert!(same("10.0.0.1:7373", "[::ffff:10.0.0.1]:7373"));
        assert!(same("[fe80::1%2]:7373", "[fe80::1]:7373"));
    }

    /// As Python's `hmac` has it, of 6 bytes and of 18.
    #[test]
    fn a_number_is_the_head_of_an_hmac() {
        let secret = Secret::new([1; 32]);
        assert_eq!(secret.number(at("10.0.0.1:7373")), 0x2283_7445_9032_d84f);
        assert_eq!(secret.number(at("[::1]:7373")), 0xc148_6165_3bba_fe94);
    }
}
