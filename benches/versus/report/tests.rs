//! Reports of made-up rounds.

use std::time::Duration;

use super::*;
use crate::contestant::Contestant;
use crate::scenario::SCENARIOS;

fn plan(name: &str) -> Plan {
    let scenarios = SCENARIOS.iter().filter(|one| one.name == name);
    Plan {
        rounds: 3,
        seconds: Duration::from_secs(1),
        warm_up: Duration::ZERO,
        patience: Duration::ZERO,
        scenarios: scenarios.copied().collect(),
        contestants: vec![Contestant::Lb, Contestant::Haproxy],
    }
}

fn load(cpu: f64) -> Result<Sample, String> {
    Ok(Sample::Load(Loaded {
        cpu,
        rate: 1e6 / cpu,
        p50: 1_000.0,
        p99: 2_000.0,
        proxy: 0.97,
        others: 0.01,
        load: 0.80,
    }))
}

fn words<'a>(text: &'a str, row: &str) -> Vec<&'a str> {
    let rows = text.lines().map(|line| line.split_whitespace().collect());
    let mut found = rows.filter(|words: &Vec<_>| words.first() == Some(&row));
    found.next().unwrap_or_else(|| panic!("no {row} in {text}"))
}

#[test]
fn ratios_are_formed_within_a_round() {
    let mut results = Results::default();
    // The machine is slower from round to round; ours takes half each time.
    for (round, theirs) in [20.0, 40.0, 80.0].into_iter().enumerate() {
        results.add("keepalive-64", "lb", round, load(theirs / 2.0));
        results.add("keepalive-64", "haproxy", round, load(theirs));
    }
    let text = render(&plan("keepalive-64"), &results);
    assert_eq!(words(&text, "lb")[..4], ["lb", "20.0", "µs", "50,000"]);
    assert_eq!(words(&text, "lb").last(), Some(&"proxy"));
    let expected = ["lb/haproxy", "0.50", "(0.50..0.50)", "2.00", "(2.00..2.00)"];
    assert_eq!(words(&text, "lb/haproxy")[..5], expected);
    assert!(
        text.contains("0 of 6 measurements are void; in 0 "),
        "{text}"
    );
}

#[test]
fn a_void_round_is_told_and_has_no_ratio() {
    let mut results = Results::default();
    results.add("keepalive-64", "lb", 0, load(10.0));
    results.add("keepalive-64", "haproxy", 0, load(20.0));
    results.add("keepalive-64", "lb", 1, load(10.0));
    results.add("keepalive-64", "haproxy", 1, Err("read 3".to_owned()));
    let text = render(&plan("keepalive-64"), &results);
    assert!(text.contains("void: keepalive-64, haproxy, round 2: read 3"));
    assert!(text.contains("1 of 4 measurements are void"), "{text}");
    assert_eq!(words(&text, "lb/haproxy")[1..3], ["0.50", "(0.50..0.50)"]);
}

#[test]
fn memory_has_one_column() {
    let mut results = Results::default();
    results.add("idle", "lb", 0, Ok(Sample::Idle(3_000.0)));
    results.add("idle", "haproxy", 0, Ok(Sample::Idle(2_000.0)));
    let text = render(&plan("idle"), &results);
    assert_eq!(words(&text, "lb"), ["lb", "3,000"]);
    assert_eq!(words(&text, "lb/haproxy")[1], "1.50");
}

#[test]
fn a_contestant_without_a_sample_has_no_row() {
    let mut results = Results::default();
    results.add("keepalive-64", "lb", 0, load(10.0));
    let text = render(&plan("keepalive-64"), &results);
    assert!(!text.contains("haproxy"), "{text}");
}
