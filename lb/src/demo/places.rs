//! Where the demo listens: on the ports people expect, or on any where somebody has those.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use member::gossip::GOSSIP_PORT;

use crate::io::accept;

/// What listens, with the port people expect.
const WANTED: [(&str, u16); 3] = [
    ("the balancer", 8080),
    ("the statistics page", 1936),
    ("gossip", GOSSIP_PORT),
];

/// Addresses of the balancer, of its statistics page and of its gossip; port 0 is any.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Places(pub(super) [SocketAddr; 3]);

impl Places {
    /// The ports people expect, as far as they are free now.
    pub(super) fn choose() -> Self {
        Self(WANTED.map(|(_, port)| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))).left()
    }

    /// The same without those that somebody has taken meanwhile.
    pub(super) fn left(self) -> Self {
        let [listen, stats, gossip] = self.0;
        let tcp = |addr| accept::bind(addr).is_ok();
        let free = [tcp(listen), tcp(stats), UdpSocket::bind(gossip).is_ok()];
        let mut left = self;
        for (place, free) in left.0.iter_mut().zip(free) {
            if !free {
                place.set_port(0);
            }
        }
        left
    }

    /// What differs from what people expect.
    pub(super) fn words(self) -> impl Iterator<Item = String> {
        let others = WANTED.into_iter().zip(self.0);
        others
            .filter(|(_, place)| place.port() == 0)
            .map(|((what, port), _)| format!("port {port} is taken: {what} took another"))
    }
}
