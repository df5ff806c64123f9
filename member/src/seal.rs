//! Sealed gossip: authenticated encryption of every datagram, with several keys at a time so
//! that they can be changed while everything runs. Pure: chance and times are arguments, and
//! what a datagram says is `inspect`'s and chitchat's affair.
//!
//! - `key`: one key, its id, and what is derived from it
//! - `keyring`: several keys, as Serf writes them
//! - `window`: which counters of one sender have been seen
//! - `numbers`: what a process goes by, another number towards each address
//! - `envelope`: the bytes of a sealed datagram
//! - `sealer`: seals what leaves
//! - `opener`: opens what comes in, once
//! - `usage`: which node holds which key
//!
//! ```text
//! ver(1) | key id(2) | sender's number(8) | counter(8) | ciphertext | tag(16)
//! ```
//!
//! The cipher is ChaCha20-Poly1305 (RFC 8439). Its key is derived (HKDF-SHA256, RFC 5869) from
//! the shared key, the cluster's name and the sender's number, which is another towards each
//! address and in each process; its nonce is the counter, one for all of a process's numbers. So
//! no nonce is ever used twice under one key, however many nodes share it and however long it is
//! in use. Everything before the ciphertext is authenticated with it.
//!
//! In the ciphertext, before the message: what it is, when it was sealed, and the number last
//! heard from where it is sent to. Each sender's counters are accepted once. Whom the receiver
//! does not know yet, since either has just started, must show that the datagram is no recording:
//! it was sealed within the last five minutes, or it repeats the receiver's number towards it. Who
//! can do neither is told that number, and can. Whoever repeats another number is told it too:
//! what was sealed for one receiver means nothing to the others.
//!
//! Nobody learns a number but who receives where it leads, or is on the path. So who repeats ours
//! has proved that it receives where it sends from, and whoever else has the key can neither do
//! so from a source that is made up, nor use up a sender's counters at another receiver.

mod envelope;
mod key;
mod keyring;
mod numbers;
mod opener;
mod sealer;
mod usage;
mod window;

pub use crate::key_id::KeyId;
pub use envelope::{Content, OVERHEAD, looks_sealed};
pub use key::Key;
pub use keyring::{Keyring, KeyringError};
pub use numbers::Secret;
pub(crate) use opener::SECONDS_APART;
pub use opener::{Opened, Opener, Refused};
pub use sealer::Sealer;
pub use usage::{Usage, render, usage};

#[cfg(test)]
mod tests;
