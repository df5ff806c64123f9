//! The row of a backend.

use maud::{Markup, html};

use super::cells::{count, name, number, with_tip};
use super::client::bytes_out;
use super::look::Look;
use super::tips;
use super::words::{age, age_or_never};
use crate::report::{BackendRow, BackendStatus, ProxyReport};

/// The row of a backend; `status` is its state in HAProxy's words, filters considered.
pub(super) fn row(
    proxy: &ProxyReport,
    backend: &BackendRow,
    status: &str,
    look: &Look<'_>,
) -> Markup {
    let legend = look.view.legends.then(|| legend(backend));
    html! {
        tr.backend {
            (name(&proxy.name, "Backend", "Backend", legend))
            (traffic(backend))
            td.ac {
                (age(backend.last_change)) " "
                @if backend.status == BackendStatus::Down { b.alert { (status) } }
                @else { (status) }
            }
            td {}
            td.ac { (number(backend.weight)) "/" (number(backend.user_weight)) }
            td.ac { (number(backend.active_servers)) }
            td.ac { (number(backend.backup_servers)) }
            td {}
            (count(backend.times_down))
            td { @if !proxy.servers.is_empty() { (age(backend.downtime)) } }
            td {}
        }
    }
}

fn traffic(backend: &BackendRow) -> Markup {
    let (queue, rate, sessions) = (backend.queue, backend.session_rate, backend.sessions);
    let aborts = tips::aborts(backend.client_aborts, backend.server_aborts);
    html! {
        (count(queue.current)) (count(queue.max)) td {}
        (count(rate.current)) (count(rate.max)) td {}
        (count(sessions.current)) (count(sessions.max)) (count(backend.session_limit))
        (with_tip(number(backend.sessions_total), tips::backend_total(backend)))
        (count(backend.chosen_total))
        td { (age_or_never(backend.last_session)) }
        (count(backend.bytes_in))
        (bytes_out(backend.bytes_out, &backend.compression))
        (count(backend.denied_requests)) (count(backend.denied_responses))
        td {} (count(backend.connect_errors))
        (with_tip(number(backend.response_errors), aborts))
        (count(backend.retries)) (count(backend.redispatches))
    }
}

fn legend(backend: &BackendRow) -> Markup {
    html! {
        "balancing: " (backend.algorithm.map_or("unknown", |algorithm| algorithm.name()))
        @if let Some(cookie) = &backend.cookie { ", cookie: '" (cookie) "'" }
    }
}
