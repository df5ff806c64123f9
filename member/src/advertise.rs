//! What an operator may say about the address that others are told: an address, an interface's,
//! or the one in a network; and which of a host's addresses that means. Plain values and a choice
//! among them; which addresses there are is `gossip/route`'s to find out.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use thiserror::Error;

use crate::parse::{self, Parsed};

/// What was said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Advertise {
    /// This one; port 0 stands for the bound port.
    Address(SocketAddr),
    /// `iface:NAME`: the address of an interface.
    Interface(Arc<str>),
    /// `cidr:NET`: the address in a network.
    Network {
        /// An address of the network.
        base: IpAddr,
        /// How many leading bits it is known by.
        bits: u8,
    },
}

/// An address of this host, and the interface that has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// The interface.
    pub interface: String,
    /// Its address.
    pub ip: IpAddr,
}

/// Why there is none to tell others.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum NoAddress {
    /// No address is as was said.
    #[error("no address of this host is {wanted}; it has {has}")]
    None {
        /// What was said.
        wanted: Advertise,
        /// What there is.
        has: String,
    },
    /// Several are.
    #[error("several addresses of this host are {wanted}: {fit}; say which one")]
    Several {
        /// What was said.
        wanted: Advertise,
        /// Those that fit.
        fit: String,
    },
    /// It is for this host only.
    #[error("{ip} is for this host only, and seed {seed} is on another; advertise another address")]
    Loopback {
        /// The address.
        ip: IpAddr,
        /// A seed that could not reach it.
        seed: SocketAddr,
    },
}

impl Advertise {
    /// `IP`, `IP:PORT`, `iface:NAME` or `cidr:NET/BITS`.
    ///
    /// # Errors
    /// States the rule.
    pub fn parse(text: &str) -> Parsed<Self> {
        if let Some(name) = text.strip_prefix("iface:") {
            // Linux: 15 bytes, neither slash nor space (dev_valid_name).
            let fits = (1..=15).contains(&name.len());
            let plain = name.bytes().all(|c| c.is_ascii_graphic() && c != b'/');
            return (fits && plain)
                .then(|| Self::Interface(Arc::from(name)))
                .ok_or_else(|| "iface: and an interface's name, as iface:eth0".to_owned());
        }
        if let Some(net) = text.strip_prefix("cidr:") {
            return network(net).ok_or_else(|| {
                "cidr: and a network, as cidr:10.0.0.0/8 or cidr:fd00::/8".to_owned()
            });
        }
        let rule = |rule| format!("{rule}, or iface:eth0, or cidr:10.0.0.0/8");
        match parse::reachable(text).map_err(rule)? {
            address if is_link_local(address.ip()) => {
                Err("an address that means the same on every link".to_owned())
            }
            address => Ok(Self::Address(address)),
        }
    }

    /// The port to tell others, when it was said.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Address(address) => Some(address.port()).filter(|port| *port != 0),
            _ => None,
        }
    }

    /// Which of `candidates` is meant. Of several, `toward`, the address that leads to a seed, if
    /// it is among them; else the only one of its IP version, IPv4 first.
    ///
    /// # Errors
    /// None fits, or several do; names them.
    pub fn pick(
        &self,
        candidates: &[Candidate],
        toward: Option<IpAddr>,
    ) -> Result<IpAddr, NoAddress> {
        if let Self::Address(address) = self {
            return Ok(address.ip());
        }
        let usable = candidates.iter().filter(|one| !is_link_local(one.ip));
        let fit: Vec<&Candidate> = usable.filter(|one| self.fits(one)).collect();
        if let Some(ip) = toward.filter(|ip| fit.iter().any(|one| one.ip == *ip)) {
            return Ok(ip);
        }
        let of = |v4: bool| fit.iter().filter(move |one| one.ip.is_ipv4() == v4);
        for v4 in [
            toward.is_none_or(|ip| ip.is_ipv4()),
            toward.is_some_and(|ip| ip.is_ipv6()),
        ] {
            let mut all = of(v4);
            match (all.next(), all.next()) {
                (Some(one), None) => return Ok(one.ip),
                (None, _) => {}
                _ => {
                    let (wanted, fit) = (self.clone(), list(fit.iter().copied()));
                    return Err(NoAddress::Several { wanted, fit });
                }
            }
        }
        Err(NoAddress::None {
            wanted: self.clone(),
            has: list(candidates.iter()),
        })
    }

    fn fits(&self, candidate: &Candidate) -> bool {
        match self {
            Self::Address(address) => candidate.ip == address.ip(),
            Self::Interface(name) => candidate.interface == **name,
            Self::Network { base, bits } => contains(*base, *bits, candidate.ip),
        }
    }
}

impl fmt::Display for Advertise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Interface(name) => write!(f, "iface:{name}"),
            Self::Network { base, bits } => write!(f, "cidr:{base}/{bits}"),
        }
    }
}

fn list<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> String {
    let shown = candidates.map(|one| format!("{} on {}", one.ip, one.interface));
    let shown: Vec<_> = shown.collect();
    if shown.is_empty() {
        return "none".to_owned();
    }
    shown.join(", ")
}

fn network(text: &str) -> Option<Advertise> {
    let (base, bits) = text.split_once('/')?;
    let base: IpAddr = base.parse().ok()?;
    let plain = !bits.is_empty() && bits.bytes().all(|c| c.is_ascii_digit());
    let bits: u8 = bits.parse().ok().filter(|_| plain)?;
    let most = if base.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some(Advertise::Network { base, bits })
}

fn contains(base: IpAddr, bits: u8, ip: IpAddr) -> bool {
    match (base, ip) {
        (IpAddr::V4(base), IpAddr::V4(ip)) => {
            let differs = Ipv4Addr::to_bits(base) ^ Ipv4Addr::to_bits(ip);
            differs.leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V6(base), IpAddr::V6(ip)) => {
            let differs = Ipv6Addr::to_bits(base) ^ Ipv6Addr::to_bits(ip);
            differs.leading_zeros() >= u32::from(bits)
        }
        _ => false,
    }
}

/// Whether it means nothing without the link it is on (RFC 4007, section 6); IPv4's are told
/// apart by routes.
#[must_use]
pub fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host() -> Vec<Candidate> {
        let all = [
            ("lo", "127.0.0.1"),
            ("eth0", "10.0.0.2"),
            ("eth0", "fd00::2"),
            ("eth0", "fe80::2"),
            ("eth1", "192.168.7.2"),
            ("eth2", "10.9.0.2"),
            ("eth2", "10.9.0.3"),
        ];
        let one = |(interface, ip): &(&str, &str)| Candidate {
            interface: (*interface).to_owned(),
            ip: ip.parse().unwrap(),
        };
        all.iter().map(one).collect()
    }

    fn check(said: &str, toward: Option<&str>, expected: &str) {
        let toward = toward.map(|ip| ip.parse().unwrap());
        let got = match Advertise::parse(said).unwrap().pick(&host(), toward) {
            Ok(ip) => ip.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(got.contains(expected), "{said} {toward:?}: {got}");
    }

    #[test]
    fn what_is_meant() {
        check("10.1.1.1:5", None, "10.1.1.1");
        check("iface:eth1", None, "192.168.7.2");
        check("iface:eth0", None, "10.0.0.2");
        check("iface:eth0", Some("fd00::2"), "fd00::2");
        // The seed is reached over IPv6 by another interface: of eth0's, the one it could reach.
        check("iface:eth0", Some("fd00:9::1"), "fd00::2");
        check("cidr:192.168.0.0/16", Some("10.0.0.2"), "192.168.7.2");
        check("cidr:fd00::/8", None, "fd00::2");
        check("cidr:10.0.0.0/16", None, "10.0.0.2");
        check("cidr:10.0.0.0/8", Some("10.9.0.3"), "10.9.0.3");
        check("cidr:0.0.0.0/0", Some("192.168.7.2"), "192.168.7.2");
    }

    #[test]
    fn what_cannot_be_meant_lists_what_there_is() {
        check(
            "cidr:10.0.0.0/8",
            None,
            "several addresses of this host are cidr:10.0.0.0/8: 10.0.0.2 on eth0, 10.9.0.2 on \
             eth2, 10.9.0.3 on eth2; say which one",
        );
        check(
            "iface:eth2",
            None,
            "several addresses of this host are iface:eth2",
        );
        check(
            "iface:eth9",
            None,
            "no address of this host is iface:eth9; it has 127.0.0.1 on lo",
        );
        check(
            "cidr:172.16.0.0/12",
            None,
            "10.0.0.2 on eth0, fd00::2 on eth0",
        );
        check("cidr:fe80::/10", None, "no address");
    }

    #[test]
    fn what_is_said_badly() {
        for bad in [
            "iface:",
            "iface:a/b",
            "iface:a b",
            "iface:sixteen-letters-",
            "cidr:",
            "cidr:10.0.0.0",
            "cidr:10.0.0.0/33",
            "cidr:fd00::/129",
            "cidr:x/8",
            "cidr:10.0.0.0/+8",
            "eth0",
            "::",
            "0.0.0.0",
            "fe80::1",
        ] {
            assert!(Advertise::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn junk_never_panics(text in any::<String>(), net in "(cidr|iface):[0-9a-f:./]{0,20}") {
            let _ = Advertise::parse(&text);
            if let Ok(said) = Advertise::parse(&net) {
                let _ = said.pick(&host(), None);
            }
        }
    }
}
