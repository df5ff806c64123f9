//! Pure: whether an attempt that failed may be made again (RFC 9110 section 9.2.2; HAProxy 2.6
//! manual, section 4.2 `retries`, `retry-on`).

use hyper::Method;

/// What is known about an attempt that failed.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// Whether any byte of the request left on this attempt's connection.
    pub bytes_sent: bool,
    /// Whether any byte of a response arrived.
    pub answered: bool,
    /// Whether the connection had served a request before.
    pub reused: bool,
    /// Whether the request's body, if it has one, is still whole.
    pub body_intact: bool,
    /// Whether the method may be repeated without harm.
    pub idempotent: bool,
    /// Attempts left.
    pub left: u32,
    /// Fresh connections that ended without an answer, this one included.
    pub hangups: u32,
}

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// The same server, on a fresh connection: only the connection was stale.
    Fresh,
    /// Another server.
    Elsewhere,
    /// Tell the client.
    GiveUp(Reason),
}

/// Why an attempt is not made again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// No attempts left.
    Exhausted,
    /// Part of the body is gone.
    BodyGone,
    /// Part of a response has arrived.
    Answered,
    /// The server may have acted on it, and doing so twice could do harm.
    NotIdempotent,
    /// It has made two servers hang up: a third would too.
    Harmful,
    /// Another attempt would not mend this kind of failure.
    Final,
}

/// Decides; total over all combinations.
#[must_use]
pub const fn decide(failure: Failure) -> Next {
    if failure.left == 0 {
        return Next::GiveUp(Reason::Exhausted);
    }
    if !failure.body_intact {
        return Next::GiveUp(Reason::BodyGone);
    }
    if failure.answered {
        return Next::GiveUp(Reason::Answered);
    }
    if failure.bytes_sent && !failure.idempotent {
        return Next::GiveUp(Reason::NotIdempotent);
    }
    if failure.hangups > 1 {
        return Next::GiveUp(Reason::Harmful);
    }
    if failure.reused {
        Next::Fresh
    } else {
        Next::Elsewhere
    }
}

/// Whether repeating a request of this method has the effect of making it once (RFC 9110,
/// section 9.2.2).
#[must_use]
pub fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Failure = Failure {
        bytes_sent: true,
        answered: false,
        reused: false,
        body_intact: true,
        idempotent: true,
        left: 3,
        hangups: 1,
    };

    #[test]
    fn decisions() {
        let check = |failure, expected| assert_eq!(decide(failure), expected, "{failure:?}");
        check(FAILED, Next::Elsewhere);
        check(
            Failure {
                reused: true,
                ..FAILED
            },
            Next::Fresh,
        );
        check(
            Failure { left: 0, ..FAILED },
            Next::GiveUp(Reason::Exhausted),
        );
        check(
            Failure {
                answered: true,
                ..FAILED
            },
            Next::GiveUp(Reason::Answered),
        );
        check(
            Failure {
                body_intact: false,
                ..FAILED
            },
            Next::GiveUp(Reason::BodyGone),
        );
        check(
            Failure {
                hangups: 2,
                ..FAILED
            },
            Next::GiveUp(Reason::Harmful),
        );
        let post = Failure {
            idempotent: false,
            ..FAILED
        };
        check(post, Next::GiveUp(Reason::NotIdempotent));
        check(
            Failure {
                bytes_sent: false,
                ..post
            },
            Next::Elsewhere,
        );
        check(
            Failure {
                bytes_sent: false,
                reused: true,
                ..post
            },
            Next::Fresh,
        );
    }

    #[test]
    fn a_post_is_never_sent_twice() {
        for bits in 0..32_u32 {
            let failure = Failure {
                bytes_sent: true,
                answered: bits & 1 != 0,
                reused: bits & 2 != 0,
                body_intact: bits & 4 != 0,
                idempotent: false,
                left: bits >> 3,
                hangups: 0,
            };
            assert!(matches!(decide(failure), Next::GiveUp(_)), "{failure:?}");
        }
    }
}
