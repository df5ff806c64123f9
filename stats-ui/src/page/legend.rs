//! The legend of colours, under the names that the rows have them by.

use maud::{Markup, html};

/// The second cell under `General process information`.
pub(super) fn legend() -> Markup {
    html! {
        table.legend {
            @for [(active, active_words), (backup, backup_words)] in PAIRS {
                tr {
                    td class=(active) {} td { (active_words) }
                    td class=(backup) {} td { (backup_words) }
                }
            }
            @for (class, words) in SINGLES {
                tr { td class=(class) {} td colspan="3" { (words) } }
            }
        }
        "Note: \"NOLB\"/\"DRAIN\" = UP with load-balancing disabled."
    }
}

const PAIRS: [[(&str, &str); 2]; 4] = [
    [("active_up", "active UP"), ("backup_up", "backup UP")],
    [
        ("active_going_down", "active UP, going down"),
        ("backup_going_down", "backup UP, going down"),
    ],
    [
        ("active_going_up", "active DOWN, going up"),
        ("backup_going_up", "backup DOWN, going up"),
    ],
    [
        ("active_down", "active or backup DOWN"),
        ("active_no_check", "not checked"),
    ],
];

const SINGLES: [(&str, &str); 2] = [
    ("maintain", "active or backup DOWN for maintenance (MAINT)"),
    (
        "active_draining",
        "active or backup SOFT STOPPED for maintenance",
    ),
];
