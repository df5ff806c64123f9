//! Connections that have made one request each and then wait.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use bench::lab::exchange;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Opens so many, one after the other. An error says why they do not count.
pub(crate) async fn open(addr: SocketAddr, count: u32) -> Result<Vec<TcpStream>, String> {
    let mut open = Vec::new();
    let all = async {
        for _ in 0..count {
            let one = one(addr).await;
            open.push(one.map_err(|error| format!("connection {}: {error}", open.len()))?);
        }
        Ok(())
    };
    let opened = timeout(PATIENCE, all).await;
    opened.unwrap_or_else(|_| Err(format!("they were not open within {PATIENCE:?}")))?;
    Ok(open)
}

/// How many the other side has closed meanwhile.
pub(crate) fn closed(connections: &[TcpStream]) -> usize {
    let is_closed = |stream: &&TcpStream| match stream.try_read(&mut [0]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    };
    connections.iter().filter(is_closed).count()
}

async fn one(addr: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(addr).await?;
    match exchange(&mut stream).await? {
        200 => Ok(stream),
        status => Err(std::io::Error::other(format!("status {status}"))),
    }
}

/// Shorter than anybody keeps an idle connection; that is `lb`, for 10 s.
const PATIENCE: Duration = Duration::from_secs(8);
