//! Pure: which requests are refused before any server sees them (RFC 9112 sections 3 and 6, RFC
//! 9110 section 7.2). Strict on framing and on Host, since that is what smuggling lives on.
//! hyper has already refused what it cannot parse.

use hyper::header::{HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::http::response;
use hyper::http::uri::Authority;
use hyper::{Method, Uri, Version};

use crate::error::{Error, Kind};

/// Refuses what a reverse proxy must not forward.
///
/// # Errors
///
/// Names the rule that was broken.
pub fn check(parts: &Parts) -> Result<(), Error> {
    if parts.method == Method::CONNECT {
        return Err(refuse(Kind::NotImplemented(
            "CONNECT is not for a reverse proxy",
        )));
    }
    check_coding(&parts.headers)?;
    let host = sole_host(parts)?;
    check_target(&parts.method, &parts.uri, host)
}

/// Refuses answers that cannot be relayed as they are.
///
/// # Errors
///
/// Names the rule that was broken.
pub fn check_answer(parts: &response::Parts) -> Result<(), Error> {
    check_coding(&parts.headers).map_err(|error| Error::new(Kind::BadResponse).because(error))
}

/// `Transfer-Encoding` may only say `chunked`, once (RFC 9112, sections 6.1 and 7).
fn check_coding(headers: &HeaderMap) -> Result<(), Error> {
    let mut codings = headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii);
    let chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if chunked(only) => Ok(()),
        (Some(first), _) if !chunked(first) => Err(refuse(Kind::NotImplemented(
            "no transfer coding but chunked is supported",
        ))),
        _ => Err(refuse(Kind::BadRequest(
            "`transfer-encoding` applies chunked more than once",
        ))),
    }
}

/// HTTP/1.1 needs exactly one Host, HTTP/1.0 at most one (RFC 9112, section 3.2).
fn sole_host(parts: &Parts) -> Result<Option<&HeaderValue>, Error> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(refuse(Kind::BadRequest("more than one `host`")));
    }
    match host {
        None if parts.version == Version::HTTP_11 => {
            Err(refuse(Kind::BadRequest("HTTP/1.1 without `host`")))
        }
        Some(value) if !is_plain(value.as_bytes()) && authority(value.as_bytes()).is_none() => {
            Err(refuse(Kind::BadRequest("malformed `host`")))
        }
        host => Ok(host),
    }
}

/// Origin form, absolute form that agrees with Host, or `*` for OPTIONS (RFC 9112, section 3.2).
fn check_target(method: &Method, uri: &Uri, host: Option<&HeaderValue>) -> Result<(), Error> {
    if let Some(named) = uri.authority() {
        let Some(scheme) = uri.scheme_str() else {
            return Err(refuse(Kind::BadRequest(
                "the request target is a bare word",
            )));
        };
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(refuse(Kind::BadRequest(
                "the request target's scheme is not http",
            )));
        }
        let Some(named) = authority(named.as_str().as_bytes()) else {
            return Err(refuse(Kind::BadRequest(
                "the request target's authority is malformed",
            )));
        };
        let agrees = host
            .and_then(|host| authority(host.as_bytes()))
            .is_none_or(|host| {
                host.host().eq_ignore_ascii_case(named.host())
                    && port(&host, scheme) == port(&named, scheme)
            });
        return if agrees {
            Ok(())
        } else {
            Err(refuse(Kind::BadRequest(
                "the request target's authority is not `host`",
            )))
        };
    }
    match uri.path() {
        "*" if method == Method::OPTIONS => Ok(()),
        path if path.starts_with('/') => Ok(()),
        _ => Err(refuse(Kind::BadRequest(
            "the request target is neither a path nor a URI",
        ))),
    }
}

/// `uri-host [ ":" port ]` without user information and with a host (RFC 9110, sections 4.2.4
/// and 7.2).
fn authority(bytes: &[u8]) -> Option<Authority> {
    let authority = Authority::try_from(bytes).ok()?;
    let has_user = authority.as_str().contains('@');
    let rest = authority.as_str().strip_prefix(authority.host())?;
    let port_is_number = match rest.strip_prefix(':') {
        None => rest.is_empty(),
        Some(port) => port.is_empty() || port.parse::<u16>().is_ok(),
    };
    (!has_user && !authority.host().is_empty() && port_is_number).then_some(authority)
}

/// Whether this is a name or an IPv4 address, with or without a port, and nothing else: what nearly
/// every `host` is, seen without the copy that parsing one makes.
fn is_plain(host: &[u8]) -> bool {
    let port = host.iter().position(|&byte| byte == b':');
    let (name, port) = host.split_at(port.unwrap_or(host.len()));
    let is_of_names = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let digits = port.get(1..).unwrap_or_default();
    let has_port = digits.iter().all(u8::is_ascii_digit)
        && (digits.is_empty()
            || str::from_utf8(digits).is_ok_and(|port| port.parse::<u16>().is_ok()));
    !name.is_empty() && name.iter().all(is_of_names) && has_port
}

fn port(authority: &Authority, scheme: &str) -> u16 {
    let default = if scheme.eq_ignore_ascii_case("https") {
        443
    } else {
        80
    };
    authority.port_u16().unwrap_or(default)
}

const fn refuse(kind: Kind) -> Error {
    Error::new(kind)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn check(method: &str, target: &str, headers: &[(&str, &str)], expected: u16) {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let status = super::check(&parts).map_or_else(|error| error.status().as_u16(), |()| 200);
        assert_eq!(status, expected, "{method} {target} {headers:?}");
    }

    #[test]
    fn hosts() {
        check("GET", "/", &[("host", "a")], 200);
        check("GET", "/", &[("host", "a:8080")], 200);
        check("GET", "/", &[("host", "[::1]:8080")], 200);
        check("GET", "/", &[("host", "192.168.42.42")], 200);
        check("GET", "/", &[], 400);
        check("GET", "/", &[("host", "a"), ("host", "a")], 400);
        check("GET", "/", &[("host", "")], 400);
        check("GET", "/", &[("host", "a b")], 400);
        check("GET", "/", &[("host", "a/b")], 400);
        check("GET", "/", &[("host", "u@a")], 400);
        check("GET", "/", &[("host", "a:port")], 400);
        check("GET", "/", &[("host", "a:99999")], 400);
        check("GET", "/", &[("host", "a, b")], 400);
    }

    #[test]
    fn what_is_plain_is_an_authority() {
        for (host, plain) in [
            ("a", true),
            ("a-b.example", true),
            ("10.0.0.1:8080", true),
            ("10.0.0.1:65535", true),
            ("a:+80", false),
            ("a:", true),
            ("a:65536", false),
            ("[::1]", false),
            ("a_b", false),
            ("a:b", false),
            (":80", false),
            ("", false),
            ("a b", false),
            ("a@b", false),
        ] {
            assert_eq!(is_plain(host.as_bytes()), plain, "{host:?}");
            let is_authority = authority(host.as_bytes()).is_some();
            assert!(is_authority || !plain, "{host:?}");
        }
    }

    #[test]
    fn targets() {
        check("GET", "http://a/x", &[("host", "a")], 200);
        check("GET", "http://a:80/x", &[("host", "A")], 200);
        check("GET", "https://a:443/x", &[("host", "a")], 200);
        check("GET", "http://a/x", &[("host", "b")], 400);
        check("GET", "http://a:81/x", &[("host", "a")], 400);
        check("GET", "http://u@a/x", &[("host", "a")], 400);
        check("GET", "ftp://a/x", &[("host", "a")], 400);
        check("GET", "word", &[("host", "a")], 400);
        check("GET", "a:80", &[("host", "a")], 400);
        check("OPTIONS", "*", &[("host", "a")], 200);
        check("GET", "*", &[("host", "a")], 400);
        check("CONNECT", "a:80", &[("host", "a:80")], 501);
    }

    #[test]
    fn codings() {
        let host = ("host", "a");
        check("POST", "/", &[host, ("transfer-encoding", "chunked")], 200);
        check(
            "POST",
            "/",
            &[host, ("transfer-encoding", " Chunked ")],
            200,
        );
        check(
            "POST",
            "/",
            &[host, ("transfer-encoding", "chunked, chunked")],
            400,
        );
        let twice = [
            host,
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked"),
        ];
        check("POST", "/", &twice, 400);
        check(
            "POST",
            "/",
            &[host, ("transfer-encoding", "gzip, chunked")],
            501,
        );
    }

    #[test]
    fn http_1_0_needs_no_host() {
        let request = Request::builder()
            .uri("/")
            .version(Version::HTTP_10)
            .body(())
            .unwrap();
        assert!(super::check(&request.into_parts().0).is_ok());
    }
}
