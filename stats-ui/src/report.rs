//! The report model: everything a statistics page or a `show stat` tells, typed. Values only:
//! nothing here formats for a client beyond the status words, and nothing knows where a
//! figure comes from.
//!
//! Every struct has a `Default` and public fields, so that a source fills what it knows and
//! leaves the rest: `ServerRow { name, id, ..ServerRow::default() }`. What HAProxy leaves
//! empty is an `Option`, or is decided by [`crate::field`] from the rest of the row.
//!
//! Inside, in the order of use: `figures` (what is counted and timed), `check` and `status`
//! (what is believed of a server), the rows `frontend`, `server` and `backend`, `process`, and
//! `proxy`, which holds them all.

mod backend;
mod check;
mod figures;
mod frontend;
mod process;
mod proxy;
mod server;
mod status;

pub use backend::{Algorithm, BackendRow};
pub use check::{CheckReport, CheckStatus, Health};
pub use figures::{Address, Compression, Gauge, Responses, Times, Timing};
pub use frontend::{FrontendRow, ListenerRow};
pub use process::ProcessInfo;
pub use proxy::{Capability, Mode, ProxyReport, Report};
pub use server::{ConnectionPool, ServerRow};
pub use status::{BackendStatus, FrontendStatus, ListenerStatus, ServerStatus, Step};
