//! Pure: which webapp a server is, by what its member tells: of which version, announced by which
//! process, and where.

use std::net::SocketAddr;
use std::sync::Arc;

use member::node::Node;

/// Where a server comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// The tag `ver`.
    version: Option<Arc<str>>,
    process: Option<(u64, Option<SocketAddr>)>,
}

impl Origin {
    /// That of the server of `node`.
    pub(super) fn of(node: &Node) -> Self {
        Self {
            version: node.tags.get("ver").cloned(),
            process: Some((node.process(), node.http)),
        }
    }

    /// Whether both are of one version, as far as they tell.
    pub(super) fn is_version_of(&self, other: &Self) -> bool {
        self.version == other.version
    }

    /// Whether both are announced by one process at one place.
    pub(super) fn is_process_of(&self, other: &Self) -> bool {
        self.process.is_some() && self.process == other.process
    }
}
