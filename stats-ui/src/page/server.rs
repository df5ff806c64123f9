//! The row of a server.

use maud::{Markup, html};

use super::cells::{blanks, count, limit, name, number, tipped, with_tip, words_with_tip};
use super::class::class;
use super::look::Look;
use super::tips;
use super::words::{age, age_or_never};
use crate::report::{CheckReport, ServerRow, ServerStatus};

/// The row of a server.
pub(super) fn row(proxy: &str, server: &ServerRow, look: &Look<'_>) -> Markup {
    let legend = || tips::identity(server.address, server.id, server.cookie.as_deref());
    html! {
        tr class=(class(server)) {
            (name(proxy, &server.name, &server.name, look.view.legends.then(legend)))
            (traffic(server))
            (status(server))
            (last_check(server))
            td.ac { (number(server.weight)) "/" (number(server.user_weight)) }
            td.ac { (if server.backup { "-" } else { "Y" }) }
            td.ac { (if server.backup { "Y" } else { "-" }) }
            (checks(server))
            td.ac {
                @if let Some(percent) = server.throttle { (percent) " %" } @else { "-" }
            }
        }
    }
}

fn traffic(server: &ServerRow) -> Markup {
    let (queue, rate, sessions) = (server.queue, server.session_rate, server.sessions);
    let aborts = tips::aborts(server.client_aborts, server.server_aborts);
    html! {
        (count(queue.current)) (count(queue.max)) td { (limit(server.queue_limit)) }
        (count(rate.current)) (count(rate.max)) td {}
        (with_tip(number(sessions.current), tips::server_connections(server)))
        (count(sessions.max)) td { (limit(server.session_limit)) }
        (with_tip(number(server.sessions_total), tips::server_total(server)))
        (count(server.chosen_total))
        td { (age_or_never(server.last_session)) }
        (count(server.bytes_in)) (count(server.bytes_out))
        td {} (count(server.denied_responses))
        td {} (count(server.connect_errors))
        (with_tip(number(server.response_errors), aborts))
        (count(server.retries)) (count(server.redispatches))
    }
}

/// The state and since when, with an arrow while it is on its way to another.
fn status(server: &ServerRow) -> Markup {
    let status = &server.status;
    let word = if status.is_maint() {
        "MAINT".to_owned()
    } else {
        status.to_string()
    };
    let arrow = match status {
        ServerStatus::Down(Some(_)) => " \u{2191}",
        ServerStatus::Up(Some(_)) | ServerStatus::NoLb(Some(_)) | ServerStatus::Drain(Some(_)) => {
            " \u{2193}"
        }
        _ => "",
    };
    html! {
        td.ac {
            @if *status == ServerStatus::NoCheck { i { (word) } }
            @else { (age(server.last_change)) " " (word) (arrow) }
        }
    }
}

/// How the last check ended; the agent's, if it was the agent that took the server out.
fn last_check(server: &ServerRow) -> Markup {
    let check = match server.status {
        ServerStatus::DownByAgent => server.visible_agent(),
        _ => server.visible_check(),
    };
    let Some(check) = check else { return blanks(1) };
    let tip = html! {
        (check.status.description())
        @if !check.output.is_empty() { ": " (check.output) }
    };
    words_with_tip(result(check), tip)
}

fn result(check: &CheckReport) -> String {
    let mut text = if check.running {
        "* ".to_owned()
    } else {
        String::new()
    };
    text.push_str(check.status.code());
    if let Some(code) = check.code.filter(|_| check.status.has_code()) {
        text.push_str(&format!("/{code}"));
    }
    if let Some(duration) = check.duration {
        text.push_str(&format!(" in {}ms", duration.as_millis()));
    }
    text
}

/// Failed checks, times down, time down; or in place of all three, where the state comes from.
fn checks(server: &ServerRow) -> Markup {
    html! {
        @if let Some(tracked) = &server.tracked {
            td.ac colspan="3" { a.row href={ "#" (tracked) } { "via " (tracked) } }
        } @else if server.status == ServerStatus::MaintResolution {
            td.ac colspan="3" { "resolution" }
        } @else if server.check.is_none() {
            td colspan="3" {}
        } @else {
            td {
                @if let Some(analyses) = server.failed_analyses {
                    (tipped(
                        html! { (number(server.failed_checks)) "/" (number(analyses)) },
                        "Failed Health Checks/Health Analyses",
                    ))
                } @else {
                    (tipped(number(server.failed_checks), "Failed Health Checks"))
                }
            }
            (count(server.times_down))
            td { (age(server.downtime)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::{CheckStatus, Health, Step};

    fn text(markup: Markup) -> String {
        let markup = markup.into_string();
        markup
            .split('<')
            .filter_map(|part| part.split_once('>'))
            .map(|part| part.1)
            .collect()
    }

    #[test]
    fn a_state_is_shown_with_its_age_and_direction() {
        let check = |state: ServerStatus, expected: &str| {
            let last_change = Duration::from_secs(61);
            let server = ServerRow {
                status: state,
                last_change,
                ..ServerRow::default()
            };
            assert_eq!(text(status(&server)), expected);
        };
        let step = Some(Step { at: 1, of: 2 });
        check(ServerStatus::NoCheck, "no check");
        check(ServerStatus::Up(None), "1m1s UP");
        check(ServerStatus::Up(step), "1m1s UP 1/2 \u{2193}");
        check(ServerStatus::Down(None), "1m1s DOWN");
        check(ServerStatus::Down(step), "1m1s DOWN 1/2 \u{2191}");
        check(ServerStatus::Drain(None), "1m1s DRAIN");
        check(ServerStatus::MaintVia("a/b".to_owned()), "1m1s MAINT");
        check(ServerStatus::MaintResolution, "1m1s MAINT");
    }

    #[test]
    fn a_check_tells_code_and_time_when_it_has_them() {
        let check = |report: CheckReport, expected: &str| assert_eq!(result(&report), expected);
        let passed = CheckReport {
            status: CheckStatus::L7Ok,
            code: Some(200),
            duration: Some(Duration::from_millis(2)),
            health: Health::default(),
            ..CheckReport::default()
        };
        check(passed.clone(), "L7OK/200 in 2ms");
        check(
            CheckReport {
                running: true,
                ..passed.clone()
            },
            "* L7OK/200 in 2ms",
        );
        check(
            CheckReport {
                status: CheckStatus::L4Connection,
                ..passed
            },
            "L4CON in 2ms",
        );
        check(
            CheckReport {
                status: CheckStatus::Initializing,
                ..CheckReport::default()
            },
            "INI",
        );
    }
}
