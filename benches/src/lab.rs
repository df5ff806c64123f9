//! A balancer with one webapp behind it, all over real sockets, in one process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use lb::app::{Lb, Settings};
use lb::config::{CheckPolicy, ProxyPolicy};
use member::agent::{Agent, AgentConfig};
use member::gossip::GossipConfig;
use member::hooks::Hooks;
use member::node::{DEFAULT_SERVICE, Description};
use stats_ui::PageSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The balancer and what keeps its webapp announced.
#[derive(Debug)]
pub struct Lab {
    /// The balancer.
    pub lb: Lb,
    _agent: Agent,
}

impl Lab {
    /// Starts it, and waits until the webapp answers through the balancer.
    ///
    /// # Errors
    ///
    /// What kept it from starting.
    pub async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let webapp = webapp().await?;
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut gossip = GossipConfig::new(Description::balancer("ha"));
        gossip.listen = loopback;
        let lb = Lb::start(Settings {
            listen: loopback,
            stats: None,
            page: PageSettings::default(),
            gossip,
            service: DEFAULT_SERVICE.into(),
            workers: 1,
            maxconn: 100,
            drain_timeout: std::time::Duration::from_secs(1),
            checks: CheckPolicy::default(),
            proxy: ProxyPolicy::default(),
            pool_file: None,
            hooks: Hooks::default(),
        })
        .await?;
        let mut gossip = GossipConfig::new(Description::backend("s1", webapp));
        gossip.listen = loopback;
        gossip.seeds = vec![lb.gossip.into()];
        let agent = Agent::start(AgentConfig::new(gossip)).await?;
        let lab = Self { lb, _agent: agent };
        let mut client = lab.client().await?;
        while exchange(&mut client).await? != 200 {
            tokio::task::yield_now().await;
        }
        Ok(lab)
    }

    /// A connection to the balancer.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn client(&self) -> io::Result<TcpStream> {
        let client = TcpStream::connect(self.lb.listen).await?;
        client.set_nodelay(true)?;
        Ok(client)
    }
}

/// One request and its small answer over a kept-alive connection; the status.
///
/// # Errors
///
/// The system's, or an answer that ends early.
pub async fn exchange(client: &mut TcpStream) -> io::Result<u16> {
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n")
        .await?;
    let mut answer = Vec::with_capacity(512);
    loop {
        if client.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let length = fields
            .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .find_map(|(_, length)| length.parse().ok())
            .unwrap_or(0);
        if body.len() >= length {
            let status = head
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok());
            return status.ok_or_else(|| io::ErrorKind::InvalidData.into());
        }
    }
}

/// Answers every request at once with 12 bytes; cheaper than any HTTP library, so that the bench
/// measures the balancer.
async fn webapp() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::with_capacity(1024);
                while stream
                    .read_buf(&mut request)
                    .await
                    .is_ok_and(|bytes| bytes > 0)
                {
                    if request.ends_with(b"\r\n\r\n") {
                        request.clear();
                        if stream.write_all(ANSWER).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    Ok(addr)
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nhello world\n";
