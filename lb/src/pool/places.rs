//! Pure: which of several nodes that announce one server address counts. An address that a dead
//! container had is soon another's; the old node is then silent, and connects to its server
//! succeed, but it is no longer its server that answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use member::node::NodeKey;

/// A node that announces a server and has neither yet to find it nor left.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Who.
    pub key: &'a NodeKey,
    /// Its service, and the server's address.
    pub place: (&'a str, SocketAddr),
    /// Whether gossip knows better whose server it is.
    pub denied: bool,
    /// Whether gossip hears it.
    pub live: bool,
    /// Whether gossip shows it at all.
    pub known: bool,
    /// Whether the address has counted as its own, or it is new.
    pub holds: bool,
}

/// Those whose server is another node's: as gossip rules among those that are heard; else a heard
/// one's, else a known one's of a later generation; among those that gossip has forgotten, it stays
/// with whom it was.
pub fn displaced<'a>(claims: &[Claim<'a>]) -> Vec<&'a NodeKey> {
    let rank = |claim: &Claim<'a>| {
        (
            !claim.denied,
            claim.live,
            claim.known,
            !claim.known && claim.holds,
            claim.key.generation,
            &claim.key.name,
        )
    };
    let mut holders: BTreeMap<_, Claim<'a>> = BTreeMap::new();
    let mut out = Vec::new();
    for claim in claims {
        let holder = holders.entry(claim.place).or_insert(*claim);
        if rank(claim) > rank(holder) {
            out.push(std::mem::replace(holder, *claim).key);
        } else if claim.key != holder.key {
            out.push(claim.key);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn displaced_of(claims: &[(&str, u64, u16, bool)]) -> Vec<String> {
        let keys = claims.iter().map(|(name, generation, ..)| NodeKey {
            name: Arc::from(*name),
            generation: *generation,
        });
        let keys: Vec<_> = keys.collect();
        let claims = claims.iter().zip(&keys);
        let claims: Vec<_> = claims
            .map(|((_, _, port, live), key)| Claim {
                key,
                place: ("nodes", SocketAddr::from(([10, 0, 0, 1], *port))),
                denied: false,
                live: *live,
                known: true,
                holds: true,
            })
            .collect();
        let out = displaced(&claims);
        out.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_node_an_address() {
        assert_eq!(
            displaced_of(&[("a", 1, 1, true), ("b", 2, 2, true)]),
            [""; 0]
        );
        // The address is another container's now.
        assert_eq!(
            displaced_of(&[("a", 1, 1, false), ("b", 2, 1, true)]),
            ["a@1"]
        );
        assert_eq!(
            displaced_of(&[("b", 2, 1, true), ("a", 1, 1, true)]),
            ["a@1"]
        );
        // A clock was set back, or nobody is heard.
        assert_eq!(
            displaced_of(&[("a", 9, 1, false), ("b", 2, 1, true)]),
            ["a@9"]
        );
        assert_eq!(
            displaced_of(&[("a", 9, 1, false), ("b", 2, 1, false)]),
            ["b@2"]
        );
    }
}
