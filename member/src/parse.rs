//! How values are written on a command line and in a file: durations, sizes, addresses.
//! Each parser gives the value, or the rule that was broken, worded to follow "expected".

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A host by name or address, and a port.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HostPort {
    /// A name, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

/// What a parser gives: the value, or what was expected instead.
pub type Parsed<T> = Result<T, String>;

/// `500ms`, `10s`, `2m`, `1h`; a plain number is seconds.
///
/// # Errors
/// States the rule.
pub fn duration(text: &str) -> Parsed<Duration> {
    let (digits, unit) = split_number(text);
    let rule = || "a duration, as 500ms, 10s or 2m".to_owned();
    let number: u64 = digits.parse().map_err(|_| rule())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    // Beyond a century, sums with a clock could overflow.
    milliseconds
        .filter(|ms| *ms <= 3_155_760_000_000)
        .map(Duration::from_millis)
        .ok_or_else(rule)
}

/// `65536`, `64k`, `16M`, `1G`, with or without `B`, `iB`: bytes, in powers of 1,024.
///
/// # Errors
/// States the rule.
pub fn bytes(text: &str) -> Parsed<u64> {
    let (digits, unit) = split_number(text);
    let rule = || "a size, as 65536, 64k, 16M or 1G".to_owned();
    let number: u64 = digits.parse().map_err(|_| rule())?;
    let unit = unit.to_ascii_lowercase();
    let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err(rule()),
    };
    number.checked_mul(1 << shift).ok_or_else(rule)
}

/// Where to listen: `:80` or `80` is every IPv6 and IPv4 address, given as `[::]:80`, which
/// is to be bound for both; `0.0.0.0:80` is every IPv4 address; else one address.
///
/// # Errors
/// States the rule.
pub fn listen(text: &str) -> Parsed<SocketAddr> {
    let bare = text.strip_prefix("*:").or_else(|| text.strip_prefix(':'));
    if let Some(port) = parse_port(bare.unwrap_or(text)) {
        return Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
    }
    text.parse()
        .map_err(|_| "an address to listen on, as :80, 127.0.0.1:80 or [::1]:80".to_owned())
}

/// Where a server is: `PORT`, given as `0.0.0.0:PORT` to stand for the address that the node
/// advertises, or `IP:PORT`.
///
/// # Errors
/// States the rule.
pub fn server(text: &str) -> Parsed<SocketAddr> {
    let port = parse_port(text.strip_prefix(':').unwrap_or(text));
    let address = match port {
        Some(port) => Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        None => text.parse().ok(),
    };
    address
        .filter(|address| address.port() != 0)
        .ok_or_else(|| "a port or an address and a port, as 3000 or 10.0.0.1:3000".to_owned())
}

/// An address that others can reach: `IP`, given with port 0, or `IP:PORT`.
///
/// # Errors
/// States the rule.
pub fn reachable(text: &str) -> Parsed<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let ip: Option<IpAddr> = bare.unwrap_or(text).parse().ok();
    ip.map(|ip| SocketAddr::new(ip, 0))
        .or_else(|| text.parse().ok())
        .filter(|address| !address.ip().is_unspecified() && !address.ip().is_multicast())
        .ok_or_else(|| "an address that others can reach, as 10.0.0.1".to_owned())
}

/// The folder that `file` is in.
pub(crate) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Where a unix socket is to be.
///
/// # Errors
/// States the rule.
pub fn socket(text: &str) -> Parsed<PathBuf> {
    if text.len() > SOCKET_BYTES {
        return Err(format!("a path of at most {SOCKET_BYTES} bytes"));
    }
    let path = PathBuf::from(text);
    if !folder(&path).is_dir() {
        return Err("a path in a folder that is there".to_owned());
    }
    Ok(path)
}

/// An address and a port.
///
/// # Errors
/// States the rule.
pub fn address(text: &str) -> Parsed<SocketAddr> {
    text.parse()
        .map_err(|_| "an address and a port, as 127.0.0.1:53 or [::1]:53".to_owned())
}

/// A host and a port, `default_port` when none is given: `ha`, `ha:7373`, `10.0.0.1:7373`,
/// `[::1]:7373`, `::1`.
///
/// # Errors
/// States the rule.
pub fn host_port(text: &str, default_port: u16) -> Parsed<HostPort> {
    let rule = || format!("a host and a port, as ha:{default_port} or [::1]:{default_port}");
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(HostPort::from(SocketAddr::new(ip, default_port)));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return if address.port() == 0 {
            Err(rule())
        } else {
            Ok(HostPort::from(address))
        };
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, parse_port(port).filter(|port| *port != 0)),
        None => (text, Some(default_port)),
    };
    match port {
        Some(port) if is_host_name(host) => Ok(HostPort {
            host: host.to_owned(),
            port,
        }),
        _ => Err(rule()),
    }
}

/// `true` or `false`.
///
/// # Errors
/// States the rule.
pub fn switch(text: &str) -> Parsed<bool> {
    match text {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

/// A host name as RFC 1123 section 2.1 has it, underscores included because Docker uses
/// them. Four numbers with dots are a misspelt address, not a name.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let numeric = host.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    host.len() <= 253 && !numeric && host.split('.').all(label)
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn split_number(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// `sun_path` of unix(7) holds 107 beside its end; the socket is bound beside its name, under one with the process's id.
const SOCKET_BYTES: usize = 107 - ".4194304.new".len();

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<T: fmt::Debug>(parse: impl Fn(&str) -> Parsed<T>, cases: &[(&str, &str)]) {
        for (input, expected) in cases {
            let got = match parse(input) {
                Ok(value) => format!("{value:?}"),
                Err(rule) => {
                    assert!(!rule.is_empty());
                    "bad".to_owned()
                }
            };
            assert_eq!(got, *expected, "{input:?}");
        }
    }

    #[test]
    fn durations() {
        let cases = [
            ("10s", "10s"),
            ("500ms", "500ms"),
            ("2m", "120s"),
            ("1h", "3600s"),
            ("8", "8s"),
            ("0", "0ns"),
            ("", "bad"),
            ("s", "bad"),
            ("-1", "bad"),
            ("1.5s", "bad"),
            ("10 s", "bad"),
            ("99999999999999999999s", "bad"),
            ("18446744073709551615h", "bad"),
        ];
        check(duration, &cases);
    }

    #[test]
    fn sizes() {
        let cases = [
            ("65536", "65536"),
            ("64k", "65536"),
            ("64KiB", "65536"),
            ("16MB", "16777216"),
            ("1g", "1073741824"),
            ("1t", "bad"),
            ("", "bad"),
            ("18446744073709551615k", "bad"),
        ];
        check(bytes, &cases);
    }

    #[test]
    fn listening() {
        let cases = [
            (":80", "[::]:80"),
            ("*:80", "[::]:80"),
            ("80", "[::]:80"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:80", "bad"),
            (":65536", "bad"),
            (":+80", "bad"),
            ("", "bad"),
            (":", "bad"),
        ];
        check(listen, &cases);
    }

    #[test]
    fn sockets() {
        let long = format!("/{}", "x".repeat(SOCKET_BYTES - 1));
        let cases = [
            ("c.sock", "\"c.sock\""),
            ("./c.sock", "\"./c.sock\""),
            ("/c.sock", "\"/c.sock\""),
            (&long, &format!("{long:?}")),
            (&format!("{long}x"), "bad"),
            ("/nonexistent/c.sock", "bad"),
        ];
        check(socket, &cases);
    }

    #[test]
    fn servers() {
        let cases = [
            ("3000", "0.0.0.0:3000"),
            (":3000", "0.0.0.0:3000"),
            ("10.0.0.1:3000", "10.0.0.1:3000"),
            ("[::1]:3000", "[::1]:3000"),
            ("0", "bad"),
            ("10.0.0.1", "bad"),
            ("ha:3000", "bad"),
        ];
        check(server, &cases);
    }

    #[test]
    fn reachable_addresses() {
        let cases = [
            ("10.0.0.1", "10.0.0.1:0"),
            ("10.0.0.1:7373", "10.0.0.1:7373"),
            ("::1", "[::1]:0"),
            ("[::1]", "[::1]:0"),
            ("0.0.0.0", "bad"),
            ("::", "bad"),
            ("eth0", "bad"),
            ("224.0.0.1", "bad"),
        ];
        check(reachable, &cases);
    }

    #[test]
    fn hosts() {
        let shown = |text: &str| host_port(text, 7373).map(|host| host.to_string());
        let cases = [
            ("ha", "\"ha:7373\""),
            ("ha:80", "\"ha:80\""),
            ("a_b.example.:1", "\"a_b.example.:1\""),
            ("10.0.0.1", "\"10.0.0.1:7373\""),
            ("::1", "\"[::1]:7373\""),
            ("[::1]:80", "\"[::1]:80\""),
            ("300.0.0.1:80", "bad"),
            ("10.0.0.1:0", "bad"),
            ("ha:", "bad"),
            ("ha:x", "bad"),
            ("ha:80:80", "bad"),
            (":80", "bad"),
            ("a b", "bad"),
            ("", "bad"),
        ];
        check(shown, &cases);
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn junk_never_panics(text in any::<String>()) {
            let _ = duration(&text);
            let _ = bytes(&text);
            let _ = listen(&text);
            let _ = server(&text);
            let _ = reachable(&text);
            let _ = host_port(&text, 1);
        }
    }
}
