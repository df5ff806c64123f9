//! A name server for one name, whose address can be changed. Knows A records and nothing else
//! (RFC 1035, section 4).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// A name server that is running; it ends with this value.
#[derive(Debug)]
pub struct Dns {
    /// Where it listens.
    pub addr: SocketAddr,
    answer: Arc<Mutex<Option<Ipv4Addr>>>,
    task: JoinHandle<()>,
}

impl Dns {
    /// Every name is `address`; without one, no name exists.
    pub async fn start(address: Option<Ipv4Addr>) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let addr = socket.local_addr().expect("an address");
        let answer = Arc::new(Mutex::new(address));
        let shared = Arc::clone(&answer);
        let task = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut query).await {
                let address = *shared.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(reply) = reply(&query[..length], address) {
                    // Whoever asked may have gone.
                    let _ = socket.send_to(&reply, client).await;
                }
            }
        });
        Self { addr, answer, task }
    }

    /// From now on every name is `address`.
    pub fn set(&self, address: Option<Ipv4Addr>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The reply to a query; `None` for what is none.
fn reply(query: &[u8], address: Option<Ipv4Addr>) -> Option<Vec<u8>> {
    let mut end = HEADER;
    while *query.get(end)? != 0 {
        end += usize::from(*query.get(end)?) + 1;
    }
    let question = query.get(HEADER..end + 5)?;
    let is_a = question.get(question.len() - 4..question.len() - 2)? == [0, 1];
    let found = address.filter(|_| is_a);
    let code = if address.is_none() { 3 } else { 0 };
    let mut reply = query.get(..2)?.to_vec();
    // A response with recursion available; one question, perhaps one answer.
    reply.extend([
        0x81,
        0x80 | code,
        0,
        1,
        0,
        u8::from(found.is_some()),
        0,
        0,
        0,
        0,
    ]);
    reply.extend(question);
    if let Some(address) = found {
        // The question's name, A, IN, one second to live, four bytes.
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        reply.extend(address.octets());
    }
    Some(reply)
}

const HEADER: usize = 12;
