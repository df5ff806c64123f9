//! Datagrams sent as fast as one thread can, so many of them, to one address on this host.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A flood under way; it ends by itself.
#[derive(Debug)]
pub struct Flood {
    thread: JoinHandle<Duration>,
}

impl Flood {
    /// Sends `count` of `datagrams`, over and over, to `target`.
    ///
    /// # Panics
    ///
    /// When the target is not on this host, or there is nothing to send.
    #[must_use]
    pub fn start(target: SocketAddr, datagrams: Vec<Vec<u8>>, count: u64) -> Self {
        assert!(target.ip().is_loopback(), "{target} is not ours to flood");
        assert!(!datagrams.is_empty());
        let thread = std::thread::spawn(move || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let began = Instant::now();
            for datagram in datagrams.iter().cycle().take(count as usize) {
                // A full buffer is what a flood is for.
                let _ = socket.send_to(datagram, target);
            }
            began.elapsed()
        });
        Self { thread }
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Waits for its end; how long it took.
    ///
    /// # Panics
    ///
    /// When it could not be sent.
    pub fn end(self) -> Duration {
        self.thread.join().expect("the flood is sent")
    }
}

/// So many datagrams of junk, of every length up to 1,400 bytes: some begin as gossip in clear
/// does, some as sealed gossip does with the key of that id. The same for the same seed.
#[must_use]
pub fn junk(seed: u64, count: usize, key: u16) -> Vec<Vec<u8>> {
    let mut state = seed | 1;
    let mut next = move || {
        // xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut one = |number: usize| {
        let length = (next() % 1_400) as usize + 8;
        let mut bytes: Vec<u8> = (0..length).map(|_| next() as u8).collect();
        let [high, low] = key.to_be_bytes();
        match number % 3 {
            0 => bytes[..4].copy_from_slice(&[0x53, 0xb0, 0, (next() % 5) as u8]),
            1 => bytes[..3].copy_from_slice(&[1, high, low]),
            _ => {}
        }
        bytes
    };
    (0..count).map(&mut one).collect()
}
