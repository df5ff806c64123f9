//! A wire between gossiping nodes that a test can look into: what is sent to it goes on to the
//! node behind it, answers go back, and everything that passes is kept.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The wire before one node.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    passed: Arc<Mutex<Vec<Vec<u8>>>>,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Passes on nothing until it is told whom to.
    pub async fn start() -> Self {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let addr = front.local_addr().expect("an address");
        let (target, behind) = watch::channel(None);
        let passed = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(forward(Arc::new(front), behind, Arc::clone(&passed)));
        Self {
            addr,
            target,
            passed,
            _tasks: tasks,
        }
    }

    /// Where it stands in for the node.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The node is there.
    pub fn to(&self, node: SocketAddr) {
        self.target.send_replace(Some(node));
    }

    /// Everything that has passed.
    #[must_use]
    pub fn passed(&self) -> Vec<Vec<u8>> {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.clone()
    }
}

async fn forward(
    front: Arc<UdpSocket>,
    behind: watch::Receiver<Option<SocketAddr>>,
    passed: Arc<Mutex<Vec<Vec<u8>>>>,
) {
    // Each source has a socket of its own, to which answers come.
    let mut sources: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut answers = JoinSet::new();
    let mut buffer = vec![0; 65_536];
    while let Ok((length, from)) = front.recv_from(&mut buffer).await {
        let Some(target) = *behind.borrow() else {
            continue;
        };
        keep(&passed, &buffer[..length]);
        let socket = match sources.entry(from) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
                let socket = Arc::new(socket.expect("a free port"));
                let (back, passed) = (Arc::clone(&front), Arc::clone(&passed));
                answers.spawn(answer(Arc::clone(&socket), back, from, passed));
                Arc::clone(new.insert(socket))
            }
        };
        // A node that is gone answers with ICMP; the next datagram may find it.
        let _ = socket.send_to(&buffer[..length], target).await;
    }
}

async fn answer(
    socket: Arc<UdpSocket>,
    front: Arc<UdpSocket>,
    to: SocketAddr,
    passed: Arc<Mutex<Vec<Vec<u8>>>>,
) {
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((length, _)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        keep(&passed, &buffer[..length]);
        let _ = front.send_to(&buffer[..length], to).await;
    }
}

fn keep(passed: &Mutex<Vec<Vec<u8>>>, datagram: &[u8]) {
    let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
    passed.push(datagram.to_vec());
}
