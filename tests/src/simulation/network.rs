//! A network in memory: loss, delay, duplication, reordering and cuts, all from one seed. In
//! tokio's time, which is paused, so a minute passes as fast as it can be computed.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use member::gossip::Datagrams;
use tokio::sync::{Mutex as Turn, mpsc};

use super::chance::Chance;

type Inbox = mpsc::UnboundedReceiver<(Vec<u8>, SocketAddr)>;

/// The network.
#[derive(Clone, Debug)]
pub struct Network(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    chance: Chance,
    loss: u64,
    inboxes: HashMap<SocketAddr, mpsc::UnboundedSender<(Vec<u8>, SocketAddr)>>,
    /// From, to: nothing passes.
    cuts: HashSet<(IpAddr, IpAddr)>,
}

impl Network {
    /// A network whose chance is `seed`'s.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            chance: Chance::of(seed),
            loss: 0,
            inboxes: HashMap::new(),
            cuts: HashSet::new(),
        })))
    }

    /// A port of its own; whoever had the address before is cut off.
    #[must_use]
    pub fn port(&self, address: SocketAddr) -> Arc<dyn Datagrams> {
        let (sender, inbox) = mpsc::unbounded_channel();
        self.state(|state| state.inboxes.insert(address, sender));
        Arc::new(Port {
            network: self.clone(),
            address,
            inbox: Turn::new(inbox),
        })
    }

    /// Loses `percent` of all datagrams from now on.
    pub fn lose(&self, percent: u64) {
        self.state(|state| state.loss = percent);
    }

    /// Nothing passes from one host to the other any more.
    pub fn cut(&self, from: IpAddr, to: IpAddr) {
        self.state(|state| state.cuts.insert((from, to)));
    }

    /// Everything passes again.
    pub fn heal(&self) {
        self.state(|state| state.cuts.clear());
    }

    fn state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hand_on(&self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let copies = self.state(|state| {
            let cut = state.cuts.contains(&(from.ip(), to.ip()));
            if cut || state.chance.percent(state.loss) {
                return Vec::new();
            }
            let twice = state.chance.percent(1);
            let times = (0..=u64::from(twice)).map(|_| state.chance.between(200, 2_000));
            times.map(Duration::from_micros).collect()
        });
        for pause in copies {
            let (network, datagram) = (self.clone(), datagram.to_vec());
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                // Nobody there: lost.
                network.state(|state| {
                    state
                        .inboxes
                        .get(&to)
                        .map(|inbox| inbox.send((datagram, from)))
                });
            });
        }
    }
}

/// One socket on it.
#[derive(Debug)]
struct Port {
    network: Network,
    address: SocketAddr,
    inbox: Turn<Inbox>,
}

#[async_trait]
impl Datagrams for Port {
    async fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<usize> {
        self.network.hand_on(self.address, to, datagram);
        Ok(datagram.len())
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self.inbox.lock().await.recv().await {
            Some((datagram, from)) => {
                let length = datagram.len().min(buffer.len());
                buffer[..length].copy_from_slice(&datagram[..length]);
                Ok((length, from))
            }
            // The address is another's now.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn reaches(&self, ip: IpAddr) -> bool {
        ip.is_ipv4()
    }
}
