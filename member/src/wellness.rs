//! What a webapp's answers mean: outcomes of probes in, words out. Pure; `probe` asks.

use std::fmt;
use std::sync::Arc;

use crate::node::Word;

/// How one probe went wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// Nobody listens there: proof, not suspicion.
    Refused,
    /// No answer within the limit.
    Timeout,
    /// An HTTP answer that is neither 2xx nor 3xx.
    Status(u16),
    /// An answer that is not HTTP.
    NotHttp,
    /// The network said otherwise.
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Timeout => f.write_str("timeout"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::NotHttp => f.write_str("not an HTTP answer"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// What the webapp is taken for, and on what grounds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wellness {
    state: State,
    failures: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Starting,
    Ready,
    Down,
}

impl Wellness {
    /// Of a webapp that has not answered yet.
    pub fn starting() -> Self {
        Self {
            state: State::Starting,
            failures: 0,
        }
    }

    /// Whether it answered last.
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Whether it has never answered.
    pub fn is_starting(&self) -> bool {
        self.state == State::Starting
    }

    /// Takes in one outcome; gives the new word, when there is one. A webapp that has never
    /// answered is starting, however often it fails.
    pub fn observe(&mut self, outcome: &Result<(), Failure>) -> Option<Word> {
        match outcome {
            Ok(()) => {
                self.failures = 0;
                let news = !self.is_ready();
                self.state = State::Ready;
                news.then_some(Word::Ready)
            }
            Err(failure) => {
                self.failures += 1;
                let enough = *failure == Failure::Refused || self.failures >= FALL;
                if !(self.is_ready() && enough) {
                    return None;
                }
                self.state = State::Down;
                Some(Word::Down(Arc::from(failure.to_string())))
            }
        }
    }
}

/// Failures in a row that make a webapp down, when none of them is a proof: one may be a
/// pause of its garbage collector.
const FALL: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(outcomes: &[Result<(), Failure>]) -> Vec<Word> {
        let mut wellness = Wellness::starting();
        outcomes
            .iter()
            .filter_map(|o| wellness.observe(o))
            .collect()
    }

    #[test]
    fn ready_at_the_first_answer_and_never_down_before() {
        let outcomes = [Err(Failure::Refused), Err(Failure::Timeout), Ok(()), Ok(())];
        assert_eq!(words(&outcomes), [Word::Ready]);
    }

    #[test]
    fn one_refusal_is_proof_and_one_answer_brings_it_back() {
        let outcomes = [Ok(()), Err(Failure::Refused), Err(Failure::Refused), Ok(())];
        let down = Word::Down("connection refused".into());
        assert_eq!(words(&outcomes), [Word::Ready, down, Word::Ready]);
    }

    #[test]
    fn one_slow_answer_is_forgiven_two_are_not() {
        let slow = || Err(Failure::Timeout);
        assert_eq!(
            words(&[Ok(()), slow(), Ok(()), slow(), Ok(())]),
            [Word::Ready]
        );
        let down = Word::Down("timeout".into());
        assert_eq!(words(&[Ok(()), slow(), slow()]), [Word::Ready, down]);
    }

    #[test]
    fn the_reason_is_that_of_the_last_failure() {
        let outcomes = [Ok(()), Err(Failure::Timeout), Err(Failure::Status(503))];
        let down = Word::Down("status 503".into());
        assert_eq!(words(&outcomes), [Word::Ready, down]);
    }
}
