//! Which of our addresses others can reach. The kernel knows: a UDP socket connected to a
//! peer has the address of the interface toward it, and nothing is sent.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::advertise::{Advertise, Candidate, NoAddress, is_link_local};

/// The address we tell others, and why this one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Route {
    pub(super) ip: IpAddr,
    pub(super) reason: Reason,
}

/// Where the address comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    Advertise(Advertise),
    Listen,
    Seed(SocketAddr),
    DefaultRoute,
    Interface(String),
    Loopback,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advertise(said) => write!(f, "as configured: {said}"),
            Self::Listen => f.write_str("the address listened on"),
            Self::Seed(seed) => write!(f, "the route to seed {seed}"),
            Self::DefaultRoute => f.write_str("the default route"),
            Self::Interface(name) => write!(f, "that of {name}, for want of any route"),
            Self::Loopback => f.write_str("there is no route: this host only"),
        }
    }
}

/// Decides what to advertise: what was configured, else the address listened on, else the
/// route to a seed (`current` is kept while any seed is reached from it), else the default
/// route, else whatever address there is, else loopback.
///
/// # Errors
/// What was configured is none or several of this host's addresses; or it came out as loopback,
/// and every seed is on another host.
pub(super) fn choose(
    configured: Option<&Advertise>,
    listening: IpAddr,
    seeds: &[SocketAddr],
    current: Option<IpAddr>,
) -> Result<Route, NoAddress> {
    let route = match configured {
        Some(said) => Route {
            ip: named(said, seeds, current)?,
            reason: Reason::Advertise(said.clone()),
        },
        None if !listening.is_unspecified() => Route {
            ip: listening,
            reason: Reason::Listen,
        },
        None => by_kernel(listening.is_ipv6(), seeds, current),
    };
    match seeds.first() {
        Some(seed) if is_stranded(route.ip, seeds) => Err(NoAddress::Loopback {
            ip: route.ip,
            seed: *seed,
        }),
        _ => Ok(route),
    }
}

/// The address that was named in some way.
fn named(
    said: &Advertise,
    seeds: &[SocketAddr],
    current: Option<IpAddr>,
) -> Result<IpAddr, NoAddress> {
    if let Advertise::Address(address) = said {
        return Ok(address.ip());
    }
    let toward = toward_seed(seeds, current).map(|route| route.ip);
    said.pick(&candidates(), toward)
}

/// Every address of this host.
fn candidates() -> Vec<Candidate> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let candidate = |one: if_addrs::Interface| Candidate {
        ip: one.ip(),
        interface: one.name,
    };
    all.into_iter().map(candidate).collect()
}

fn by_kernel(both: bool, seeds: &[SocketAddr], current: Option<IpAddr>) -> Route {
    if let Some(route) = toward_seed(seeds, current) {
        return route;
    }
    let default = toward(ELSEWHERE_V4).or_else(|| toward(ELSEWHERE_V6).filter(|_| both));
    if let Some(ip) = default {
        let reason = Reason::DefaultRoute;
        return Route { ip, reason };
    }
    // A network that leads nowhere else, as Docker's internal ones, has no default route.
    let outward = |one: &Candidate| {
        !one.ip.is_loopback() && !is_link_local(one.ip) && (both || one.ip.is_ipv4())
    };
    let mut all: Vec<_> = candidates().into_iter().filter(outward).collect();
    all.sort_by_key(|one| (Some(one.ip) != current, one.ip.is_ipv6()));
    match all.into_iter().next() {
        Some(Candidate { ip, interface }) => Route {
            ip,
            reason: Reason::Interface(interface),
        },
        None => Route {
            ip: Ipv4Addr::LOCALHOST.into(),
            reason: Reason::Loopback,
        },
    }
}

/// The route to the first seed that has one, or to any that is reached from `current`.
fn toward_seed(seeds: &[SocketAddr], current: Option<IpAddr>) -> Option<Route> {
    let mut routes = seeds.iter().filter_map(|seed| {
        let ip = toward(*seed)?;
        Some(Route {
            ip,
            reason: Reason::Seed(*seed),
        })
    });
    let first = routes.next();
    let mut all = first.clone().into_iter().chain(routes);
    all.find(|route| Some(route.ip) == current).or(first)
}

/// Whether `ip` means this host only while every seed is on another.
fn is_stranded(ip: IpAddr, seeds: &[SocketAddr]) -> bool {
    ip.is_loopback() && !seeds.is_empty() && !seeds.iter().any(is_here)
}

/// Whether a seed is on this host: the way to one's own address begins and ends there.
fn is_here(seed: &SocketAddr) -> bool {
    seed.ip().is_loopback() || toward(*seed) == Some(seed.ip().to_canonical())
}

/// Says so when the webapp is announced where only balancers of this host can reach it.
pub(super) fn warn_of_loopback(http: Option<SocketAddr>, gossip: SocketAddr, seeds: &[SocketAddr]) {
    if let Some(http) = http.filter(|http| is_stranded(http.ip(), seeds)) {
        let ip = gossip.ip();
        tracing::warn!(
            "the webapp is announced at {http}, where balancers on other hosts will look for it on \
             their own; a port alone would be at {ip}"
        );
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
    (!ip.is_unspecified() && !is_link_local(ip)).then_some(ip)
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
        let configured = Advertise::parse("10.0.0.9").unwrap();
        let chosen = choose(Some(&configured), HOME, &[], None).unwrap();
        assert_eq!(chosen.ip, IpAddr::from([10, 0, 0, 9]));
        let chosen = choose(None, HOME, &[], None).unwrap();
        assert_eq!(chosen.reason, Reason::Listen);
    }

    #[test]
    fn the_interface_toward_the_seed_is_taken() {
        let seed = SocketAddr::from(([127, 0, 0, 7], 7373));
        let route = choose(None, ANY, &[seed], None).unwrap();
        assert_eq!(
            route,
            Route {
                ip: HOME,
                reason: Reason::Seed(seed)
            }
        );
    }

    #[test]
    fn an_interface_is_known_by_its_name_or_its_network() {
        for said in ["iface:lo", "cidr:127.0.0.0/8"] {
            let said = Advertise::parse(said).unwrap();
            assert_eq!(choose(Some(&said), ANY, &[], None).unwrap().ip, HOME);
        }
        let said = Advertise::parse("iface:nowhere0").unwrap();
        let error = choose(Some(&said), ANY, &[], None).unwrap_err().to_string();
        assert!(error.contains("127.0.0.1 on lo"), "{error}");
    }

    #[test]
    fn loopback_is_refused_where_every_seed_is_on_another_host() {
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 7373));
        let here = SocketAddr::from(([127, 0, 0, 1], 7373));
        for listening in [HOME, IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let refused = choose(None, listening, &[elsewhere], None);
            assert!(
                matches!(refused, Err(NoAddress::Loopback { .. })),
                "{refused:?}"
            );
            assert!(choose(None, listening, &[elsewhere, here], None).is_ok());
            assert!(choose(None, listening, &[], None).is_ok());
        }
    }

    #[test]
    fn an_address_is_always_found() {
        assert!(!choose(None, ANY, &[], None).unwrap().ip.is_unspecified());
    }
}
