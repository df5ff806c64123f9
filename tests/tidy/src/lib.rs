//! How the rules of the house are checked: reading the tree, Rust code without its comments
//! and strings, the layers of a crate, and manifests. Which rules there are, and what they
//! allow, is `tests/tidy.rs`. Nothing here needs a tool beyond the standard library.
//!
//! Layers, each importing only from those before it:
//!
//! - **data**: [`finding`], [`homes`]
//! - **pure**: [`blank`], [`rust`], [`layers`], [`manifest`], [`text`]
//! - **io**: [`tree`]

pub mod finding;
pub mod homes;

pub mod blank;
pub mod layers;
pub mod manifest;
pub mod rust;
pub mod text;

pub mod tree;
