//! How a page is to look, beside what it tells: settings and options gathered. No markup.

use crate::options::{Format, Options};
use crate::select::View;

/// How a page is to look.
#[derive(Clone, Debug)]
pub struct Look<'a> {
    /// The prefix that links begin with.
    pub uri: &'a str,
    /// Whether browsers are told to load the page again by themselves.
    pub refreshes: bool,
    /// Without the version.
    pub hide_version: bool,
    /// With the name of the node.
    pub show_node: bool,
    /// A text under the title.
    pub description: Option<&'a str>,
    /// What the URI asked for.
    pub options: &'a Options,
    /// Which rows are shown, and to whom.
    pub view: View,
}

impl Look<'_> {
    /// A link to the page as it is, but for what `change` does to its options.
    pub(super) fn link(&self, change: impl FnOnce(&mut Options)) -> String {
        let mut options = self.options.clone();
        change(&mut options);
        format!("{}{}", self.uri, options.suffix())
    }

    /// A link to another format with the same filters. Nobody wants such a file to refresh.
    pub(super) fn export(&self, format: Format) -> String {
        let mut options = self.options.clone();
        options.no_refresh = self.refreshes;
        format!("{}{}{}", self.uri, format.word(), options.suffix())
    }
}
