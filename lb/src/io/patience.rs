//! How long a peer may keep something waiting: timers that are armed by waiting, not by every
//! step, so that whoever is never kept waiting pays nothing for them, and that are used again,
//! since moving one to a later time costs far less than a new one.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt;
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

/// A limit, and the wait that is under way.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting: None,
        }
    }

    /// Something has moved: the next wait begins anew.
    pub(super) fn renew(&mut self) {
        self.waiting = None;
    }

    /// Nothing moves: ready when that has lasted too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let begin = || Box::pin(sleep(limit));
        self.waiting.get_or_insert_with(begin).as_mut().poll(cx)
    }
}

/// A timer that is set again and again.
#[derive(Debug, Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    pub(super) fn set(&mut self, deadline: Instant) {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.0 = Some(Box::pin(sleep_until(deadline))),
        }
    }

    /// Ready at the time it was last set to; at once if it never was.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }
}

/// hyper's timer for one connection. hyper wants a new one for every header it waits for and drops
/// it when the header is there; this one lends the same again.
#[derive(Clone, Debug, Default)]
pub(super) struct Lender(Arc<Mutex<Alarm>>);

impl Lender {
    fn swap(&self, alarm: Alarm) -> Alarm {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut slot, alarm)
    }
}

impl rt::Timer for Lender {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        let mut alarm = self.swap(Alarm::default());
        alarm.set(deadline.into());
        Box::pin(Loan {
            alarm,
            lender: self.clone(),
        })
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

#[derive(Debug)]
struct Loan {
    alarm: Alarm,
    lender: Lender,
}

impl Future for Loan {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.alarm.poll(cx)
    }
}

impl rt::Sleep for Loan {}

impl Drop for Loan {
    fn drop(&mut self) {
        self.lender.swap(std::mem::take(&mut self.alarm));
    }
}

/// What ends first of up to three attempts, each of them begun when those before have kept us waiting;
/// later ones only if there is `room` for them, and only what `counts` of how they end.
pub(super) async fn insist<T, F: Future<Output = T>>(
    attempt: impl Fn() -> F,
    room: &Semaphore,
    counts: impl Fn(&T) -> bool,
) -> T {
    let mut first = pin!(attempt());
    if let Ok(ended) = timeout(SECOND_AFTER, &mut first).await {
        return ended;
    }
    let Ok(_place) = room.try_acquire() else {
        return first.await;
    };
    let mut second = pin!(counted(attempt(), &counts));
    tokio::select! {
        ended = &mut first => return ended,
        ended = &mut second => return ended,
        () = sleep(THIRD_AFTER) => {}
    }
    let third = pin!(counted(attempt(), &counts));
    tokio::select! {
        ended = first => ended,
        ended = second => ended,
        ended = third => ended,
    }
}

/// As the attempt ends if that counts, else never.
async fn counted<T>(attempt: impl Future<Output = T>, counts: impl Fn(&T) -> bool) -> T {
    let ended = attempt.await;
    if counts(&ended) {
        ended
    } else {
        pending().await
    }
}

/// Far longer than a round trip within a site, and short enough for one within the 250 ms that a
/// first connect has.
const SECOND_AFTER: Duration = Duration::from_millis(100);
const THIRD_AFTER: Duration = Duration::from_millis(400);

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use hyper::rt::Timer;

    use super::*;

    /// Which attempt was answered, and when, if those before `answered` are lost and those of `failing`
    /// come to nothing for want of something of ours.
    async fn insisted(answered: usize, failing: &[usize], places: usize) -> (usize, Duration) {
        let (began, attempts) = (Instant::now(), Cell::new(0));
        let attempt = || {
            let number = attempts.replace(attempts.get() + 1);
            async move {
                if number < answered && !failing.contains(&number) {
                    pending::<()>().await;
                }
                number
            }
        };
        let counts = |number: &usize| !failing.contains(number);
        let ended = insist(attempt, &Semaphore::new(places), counts).await;
        (ended, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_not_answered_is_made_again_beside_it() {
        assert_eq!(insisted(0, &[], 1).await, (0, Duration::ZERO));
        assert_eq!(insisted(1, &[], 1).await, (1, SECOND_AFTER));
        assert_eq!(insisted(2, &[], 1).await, (2, SECOND_AFTER + THIRD_AFTER));
        let late = async || sleep(Duration::from_millis(300)).await;
        let began = Instant::now();
        insist(late, &Semaphore::new(1), |()| true).await;
        assert_eq!(
            began.elapsed(),
            Duration::from_millis(300),
            "the first goes on"
        );
        let never = timeout(Duration::from_secs(60), insisted(3, &[], 1));
        assert!(never.await.is_err(), "three and no more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_attempt_takes_nothing_from_the_first() {
        let without_room = timeout(Duration::from_secs(60), insisted(1, &[], 0));
        assert!(without_room.await.is_err(), "no room, no second attempt");
        let third = SECOND_AFTER + THIRD_AFTER;
        assert_eq!(insisted(2, &[1], 1).await, (2, third), "the second fails");
        assert_eq!(insisted(0, &[0], 1).await.0, 0, "the first always counts");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_lent_again_waits_as_long_as_a_new_one() {
        let (lender, limit) = (Lender::default(), Duration::from_secs(10));
        for waited in [3, 9, 0] {
            let mut loan = lender.sleep(limit);
            let early = timeout(Duration::from_secs(waited), &mut loan).await;
            assert!(early.is_err(), "after {waited} s");
        }
        let began = Instant::now();
        lender.sleep(limit).await;
        assert_eq!(began.elapsed(), limit);
        lender.sleep(limit).await;
        assert_eq!(began.elapsed(), limit * 2, "also after it has run out");
    }
}
