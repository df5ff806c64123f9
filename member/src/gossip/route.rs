//! Which of our addresses others can reach. The kernel knows: a UDP socket connected to a
//! peer has the address of the interface toward it, and nothing is sent.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The address we tell others, and why this one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Route {
    pub(super) ip: IpAddr,
    pub(super) reason: Reason,
}

/// Where the address comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    Advertise,
    Listen,
    Seed(SocketAddr),
    DefaultRoute,
    Loopback,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advertise => f.write_str("as configured"),
            Self::Listen => f.write_str("the address listened on"),
            Self::Seed(seed) => write!(f, "the route to seed {seed}"),
            Self::DefaultRoute => f.write_str("the default route"),
            Self::Loopback => f.write_str("there is no route: this host only"),
        }
    }
}

/// Decides what to advertise: what was configured, else the address listened on, else the
/// route to a seed (`current` is kept while any seed is reached from it), else the default
/// route, else loopback.
pub(super) fn choose(
    configured: Option<IpAddr>,
    listening: IpAddr,
    seeds: &[SocketAddr],
    current: Option<IpAddr>,
) -> Route {
    if let Some(ip) = configured {
        return Route {
            ip,
            reason: Reason::Advertise,
        };
    }
    if !listening.is_unspecified() {
        return Route {
            ip: listening,
            reason: Reason::Listen,
        };
    }
    let mut routes = seeds.iter().filter_map(|seed| {
        let ip = toward(*seed)?;
        Some(Route {
            ip,
            reason: Reason::Seed(*seed),
        })
    });
    let first = routes.next();
    let kept = routes.chain(first).find(|route| Some(route.ip) == current);
    if let Some(route) = kept.or(first) {
        return route;
    }
    let both = listening.is_ipv6();
    let default = toward(ELSEWHERE_V4).or_else(|| toward(ELSEWHERE_V6).filter(|_| both));
    match default {
        Some(ip) => Route {
            ip,
            reason: Reason::DefaultRoute,
        },
        None => Route {
            ip: Ipv4Addr::LOCALHOST.into(),
            reason: Reason::Loopback,
        },
    }
}

fn toward(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    let ip = socket.local_addr().ok()?.ip().to_canonical();
    (!ip.is_unspecified()).then_some(ip)
}

// Documentation addresses (RFC 5737, RFC 3849): routed by the default route everywhere.
const ELSEWHERE_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);
const ELSEWHERE_V6: SocketAddr = SocketAddr::new(
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    9,
);

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn what_was_configured_wins_then_what_is_listened_on() {
        let configured = IpAddr::from([10, 0, 0, 9]);
        assert_eq!(choose(Some(configured), HOME, &[], None).ip, configured);
        assert_eq!(choose(None, HOME, &[], None).reason, Reason::Listen);
    }

    #[test]
    fn the_interface_toward_the_seed_is_taken() {
        let seed = SocketAddr::from(([127, 0, 0, 7], 7373));
        let route = choose(None, ANY, &[seed], None);
        assert_eq!(
            route,
            Route {
                ip: HOME,
                reason: Reason::Seed(seed)
            }
        );
    }

    #[test]
    fn an_address_is_always_found() {
        assert!(!choose(None, ANY, &[], None).ip.is_unspecified());
    }
}
