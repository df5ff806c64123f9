//! Which node holds which key, from what nodes gossip of their keyrings: an old key may go
//! once nobody seals with it, a new one may be put first once everybody holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::node::Node;

/// The nodes of one key, by name.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Usage {
    /// Those that seal with it: it is the first of their keyring.
    pub seal: Vec<String>,
    /// Those that can open with it.
    pub hold: Vec<String>,
    /// Those that cannot.
    pub missing: Vec<String>,
}

/// Every key that one of `nodes` holds, by its id.
pub fn usage<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> BTreeMap<String, Usage> {
    let mut nodes: Vec<_> = nodes.into_iter().collect();
    nodes.sort_by_key(|node| &node.key);
    let mut keys: BTreeMap<String, Usage> = BTreeMap::new();
    for id in nodes.iter().flat_map(|node| &node.keys) {
        keys.entry(id.to_string()).or_insert_with(|| {
            let mut usage = Usage::default();
            for node in &nodes {
                let name = node.key.name.to_string();
                if node.keys.first() == Some(id) {
                    usage.seal.push(name.clone());
                }
                let holds = node.keys.contains(id);
                let list = if holds {
                    &mut usage.hold
                } else {
                    &mut usage.missing
                };
                list.push(name);
            }
            usage
        });
    }
    keys
}

/// The same as a table of text: key, how many seal with it, how many hold it, and who does not.
pub fn render(keys: &BTreeMap<String, Usage>) -> String {
    if keys.is_empty() {
        return "no node holds a key: gossip is in clear\n".to_owned();
    }
    let mut table = format!("{:6} {:>5} {:>5}  missing at\n", "key", "seal", "hold");
    for (id, usage) in keys {
        let (seal, hold) = (usage.seal.len(), usage.hold.len());
        let row = format!("{id:6} {seal:>5} {hold:>5}  {}", usage.missing.join(", "));
        table.push_str(row.trim_end());
        table.push('\n');
    }
    table
}
