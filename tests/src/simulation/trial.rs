//! A history told to the end, and made shorter while it still fails.

use std::fmt;
use std::time::Duration;

use super::history::{self, Step};
use super::world::World;

/// A history that breaks a law.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed of its chance.
    pub seed: u64,
    /// What happened.
    pub steps: Vec<Step>,
    /// When the law was broken, since the beginning.
    pub at: Duration,
    /// Which law, and how.
    pub law: String,
}

/// How a history went that broke none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Its steps.
    pub steps: usize,
    /// Time in the model.
    pub elapsed: Duration,
}

/// Tells the history of `seed`.
///
/// # Errors
/// The first law that is broken.
pub fn tell(seed: u64) -> Result<Outcome, Box<Failure>> {
    replay(seed, &history::of(seed))
}

/// Tells a history with the chance of `seed`.
///
/// # Errors
/// The first law that is broken.
pub fn replay(seed: u64, steps: &[Step]) -> Result<Outcome, Box<Failure>> {
    let mut world = World::new(seed, steps);
    let last = steps.iter().map(|(at, _)| *at).max().unwrap_or(0);
    match world.run(last + CALM) {
        Ok(()) => Ok(Outcome {
            steps: steps.len(),
            elapsed: world.elapsed(),
        }),
        Err(law) => Err(Box::new(Failure {
            seed,
            steps: steps.to_vec(),
            at: world.elapsed(),
            law,
        })),
    }
}

/// The same failure with as few steps as are found in some hundred attempts. A law is taken for
/// the same when its first words are.
#[must_use]
pub fn shrink(failure: &Failure) -> Failure {
    let mut best = failure.clone();
    let end = best.at.as_millis() as u64;
    best.steps.retain(|(at, _)| *at <= end);
    let mut attempts = 0;
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 && attempts < ATTEMPTS {
        let mut from = 0;
        while from < best.steps.len() && attempts < ATTEMPTS {
            attempts += 1;
            let mut fewer = best.steps.clone();
            fewer.drain(from..(from + size).min(fewer.len()));
            match replay(best.seed, &fewer) {
                Err(shorter) if kind(&shorter.law) == kind(&best.law) => best = *shorter,
                _ => from += size,
            }
        }
        size /= 2;
    }
    best
}

fn kind(law: &str) -> String {
    let words = law
        .split(' ')
        .filter(|word| !word.contains(char::is_numeric));
    words.take(4).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Failure {
    /// Ready to be pasted into a regression test.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: at {:?}: {}", self.seed, self.at, self.law)?;
        writeln!(f, "    holds({}, &[", self.seed)?;
        for (at, deed) in &self.steps {
            writeln!(f, "        ({at}, {deed:?}),")?;
        }
        write!(f, "    ]);")
    }
}

/// Milliseconds after the last step: everything must have become well again.
const CALM: u64 = 25_000;
const ATTEMPTS: usize = 400;
