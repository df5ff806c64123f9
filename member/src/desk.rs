//! What a member answers on its control socket: what every node does, and the webapp's duty.

use std::future::pending;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::agent::{DrainReport, Duty, Held, has_released};
use crate::control::basics::Basics;
use crate::control::message::{Answer, Holder, Request};
use crate::control::print::in_words;
use crate::control::{Answering, Desk, Reply};
use crate::node::NodeKey;
use crate::parse;

/// A member's desk.
#[derive(Debug)]
pub struct MemberDesk {
    basics: Basics,
    duty: Duty,
    drain_timeout: Duration,
    leave: mpsc::Sender<Leaving>,
}

/// Somebody asks the process to leave.
#[derive(Debug)]
pub struct Leaving {
    tell: oneshot::Sender<DrainReport>,
    told: oneshot::Receiver<()>,
}

impl Leaving {
    /// Tells whoever asked how it went; returns when that is on its way, or after a second.
    pub async fn report(self, report: &DrainReport) {
        if self.tell.send(report.clone()).is_ok() {
            // Whoever does not read it has gone.
            let _ = timeout(Duration::from_secs(1), self.told).await;
        }
    }
}

impl MemberDesk {
    /// Of an agent with this `duty`. Requests to leave go to the receiver: the process is then to
    /// drain, to report, and to end.
    pub fn new(
        basics: Basics,
        duty: Duty,
        drain_timeout: Duration,
    ) -> (Self, mpsc::Receiver<Leaving>) {
        let (leave, leaving) = mpsc::channel(1);
        let desk = Self {
            basics,
            duty,
            drain_timeout,
            leave,
        };
        (desk, leaving)
    }

    async fn handle(&self, request: Request, reply: &Reply) -> Answer {
        let basics = &self.basics;
        match request {
            Request::List {
                name,
                status,
                role,
                tags,
            } => {
                let [name, status, role] = [&name, &status, &role].map(Option::as_deref);
                basics.list(name, status, role, &tags).await
            }
            Request::Info {} => Answer::Info(basics.info().await),
            Request::Keys {} => basics.keys(),
            Request::Monitor { log_level } => basics.monitor(log_level.as_deref(), reply).await,
            Request::Evict { name } => basics.evict(&name).await,
            Request::Tags { set, delete } => basics.tags(&set, &delete).await,
            Request::Weight { weight } => basics.weight(weight).await,
            Request::Drain { timeout } => match self.limit(timeout.as_deref()) {
                Ok(limit) => self.drain(limit, reply).await,
                Err(error) => error,
            },
            Request::Ready { timeout } => match self.limit(timeout.as_deref()) {
                Ok(limit) => self.ready(limit).await,
                Err(error) => error,
            },
            Request::Leave {} => self.leave(reply).await,
        }
    }

    async fn drain(&self, limit: Duration, reply: &Reply) -> Answer {
        let tell = |held| reply.offer(progress(held));
        match self.duty.drain(limit, tell).await {
            None => Answer::Error("`ready` was asked for meanwhile: on duty again".to_owned()),
            Some(report) => verdict(&report, "drained"),
        }
    }

    async fn ready(&self, limit: Duration) -> Answer {
        if self.duty.resume(limit).await {
            Answer::Done("ready".to_owned())
        } else if self.duty.is_leaving() {
            Answer::Error("it leaves".to_owned())
        } else {
            let why = "the webapp does not answer its probe";
            Answer::Error(format!(
                "not yet ready: {why}; it is announced as soon as it does"
            ))
        }
    }

    /// Ends with the process.
    async fn leave(&self, reply: &Reply) -> Answer {
        let ((tell, mut report), (written, told)) = (oneshot::channel(), oneshot::channel());
        if self.leave.try_send(Leaving { tell, told }).is_err() {
            return Answer::Error("it leaves already".to_owned());
        }
        let told = async {
            self.duty.released(|held| reply.offer(progress(held))).await;
            pending::<()>().await;
        };
        let report = tokio::select! {
            report = &mut report => report,
            () = told => return Answer::Error("it does not leave".to_owned()),
        };
        let Ok(report) = report else {
            return Answer::Error("it was ended before it had left".to_owned());
        };
        reply.tell(verdict(&report, "left")).await;
        reply.flush().await;
        // Whoever waits for it may have ended.
        let _ = written.send(());
        pending().await
    }

    fn limit(&self, text: Option<&str>) -> Result<Duration, Answer> {
        let Some(text) = text else {
            return Ok(self.drain_timeout);
        };
        let wrong = |rule| Answer::Error(format!("timeout {text:?}: expected {rule}"));
        parse::duration(text).map_err(wrong)
    }
}

impl Desk for MemberDesk {
    fn answer<'a>(&'a self, request: Request, reply: &'a Reply) -> Answering<'a> {
        Box::pin(self.handle(request, reply))
    }
}

fn progress(held: Vec<Held>) -> Answer {
    let holder = |held: Held| Holder {
        released: has_released(&held),
        inflight: held.1.map(|receipt| receipt.inflight),
        balancer: held.0.name.to_string(),
    };
    Answer::Draining(held.into_iter().map(holder).collect())
}

/// Whether everybody has let go, in words.
fn verdict(report: &DrainReport, done: &str) -> Answer {
    let took = report.took.as_millis();
    if report.undrained.is_empty() {
        return Answer::Done(match report.drained.len() {
            0 => format!("{done}: no balancer had to be waited for"),
            1 => format!("{done} in {took} ms: 1 balancer has let go"),
            many => format!("{done} in {took} ms: {many} balancers have let go"),
        });
    }
    let holder = |(key, inflight): &(NodeKey, Option<u64>)| Holder {
        balancer: key.name.to_string(),
        inflight: *inflight,
        released: false,
    };
    let holders: Vec<_> = report.undrained.iter().map(holder).collect();
    let told = in_words(&holders);
    Answer::Error(format!("not {done} within {took} ms: {told}"))
}
