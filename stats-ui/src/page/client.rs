//! The rows of the client side: a frontend, and its listening sockets.

use maud::{Markup, html};

use super::cells::{blanks, count, limit, name, number, with_tip};
use super::look::Look;
use super::tips;
use crate::report::{Compression, FrontendRow, ListenerRow};

/// The row of a frontend.
pub(super) fn frontend(proxy: &str, frontend: &FrontendRow) -> Markup {
    let (rate, sessions) = (frontend.session_rate, frontend.sessions);
    let rate_limit = Some(frontend.session_rate_limit).filter(|limit| *limit > 0);
    html! {
        tr.frontend {
            (name(proxy, "Frontend", "Frontend", None))
            td colspan="3" {}
            (with_tip(number(rate.current), tips::rates_now(frontend)))
            (with_tip(number(rate.max), tips::rates_max(frontend)))
            td { (limit(rate_limit)) }
            (count(sessions.current)) (count(sessions.max)) (count(frontend.session_limit))
            (with_tip(number(frontend.sessions_total), tips::frontend_total(frontend)))
            (blanks(2))
            (count(frontend.bytes_in))
            (bytes_out(frontend.bytes_out, &frontend.compression))
            (count(frontend.denied_requests)) (count(frontend.denied_responses))
            (count(frontend.request_errors))
            (blanks(4))
            td.ac { (frontend.status.to_string()) }
            td colspan="8" {}
        }
    }
}

/// The row of a listening socket.
pub(super) fn listener(proxy: &str, listener: &ListenerRow, look: &Look<'_>) -> Markup {
    let sessions = listener.sessions;
    let legend = || tips::identity(listener.address, listener.id, None);
    let anchor = format!("+{}", listener.name);
    html! {
        tr.socket {
            (name(proxy, &anchor, &listener.name, look.view.legends.then(legend)))
            (blanks(3))
            td colspan="3" {}
            (count(sessions.current)) (count(sessions.max)) (count(listener.session_limit))
            (count(listener.sessions_total))
            (blanks(2))
            (count(listener.bytes_in)) (count(listener.bytes_out))
            (count(listener.denied_requests)) (count(listener.denied_responses))
            (count(listener.request_errors))
            (blanks(4))
            td.ac { (listener.status.to_string()) }
            td colspan="8" {}
        }
    }
}

/// Bytes out, with what compression did to them; underlined only if it did something.
pub(super) fn bytes_out(bytes: u64, compression: &Compression) -> Markup {
    let tip = tips::bytes_out(bytes, compression);
    if compression.responses > 0 {
        return with_tip(number(bytes), tip);
    }
    html! { td { (number(bytes)) div.tip { (tip) } } }
}
