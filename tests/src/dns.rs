//! A name server for one name, whose addresses can be changed. Knows A and AAAA records, nothing else
//! (RFC 1035, section 4).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// A name server that is running; it ends with this value.
#[derive(Debug)]
pub struct Dns {
    /// Where it listens.
    pub addr: SocketAddr,
    answer: Arc<Mutex<Vec<IpAddr>>>,
    task: JoinHandle<()>,
}

impl Dns {
    /// Every name is `address`; without one, no name exists.
    pub async fn start(address: Option<Ipv4Addr>) -> Self {
        let addresses = address.map(IpAddr::from);
        Self::of(Ipv4Addr::LOCALHOST.into(), addresses).await
    }

    /// The same at another address, every name being several addresses.
    pub async fn of(at: IpAddr, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let socket = UdpSocket::bind((at, 0)).await.expect("a free port");
        let addr = socket.local_addr().expect("an address");
        let answer = Arc::new(Mutex::new(addresses.into_iter().collect::<Vec<_>>()));
        let shared = Arc::clone(&answer);
        let task = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut query).await {
                let addresses: Vec<_> = shared
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                if let Some(reply) = reply(&query[..length], &addresses) {
                    // Whoever asked may have gone.
                    let _ = socket.send_to(&reply, client).await;
                }
            }
        });
        Self { addr, answer, task }
    }

    /// From now on every name is `address`.
    pub fn set(&self, address: Option<Ipv4Addr>) {
        let addresses = address.map(IpAddr::from).into_iter().collect();
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The reply to a query; `None` for what is none.
fn reply(query: &[u8], addresses: &[IpAddr]) -> Option<Vec<u8>> {
    let mut end = HEADER;
    while *query.get(end)? != 0 {
        end += usize::from(*query.get(end)?) + 1;
    }
    let question = query.get(HEADER..end + 5)?;
    let asked = question.get(question.len() - 4..question.len() - 2)?;
    let found = addresses.iter().filter(|ip| asked == kind(**ip));
    let found: Vec<_> = found.copied().collect();
    let code = if addresses.is_empty() { 3 } else { 0 };
    let mut reply = query.get(..2)?.to_vec();
    // A response with recursion available; one question, perhaps some answers.
    reply.extend([0x81, 0x80 | code, 0, 1, 0]);
    reply.extend([u8::try_from(found.len()).ok()?, 0, 0, 0, 0]);
    reply.extend(question);
    for ip in found {
        // The question's name, its type, IN, one second to live, so many bytes.
        let [high, low] = kind(ip);
        reply.extend([0xc0, 12, high, low, 0, 1, 0, 0, 0, 1, 0]);
        match ip {
            IpAddr::V4(ip) => {
                reply.push(4);
                reply.extend(ip.octets());
            }
            IpAddr::V6(ip) => {
                reply.push(16);
                reply.extend(ip.octets());
            }
        }
    }
    Some(reply)
}

/// The type of its record (RFC 1035, 3.2.2; RFC 3596, 2.1).
const fn kind(ip: IpAddr) -> [u8; 2] {
    match ip {
        IpAddr::V4(_) => [0, 1],
        IpAddr::V6(_) => [0, 28],
    }
}

const HEADER: usize = 12;
