//! The whole page, top to bottom. Puts the parts in their places and draws none of them.

use std::fmt::Write;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::look::Look;
use super::{legend, links, process, table};
use crate::options::Outcome;
use crate::report::{ProcessInfo, Report};

/// The page as ASCII, whatever is in the report, so that no client can mistake its charset.
#[must_use]
pub fn page(report: &Report, look: &Look<'_>) -> String {
    ascii(document(report, look).into_string())
}

fn document(report: &Report, look: &Look<'_>) -> Markup {
    let process = &report.process;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title {
                    "Statistics Report for HAProxy-compatible Ragot"
                    (node(process, look))
                }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (headings(process, look))
                (information(process, look))
                @if let Some(outcome) = look.options.outcome { (banner(outcome, look)) }
                @for proxy in look.view.proxies(report) { (table::proxy(proxy, look)) }
            }
        }
    }
}

/// The titles. They, the process block and the rows have lines of their own in the source:
/// some programs, and people with `grep`, read the page by lines.
fn headings(process: &ProcessInfo, look: &Look<'_>) -> Markup {
    html! {
        h1 { a href=(look.link(|_| ())) {
            "Ragot"
            @if !look.hide_version {
                " " (process.version) ", speaking as HAProxy version " (process.haproxy_version)
                ", released " (process.haproxy_release_date)
            }
        } }
        "\n"
        h2 {
            "Statistics Report for pid " (process.pid) (node(process, look))
            @if let Some(description) = look.description { ": " (description) }
        }
        "\n"
        hr;
        h3 { "> General process information" }
        "\n"
    }
}

fn node<'a>(process: &'a ProcessInfo, look: &Look<'_>) -> Markup {
    let shown: Option<&'a str> = look.show_node.then_some(process.node.as_str());
    html! { @if let Some(node) = shown { " on " (node) } }
}

fn information(process: &ProcessInfo, look: &Look<'_>) -> Markup {
    html! {
        table.top {
            tr {
                td.process { (process::block(process)) }
                td.colours { (legend::legend()) }
                td.list { (links::display_options(look)) }
                td.list { (links::external_resources(process)) }
            }
        }
    }
}

/// How an action ended, in the colour that says how well.
fn banner(outcome: Outcome, look: &Look<'_>) -> Markup {
    let (class, words) = match outcome {
        Outcome::Done => ("active_up", "Action processed successfully."),
        Outcome::Partial => (
            "active_going_down",
            "Action processed for some servers only.",
        ),
        Outcome::Nothing => ("active_going_down", "Nothing has changed."),
        Outcome::BadParameters => ("active_down", "Action not processed: wrong parameters."),
        Outcome::TooLarge => (
            "active_down",
            "Action not processed: the request is too large.",
        ),
        Outcome::Denied => ("active_down", "Action denied."),
        Outcome::Invalid => ("active_down", "Action not processed: invalid request."),
        Outcome::Unknown => ("active_no_check", "Unexpected result."),
    };
    html! { div class={ "banner " (class) } { a href=(look.link(|_| ())) { "[X]" } " " (words) } }
}

/// Everything beyond ASCII as a character reference.
fn ascii(page: String) -> String {
    if page.is_ascii() {
        return page;
    }
    let mut text = String::with_capacity(page.len());
    for character in page.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            // Writing into a string cannot fail.
            let (Ok(()) | Err(_)) = write!(text, "&#{};", u32::from(character));
        }
    }
    text
}

const STYLE: &str = include_str!("style.css");
