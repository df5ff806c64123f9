//! Pure: HTTP/1.1 as it is spoken with servers, between bytes and hyper's types. In the order of
//! use:
//!
//! - `grammar`: what requests and responses have in common
//! - `request`: the head of a request and the framing of its body, written
//! - `body`: a response's body, taken out of its framing
//! - `response`: the head of a response, read
//!
//! Clients are hyper's business: its server reads their requests and writes their responses.

pub mod body;
pub mod grammar;
pub mod request;
pub mod response;
