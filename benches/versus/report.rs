//! What the rounds gave, side by side: medians of each contestant, and medians of ratios formed
//! within a round. No clock, no process.

use std::collections::BTreeMap;

use crate::cli::Plan;
use crate::sample::{Bottleneck, DISTURBED, Loaded, Sample, bottleneck};
use crate::scenario::{Kind, Scenario};
use crate::statistics::Spread;
use crate::table::{percent, ratio, render as table, time, whole};

/// Samples by scenario and contestant, then by round; and why some do not count.
#[derive(Debug, Default)]
pub(crate) struct Results {
    samples: BTreeMap<(&'static str, &'static str), BTreeMap<usize, Sample>>,
    void: Vec<String>,
}

impl Results {
    /// Takes one, or the reason for which there is none.
    pub(crate) fn add(
        &mut self,
        scenario: &'static str,
        contestant: &'static str,
        round: usize,
        sample: Result<Sample, String>,
    ) {
        match sample {
            Ok(sample) => {
                let samples = self.samples.entry((scenario, contestant)).or_default();
                samples.insert(round, sample);
            }
            Err(why) => {
                let round = round + 1;
                self.void.push(format!(
                    "void: {scenario}, {contestant}, round {round}: {why}"
                ));
            }
        }
    }

    /// What a reader should know before believing it.
    fn reservations(&self) -> String {
        let all: Vec<_> = self.samples.values().flat_map(BTreeMap::values).collect();
        let disturbed = all.iter().filter(|sample| sample.is_disturbed()).count();
        let mut lines = self.void.clone();
        lines.push(format!(
            "{} of {} measurements are void; in {disturbed} somebody else had more than {} of the core.",
            self.void.len(),
            self.void.len() + all.len(),
            percent(DISTURBED),
        ));
        lines.join("\n")
    }

    fn of<T>(
        &self,
        scenario: &'static str,
        contestant: &'static str,
        value: impl Fn(&Sample) -> Option<T>,
    ) -> BTreeMap<usize, T> {
        let samples = self.samples.get(&(scenario, contestant));
        let samples = samples.into_iter().flatten();
        samples
            .filter_map(|(round, sample)| Some((*round, value(sample)?)))
            .collect()
    }
}

/// One table for each scenario, then what is void.
pub(crate) fn render(plan: &Plan, results: &Results) -> String {
    let names: Vec<_> = plan.contestants.iter().map(|one| one.name()).collect();
    let mut text = String::new();
    for scenario in &plan.scenarios {
        let rows = match scenario.kind {
            Kind::Load(_) => loaded(scenario, &names, results),
            Kind::Idle { .. } => idle(scenario, &names, results),
        };
        text += &format!("\n{}: {}\n{}", scenario.name, scenario.title, table(&rows));
    }
    text += &format!("\n{}\n", results.reservations());
    text + LEGEND
}

fn loaded(scenario: &Scenario, names: &[&'static str], results: &Results) -> Vec<Vec<String>> {
    let head = [
        "",
        "CPU/request",
        "requests/s",
        "p50",
        "p99",
        "its core",
        "others",
        "load core",
        "bottleneck",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let of = |name| {
        results.of(scenario.name, name, |sample| match sample {
            Sample::Load(loaded) => Some(*loaded),
            Sample::Idle(_) => None,
        })
    };
    for name in names {
        let samples: Vec<_> = of(name).into_values().collect();
        rows.extend(absolute(name, &samples));
    }
    let ours = of(names[0]);
    for name in &names[1..] {
        let theirs = of(name);
        let cell = |value: fn(&Loaded) -> f64| ratios(&ours, &theirs, value);
        let cells = [
            cell(|one| one.cpu),
            cell(|one| one.rate),
            cell(|one| one.p50),
            cell(|one| one.p99),
        ];
        rows.extend(compared(names[0], name, cells));
    }
    rows
}

fn absolute(name: &str, samples: &[Loaded]) -> Option<Vec<String>> {
    let median = |value: fn(&Loaded) -> f64| Spread::of(samples.iter().map(value));
    let middle = |value| Some(median(value)?.median);
    let (proxy, others, load) = (
        middle(|one| one.proxy)?,
        middle(|one| one.others)?,
        middle(|one| one.load)?,
    );
    let limit = match bottleneck(proxy, others, load) {
        Bottleneck::Others => "others",
        Bottleneck::Proxy => "proxy",
        Bottleneck::Load => "load",
        Bottleneck::Waiting => "waiting",
    };
    Some(vec![
        name.to_owned(),
        time(middle(|one| one.cpu)?),
        whole(middle(|one| one.rate)?),
        time(middle(|one| one.p50)?),
        time(middle(|one| one.p99)?),
        percent(proxy),
        percent(others),
        percent(load),
        limit.to_owned(),
    ])
}

fn idle(scenario: &Scenario, names: &[&'static str], results: &Results) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new(), "bytes/connection".to_owned()]];
    let of = |name| {
        results.of(scenario.name, name, |sample| match sample {
            Sample::Idle(bytes) => Some(*bytes),
            Sample::Load(_) => None,
        })
    };
    for name in names {
        let middle = Spread::of(of(name).into_values());
        rows.extend(middle.map(|one| vec![(*name).to_owned(), whole(one.median)]));
    }
    let ours = of(names[0]);
    for name in &names[1..] {
        let cells = [ratios(&ours, &of(name), |bytes| *bytes)];
        rows.extend(compared(names[0], name, cells));
    }
    rows
}

/// A row of ratios, if there are any.
fn compared<const N: usize>(
    ours: &str,
    theirs: &str,
    cells: [Option<Spread>; N],
) -> Option<Vec<String>> {
    let cells = cells.into_iter().collect::<Option<Vec<_>>>()?;
    let name = format!("{ours}/{theirs}");
    Some(
        [name]
            .into_iter()
            .chain(cells.into_iter().map(ratio))
            .collect(),
    )
}

/// Ours by theirs, in rounds that both have.
fn ratios<T>(
    ours: &BTreeMap<usize, T>,
    theirs: &BTreeMap<usize, T>,
    value: impl Fn(&T) -> f64,
) -> Option<Spread> {
    let both = ours
        .iter()
        .filter_map(|(round, ours)| Some((value(ours), value(theirs.get(round)?))));
    // A connection may cost less than a page.
    Spread::of(
        both.map(|(ours, theirs)| ours / theirs)
            .filter(|ratio| ratio.is_finite()),
    )
}

const LEGEND: &str = "
Contestants: medians over the rounds. Ratios: formed within each round; median (quartiles).
CPU/request: user and system time of all threads of the contestant. its core: how much of it the
contestant used; others: how much somebody else did, which should be nothing; load core: how busy
wrk and the server kept theirs. bottleneck: which core was full, or that others were in the way.
Where it is not the proxy, requests/s and latencies say little of it: compare CPU/request.
";

#[cfg(test)]
mod tests;
