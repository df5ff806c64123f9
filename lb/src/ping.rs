//! Whether the balancer on this host is well: its statistics page answers. For a container's
//! HEALTHCHECK, which has no other client at hand.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::io::upstream::{Refusal, dial};

/// Asks the statistics page listening on `addr`; a wildcard is asked on loopback.
///
/// # Errors
///
/// One line that says what was expected and what came instead.
pub async fn ping(addr: SocketAddr) -> Result<(), String> {
    let addr = here(addr);
    let failed = |what: &str| format!("{addr}: {what}");
    let mut stream = dial(addr, LIMIT).await.map_err(|refusal| match refusal {
        Refusal::Failed(error) | Refusal::Ours(error) => failed(&error.to_string()),
        Refusal::TimedOut | Refusal::Abandoned => failed("no connection in time"),
    })?;
    let mut head = [0; 12];
    let exchange = async {
        stream.write_all(b"HEAD / HTTP/1.0\r\n\r\n").await?;
        stream.read_exact(&mut head).await
    };
    match timeout(LIMIT, exchange).await {
        Ok(Ok(_)) if head.ends_with(b" 200") => Ok(()),
        Ok(Ok(_)) => Err(failed(&format!(
            "expected a statistics page, got {:?}",
            String::from_utf8_lossy(&head)
        ))),
        Ok(Err(error)) => Err(failed(&error.to_string())),
        Err(_) => Err(failed("no answer in time")),
    }
}

fn here(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        // A wildcard takes both versions; where IPv6 is off, only this one exists.
        SocketAddr::V6(v6) if *v6.ip() == Ipv6Addr::UNSPECIFIED => {
            (Ipv4Addr::LOCALHOST, v6.port()).into()
        }
        addr => addr,
    }
}

const LIMIT: Duration = Duration::from_secs(2);
