//! How a process ended, as plain values and words. Who waits for it is `children`.

use std::fmt;

/// How a child ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// By itself, with this exit code.
    Exited(u8),
    /// By this signal.
    Killed(u8),
}

impl Ended {
    /// As a shell would give it on: 128 and the signal's number.
    pub fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => signal.saturating_add(128),
        }
    }

    /// Whether it ended as a program does that has done its work.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with {code}"),
            Self::Killed(signal) => match NAMES.iter().find(|(number, _)| number == signal) {
                Some((_, name)) => write!(f, "was killed by SIG{name}"),
                None => write!(f, "was killed by signal {signal}"),
            },
        }
    }
}

/// Those whose numbers are the same on every Linux (signal(7)).
const NAMES: [(u8, &str); 11] = [
    (1, "HUP"),
    (2, "INT"),
    (3, "QUIT"),
    (4, "ILL"),
    (6, "ABRT"),
    (8, "FPE"),
    (9, "KILL"),
    (11, "SEGV"),
    (13, "PIPE"),
    (14, "ALRM"),
    (15, "TERM"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_a_shells_and_words_a_persons() {
        let check = |ended: Ended, code, text| {
            assert_eq!((ended.code(), &*ended.to_string()), (code, text));
        };
        check(Ended::Exited(0), 0, "exited with 0");
        check(Ended::Exited(7), 7, "exited with 7");
        check(Ended::Killed(9), 137, "was killed by SIGKILL");
        check(Ended::Killed(40), 168, "was killed by signal 40");
        assert!(Ended::Exited(0).is_success() && !Ended::Killed(15).is_success());
    }
}
