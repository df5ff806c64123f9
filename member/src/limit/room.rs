//! Who is remembered where not everybody can be: sources are made up easily.

use std::collections::HashMap;
use std::net::SocketAddr;

/// Makes room for `from` among the `known`, of which those that no longer `last` may go; whether
/// there is any. Only who is `proven` may take the last half, and no host more than its share
/// of it.
pub fn make<V>(
    known: &mut HashMap<SocketAddr, V>,
    from: SocketAddr,
    proven: bool,
    lasts: impl Fn(&V) -> bool,
) -> bool {
    let limit = if proven { SOURCES } else { SOURCES / 2 };
    if known.contains_key(&from) || known.len() < HOST {
        return true;
    }
    if known.len() >= limit {
        known.retain(|_, value| lasts(value));
    }
    let of_host = known.keys().filter(|other| other.ip() == from.ip());
    known.len() < limit && of_host.count() < HOST
}

/// Source addresses remembered: enough for every node's, and a bound on what a flood of made-up
/// ones costs.
pub const SOURCES: usize = 4_096;
/// Of one host.
const HOST: usize = 512;
