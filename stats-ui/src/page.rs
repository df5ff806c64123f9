//! The statistics page, in HAProxy's layout, so that whoever knows that page knows this one.
//!
//! It says honestly what it is: the heading is `Ragot`. Two phrases stay HAProxy's because
//! programs look for them: the title begins `Statistics Report for HAProxy`, and the version,
//! when it is shown, reads `HAProxy version X, released Y` in one line, X being the version
//! whose formats are spoken. So do `uptime = ` and `idle = ` in the process block.
//!
//! Inside, in the order of use: `look` (what is asked for), `words` and `cells` (small pieces),
//! `class` (colours of rows), `tips` (tooltips), the rows of a `client` side, a `server` and a
//! `backend`, the blocks `legend`, `links`, `process` and `table`, and `document` (all of it).

mod look;
mod words;

mod cells;
mod class;
mod tips;

mod backend;
mod client;
mod server;

mod legend;
mod links;
mod process;
mod table;

mod document;

pub use document::page;
pub use look::Look;

#[cfg(test)]
mod tests;
