//! The two lists of links: how else the page can be shown, and where to read more.

use maud::{Markup, html};

use super::look::Look;
use crate::options::{Format, MAX_SCOPE};
use crate::report::ProcessInfo;

/// The third cell under `General process information`.
pub(super) fn display_options(look: &Look<'_>) -> Markup {
    let options = look.options;
    html! {
        b { "Display option:" }
        ul {
            li { (scope_form(look)) }
            li {
                @if options.up {
                    a href=(look.link(|o| o.up = false)) { "Show all servers" }
                } @else {
                    a href=(look.link(|o| o.up = true)) { "Hide 'DOWN' servers" }
                }
            }
            @if look.refreshes {
                li {
                    @if options.no_refresh {
                        a href=(look.link(|o| o.no_refresh = false)) { "Enable refresh" }
                    } @else {
                        a href=(look.link(|o| o.no_refresh = true)) { "Disable refresh" }
                    }
                }
            }
            li { a href=(look.link(|_| ())) { "Refresh now" } }
            li { a href=(look.export(Format::Csv)) { "CSV export" } }
            li {
                a href=(look.export(Format::Json)) { "JSON export" }
                " (" a href={ (look.uri) (Format::JsonSchema.word()) } { "schema" } ")"
            }
        }
    }
}

/// A form replaces the query of the URI it is sent to; what the prefix has of one goes along
/// as a field of its own.
fn scope_form(look: &Look<'_>) -> Markup {
    let scope = look.options.scope.as_deref().unwrap_or_default();
    html! {
        form method="GET" {
            @if let Some((_, query)) = look.uri.split_once('?') {
                input type="hidden" name=(query);
            }
            "Scope : "
            input name="scope" value=(scope) size="8" maxlength=(MAX_SCOPE) tabindex="1";
        }
    }
}

/// The fourth cell under `General process information`. What it names comes with the sources:
/// no address is made up.
pub(super) fn external_resources(process: &ProcessInfo) -> Markup {
    let mut numbers = process.version.splitn(3, '.');
    let (major, minor) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    html! {
        b { "External resources:" }
        ul {
            li { span title="README.md, in the sources" { "Primary site" } }
            li {
                span title="CHANGELOG.md, in the sources" { "Updates (v" (major) "." (minor) ")" }
            }
            li { span title="docs, in the sources" { "Online manual" } }
        }
    }
}
