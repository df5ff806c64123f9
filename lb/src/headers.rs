//! Pure: what changes in a header on its way through (RFC 9110 section 7.6; HAProxy 2.6 manual,
//! `option forwardfor`, and the lab's `http-request set-header X-Forwarded-Port`).

use std::net::{IpAddr, SocketAddr};

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use hyper::http::{request, response};
use hyper::{StatusCode, Uri, Version};

/// The two ends of a client's connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ends {
    /// The client.
    pub client: SocketAddr,
    /// What it connected to.
    pub local: SocketAddr,
}

/// What servers are told of one client, made once for all its requests.
#[derive(Clone, Debug)]
pub struct Caller {
    ends: Ends,
    forwarded_for: Option<HeaderValue>,
    forwarded_port: HeaderValue,
}

impl From<Ends> for Caller {
    fn from(ends: Ends) -> Self {
        Self {
            ends,
            forwarded_for: HeaderValue::try_from(plain(ends.client.ip()).to_string()).ok(),
            forwarded_port: HeaderValue::from(ends.local.port()),
        }
    }
}

/// The protocol a request asks to switch to, if it does so properly (RFC 9110, section 7.8). Not
/// to `h2c`: inside such a tunnel no rule of ours would be seen (RFC 9113 dropped it).
fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = nominated(headers).any(|option| option.eq_ignore_ascii_case(b"upgrade"));
    let protocol = headers.get(UPGRADE).filter(|_| asked)?;
    let mut protocols = protocol.as_bytes().split(|&byte| byte == b',');
    let is_h2c = |name: &[u8]| {
        let name = name.trim_ascii().to_ascii_lowercase();
        name.starts_with(b"h2c")
    };
    (!protocols.any(is_h2c)).then(|| protocol.clone())
}

/// Makes a request fit for any server. Without a `caller` nothing is said of the client; a switch
/// of protocols is asked for only if the connection is `upgradable`.
pub fn to_server(parts: &mut request::Parts, caller: Option<&Caller>, upgradable: bool) {
    if says_hop_by_hop(&parts.headers) {
        hop(&mut parts.headers, upgradable);
    }
    to_origin_form(parts, caller.map(|caller| caller.ends));
    if let Some(caller) = caller {
        let port = caller.forwarded_port.clone();
        parts.headers.insert(X_FORWARDED_PORT, port);
        if let Some(client) = caller.forwarded_for.clone() {
            parts.headers.append(X_FORWARDED_FOR, client);
        }
    }
    parts.version = Version::HTTP_11;
}

/// Replaces what the client said for its own connection by what is said for the server's.
fn hop(headers: &mut HeaderMap, upgradable: bool) {
    let upgrade = if upgradable { upgrade(headers) } else { None };
    let trailers = accepts_trailers(headers);
    strip(headers);
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
    if trailers {
        headers.append(CONNECTION, HeaderValue::from_static("te"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Makes a response fit for a client.
pub fn to_client(parts: &mut response::Parts) {
    parts.version = Version::HTTP_11;
    if !says_hop_by_hop(&parts.headers) {
        return;
    }
    let protocol = (parts.status == StatusCode::SWITCHING_PROTOCOLS)
        .then(|| parts.headers.get(UPGRADE).cloned())
        .flatten();
    // Both: the length is not to be believed (RFC 9112, section 6.3).
    if parts.headers.contains_key(TRANSFER_ENCODING) {
        parts.headers.remove(CONTENT_LENGTH);
    }
    strip(&mut parts.headers);
    if let Some(protocol) = protocol {
        parts
            .headers
            .insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, protocol);
    }
}

/// An IPv4 address as such, also where it came in by an IPv6 socket.
#[must_use]
pub const fn plain(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// Removes what belongs to one connection only (RFC 9110, section 7.6.1). A name that
/// `Connection` may not nominate, as it frames or addresses the message, stays.
fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        // Nearly every message nominates what has no field, or what is removed below.
        let is_of_use = |option: &&[u8]| {
            !option.eq_ignore_ascii_case(b"keep-alive") && !option.eq_ignore_ascii_case(b"close")
        };
        let named: Vec<HeaderName> = nominated(headers)
            .filter(is_of_use)
            .filter_map(|option| HeaderName::from_bytes(option).ok())
            .filter(|name| *name != HOST && *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING)
            .collect();
        named.iter().for_each(|name| drop(headers.remove(name)));
        headers.remove(CONNECTION);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether there is anything to remove: a look at each field, where removing would be a search for
/// each name.
fn says_hop_by_hop(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| *name == CONNECTION || HOP_BY_HOP.contains(name))
}

fn nominated(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|option| !option.is_empty())
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    let mut members = headers
        .get_all(TE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// A server is sent a path; the authority of an absolute form becomes Host (RFC 9112, section
/// 3.2.2). HTTP/1.0 may have no Host: the address the client connected to stands in.
fn to_origin_form(parts: &mut request::Parts, ends: Option<Ends>) {
    if let Some(authority) = parts.uri.authority() {
        if let Ok(host) = HeaderValue::try_from(authority.as_str()) {
            parts.headers.insert(HOST, host);
        }
        let path = parts.uri.path_and_query().cloned();
        parts.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    }
    if !parts.headers.contains_key(HOST)
        && let Some(Ends { local, .. }) = ends
        && let Ok(host) =
            HeaderValue::try_from(SocketAddr::new(plain(local.ip()), local.port()).to_string())
    {
        parts.headers.insert(HOST, host);
    }
}

/// Beside `Connection` and what that names.
const HOP_BY_HOP: [HeaderName; 5] = [TE, UPGRADE, TRANSFER_ENCODING, KEEP_ALIVE, PROXY_CONNECTION];
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

#[cfg(test)]
mod tests {
    use hyper::{Request, Response};

    use super::*;

    fn request(target: &str, headers: &[(&str, &str)]) -> String {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let client = "[::ffff:10.0.0.9]:5000".parse().unwrap();
        let local = "10.0.0.1:80".parse().unwrap();
        let caller = Caller::from(Ends { client, local });
        to_server(&mut parts, Some(&caller), true);
        format!("{} {}", parts.uri, text(&parts.headers))
    }

    fn text(headers: &HeaderMap) -> String {
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines.join("; ")
    }

    #[test]
    fn requests() {
        let check = |target, headers: &[(&str, &str)], expected: &str| {
            let expected = format!("{expected}x-forwarded-for=10.0.0.9; x-forwarded-port=80");
            assert_eq!(request(target, headers), expected);
        };
        check("/a?b", &[("host", "h")], "/a?b host=h; ");
        check("/", &[], "/ host=10.0.0.1:80; ");
        check("http://h/a", &[("host", "h")], "/a host=h; ");
        check(
            "/",
            &[("host", "h"), ("connection", "close, x-me"), ("x-me", "1")],
            "/ host=h; ",
        );
        check(
            "/",
            &[("host", "h"), ("connection", "host, content-length")],
            "/ host=h; ",
        );
        check(
            "/",
            &[
                ("host", "h"),
                ("keep-alive", "1"),
                ("proxy-connection", "x"),
            ],
            "/ host=h; ",
        );
        check(
            "/",
            &[("host", "h"), ("te", "gzip, trailers")],
            "/ connection=te; host=h; te=trailers; ",
        );
        check("/", &[("host", "h"), ("te", "gzip")], "/ host=h; ");
        check(
            "/",
            &[("host", "h"), ("upgrade", "websocket")],
            "/ host=h; ",
        );
        check(
            "/",
            &[
                ("host", "h"),
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
            ],
            "/ connection=upgrade; host=h; upgrade=websocket; ",
        );
    }

    #[test]
    fn no_switch_to_h2c_in_any_company() {
        for protocols in ["h2c", "H2C", "websocket, h2c", ", h2c", "h2c/1, websocket"] {
            let fields = [
                ("host", "h"),
                ("connection", "Upgrade"),
                ("upgrade", protocols),
            ];
            let text = request("/", &fields);
            assert!(!text.contains("upgrade"), "{text}");
        }
    }

    #[test]
    fn forwarded_for_is_appended_and_forwarded_port_replaced() {
        let text = request(
            "/",
            &[
                ("host", "h"),
                ("x-forwarded-for", "9.9.9.9"),
                ("x-forwarded-port", "1"),
            ],
        );
        assert_eq!(
            text,
            "/ host=h; x-forwarded-for=10.0.0.9; x-forwarded-for=9.9.9.9; x-forwarded-port=80"
        );
    }

    #[test]
    fn responses() {
        let check = |status: u16, headers: &[(&str, &str)], expected: &str| {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            let (mut parts, ()) = response.body(()).unwrap().into_parts();
            to_client(&mut parts);
            assert_eq!(text(&parts.headers), expected);
        };
        check(
            200,
            &[("connection", "keep-alive"), ("keep-alive", "timeout=5")],
            "",
        );
        check(
            200,
            &[("transfer-encoding", "chunked"), ("content-length", "5")],
            "",
        );
        check(
            200,
            &[("content-length", "5"), ("x", "y")],
            "content-length=5; x=y",
        );
        check(200, &[("upgrade", "h2c")], "");
        check(
            101,
            &[("connection", "upgrade"), ("upgrade", "websocket")],
            "connection=upgrade; upgrade=websocket",
        );
    }
}
