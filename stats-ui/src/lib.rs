//! What a balancer reports and every way of showing it: HAProxy's statistics page, CSV,
//! JSON and typed text, byte for byte where programs read them. This crate knows no proxy,
//! pool or gossip; it asks a [`StatsSource`] for a [`report::Report`] and renders it.
//!
//! Layers, each importing only from those before it:
//!
//! - data: [`report`], the typed model of HAProxy's rows and fields
//! - pure: [`options`] (what a URI asks for), [`select`] (which rows), [`mod@column`] and
//!   [`field`] (the one table of columns), `plain` (harmless text), then the renderings
//!   [`csv`], [`typed`], [`json`] and [`page`]
//! - app: [`mod@router`], HTTP over a [`StatsSource`]

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test fails by it"
    )
)]

pub mod report;

pub mod options;
pub mod select;

pub mod column;
pub mod field;

mod plain;

pub mod csv;
pub mod json;
pub mod page;
pub mod typed;

pub mod router;

#[cfg(test)]
mod sample;

pub use router::{PageSettings, StatsSource, router};
