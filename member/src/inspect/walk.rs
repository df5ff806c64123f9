//! Reads numbers and text from bytes, never beyond their end. Numbers are little endian.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

use crate::rules;

/// Which rule the bytes break.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct Fault(pub &'static str);

/// A position in some bytes.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn over(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(length);
        let part = end.and_then(|end| self.bytes.get(self.at..end));
        let part = part.ok_or(Fault("it is cut short"))?;
        self.at += length;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let part = self.take(N)?;
        part.try_into().map_err(|_| Fault("it is cut short"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number that is added to now and then, so must never come near its type's end.
    pub(super) fn counter(&mut self) -> Result<u64, Fault> {
        let number = self.u64()?;
        let plausible = number < PLAUSIBLE;
        plausible
            .then_some(number)
            .ok_or(Fault("a number is absurdly large"))
    }

    pub(super) fn text(&mut self, most: usize) -> Result<&'a str, Fault> {
        let length = usize::from(self.u16()?);
        if length > most {
            return Err(Fault("a text is too long"));
        }
        std::str::from_utf8(self.take(length)?).map_err(|_| Fault("a text is not UTF-8"))
    }

    /// A node's identity; gives where it stands.
    pub(super) fn id(&mut self) -> Result<std::ops::Range<usize>, Fault> {
        let start = self.at;
        let name = self.text(rules::NAME_BYTES)?;
        rules::name(name).map_err(|_| Fault("a node's name breaks its rule"))?;
        if self.u64()? > LATEST_GENERATION {
            return Err(Fault("a generation is absurdly large"));
        }
        let ip = match self.u8()? {
            4 => IpAddr::from(Ipv4Addr::from(self.array::<4>()?)),
            6 => IpAddr::from(Ipv6Addr::from(self.array::<16>()?)),
            _ => return Err(Fault("an address is neither IPv4 nor IPv6")),
        };
        let port = self.u16()?;
        if port == 0 || ip.is_unspecified() || ip.is_multicast() {
            return Err(Fault("a node's address is none"));
        }
        Ok(start..self.at)
    }
}

/// Whose identity `id` is: its name, its generation, and where it gossips.
pub fn identity(id: &[u8]) -> Option<(&[u8], u64, SocketAddr)> {
    let mut walk = Walk::over(id);
    let length = usize::from(walk.u16().ok()?);
    let name = walk.take(length).ok()?;
    let generation = walk.u64().ok()?;
    let ip = match walk.u8().ok()? {
        4 => IpAddr::from(Ipv4Addr::from(walk.array::<4>().ok()?)),
        6 => IpAddr::from(Ipv6Addr::from(walk.array::<16>().ok()?)),
        _ => return None,
    };
    let port = walk.u16().ok()?;
    let whole = walk.is_at_end();
    whole.then_some((name, generation, SocketAddr::new(ip, port)))
}

/// Whether `id` is that of a node which gossips at `place`.
pub fn is_at(id: &[u8], place: SocketAddr) -> bool {
    identity(id).is_some_and(|(.., at)| at == place)
}

/// Heartbeats rise by some hundred a second, versions by a few: this is millennia away, and
/// far below where adding one overflows.
const PLAUSIBLE: u64 = 1 << 48;
/// Generations are Unix milliseconds. Twice what `belief` takes for one that is not made up, so
/// that whoever begins anew above such a one is still heard.
const LATEST_GENERATION: u64 = 200_000_000_000_000;
