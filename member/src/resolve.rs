//! Names to addresses within a fixed time: `/etc/hosts` first, then the name server, one
//! try. libc's lookup can hang for 10 s and hold up the program's end; a lookup here ends
//! with its future. When to ask again is the asker's affair.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{Resolver as Hickory, TokioResolver};
use thiserror::Error;

use crate::parse::HostPort;

/// Why a name has no address now.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// The name server did not answer in time.
    #[error("no answer to `{0}` within {LIMIT:?}")]
    Silent(String),
    /// There is no such name, or no name server.
    #[error("cannot resolve `{host}`")]
    Failed {
        /// The name asked for.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
}

/// Looks names up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resolver {
    server: Option<SocketAddr>,
}

impl Resolver {
    /// Asks the name server at `server` instead of those of the system.
    pub fn new(server: Option<SocketAddr>) -> Self {
        Self { server }
    }

    /// All addresses of `target`, IPv4 first. An address is itself, at once.
    ///
    /// # Errors
    /// The name has no address, or nobody answered within 500 ms.
    pub async fn resolve(&self, target: &HostPort) -> Result<Vec<SocketAddr>, ResolveError> {
        if let Ok(ip) = target.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, target.port)]);
        }
        let failed = |error: NetError| ResolveError::Failed {
            host: target.host.clone(),
            source: io::Error::other(error),
        };
        // Built for each lookup: what the system's files say now is what counts, and a
        // name that did not exist a moment ago must not be remembered as missing.
        let resolver = self.build().map_err(failed)?;
        match tokio::time::timeout(LIMIT, resolver.lookup_ip(target.host.as_str())).await {
            Ok(Ok(found)) => Ok(found
                .iter()
                .map(|ip| SocketAddr::new(ip, target.port))
                .collect()),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(ResolveError::Silent(target.host.clone())),
        }
    }

    fn build(&self) -> Result<TokioResolver, NetError> {
        let provider = TokioRuntimeProvider::default();
        let mut builder = match self.server {
            Some(server) => Hickory::builder_with_config(only(server), provider),
            // Without a readable resolv.conf the hosts file can still answer.
            None => Hickory::builder(provider.clone()).unwrap_or_else(|_| {
                Hickory::builder_with_config(ResolverConfig::from_name_servers(vec![]), provider)
            }),
        };
        one_try(builder.options_mut());
        builder.build()
    }
}

fn one_try(options: &mut ResolverOpts) {
    options.timeout = LIMIT;
    options.attempts = 0;
    options.cache_size = 0;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Always;
}

fn only(server: SocketAddr) -> ResolverConfig {
    let mut udp = ConnectionConfig::udp();
    let mut tcp = ConnectionConfig::tcp();
    udp.port = server.port();
    tcp.port = server.port();
    let mut name_server = NameServerConfig::udp(server.ip());
    name_server.connections = vec![udp, tcp];
    ResolverConfig::from_name_servers(vec![name_server])
}

/// A name server on the same network answers within a few milliseconds; a longer wait only
/// delays the next try.
const LIMIT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[tokio::test]
    async fn an_address_is_itself() {
        let target = parse::host_port("[::1]:7373", 1).unwrap();
        let found = Resolver::default().resolve(&target).await.unwrap();
        assert_eq!(found, ["[::1]:7373".parse().unwrap()]);
    }

    #[tokio::test]
    async fn the_hosts_file_is_honoured() {
        let target = parse::host_port("localhost", 7373).unwrap();
        let found = Resolver::default().resolve(&target).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert!(!found.is_empty());
    }

    #[tokio::test]
    async fn a_mute_name_server_costs_half_a_second() {
        let mute = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let resolver = Resolver::new(Some(mute.local_addr().unwrap()));
        let target = parse::host_port("ha", 7373).unwrap();
        let began = tokio::time::Instant::now();
        assert!(resolver.resolve(&target).await.is_err());
        assert!(began.elapsed() < 2 * LIMIT);
    }
}
