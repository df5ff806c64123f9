//! The columns of HAProxy's statistics, each once: position, name, tags, type, meaning, and
//! where a value comes from in each kind of row (HAProxy management guide, 9.1; types and tags
//! as 2.6 prints them). CSV, JSON and typed text are all made from this table, so a new field
//! is a new line here. Programs know columns by position: new ones go just before the last.

use crate::column::Kind::{S32, Str, U32, U64};
use crate::column::{
    AGE, AVERAGE, COUNT, Column, DURATION, KEY_ID, KEY_NAME, KEY_PROCESS, LEVEL, LIMIT, MAX,
    OUTPUT, RATE, SETTING, SETTING_NAME, STATE, Tags, millis, seconds, since,
};
use crate::column::{Kind, Value};
use crate::report::{CheckReport, ServerRow};
use crate::select::Object;

const fn col(name: &'static str, tags: Tags, kind: Kind, about: &'static str) -> Column {
    Column::new(name, tags, kind, about)
}

/// All columns, by position.
#[rustfmt::skip] // One column is one line, so that they can be read, and compared, as a table.
pub static COLUMNS: [Column; 104] = [
    col("pxname", KEY_NAME, Str, "Proxy name").all(|r| r.proxy.name.as_str().into()),
    col("svname", KEY_NAME, Str, "Server or listener name").all(|r| r.name().into()),
    col("qcur", LEVEL, U32, "Requests queued now").sv(|s| s.queue.current.into()).be(|b| b.queue.current.into()),
    col("qmax", MAX, U32, "Most requests queued").sv(|s| s.queue.max.into()).be(|b| b.queue.max.into()),
    col("scur", LEVEL, U32, "Sessions now").fe(|f| f.sessions.current.into()).li(|l| l.sessions.current.into()).sv(|s| s.sessions.current.into()).be(|b| b.sessions.current.into()),
    col("smax", MAX, U32, "Most sessions at a time").fe(|f| f.sessions.max.into()).li(|l| l.sessions.max.into()).sv(|s| s.sessions.max.into()).be(|b| b.sessions.max.into()),
    col("slim", LIMIT, U32, "Sessions allowed at a time").fe(|f| f.session_limit.into()).li(|l| l.session_limit.into()).sv(|s| s.session_limit.into()).be(|b| b.session_limit.into()),
    col("stot", COUNT, U64, "Sessions").fe(|f| f.sessions_total.into()).li(|l| l.sessions_total.into()).sv(|s| s.sessions_total.into()).be(|b| b.sessions_total.into()),
    col("bin", COUNT, U64, "Request bytes").fe(|f| f.bytes_in.into()).li(|l| l.bytes_in.into()).sv(|s| s.bytes_in.into()).be(|b| b.bytes_in.into()),
    col("bout", COUNT, U64, "Response bytes").fe(|f| f.bytes_out.into()).li(|l| l.bytes_out.into()).sv(|s| s.bytes_out.into()).be(|b| b.bytes_out.into()),
    col("dreq", COUNT, U64, "Requests denied").fe(|f| f.denied_requests.into()).li(|l| l.denied_requests.into()).be(|b| b.denied_requests.into()),
    col("dresp", COUNT, U64, "Responses denied").fe(|f| f.denied_responses.into()).li(|l| l.denied_responses.into()).sv(|s| s.denied_responses.into()).be(|b| b.denied_responses.into()),
    col("ereq", COUNT, U64, "Bad requests").fe(|f| f.request_errors.into()).li(|l| l.request_errors.into()),
    col("econ", COUNT, U64, "Requests that could not connect").sv(|s| s.connect_errors.into()).be(|b| b.connect_errors.into()),
    col("eresp", COUNT, U64, "Responses that failed").sv(|s| s.response_errors.into()).be(|b| b.response_errors.into()),
    col("wretr", COUNT, U64, "Retries on the same server").sv(|s| s.retries.into()).be(|b| b.retries.into()),
    col("wredis", COUNT, U64, "Requests moved to another server").sv(|s| s.redispatches.into()).be(|b| b.redispatches.into()),
    col("status", STATE, Str, "State").all(|r| r.status().into()),
    col("weight", AVERAGE, U32, "Weight that counts now").sv(|s| s.weight.into()).be(|b| b.weight.into()),
    col("act", STATE, U32, "Active servers, or whether it is one").sv(|s| (!s.backup).into()).be(|b| b.active_servers.into()),
    col("bck", STATE, U32, "Backup servers, or whether it is one").sv(|s| s.backup.into()).be(|b| b.backup_servers.into()),
    col("chkfail", COUNT, U64, "Failed checks while up").sv(|s| if_checked(s, s.failed_checks)),
    col("chkdown", COUNT, U64, "Changes from up to down").sv(|s| if_checked(s, s.times_down)).be(|b| b.times_down.into()),
    col("lastchg", AGE, U32, "Seconds since the last change of state").sv(|s| seconds(s.last_change).into()).be(|b| seconds(b.last_change).into()),
    col("downtime", COUNT, U32, "Seconds down in all").all(|r| match r.object {
        Object::Server(server) => if_checked(server, seconds(server.downtime)),
        Object::Backend(backend) if !r.proxy.servers.is_empty() => seconds(backend.downtime).into(),
        _ => Value::Empty,
    }),
    col("qlimit", SETTING, U32, "Requests that may wait").sv(|s| s.queue_limit.into()),
    col("pid", KEY_PROCESS, U32, "Process number, always 1").all(|_| Value::Number(1)),
    col("iid", KEY_ID, U32, "Proxy number").all(|r| r.proxy.iid.into()),
    col("sid", KEY_ID, U32, "Server or listener number").all(|r| r.id().into()),
    col("throttle", AVERAGE, U32, "Percent of the weight during slow start").sv(|s| s.throttle.map(u32::from).into()),
    col("lbtot", COUNT, U64, "Times chosen by balancing").sv(|s| s.chosen_total.into()).be(|b| b.chosen_total.into()),
    col("tracked", SETTING_NAME, Str, "The server whose state it copies").sv(|s| s.tracked.as_deref().into()),
    col("type", SETTING, U32, "0 frontend, 1 backend, 2 server, 3 listener").all(|r| match r.object {
        Object::Frontend(_) => Value::Number(0),
        Object::Backend(_) => Value::Number(1),
        Object::Server(_) => Value::Number(2),
        Object::Listener(_) => Value::Number(3),
    }),
    col("rate", RATE, U32, "Sessions in the last second").fe(|f| f.session_rate.current.into()).sv(|s| s.session_rate.current.into()).be(|b| b.session_rate.current.into()),
    col("rate_lim", LIMIT, U32, "Sessions allowed in a second").fe(|f| f.session_rate_limit.into()),
    col("rate_max", MAX, U32, "Most sessions in a second").fe(|f| f.session_rate.max.into()).sv(|s| s.session_rate.max.into()).be(|b| b.session_rate.max.into()),
    col("check_status", OUTPUT, Str, "How the last check ended").sv(|s| s.visible_check().map(status).into()),
    col("check_code", OUTPUT, U32, "HTTP status of the last check").sv(|s| s.visible_check().and_then(code).into()),
    col("check_duration", DURATION, U64, "Milliseconds of the last check").sv(|s| s.visible_check().and_then(duration).into()),
    col("hrsp_1xx", COUNT, U64, "Responses 100 to 199").fe(|f| f.responses.c1xx.into()).sv(|s| s.responses.c1xx.into()).be(|b| b.responses.c1xx.into()),
    col("hrsp_2xx", COUNT, U64, "Responses 200 to 299").fe(|f| f.responses.c2xx.into()).sv(|s| s.responses.c2xx.into()).be(|b| b.responses.c2xx.into()),
    col("hrsp_3xx", COUNT, U64, "Responses 300 to 399").fe(|f| f.responses.c3xx.into()).sv(|s| s.responses.c3xx.into()).be(|b| b.responses.c3xx.into()),
    col("hrsp_4xx", COUNT, U64, "Responses 400 to 499").fe(|f| f.responses.c4xx.into()).sv(|s| s.responses.c4xx.into()).be(|b| b.responses.c4xx.into()),
    col("hrsp_5xx", COUNT, U64, "Responses 500 to 599").fe(|f| f.responses.c5xx.into()).sv(|s| s.responses.c5xx.into()).be(|b| b.responses.c5xx.into()),
    col("hrsp_other", COUNT, U64, "Other responses").fe(|f| f.responses.other.into()).sv(|s| s.responses.other.into()).be(|b| b.responses.other.into()),
    col("hanafail", COUNT, U64, "Failures seen in live traffic").sv(|s| s.failed_analyses.into()),
    col("req_rate", RATE, U32, "Requests in the last second").fe(|f| f.request_rate.current.into()),
    col("req_rate_max", MAX, U32, "Most requests in a second").fe(|f| f.request_rate.max.into()),
    col("req_tot", COUNT, U64, "Requests").fe(|f| f.requests_total.into()).sv(|s| s.requests_total.into()).be(|b| b.requests_total.into()),
    col("cli_abrt", COUNT, U64, "Transfers the client broke off").sv(|s| s.client_aborts.into()).be(|b| b.client_aborts.into()),
    col("srv_abrt", COUNT, U64, "Transfers the server broke off").sv(|s| s.server_aborts.into()).be(|b| b.server_aborts.into()),
    col("comp_in", COUNT, U64, "Bytes given to compression").fe(|f| f.compression.bytes_in.into()).be(|b| b.compression.bytes_in.into()),
    col("comp_out", COUNT, U64, "Bytes returned by compression").fe(|f| f.compression.bytes_out.into()).be(|b| b.compression.bytes_out.into()),
    col("comp_byp", COUNT, U64, "Bytes that went around compression").fe(|f| f.compression.bytes_bypassed.into()).be(|b| b.compression.bytes_bypassed.into()),
    col("comp_rsp", COUNT, U64, "Responses compressed").fe(|f| f.compression.responses.into()).be(|b| b.compression.responses.into()),
    col("lastsess", AGE, S32, "Seconds since the last session, or -1").sv(|s| since(s.last_session)).be(|b| since(b.last_session)),
    col("last_chk", OUTPUT, Str, "What the last check said").sv(|s| s.visible_check().map(output).into()),
    col("last_agt", OUTPUT, Str, "What the agent said last").sv(|s| s.visible_agent().map(output).into()),
    col("qtime", AVERAGE, U32, "Milliseconds in queue").sv(|s| millis(s.times.queue.average).into()).be(|b| millis(b.times.queue.average).into()),
    col("ctime", AVERAGE, U32, "Milliseconds to connect").sv(|s| millis(s.times.connect.average).into()).be(|b| millis(b.times.connect.average).into()),
    col("rtime", AVERAGE, U32, "Milliseconds to response headers").sv(|s| millis(s.times.response.average).into()).be(|b| millis(b.times.response.average).into()),
    col("ttime", AVERAGE, U32, "Milliseconds in all").sv(|s| millis(s.times.total.average).into()).be(|b| millis(b.times.total.average).into()),
    col("agent_status", OUTPUT, Str, "How the agent's last check ended").sv(|s| s.visible_agent().map(status).into()),
    col("agent_code", OUTPUT, U32, "Code of the agent's last check").sv(|s| s.visible_agent().and_then(code).into()),
    col("agent_duration", DURATION, U64, "Milliseconds of the agent's last check").sv(|s| s.visible_agent().and_then(duration).into()),
    col("check_desc", OUTPUT, Str, "What check_status means").sv(|s| s.visible_check().map(|c| c.status.description()).into()),
    col("agent_desc", OUTPUT, Str, "What agent_status means").sv(|s| s.visible_agent().map(|c| c.status.description()).into()),
    col("check_rise", SETTING, U32, "Passed checks that bring it up").sv(|s| s.visible_check().map(|c| c.health.rise).into()),
    col("check_fall", SETTING, U32, "Failed checks that take it down").sv(|s| s.visible_check().map(|c| c.health.fall).into()),
    col("check_health", SETTING, U32, "Health, 0 to rise+fall-1").sv(|s| s.visible_check().map(|c| c.health.value).into()),
    col("agent_rise", SETTING, U32, "Passed agent checks that bring it up").sv(|s| s.visible_agent().map(|c| c.health.rise).into()),
    col("agent_fall", SETTING, U32, "Failed agent checks that take it down").sv(|s| s.visible_agent().map(|c| c.health.fall).into()),
    col("agent_health", SETTING, U32, "Agent's health, 0 to rise+fall-1").sv(|s| s.visible_agent().map(|c| c.health.value).into()),
    col("addr", SETTING, Str, "Address and port").restricted().li(|l| l.address.map(|a| a.to_string()).into()).sv(|s| s.address.map(|a| a.to_string()).into()),
    col("cookie", SETTING_NAME, Str, "Cookie name or value").restricted().sv(|s| s.cookie.as_deref().into()).be(|b| b.cookie.as_deref().into()),
    col("mode", SETTING, Str, "Protocol").all(|r| r.proxy.mode.name().into()),
    col("algo", SETTING, Str, "How servers are chosen").restricted().be(|b| b.algorithm.map(|a| a.name()).into()),
    col("conn_rate", RATE, U32, "Connections in the last second").fe(|f| f.connection_rate.current.into()),
    col("conn_rate_max", MAX, U32, "Most connections in a second").fe(|f| f.connection_rate.max.into()),
    col("conn_tot", COUNT, U64, "Connections").fe(|f| f.connections_total.into()),
    col("intercepted", COUNT, U64, "Requests answered here").fe(|f| f.intercepted.into()),
    col("dcon", COUNT, U64, "Connections denied").fe(|f| f.denied_connections.into()).li(|l| l.denied_connections.into()),
    col("dses", COUNT, U64, "Sessions denied").fe(|f| f.denied_sessions.into()).li(|l| l.denied_sessions.into()),
    col("wrew", COUNT, U64, "Header rewrites that failed").fe(|f| f.failed_rewrites.into()).li(|l| l.failed_rewrites.into()).sv(|s| s.failed_rewrites.into()).be(|b| b.failed_rewrites.into()),
    col("connect", COUNT, U64, "Connections tried to servers").sv(|s| s.connections.opened.into()).be(|b| b.connections_opened.into()),
    col("reuse", COUNT, U64, "Requests over an open connection").sv(|s| s.connections.reused.into()).be(|b| b.connections_reused.into()),
    col("cache_lookups", COUNT, U64, "Cache look-ups").fe(|f| f.cache_lookups.into()).be(|b| b.cache_lookups.into()),
    col("cache_hits", COUNT, U64, "Cache hits").fe(|f| f.cache_hits.into()).be(|b| b.cache_hits.into()),
    col("srv_icur", LEVEL, U32, "Idle connections now").sv(|s| s.connections.idle.into()),
    col("src_ilim", LIMIT, U32, "Idle connections allowed").sv(|s| s.connections.idle_limit.into()),
    col("qtime_max", MAX, U32, "Most milliseconds in queue").sv(|s| millis(s.times.queue.max).into()).be(|b| millis(b.times.queue.max).into()),
    col("ctime_max", MAX, U32, "Most milliseconds to connect").sv(|s| millis(s.times.connect.max).into()).be(|b| millis(b.times.connect.max).into()),
    col("rtime_max", MAX, U32, "Most milliseconds to response headers").sv(|s| millis(s.times.response.max).into()).be(|b| millis(b.times.response.max).into()),
    col("ttime_max", MAX, U32, "Most milliseconds in all").sv(|s| millis(s.times.total.max).into()).be(|b| millis(b.times.total.max).into()),
    col("eint", COUNT, U64, "Our own errors").fe(|f| f.internal_errors.into()).li(|l| l.internal_errors.into()).sv(|s| s.internal_errors.into()).be(|b| b.internal_errors.into()),
    col("idle_conn_cur", LEVEL, U32, "Idle connections that served one request").sv(|s| s.connections.idle_unsafe.into()),
    col("safe_conn_cur", LEVEL, U32, "Idle connections that served several").sv(|s| s.connections.idle_safe.into()),
    col("used_conn_cur", LEVEL, U32, "Connections in use").sv(|s| s.connections.used.into()),
    col("need_conn_est", LEVEL, U32, "Connections needed, by estimate").sv(|s| s.connections.needed.into()),
    col("uweight", AVERAGE, U32, "Weight asked for").sv(|s| s.user_weight.into()).be(|b| b.user_weight.into()),
    col("agg_server_status", LEVEL, U32, "Always 0 here").be(|_| Value::Number(0)),
    col("agg_server_check_status", LEVEL, U32, "Always 0 here").be(|_| Value::Number(0)),
    col("agg_check_status", LEVEL, U32, "Always 0 here").be(|_| Value::Number(0)),
    col("-", KEY_NAME, Str, "The end of the fields of fixed position").all(|_| "-".into()),
];

fn if_checked(server: &ServerRow, count: u64) -> Value<'static> {
    server.check.as_ref().map(|_| count).into()
}

/// `L7OK`, or `* L7OK` while the next check runs.
fn status(check: &CheckReport) -> String {
    let running = if check.running { "* " } else { "" };
    format!("{running}{}", check.status.code())
}

fn code(check: &CheckReport) -> Option<u32> {
    check
        .code
        .filter(|_| check.status.has_code())
        .map(u32::from)
}

fn duration(check: &CheckReport) -> Option<u64> {
    check.duration.map(millis)
}

fn output(check: &CheckReport) -> &str {
    &check.output
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn columns_are_where_programs_look_for_them() {
        let check = |position: usize, name| assert_eq!(COLUMNS[position].name, name);
        check(0, "pxname");
        check(17, "status");
        check(32, "type");
        check(50, "srv_abrt");
        check(73, "addr");
        check(89, "src_ilim");
        check(103, "-");
    }

    #[test]
    fn no_column_comes_twice_or_says_nothing() {
        let names: HashSet<&str> = COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), COLUMNS.len());
        assert!(COLUMNS.iter().all(|column| !column.about.is_empty()));
    }
}
