//! A whole report: the process, and its proxies with their rows. Puts the rows together and
//! knows nothing of what is in them.

use super::backend::BackendRow;
use super::frontend::{FrontendRow, ListenerRow};
use super::process::ProcessInfo;
use super::server::ServerRow;

/// Everything there is to show at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The process.
    pub process: ProcessInfo,
    /// The proxies, in the order of the configuration.
    pub proxies: Vec<ProxyReport>,
}

/// One proxy: a frontend, a backend, or both under one name (HAProxy's `listen`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProxyReport {
    /// Its name (`pxname`).
    pub name: String,
    /// Its number, from 2 as in HAProxy (`iid`).
    pub iid: u32,
    /// A text for the page.
    pub description: Option<String>,
    /// What it speaks (`mode`).
    pub mode: Mode,
    /// Its client side.
    pub frontend: Option<FrontendRow>,
    /// The sockets of its client side, if they are to be shown one by one.
    pub listeners: Vec<ListenerRow>,
    /// Its servers, in the order of the configuration, those added later at the end.
    pub servers: Vec<ServerRow>,
    /// Its server side.
    pub backend: Option<BackendRow>,
}

impl ProxyReport {
    /// Which sides it has.
    #[must_use]
    pub const fn capability(&self) -> Capability {
        match (&self.frontend, &self.backend) {
            (Some(_), Some(_)) => Capability::Proxy,
            (Some(_), None) => Capability::Frontend,
            (None, _) => Capability::Backend,
        }
    }
}

/// Which sides a proxy has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Capability {
    /// `proxy`: both.
    Proxy,
    /// `frontend`: the client side.
    Frontend,
    /// `backend`: the server side.
    Backend,
}

impl Capability {
    /// HAProxy's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Frontend => "frontend",
            Self::Backend => "backend",
        }
    }
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// `http`
    #[default]
    Http,
    /// `tcp`
    Tcp,
}

impl Mode {
    /// HAProxy's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }
}
