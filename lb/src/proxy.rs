//! One request: checked, routed, sent to a chosen server, again if that may be, answered. Every
//! decision on the way is made elsewhere; this file is the order they are made in.

mod journey;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};

use self::journey::Journey;
use crate::error::{Error, Kind};
use crate::frontend::Seat;
use crate::headers::{self, Ends};
use crate::io::download::Download;
use crate::io::record::Ticket;
use crate::io::swap::Reporter;
use crate::io::tunnel::Tunnel;
use crate::io::upload::{Progress, Source, Upload, Uploads};
use crate::io::upstream::{Borrowed, Channel, Refusal, Shard, Want};
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
    response: Response<Incoming>,
    channel: Channel,
    lease: Lease,
}

/// An attempt that was not.
struct Fault {
    error: Error,
    next: Next,
}

impl Proxy {
    /// Answers one request. Without `ends` nothing is forwarded about the client; `seat` is kept by
    /// a tunnel that the request may become.
    pub async fn answer(
        &self,
        request: Request<Source>,
        ends: Option<Ends>,
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
        headers::to_server(&mut parts, ends, upgrade.is_some());
        let policy = self.shard.policy();
        let mut journey = Journey {
            idempotent: retry::is_idempotent(&parts.method),
            hangups: 0,
            uploads: Uploads::new(source, policy.timeouts.client),
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
        let mut channel = match self.shard.connect(&lease, &self.ledger, want).await {
            Ok(channel) => channel,
            Err(refusal) => return Err(self.unconnected(journey, &server, refusal)),
        };
        journey.ticket.connected(channel.reused);
        let Some(request) = journey.request() else {
            let error = Error::new(Kind::EmptyResponse).at(server.addr);
            return Err(Fault {
                error,
                next: Next::GiveUp(retry::Reason::BodyGone),
            });
        };
        let (sent, read) = (channel.meter().written(), channel.meter().read());
        match self.exchange(journey, &server, &mut channel, request).await {
            Ok(response) => Ok(Answer {
                response,
                channel,
                lease,
            }),
            Err(error) => {
                let failure = Failure {
                    bytes_sent: channel.meter().written() > sent,
                    answered: channel.meter().read() > read,
                    ..journey.failure(channel.reused)
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
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, Error> {
        let meter = Arc::clone(channel.meter());
        let response = channel.send(request);
        tokio::pin!(response);
        // Nearly all answers come soon; only for the others does one listen to the server's state.
        tokio::select! {
            biased;
            result = &mut response => return result.map_err(broken),
            () = tokio::time::sleep(SOON) => {}
        }
        let repeatable = journey.idempotent && journey.uploads.is_none();
        let step = self.shard.policy().timeouts.server / SHARES;
        let moved = || meter.written() + meter.read();
        let (mut last, mut silent) = (moved(), 0);
        loop {
            tokio::select! {
                biased;
                result = &mut response => return result.map_err(broken),
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
            mut response,
            channel,
            lease,
        } = answer;
        let Journey {
            mut ticket,
            uploads,
            ..
        } = journey;
        let timeouts = self.shard.policy().timeouts;
        let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let ours = hyper::upgrade::on(&mut response);
        let (mut parts, body) = response.into_parts();
        if let Err(error) = rules::check_answer(&parts) {
            return refuse(&error, ticket);
        }
        headers::to_client(&mut parts);
        let meter = Arc::clone(channel.meter());
        let held = Borrowed {
            channel,
            lease,
            shard: Arc::clone(&self.shard),
            uploads,
        };
        match (switching, upgrade) {
            (true, None) => refuse(&Error::new(Kind::BadResponse), ticket),
            (true, Some(client)) => {
                ticket.answered(parts.status.as_u16());
                let tunnel = Tunnel {
                    client,
                    server: ours,
                    meter,
                    patience: timeouts.tunnel,
                    seat: seat.cloned(),
                };
                tokio::spawn(tunnel.run(ticket, held));
                Response::from_parts(parts, Download::from(bytes::Bytes::new()))
            }
            (false, _) => {
                ticket.answered(parts.status.as_u16());
                let body = Download::relay(body, ticket, held, timeouts.server);
                Response::from_parts(parts, body)
            }
        }
    }
}

/// What an error of hyper's client means.
fn broken(error: hyper::Error) -> Error {
    let kind = if error.is_parse() {
        Kind::BadResponse
    } else if stalled(&error) {
        Kind::ServerTimeout
    } else {
        Kind::EmptyResponse
    };
    Error::new(kind).because(error)
}

/// Whether the server has stopped reading the request.
fn stalled(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &io::Error| cause.kind() == io::ErrorKind::TimedOut)
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
