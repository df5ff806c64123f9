//! The statistics page.

use crate::options::Options;
use crate::report::Report;
use crate::select::View;

/// How a page is to look, beside what it tells.
#[derive(Clone, Debug)]
pub struct Look<'a> {
    /// The prefix that links begin with.
    pub uri: &'a str,
    /// Whether browsers are told to load it again.
    pub refreshes: bool,
    /// Without the version.
    pub hide_version: bool,
    /// With the name of the node.
    pub show_node: bool,
    /// A text under the title.
    pub description: Option<&'a str>,
    /// What the URI asked for.
    pub options: &'a Options,
    /// Which rows are shown.
    pub view: View,
}

/// The page.
#[must_use]
pub fn page(report: &Report, look: &Look<'_>) -> String {
    maud::html! { h1 { "Ragot" } pre { (format!("{report:#?} {look:?}")) } }.into_string()
}
