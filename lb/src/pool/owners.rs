//! Whose server a unique number is: news of probes and requests bring no more than that. Pure.

use std::collections::BTreeMap;

use member::node::NodeKey;

/// The owners of the numbers given.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_uid: BTreeMap<u64, NodeKey>,
    last: u64,
}

impl Owners {
    /// A number that was never given before, for a server of `key`: it has a new one on each row.
    pub(super) fn number(&mut self, key: &NodeKey) -> u64 {
        self.last += 1;
        self.by_uid.insert(self.last, key.clone());
        let of_key = self.by_uid.iter().filter(|(_, owner)| *owner == key);
        if let Some(oldest) = of_key.map(|(uid, _)| *uid).rev().nth(ROWS) {
            self.by_uid.remove(&oldest);
        }
        self.last
    }

    /// Whose it is.
    pub(super) fn of(&self, uid: u64) -> Option<NodeKey> {
        self.by_uid.get(&uid).cloned()
    }

    /// That node is gone.
    pub(super) fn forget(&mut self, key: &NodeKey) {
        self.by_uid.retain(|_, owner| owner != key);
    }
}

/// Rows that one node had of late, of which there may still be news: a probe or a request of one before is
/// of no use to it.
const ROWS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_goes_from_row_to_row_does_not_grow() {
        let key = |name: &str| NodeKey {
            name: name.into(),
            generation: 1,
        };
        let mut owners = Owners::default();
        assert_eq!(owners.number(&key("other")), 1);
        let numbers: Vec<_> = (0..1_000).map(|_| owners.number(&key("s1"))).collect();
        assert_eq!(numbers, Vec::from_iter(2..1_002));
        assert_eq!(owners.by_uid.len(), 1 + ROWS);
        assert_eq!(owners.of(1_001), Some(key("s1")));
        assert_eq!(owners.of(2), None);
        owners.forget(&key("s1"));
        assert_eq!(owners.of(1_001), None);
        assert_eq!(owners.of(1), Some(key("other")));
    }
}
