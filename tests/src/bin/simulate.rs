//! Runs simulated clusters: `cargo run --release -p e2e --bin simulate` says how.

#![allow(
    clippy::disallowed_methods,
    reason = "how long a run took is told in real time"
)]

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use e2e::simulation::trial::{self, Failure};
use e2e::simulation::{scale, script, table};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("table") => return measure(&arguments[1..]),
        Some("scale") => return scale(&arguments[1..]),
        Some("scripts") => return scripts(&arguments[1..]),
        _ => {}
    }
    match Options::of(&arguments) {
        Ok(options) => options.run(),
        Err(error) => {
            eprintln!("simulate: {error}\n{USAGE}");
            ExitCode::from(64)
        }
    }
}

struct Options {
    seeds: u64,
    first: u64,
    verbose: bool,
}

impl Options {
    fn of(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            seeds: 1_000,
            first: 0,
            verbose: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let value = arguments.next().ok_or("expected a number")?;
                value
                    .parse()
                    .map_err(|_| format!("{value:?}: expected a number"))
            };
            match argument.as_str() {
                "--seeds" => options.seeds = number()?,
                "--first" => options.first = number()?,
                "--verbose" => options.verbose = true,
                unknown => return Err(format!("{unknown:?}: unknown")),
            }
        }
        Ok(options)
    }

    fn run(&self) -> ExitCode {
        let began = Instant::now();
        let next = AtomicU64::new(self.first);
        let end = self.first.saturating_add(self.seeds);
        let (model, failures) = (AtomicU64::new(0), Mutex::new(Vec::<Box<Failure>>::new()));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Relaxed);
                        if seed >= end {
                            return;
                        }
                        match trial::tell(seed) {
                            Ok(outcome) => {
                                model.fetch_add(outcome.elapsed.as_millis() as u64, Relaxed);
                                if self.verbose {
                                    print(&format!("seed {seed}: {outcome:?}"));
                                }
                            }
                            Err(failure) => {
                                let mut all =
                                    failures.lock().unwrap_or_else(PoisonError::into_inner);
                                if all.len() < SHOWN {
                                    print(&trial::shrink(&failure).to_string());
                                }
                                all.push(failure);
                            }
                        }
                    }
                });
            }
        });
        let failures = failures
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let seeds: Vec<u64> = failures.iter().map(|failure| failure.seed).collect();
        print(&format!(
            "{} seeds, {} h in the model, in {:.1?}: {} failed {:?}",
            self.seeds,
            model.into_inner() / 3_600_000,
            began.elapsed(),
            seeds.len(),
            &seeds[..seeds.len().min(20)],
        ));
        ExitCode::from(u8::from(!seeds.is_empty()))
    }
}

/// What clusters of these sizes cost: `[SIZE...]`.
fn scale(arguments: &[String]) -> ExitCode {
    let sizes: Result<Vec<usize>, _> = arguments.iter().map(|size| size.parse()).collect();
    let Ok(sizes) = sizes else {
        eprintln!("simulate: {arguments:?}: expected numbers\n{USAGE}");
        return ExitCode::from(64);
    };
    let usual = [10, 50, 100, 200];
    print(scale::HEAD);
    for size in if sizes.is_empty() { &usual } else { &sizes[..] } {
        for sealed in [true, false] {
            print(&scale::measure(*size, sealed));
        }
    }
    ExitCode::SUCCESS
}

/// Runs scripts of the cluster ring, `FIRST` and so many: `[COUNT [FIRST]]`.
fn scripts(arguments: &[String]) -> ExitCode {
    let number = |at: usize, usual: u64| arguments.get(at).map_or(Ok(usual), |n| n.parse());
    let (Ok(count), Ok(first)) = (number(0, 300), number(1, 0)) else {
        eprintln!("simulate: {arguments:?}: expected numbers\n{USAGE}");
        return ExitCode::from(64);
    };
    let began = Instant::now();
    let mut failed = 0;
    for seed in first..first.saturating_add(count) {
        if let Err(error) = script::run(seed) {
            failed += 1;
            print(&error);
        }
    }
    print(&format!(
        "{count} scripts in {:.1?}: {failed} failed",
        began.elapsed()
    ));
    ExitCode::from(u8::from(failed > 0))
}

/// Measures, each row so many times: `[RUNS]`.
fn measure(arguments: &[String]) -> ExitCode {
    let Ok(runs) = arguments.first().map_or(Ok(100), |runs| runs.parse()) else {
        eprintln!("simulate: {arguments:?}: expected a number\n{USAGE}");
        return ExitCode::from(64);
    };
    table::measure(runs, print);
    ExitCode::SUCCESS
}

fn print(line: &str) {
    // Nobody reads any more: nothing is left to tell.
    let _ = writeln!(std::io::stdout(), "{line}");
}

const USAGE: &str = "usage: simulate [--seeds N] [--first N] [--verbose]  the pure ring
       simulate scripts [COUNT [FIRST]]             the cluster ring
       simulate scale [SIZE...]                     what clusters of these sizes cost
       simulate table [RUNS]                        what is measured in it";

/// Failures that are made shorter and shown.
const SHOWN: usize = 5;
