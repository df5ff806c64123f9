//! The crate's one error: what was attempted, and the cause below it. It does not decide
//! exit codes; `main` does.

use std::error::Error as StdError;
use std::net::SocketAddr;

use thiserror::Error;

/// Why a node could not be started. Opaque: ask it with the predicates.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, Error)]
enum Kind {
    #[error("cannot listen for gossip on udp {address}")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot draw a secret for gossip")]
    Entropy { source: std::io::Error },
    #[error("this node cannot describe itself: {source}")]
    Description {
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl Error {
    /// The gossip socket could not be bound.
    #[cold]
    pub(crate) fn listen(address: SocketAddr, source: std::io::Error) -> Self {
        Self(Box::new(Kind::Listen { address, source }))
    }

    /// The system has no randomness to give.
    #[cold]
    pub(crate) fn entropy(source: std::io::Error) -> Self {
        Self(Box::new(Kind::Entropy { source }))
    }

    /// The node's own description breaks a rule of its keys.
    #[cold]
    pub(crate) fn description(source: impl StdError + Send + Sync + 'static) -> Self {
        let source = Box::new(source);
        Self(Box::new(Kind::Description { source }))
    }

    /// Whether the gossip port is taken or not ours to bind.
    pub fn is_listen(&self) -> bool {
        matches!(*self.0, Kind::Listen { .. })
    }

    /// The whole chain on one line: what was attempted, then each cause.
    pub fn line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !line.ends_with(&text) {
                line = format!("{line}: {text}");
            }
            cause = error.source();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide_and_one_line_long() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let taken = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        let error = Error::listen(SocketAddr::from(([127, 0, 0, 1], 7373)), taken);
        assert!(error.is_listen());
        assert_eq!(
            error.line(),
            "cannot listen for gossip on udp 127.0.0.1:7373: address in use"
        );
    }
}
