//! Statistics as HAProxy's CSV (management guide, 9.1): framing only. Which rows and which
//! columns there are is decided elsewhere.

use std::fmt::Write;

use crate::column::Value;
use crate::field::COLUMNS;
use crate::plain::plain;
use crate::report::Report;
use crate::select::{Row, View};

/// The header and all visible rows, each line with the same number of commas, one of them at
/// its end.
#[must_use]
pub fn stats(report: &Report, view: &View) -> String {
    let mut text = String::from("# ");
    for column in &COLUMNS {
        text.push_str(column.name);
        text.push(',');
    }
    text.push('\n');
    for row in view.all_rows(report) {
        line(&mut text, &row);
    }
    text
}

fn line(text: &mut String, row: &Row<'_>) {
    let start = text.len();
    for column in &COLUMNS {
        // Writing into a string cannot fail.
        let (Ok(()) | Err(_)) = match column.value(row) {
            Value::Empty => Ok(()),
            Value::Number(number) => write!(text, "{number}"),
            Value::Signed(number) => write!(text, "{number}"),
            Value::Text(words) => text.write_str(&plain(&words)),
        };
        text.push(',');
    }
    text.push('\n');
    // A line that begins like a comment would be lost to those who skip comments.
    if text[start..].starts_with('#') {
        text.replace_range(start..=start, "_");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::{BackendStatus, ServerStatus};
    use crate::sample;

    fn lines(report: &Report, view: &View) -> Vec<String> {
        stats(report, view).lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_header_is_haproxys() {
        assert_eq!(lines(&Report::default(), &View::default()), [HEADER]);
    }

    #[test]
    fn a_row_is_what_haproxy_prints() {
        let lines = lines(&sample::report(), &View::default());
        let check = |at: usize, expected: &str| assert_eq!(lines[at], expected);
        check(1, FRONTEND);
        check(2, UP_SERVER);
        check(3, DOWN_SERVER);
        check(4, BACKEND);
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn every_line_has_as_many_commas_as_the_header() {
        let report = sample::report();
        let commas = |line: &String| line.matches(',').count();
        for line in lines(
            &report,
            &View {
                legends: true,
                ..View::default()
            },
        ) {
            assert_eq!(commas(&line), 104, "{line}");
        }
    }

    #[test]
    fn addresses_are_for_those_who_see_legends() {
        let field = |legends, at: usize| {
            let lines = lines(
                &sample::report(),
                &View {
                    legends,
                    ..View::default()
                },
            );
            (
                lines[2].split(',').nth(at).unwrap().to_owned(),
                lines[4].split(',').nth(at).unwrap().to_owned(),
            )
        };
        assert_eq!(field(false, 73).0, "");
        assert_eq!(field(true, 73).0, "192.168.42.11:3000");
        assert_eq!(field(false, 76).1, "");
        assert_eq!(field(true, 76).1, "roundrobin");
    }

    #[test]
    fn maintenance_hides_the_check_but_not_its_count() {
        let mut report = sample::report();
        report.proxies[1].servers[0].status = ServerStatus::Maint;
        let lines = lines(&report, &View::default());
        let fields: Vec<&str> = lines[2].split(',').collect();
        assert_eq!(
            (fields[17], fields[21], fields[36], fields[69]),
            ("MAINT", "1", "", "")
        );
    }

    #[test]
    fn filters_hide_servers_and_count_them() {
        let mut report = sample::report();
        report.proxies[1].backend.as_mut().unwrap().status = BackendStatus::Down;
        let lines = lines(
            &report,
            &View {
                up: true,
                ..View::default()
            },
        );
        let field = |line: &str, at: usize| line.split(',').nth(at).unwrap().to_owned();
        let shown: Vec<String> = lines.iter().skip(1).map(|line| field(line, 1)).collect();
        assert_eq!(shown, ["FRONTEND", "s1", "BACKEND"]);
        assert_eq!(field(&lines[3], 17), "DOWN (1/2)");
    }

    #[test]
    fn a_row_never_looks_like_a_comment() {
        let mut report = sample::report();
        report.proxies[0].name = "#1".to_owned();
        assert!(lines(&report, &View::default())[1].starts_with("_1,FRONTEND,"));
    }

    proptest! {
        #[test]
        fn no_text_can_break_a_line(name in ".*", proxy in ".*", output in "(?s).*") {
            let mut report = sample::report();
            let nodes = &mut report.proxies[1];
            nodes.servers[1].check.as_mut().unwrap().output = output;
            nodes.servers[1].name = name;
            nodes.name = proxy;
            let text = stats(&report, &View::default());
            prop_assert!(text.is_ascii());
            prop_assert!(!text.contains('"') && !text.contains('\r'));
            prop_assert_eq!(text.lines().count(), 5);
            prop_assert!(text.lines().all(|line| line.matches(',').count() == 104));
        }
    }

    // Header and rows as HAProxy 2.6 printed them, without its module fields.
    const HEADER: &str = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status,-,";
    const FRONTEND: &str = "localnodes,FRONTEND,,,0,1,9984,37,174660,281160,0,0,0,,,,,OPEN,,,,,,,,,1,3,0,,,,0,0,0,30,,,,0,2130,0,0,0,0,,0,48,2130,,,0,0,0,0,,,,,,,,,,,,,,,,,,,,,http,,0,30,37,0,0,0,0,,,0,0,,,,,,,0,,,,,,,,,-,";
    const UP_SERVER: &str = "nodes,s1,0,0,0,1,,1060,86920,139920,,0,,0,0,0,0,UP,1,1,0,1,1,31,5,,1,4,1,,1060,,2,0,,24,L7OK,200,1,0,1060,0,0,0,0,,,,1060,0,0,,,,,477,,,0,0,0,1,,,,Layer7 check passed,,2,3,4,,,,,,http,,,,,,,,0,23,1037,,,1,,0,1,16,29,0,0,1,0,1,1,,,,-,";
    const DOWN_SERVER: &str = "nodes,s3,0,0,0,0,,0,0,0,,0,,0,0,0,0,DOWN,1,1,0,1,1,793,793,,1,4,3,,0,,2,0,,0,L4CON,,0,0,0,0,0,0,0,,,,0,0,0,,,,,-1,Connection refused,,0,0,0,0,,,,Layer4 connection problem,,2,3,0,,,,,,http,,,,,,,,0,0,0,,,0,,0,0,0,0,0,0,0,0,1,1,,,,-,";
    const BACKEND: &str = "nodes,BACKEND,0,0,0,1,999,2130,174660,281160,0,0,,0,0,0,0,UP,2,2,0,,1,31,1,,1,4,0,,2130,,1,0,,48,,,,0,2130,0,0,0,0,,,,2130,0,0,0,0,0,0,477,,,0,0,0,22,,,,,,,,,,,,,,http,,,,,,,,0,44,2086,0,0,,,0,1,16,59,0,,,,,2,0,0,0,-,";
}
