//! The statistics as those read them who know HAProxy's.

use std::time::Duration;

use e2e::client::{self, KeepAlive, Raw};
use e2e::cluster::Cluster;
use e2e::deadline::eventually;
use e2e::process::Process;
use e2e::ring;
use hyper::Method;

#[tokio::test]
async fn the_header_is_haproxys_and_every_row_fits_it() {
    let cluster = Cluster::of(3).await;
    let csv = cluster.lb.csv().await.unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some(HEADER));
    let rows: Vec<&str> = lines.collect();
    let names: Vec<String> = rows
        .iter()
        .map(|row| row.split(',').take(2).collect::<Vec<_>>().join("/"))
        .collect();
    let expected = [
        "stats/FRONTEND",
        "localnodes/FRONTEND",
        "nodes/s1",
        "nodes/s2",
        "nodes/s3",
        "nodes/BACKEND",
    ];
    assert_eq!(
        names
            .iter()
            .filter(|name| *name != "stats/BACKEND")
            .collect::<Vec<_>>(),
        expected
    );
    for row in rows {
        assert_eq!(row.split(',').count(), HEADER.split(',').count(), "{row}");
    }
}

#[tokio::test]
async fn counters_are_true() {
    let cluster = Cluster::with(3, "--workers 2").await;
    let addr = cluster.lb.addr();
    client::roll_call(addr, 6).await;
    let mut kept = KeepAlive::to(addr).await;
    for path in ["/status/302", "/status/404", "/status/500"] {
        kept.get(path).await.unwrap();
    }
    let front = cluster.lb.row("localnodes", "FRONTEND").await;
    let back = cluster.lb.row("nodes", "BACKEND").await;
    assert_eq!((front.count("stot"), front.count("req_tot")), (7, 9));
    for row in [&front, &back] {
        let classes =
            ["hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx"].map(|class| row.count(class));
        assert_eq!(classes, [6, 1, 1, 1], "{row:?}");
        assert!(row.count("bin") > 0 && row.count("bout") > 0);
    }
    assert_eq!((back.count("stot"), back.count("lbtot")), (9, 9));
    for name in ["s1", "s2", "s3"] {
        let row = cluster.lb.server(name).await.unwrap();
        assert_eq!(
            (row.count("stot"), row.count("scur"), row.count("weight")),
            (3, 0, 1),
            "{row:?}"
        );
    }
}

#[tokio::test]
async fn gauges_follow_what_is_in_flight() {
    let cluster = Cluster::of(1).await;
    let mut raw = Raw::to(cluster.lb.addr()).await;
    raw.send("GET /hang HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let at_work = |count: u64| {
        move |rows: &[e2e::csv::Row]| {
            let current =
                |row: &e2e::csv::Row| row.get("pxname") == "stats" || row.count("scur") == count;
            rows.iter().all(current)
        }
    };
    cluster.lb.until("one in flight", at_work(1)).await;
    drop(raw);
    cluster.lb.until("none in flight", at_work(0)).await;
}

#[tokio::test]
async fn up_hides_what_is_down() {
    let mut cluster = Cluster::of(1).await;
    cluster.add("--check /health").await;
    cluster.ready().await;
    cluster.app(2).set_health(500);
    cluster.lb.until_status("s2", "DOWN").await;
    let text =
        |path: &'static str| async { client::get(cluster.lb.stats(), path).await.unwrap().text() };
    assert!(text("/;csv").await.contains("nodes,s2,"));
    assert!(!text("/;csv;up").await.contains("nodes,s2,"));
    assert!(text("/").await.contains(">s2<") && !text("/;up").await.contains(">s2<"));
}

#[tokio::test]
async fn the_page_has_its_tables_and_a_head_has_no_body() {
    let cluster = Cluster::of(2).await;
    let page = client::get(cluster.lb.stats(), "/").await.unwrap();
    assert_eq!(page.header("content-type"), "text/html");
    for part in [
        "Statistics Report for pid",
        "General process information",
        "id=\"localnodes\"",
        "id=\"nodes\"",
        ">s1<",
        ">s2<",
        "Display option:",
    ] {
        assert!(page.text().contains(part), "{part} is not on the page");
    }
    let head = client::call(cluster.lb.stats(), Method::HEAD, "/", "")
        .await
        .unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.header("content-length").parse::<usize>().unwrap() > 1000);
}

#[tokio::test]
async fn statistics_can_be_off() {
    let help = Process::start(
        &e2e::bin::lb(),
        [
            "--listen",
            "127.0.0.1:0",
            "--gossip",
            "127.0.0.1:0",
            "--stats",
            "off",
        ],
    );
    let mut lb = help;
    lb.said("clients on").await;
    assert_eq!(lb.stop().await, 0);
    assert!(!lb.stderr().contains("statistics on"));
}

#[tokio::test]
async fn prometheus_haproxy_exporter_reports_every_server() {
    let test = "prometheus_haproxy_exporter_reports_every_server";
    let Some(exporter) = ring::tool("system", test, "prometheus-haproxy-exporter") else {
        return;
    };
    let cluster = Cluster::of(3).await;
    client::roll_call(cluster.lb.addr(), 6).await;
    let uri = format!("--haproxy.scrape-uri=http://{}/;csv", cluster.lb.stats());
    // It cannot say which free port it was given, so one is found for it.
    let addr = e2e::process::own_port();
    let _exporter = Process::start(&exporter, [uri, format!("--web.listen-address={addr}")]);
    let text = eventually("it answers", async || {
        let answer = client::get(addr, "/metrics").await.ok()?;
        answer
            .text()
            .contains("haproxy_server_up")
            .then(|| answer.text())
    })
    .await;
    let value = |metric: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {metric} in {text}"))
            .to_owned()
    };
    for name in ["s1", "s2", "s3"] {
        assert_eq!(
            value(&format!(
                "haproxy_server_up{{backend=\"nodes\",server=\"{name}\"}}"
            )),
            "1"
        );
        let total = format!("haproxy_server_sessions_total{{backend=\"nodes\",server=\"{name}\"}}");
        assert_eq!(value(&total), "2");
    }
    assert_eq!(value("haproxy_up"), "1");
    assert_eq!(value("haproxy_exporter_csv_parse_failures_total"), "0");
    assert_eq!(value("haproxy_backend_up{backend=\"nodes\"}"), "1");
}

#[tokio::test]
async fn ages_count_in_seconds() {
    let cluster = Cluster::of(1).await;
    let aged = |rows: &[e2e::csv::Row]| {
        e2e::csv::server(rows, "s1")
            .is_some_and(|row| row.count("lastchg") >= 1 && row.count("lastchg") < 20)
    };
    let took = cluster.lb.until("a second has passed", aged).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

const HEADER: &str = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status,-,";
