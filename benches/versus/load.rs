//! wrk: started, ended after any time, and its report read.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use e2e::process::Process;
use rustix::process::Signal;

use crate::scenario::Shape;

/// What wrk reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) requests: f64,
    pub(crate) rate: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    /// Microseconds.
    pub(crate) p99: f64,
}

/// Loads `addr` for so long, from this thread's core. An error says why it does not count.
pub(crate) async fn run(
    wrk: &Path,
    shape: Shape,
    addr: SocketAddr,
    time: Duration,
) -> Result<Outcome, String> {
    let mut process = Process::start(wrk, args(shape, addr, time));
    tokio::time::sleep(time).await;
    // wrk takes whole seconds, but ends with its report when it is interrupted.
    process.signal(Signal::INT);
    process.ended(PATIENCE).await;
    parse(&process.stdout())
}

fn args(shape: Shape, addr: SocketAddr, time: Duration) -> Vec<String> {
    let mut args = vec![
        "--threads=1".to_owned(),
        "--latency".to_owned(),
        "--timeout=5s".to_owned(),
        format!("--connections={}", shape.connections),
        // By itself too, should we be gone by then.
        format!("--duration={}s", time.as_secs() + 2),
    ];
    if shape.closes {
        args.extend(["--header".to_owned(), "Connection: close".to_owned()]);
    }
    args.push(format!("http://{addr}{}", shape.path));
    args
}

fn parse(text: &str) -> Result<Outcome, String> {
    let bad = ["Socket errors:", "Non-2xx or 3xx responses:"];
    let mut lines = text.lines().map(str::trim);
    if let Some(line) = lines
        .clone()
        .find(|line| bad.iter().any(|bad| line.starts_with(bad)))
    {
        return Err(line.to_owned());
    }
    let unread = || format!("wrk's report is not as expected: {text:?}");
    let value = |name: &str| lines.clone().find_map(|line| line.strip_prefix(name));
    let p50 = value("50%").and_then(microseconds).ok_or_else(unread)?;
    let p99 = value("99%").and_then(microseconds).ok_or_else(unread)?;
    let rate = value("Requests/sec:").and_then(|rate| rate.trim().parse().ok());
    let requests = lines.find_map(|line| line.split_once(" requests in ")?.0.parse().ok());
    match (requests, rate) {
        (Some(requests), Some(rate)) if requests > 0.0 => Ok(Outcome {
            requests,
            rate,
            p50,
            p99,
        }),
        (Some(_), _) => Err("no request was answered".to_owned()),
        _ => Err(unread()),
    }
}

/// As wrk writes times.
fn microseconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
    let factor = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        _ => return None,
    };
    Some(number * factor)
}

/// wrk looks every 100 ms whether it should end.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
Running 2s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     4.08ms    2.11ms  48.21ms   90.95%
    Req/Sec    15.61k     2.90k   20.12k    70.00%
  Latency Distribution
     50%    3.67ms
     75%    5.03ms
     90%    6.20ms
     99%    1.02s
  31070 requests in 2.00s, 4.56MB read
Requests/sec:  15504.04
Transfer/sec:      2.28MB
";

    #[test]
    fn a_report_is_read() {
        let expected = Outcome {
            requests: 31_070.0,
            rate: 15_504.04,
            p50: 3_670.0,
            p99: 1_020_000.0,
        };
        assert_eq!(parse(REPORT), Ok(expected));
    }

    #[test]
    fn errors_make_it_void() {
        let errors = "  Socket errors: connect 0, read 3, write 0, timeout 0";
        let wrong = "  Non-2xx or 3xx responses: 31070";
        for line in [errors, wrong] {
            let report = REPORT.replace("Requests/sec", &format!("{line}\nRequests/sec"));
            assert_eq!(parse(&report), Err(line.trim().to_owned()));
        }
    }

    #[test]
    fn nothing_answered_is_no_measurement() {
        let none = REPORT.replace("31070 requests", "0 requests");
        assert_eq!(parse(&none), Err("no request was answered".to_owned()));
        assert!(parse("unable to connect").is_err());
    }

    #[test]
    fn times_have_units() {
        let times = ["83.00us", " 2.65ms", "1.50s", "2.00m"].map(microseconds);
        assert_eq!(times, [Some(83.0), Some(2_650.0), Some(1.5e6), Some(120e6)]);
        assert_eq!(microseconds("fast"), None);
    }
}
