//! Why a request could not be answered by a server, and the one map from that to what the
//! client sees. Nothing else in the crate chooses 400, 408, 502, 503 or 504.

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;

use hyper::StatusCode;

use crate::outcome::{End, Phase, Side};

type Cause = Box<dyn StdError + Send + Sync>;

/// A request that failed. Opaque: what matters is [`end`](Self::end), the answer and the text.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    server: Option<SocketAddr>,
    cause: Option<Cause>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// The request breaks a rule of RFC 9110 or 9112; the text names it.
    BadRequest(&'static str),
    /// The method is one a reverse proxy does not serve.
    NotImplemented(&'static str),
    /// The client sent its body too slowly.
    ClientTimeout,
    /// The client went away.
    ClientGone,
    /// No usable server.
    NoServer,
    /// No connection to a server, after all retries.
    Connect,
    /// The last connection attempt timed out.
    ConnectTimeout,
    /// No connection, for want of something of ours.
    OutOfResources,
    /// The server closed or failed before its response header was complete.
    EmptyResponse,
    /// The server's response cannot be understood.
    BadResponse,
    /// The server did not answer in time.
    ServerTimeout,
    /// The server was taken out of rotation while the answer was awaited.
    WentDown,
}

impl Error {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            server: None,
            cause: None,
        }
    }

    pub(crate) fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(crate) const fn at(mut self, server: SocketAddr) -> Self {
        self.server = Some(server);
        self
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Which side failed, and when (HAProxy 2.6 manual, section 8.5).
    #[must_use]
    pub const fn end(&self) -> End {
        let (side, phase) = match self.kind {
            Kind::BadRequest(_) | Kind::NotImplemented(_) => (Side::Proxy, Phase::Request),
            Kind::ClientTimeout => (Side::ClientTimeout, Phase::Request),
            Kind::ClientGone => (Side::Client, Phase::Headers),
            Kind::NoServer | Kind::Connect => (Side::Server, Phase::Connect),
            Kind::ConnectTimeout => (Side::ServerTimeout, Phase::Connect),
            Kind::OutOfResources => (Side::Resource, Phase::Connect),
            Kind::EmptyResponse => (Side::Server, Phase::Headers),
            Kind::BadResponse => (Side::Proxy, Phase::Headers),
            Kind::ServerTimeout => (Side::ServerTimeout, Phase::Headers),
            Kind::WentDown => (Side::Down, Phase::Headers),
        };
        End { side, phase }
    }

    /// The status a client is answered with (HAProxy 2.6 manual, section 1.3.1 and 8.5; the
    /// table stands in `docs/life-of-a-request.md`).
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self.kind {
            Kind::BadRequest(_) => StatusCode::BAD_REQUEST,
            Kind::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Kind::ClientTimeout => StatusCode::REQUEST_TIMEOUT,
            // Nobody reads it; a status keeps the types honest.
            Kind::ClientGone => StatusCode::BAD_REQUEST,
            Kind::NoServer | Kind::Connect | Kind::ConnectTimeout | Kind::OutOfResources => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Kind::EmptyResponse | Kind::BadResponse => StatusCode::BAD_GATEWAY,
            Kind::ServerTimeout | Kind::WentDown => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(server) = self.server {
            write!(f, "server {server}: ")?;
        }
        match self.kind {
            Kind::BadRequest(rule) => write!(f, "bad request: {rule}"),
            Kind::NotImplemented(rule) => write!(f, "not implemented: {rule}"),
            Kind::ClientTimeout => f.write_str("the client sent its body too slowly"),
            Kind::ClientGone => f.write_str("the client went away"),
            Kind::NoServer => f.write_str("no server is usable"),
            Kind::Connect => f.write_str("no connection"),
            Kind::ConnectTimeout => f.write_str("no connection in time"),
            Kind::OutOfResources => f.write_str("no connection, for want of something of ours"),
            Kind::EmptyResponse => f.write_str("closed before it answered"),
            Kind::BadResponse => f.write_str("sent a response that cannot be understood"),
            Kind::ServerTimeout => f.write_str("did not answer in time"),
            Kind::WentDown => f.write_str("went down before it answered"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_one_status_and_one_end() {
        let check = |kind, status, side, phase| {
            let error = Error::new(kind);
            assert_eq!(error.status().as_u16(), status, "{error}");
            assert_eq!(error.end(), End { side, phase }, "{error}");
        };
        check(Kind::BadRequest("x"), 400, Side::Proxy, Phase::Request);
        check(Kind::NotImplemented("x"), 501, Side::Proxy, Phase::Request);
        check(
            Kind::ClientTimeout,
            408,
            Side::ClientTimeout,
            Phase::Request,
        );
        check(Kind::NoServer, 503, Side::Server, Phase::Connect);
        check(Kind::Connect, 503, Side::Server, Phase::Connect);
        check(
            Kind::ConnectTimeout,
            503,
            Side::ServerTimeout,
            Phase::Connect,
        );
        check(Kind::OutOfResources, 503, Side::Resource, Phase::Connect);
        check(Kind::EmptyResponse, 502, Side::Server, Phase::Headers);
        check(Kind::BadResponse, 502, Side::Proxy, Phase::Headers);
        check(
            Kind::ServerTimeout,
            504,
            Side::ServerTimeout,
            Phase::Headers,
        );
        check(Kind::WentDown, 504, Side::Down, Phase::Headers);
    }

    #[test]
    fn the_text_names_the_server_and_the_cause_follows() {
        let error = Error::new(Kind::Connect)
            .at(SocketAddr::from(([127, 0, 0, 1], 3000)))
            .because(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        assert_eq!(error.to_string(), "server 127.0.0.1:3000: no connection");
        assert_eq!(error.source().unwrap().to_string(), "connection refused");
    }
}
