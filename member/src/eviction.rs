//! Evicting a node that is silent: what travels, and who may be evicted. Plain values; what an
//! eviction does to a node is `belief`'s.
//!
//! It is Serf's `force-leave` with one difference: a node that is heard is not evicted but
//! drained, since an eviction would be outlived at its next heartbeat.

use std::sync::Arc;

use thiserror::Error;

use crate::node::{NodeKey, Word};
use crate::snapshot::{Presence, Snapshot};

/// One operator's decision that a silent node will not come back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Eviction {
    /// The node's name.
    pub name: Arc<str>,
    /// The life that is meant, and every earlier one.
    pub generation: u64,
    /// Its last heartbeat: with a later one it has spoken since, and is believed again.
    pub heartbeat: u64,
}

/// Why a node is not evicted.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum EvictError {
    /// Nobody of that name is known.
    #[error("no node is called `{0}`; `list` names those that are known")]
    Unknown(Arc<str>),
    /// It is the one that is asked.
    #[error("`{0}` is this node itself; end its process instead")]
    Oneself(Arc<str>),
    /// It is heard.
    #[error("`{0}` is alive: drain it instead, with `member drain` on its own host")]
    Alive(Arc<str>),
    /// It has left, or was evicted before.
    #[error("`{0}` has left already")]
    Left(Arc<str>),
    /// Gossip is just being restarted, or has not begun.
    #[error("this node does not gossip yet; try again")]
    Speechless,
}

/// The life of `name` that can be evicted: the latest that is silent and has not left.
///
/// # Errors
/// Nobody of that name is silent.
pub fn candidate(known: &Snapshot, name: &str) -> Result<NodeKey, EvictError> {
    let lives: Vec<_> = known.named(name).collect();
    let silent = lives
        .iter()
        .rev()
        .find(|seen| seen.presence == Presence::Silent && seen.node.word != Word::Left);
    if let Some(silent) = silent {
        return Ok(silent.node.key.clone());
    }
    let name = Arc::from(name);
    if lives.is_empty() {
        Err(EvictError::Unknown(name))
    } else if lives.iter().all(|seen| seen.node.word == Word::Left) {
        Err(EvictError::Left(name))
    } else {
        Err(EvictError::Alive(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Description;
    use crate::snapshot::Sighting;

    #[test]
    fn only_who_is_silent_and_has_not_left_can_be_evicted() {
        let mut known = Snapshot::default();
        let here = std::net::SocketAddr::from(([10, 0, 0, 1], 3000));
        for (name, word, presence) in [
            ("alive", Word::Ready, Presence::Live),
            ("leaving", Word::Draining, Presence::Live),
            ("failed", Word::Ready, Presence::Silent),
            ("left", Word::Left, Presence::Silent),
        ] {
            let node = Description::backend(name, here).live(7, here.ip(), word);
            let seen = Sighting {
                node,
                gossip: here,
                presence,
            };
            known.nodes.insert(seen.node.key.clone(), Arc::new(seen));
        }
        let of = |name: &str| candidate(&known, name);
        assert_eq!(of("failed").unwrap().generation, 7);
        assert_eq!(of("alive"), Err(EvictError::Alive("alive".into())));
        assert_eq!(of("leaving"), Err(EvictError::Alive("leaving".into())));
        assert_eq!(of("left"), Err(EvictError::Left("left".into())));
        assert_eq!(of("nobody"), Err(EvictError::Unknown("nobody".into())));
    }
}
