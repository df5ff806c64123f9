//! The narrow settings each part is given, with every default beside its reason. Where they
//! come from (flags, environment, file) is `cli`'s business.

use std::time::Duration;

/// How long each side may keep the proxy waiting (HAProxy 2.6 manual, section 4.2 `timeout`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// One TCP connection attempt to a server. The lab's `timeout connect 5000`.
    pub connect: Duration,
    /// Silence of the client while it sends a body or should read one. `timeout client 50000`.
    pub client: Duration,
    /// Silence of the server before or during its answer. `timeout server 50000`.
    pub server: Duration,
    /// From the wait for a request to its complete header; also bounds keep-alive idling, as
    /// `timeout http-keep-alive` falls back to `timeout http-request`.
    pub request: Duration,
    /// Silence of both sides of a tunnel (WebSocket). HAProxy falls back to client and server
    /// timeouts; an hour is what its manual recommends to set, so it is our default.
    pub tunnel: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            client: Duration::from_secs(50),
            server: Duration::from_secs(50),
            request: Duration::from_secs(10),
            tunnel: Duration::from_secs(3600),
        }
    }
}

/// When an attempt may be made again (HAProxy 2.6 manual, section 4.2 `retries`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetryPolicy {
    /// Attempts after the first. HAProxy's default.
    pub retries: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 3 }
    }
}

/// How the balancer's own checks run (HAProxy 2.6 manual, section 5.2 `inter`, `rise`, `fall`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CheckPolicy {
    /// Between two checks of a server whose state is settled. HAProxy's default.
    pub interval: Duration,
    /// Good checks that bring a server back. HAProxy's default.
    pub rise: u32,
    /// Failed checks that take a server out. HAProxy's default.
    pub fall: u32,
    /// Limit for the one connect that admits a server, or that looks into a doubt or a silence.
    pub admission: Duration,
    /// Before the first recovery probe of an ejected server; doubles up to `interval`.
    pub recovery: Duration,
    /// How long a silent server that failed its probe keeps its DOWN row.
    pub forget: Duration,
}

impl Default for CheckPolicy {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(2),
            rise: 2,
            fall: 3,
            admission: Duration::from_millis(250),
            recovery: Duration::from_millis(200),
            forget: Duration::from_secs(120),
        }
    }
}

/// Upstream connections kept open between requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdlePolicy {
    /// Dropped after this long unused: below Node's default keep-alive of 5 s, so that it is
    /// rarely the server that closes first.
    pub keep: Duration,
    /// Per server and worker; more are closed rather than kept. There are never more than requests
    /// at once, and HAProxy keeps any number (`pool-max-conn`, configuration manual 5.2).
    pub per_server: usize,
}

impl Default for IdlePolicy {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(4),
            per_server: 4096,
        }
    }
}

/// Everything the request path needs to know, copied into each worker.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ProxyPolicy {
    /// See [`Timeouts`].
    pub timeouts: Timeouts,
    /// See [`RetryPolicy`].
    pub retry: RetryPolicy,
    /// See [`IdlePolicy`].
    pub idle: IdlePolicy,
}
