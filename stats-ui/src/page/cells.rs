//! The smallest pieces of the tables: numbers, limits, cells with a tooltip. Knows no rows.

use maud::{Markup, Render, html};

/// A number with its digits in groups of three. The groups are set apart by the style sheet,
/// so that what is copied or read by a program is the number alone.
pub(super) fn number(number: impl Into<u64>) -> Markup {
    let digits = number.into().to_string();
    let (first, rest) = digits.split_at((digits.len() - 1) % 3 + 1);
    let groups = (0..rest.len())
        .step_by(3)
        .filter_map(|at| rest.get(at..at + 3));
    html! {
        (first) @for group in groups { span.g { (group) } }
    }
}

/// A limit; `-` when there is none.
pub(super) fn limit(limit: Option<u64>) -> Markup {
    html! { @if let Some(limit) = limit { (number(limit)) } @else { "-" } }
}

/// A cell of the number.
pub(super) fn count(value: u64) -> Markup {
    html! { td { (number(value)) } }
}

/// A cell whose text is underlined, because pointing at it tells more.
pub(super) fn with_tip(value: impl Render, tip: impl Render) -> Markup {
    html! { td { (tipped(value, tip)) } }
}

/// The same, centred, for words.
pub(super) fn words_with_tip(value: impl Render, tip: impl Render) -> Markup {
    html! { td.ac { (tipped(value, tip)) } }
}

/// Underlined text and its tooltip, for a cell of any kind.
pub(super) fn tipped(value: impl Render, tip: impl Render) -> Markup {
    html! { u { (value) } div.tip { (tip) } }
}

/// The first cell of a row: its name, its anchor, and its legend if there is one to be seen.
pub(super) fn name(proxy: &str, anchor: &str, name: &str, legend: Option<Markup>) -> Markup {
    let anchor = format!("{proxy}/{anchor}");
    html! {
        td.ac {
            a.row id=(anchor) href={ "#" (anchor) } { (name) }
            @if let Some(legend) = legend { div.tip { (legend) } }
        }
    }
}

/// So many empty cells.
pub(super) fn blanks(how_many: usize) -> Markup {
    html! { @for _ in 0..how_many { td {} } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_and_nothing_is_put_between() {
        let check = |value: u64, markup: &str| assert_eq!(number(value).into_string(), markup);
        check(0, "0");
        check(999, "999");
        check(2_021, "2<span class=\"g\">021</span>");
        check(
            1_234_567,
            "1<span class=\"g\">234</span><span class=\"g\">567</span>",
        );
        check(174_660, "174<span class=\"g\">660</span>");
    }
}
