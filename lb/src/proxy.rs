//! One request: checked, routed, sent to a chosen server, again if that may be, answered. Every
//! decision on the way is made elsewhere; this file is the order they are made in.

mod journey;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::UPGRADE;
use hyper::http::response;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};

use self::journey::Journey;
use crate::codec::request::Framing;
use crate::error::{Error, Kind};
use crate::frontend::Seat;
use crate::headers::{self, Caller};
use crate::io::channel::Channel;
use crate::io::download::Download;
use crate::io::record::Ticket;
use crate::io::sender::Broken;
use crate::io::swap::Reporter;
use crate::io::tunnel::Tunnel;
use crate::io::upload::{Progress, Source, Uploads};
use crate::io::upstream::{Borrowed, Refusal, Shard, Want};
use crate::pages;
use crate::pool::choose::{Tried, choose};
use crate::pool::server::{Lease, Server};
use crate::pool::set::{Ledger, SharedPool};
use crate::retry::{self, Failure, Next};
use crate::rules;

/// What every request of one worker needs.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// The pool.
    pub pool: SharedPool,
    /// Where requests go: HAProxy's `default_backend`.
    pub ledger: Arc<Ledger>,
    /// The worker's idle connections.
    pub shard: Arc<Shard>,
    /// Where failures of servers are reported.
    pub reporter: Reporter,
}

/// An attempt that was answered.
struct Answer {
    parts: response::Parts,
    channel: Box<Channel>,
    lease: Lease,
}

/// An attempt that was not.
struct Fault {
    error: Error,
    next: Next,
}

impl Proxy {
    /// Answers one request. Without a `caller` nothing is forwarded about the client; `seat` is kept
    /// by a tunnel that the request may become.
    pub async fn answer(
        &self,
        request: Request<Source>,
        caller: Option<&Caller>,
        seat: Option<&Arc<Seat>>,
    ) -> Response<Download> {
        let mut ticket = self.shard.recorder().begin();
        let (mut parts, source) = request.into_parts();
        if let Err(error) = rules::check(&parts) {
            return refuse(&error, ticket);
        }
        ticket.routed(&self.ledger);
        // hyper grants none to HTTP/1.0, and then none must be asked for.
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        headers::to_server(&mut parts, caller, upgrade.is_some());
        let policy = self.shard.policy();
        let uploads = Uploads::new(source, policy.timeouts.client);
        let mut journey = Journey {
            idempotent: retry::is_idempotent(&parts.method),
            hangups: 0,
            framing: Framing::state(&mut parts.headers, !uploads.is_none()),
            uploads,
            parts,
            ticket,
            left: policy.retry.retries,
        };
        match self.attempts(&mut journey).await {
            Ok(answer) => self.relay(answer, journey, upgrade, seat),
            Err(error) => refuse(&error, journey.ticket),
        }
    }

    /// Attempts until one is answered or no more may be made. Each sees one pool.
    async fn attempts(&self, journey: &mut Journey) -> Result<Answer, Error> {
        let mut tried = Tried::default();
        let mut last = Error::new(Kind::NoServer);
        let mut stale: Option<Arc<Server>> = None;
        loop {
            // Only a connection was stale: the same server again, which counts as one assignment.
            let same = stale.take().and_then(|server| server.lease());
            let want = journey.want(same.is_some());
            let is_new = same.is_none();
            let Some(lease) = same.or_else(|| self.choose(&tried)) else {
                return Err(last);
            };
            let server = Arc::clone(lease.server());
            if is_new {
                journey.ticket.assigned(&server.row);
            }
            let fault = match self.attempt(journey, lease, want).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            last = fault.error;
            tracing::debug!(next = ?fault.next, error = %last, "attempt failed");
            match fault.next {
                Next::GiveUp(_) => return Err(last),
                Next::Fresh => stale = Some(server),
                Next::Elsewhere => tried.add(server.uid),
            }
            journey.left -= 1;
            journey.ticket.retried(stale.is_some());
        }
    }

    fn choose(&self, tried: &Tried) -> Option<Lease> {
        choose(self.pool.load().services.get(&self.ledger.name)?, tried)
    }

    async fn attempt(
        &self,
        journey: &mut Journey,
        lease: Lease,
        want: Want,
    ) -> Result<Answer, Fault> {
        let server = Arc::clone(lease.server());
        let now = journey.ticket.now();
        let mut channel = match self.shard.connect(&lease, &self.ledger, want, now).await {
            Ok(channel) => channel,
            Err(refusal) => return Err(self.unconnected(journey, &server, refusal)),
        };
        journey.ticket.connected(channel.reused);
        let Some(upload) = journey.uploads.attempt() else {
            let error = Error::new(Kind::EmptyResponse).at(server.addr);
            return Err(Fault {
                error,
                next: Next::GiveUp(retry::Reason::BodyGone),
            });
        };
        let meter = Arc::clone(channel.meter());
        let (sent, read) = (meter.written(), meter.read());
        channel.ask(&journey.parts, journey.framing.clone(), upload);
        match self.exchange(journey, &server, &mut channel).await {
            Ok(parts) => Ok(Answer {
                parts,
                channel,
                lease,
            }),
            Err(error) => {
                let reused = channel.reused;
                // An untouched body comes back with that.
                drop(channel);
                let failure = Failure {
                    bytes_sent: meter.written() > sent,
                    answered: meter.read() > read,
                    ..journey.failure(reused)
                };
                Err(self.unanswered(journey, &server, failure, error))
            }
        }
    }

    /// Sends the request and waits for the response's header.
    async fn exchange(
        &self,
        journey: &Journey,
        server: &Server,
        channel: &mut Channel,
    ) -> Result<response::Parts, Error> {
        let method = &journey.parts.method;
        // Nearly all answers come soon; only for the others does one listen to the server's state.
        if let Some(result) = channel.answer_within(SOON, method).await {
            return result.map_err(broken);
        }
        // In a box: few requests come here, and all would carry the room for it.
        Box::pin(self.wait(journey, server, channel)).await
    }

    /// Waits for a response's header that does not come soon.
    async fn wait(
        &self,
        journey: &Journey,
        server: &Server,
        channel: &mut Channel,
    ) -> Result<response::Parts, Error> {
        let meter = Arc::clone(channel.meter());
        let mut answer = pin!(channel.answer(&journey.parts.method));
        let repeatable = journey.idempotent && journey.uploads.is_none();
        let step = self.shard.policy().timeouts.server / SHARES;
        let moved = || meter.written() + meter.read();
        let (mut last, mut silent) = (moved(), 0);
        loop {
            tokio::select! {
                biased;
                result = &mut answer => return result.map_err(broken),
                () = server.out(), if repeatable => return Err(Error::new(Kind::WentDown)),
                () = tokio::time::sleep(step) => {
                    // While the client has something to send, its silence is not the server's.
                    let now = moved();
                    silent = if now == last && journey.uploads.is_settled() { silent + 1 } else { 0 };
                    last = now;
                    if silent >= SHARES {
                        return Err(Error::new(Kind::ServerTimeout));
                    }
                }
            }
        }
    }

    fn unconnected(&self, journey: &Journey, server: &Arc<Server>, refusal: Refusal) -> Fault {
        let error = match refusal {
            Refusal::Abandoned => Error::new(Kind::Connect),
            Refusal::Ours(cause) => {
                tracing::warn!(%cause, "cannot connect to servers");
                Error::new(Kind::OutOfResources).because(cause)
            }
            Refusal::TimedOut => {
                self.reporter.unreachable(server, None);
                Error::new(Kind::ConnectTimeout)
            }
            Refusal::Failed(cause) => {
                self.reporter.unreachable(server, Some(&cause));
                Error::new(Kind::Connect).because(cause)
            }
        };
        let next = match error.kind() {
            // The next attempt would want for the same.
            Kind::OutOfResources => Next::GiveUp(retry::Reason::Final),
            _ => retry::decide(journey.failure(false)),
        };
        Fault {
            error: error.at(server.addr),
            next,
        }
    }

    fn unanswered(
        &self,
        journey: &mut Journey,
        server: &Arc<Server>,
        failure: Failure,
        error: Error,
    ) -> Fault {
        // A body that is gone because its client is, is the client's doing.
        let error = match journey.uploads.progress() {
            Progress::ClientGone => Error::new(Kind::ClientGone),
            Progress::ClientTimeout => Error::new(Kind::ClientTimeout),
            _ => error.at(server.addr),
        };
        let fresh = !failure.reused && !failure.answered;
        let next = match error.kind() {
            Kind::EmptyResponse if fresh => {
                self.reporter.doubtful(server);
                journey.hangups += 1;
                let hangups = journey.hangups;
                retry::decide(Failure { hangups, ..failure })
            }
            Kind::EmptyResponse | Kind::BadResponse | Kind::WentDown => retry::decide(failure),
            _ => Next::GiveUp(retry::Reason::Final),
        };
        Fault { error, next }
    }

    /// Hands the answer on, and with it everything that is held until its body has ended.
    fn relay(
        &self,
        answer: Answer,
        journey: Journey,
        upgrade: Option<OnUpgrade>,
        seat: Option<&Arc<Seat>>,
    ) -> Response<Download> {
        let Answer {
            mut parts,
            channel,
            lease,
        } = answer;
        let mut ticket = journey.ticket;
        let timeouts = self.shard.policy().timeouts;
        if let Err(error) = rules::check_answer(&parts) {
            return refuse(&error, ticket);
        }
        headers::to_client(&mut parts);
        if parts.status != StatusCode::SWITCHING_PROTOCOLS {
            ticket.answered(parts.status.as_u16());
            let held = Borrowed {
                channel,
                lease,
                shard: Arc::clone(&self.shard),
            };
            let body = Download::relay(ticket, held, timeouts.server);
            return Response::from_parts(parts, body);
        }
        let meter = Arc::clone(channel.meter());
        // hyper offers an upgrade for any `Upgrade` field, also for one that was not sent on.
        let upgrade = upgrade.filter(|_| journey.parts.headers.contains_key(UPGRADE));
        let (Some(client), Some(server)) = (upgrade, channel.into_pipe()) else {
            return refuse(&Error::new(Kind::BadResponse), ticket);
        };
        ticket.answered(parts.status.as_u16());
        let tunnel = Tunnel {
            client,
            server,
            meter,
            patience: timeouts.tunnel,
            seat: seat.cloned(),
        };
        tokio::spawn(tunnel.run(ticket, lease));
        Response::from_parts(parts, Download::from(bytes::Bytes::new()))
    }
}

/// What a broken exchange means.
fn broken(broken: Broken) -> Error {
    let kind = match &broken {
        Broken::Malformed(_) => Kind::BadResponse,
        // The server has stopped reading the request.
        Broken::Connection(error) if error.kind() == io::ErrorKind::TimedOut => Kind::ServerTimeout,
        Broken::Connection(_) => Kind::EmptyResponse,
        // Not the server's doing.
        Broken::Upload(_) => Kind::ClientGone,
    };
    Error::new(kind).because(broken)
}

/// The answer to a request that no server answered.
fn refuse(error: &Error, ticket: Ticket) -> Response<Download> {
    let status = error.status();
    ticket.failed(status.as_u16(), error.end());
    pages::page(status)
}

/// Longer than nearly every answer takes.
const SOON: Duration = Duration::from_millis(100);
/// A server's silence is measured in shares of its timeout.
const SHARES: u32 = 8;
