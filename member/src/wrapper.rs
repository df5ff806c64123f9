//! A member around its webapp: starts it, drains before it passes a signal on to stop, says at
//! once when it has ended, starts it again if asked to, and gives its exit code on.

use std::convert::Infallible;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::agent::{Agent, DrainReport};
use crate::children::Children;
use crate::desk::Leaving;
use crate::ended::Ended;
use crate::program::{Program, Running, Unstartable, send};
use crate::restart::{BackOff, Restart, patience};
use crate::signals::{Passing, Signals};

/// What to wrap, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wrapping {
    /// What to run.
    pub program: Program,
    /// Whether it is started again when it ends by itself.
    pub restart: Restart,
    /// The longest wait for balancers to let go, before it is told to stop.
    pub drain_timeout: Duration,
    /// How long it may take to stop before it is killed; `None`: what the drain has left of 9.5 s,
    /// at least 1.5 s.
    pub stop_timeout: Option<Duration>,
}

/// What a wrapper listens to: everything that may happen but the end of its program.
#[derive(Debug)]
pub struct Ears {
    /// Who asks it to stop.
    pub asking: Asking,
    /// The signals that are the program's.
    pub passing: Passing,
    /// The ends of children.
    pub children: Children,
}

/// Who asks a wrapper to stop.
#[derive(Debug)]
pub struct Asking {
    signals: Signals,
    /// Those who ask over the control socket.
    pub leaving: Option<mpsc::Receiver<Leaving>>,
}

impl Ears {
    /// Listens from now on, on the current tokio runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            asking: Asking {
                signals: Signals::new()?,
                leaving: None,
            },
            passing: Passing::new()?,
            children: Children::new()?,
        })
    }
}

impl Asking {
    async fn next(&mut self) -> (Signal, Option<Leaving>) {
        let asked = async {
            match &mut self.leaving {
                Some(leaving) => leaving.recv().await,
                None => None,
            }
        };
        tokio::select! {
            signal = self.signals.asked() => (signal, None),
            Some(leaving) = asked => (Signal::TERM, Some(leaving)),
        }
    }
}

/// Runs the program until it has ended for good, and leaves the cluster; its exit code, 128 and the
/// signal's number when a signal ended it.
///
/// # Errors
/// It could not be started the first time.
pub async fn run(agent: Agent, wrapping: Wrapping, ears: Ears) -> Result<u8, Unstartable> {
    let app = wrapping.program.start(&ears.children)?;
    let wrapper = Wrapper {
        back_off: BackOff::new(wrapping.restart),
        agent,
        wrapping,
        ears,
    };
    Ok(wrapper.run(app).await)
}

struct Wrapper {
    agent: Agent,
    wrapping: Wrapping,
    ears: Ears,
    back_off: BackOff,
}

impl Wrapper {
    async fn run(mut self, mut app: Running) -> u8 {
        loop {
            tracing::info!("app started, process {}", app.pid().as_raw_pid());
            let (pid, began) = (app.pid(), Instant::now());
            let ended = tokio::select! {
                ended = app.ended() => ended,
                (signal, asked) = self.ears.asking.next() => return self.stop(app, signal, asked).await,
                never = pass_on(&mut self.ears.passing, Some(pid)) => match never {},
            };
            self.agent.duty().lost(&format!("app {ended}")).await;
            app = match self.another(ended, began.elapsed()).await {
                Ok(app) => app,
                Err((code, asked)) => {
                    let began = Instant::now();
                    self.ears.asking.leaving = None;
                    self.agent.leave().await;
                    tracing::info!("left");
                    // It served nobody any more.
                    tell(asked, DrainReport::of_nobody(began.elapsed())).await;
                    return code;
                }
            };
            self.agent.duty().found();
        }
    }

    /// The next life of a program that has ended by itself; else the exit code of the last,
    /// and whoever has asked it to leave meanwhile.
    async fn another(
        &mut self,
        mut ended: Ended,
        mut lived: Duration,
    ) -> Result<Running, (u8, Option<Leaving>)> {
        loop {
            let again = self.back_off.after(ended, lived);
            if let Some(pause) = again {
                tracing::warn!("starting it again in {pause:?}");
            }
            tokio::select! {
                () = sleep(again.unwrap_or(HEARD)) => {}
                (_, asked) = self.ears.asking.next() => return Err((ended.code(), asked)),
                never = pass_on(&mut self.ears.passing, None) => match never {},
            }
            if again.is_none() {
                return Err((ended.code(), None));
            }
            match self.wrapping.program.start(&self.ears.children) {
                Ok(app) => return Ok(app),
                Err(error) => {
                    tracing::warn!("{}", error.line());
                    (ended, lived) = (Ended::Exited(error.code()), Duration::ZERO);
                }
            }
        }
    }

    /// Drains, and only then passes `signal` on; the exit code.
    async fn stop(mut self, mut app: Running, signal: Signal, asked: Option<Leaving>) -> u8 {
        let began = Instant::now();
        // Whoever else asks is answered that it leaves already; a second signal is in earnest.
        self.ears.asking.leaving = None;
        let (report, again) = self.drain(&mut app).await;
        let report = report.unwrap_or_else(|| self.agent.duty().report(began.elapsed()));
        let signal = again.unwrap_or(signal);
        let patience = patience(self.wrapping.stop_timeout, began.elapsed());
        let ended = self.end(&mut app, signal, patience).await;
        tracing::info!("app {ended}");
        self.agent.leave().await;
        tracing::info!("left after {:?}", began.elapsed());
        tell(asked, report).await;
        ended.code()
    }

    /// Waits until balancers have let go, or until that is of no use; how it went, or the signal
    /// that cut it short.
    async fn drain(&mut self, app: &mut Running) -> (Option<DrainReport>, Option<Signal>) {
        let pid = app.pid();
        tokio::select! {
            report = self.agent.release(self.wrapping.drain_timeout) => {
                report.complaints().for_each(|line| tracing::warn!("{line}"));
                let balancers = report.in_words();
                tracing::info!("{balancers} had let go after {:?}", report.took);
                (Some(report), None)
            }
            (signal, _) = self.ears.asking.next() => {
                tracing::warn!("asked again to stop: not waiting for balancers");
                (None, Some(signal))
            }
            _ = app.ended() => (None, None),
            never = pass_on(&mut self.ears.passing, Some(pid)) => match never {},
        }
    }

    /// Tells it to end, and kills it when it has not in time or somebody asks once more.
    async fn end(&mut self, app: &mut Running, signal: Signal, patience: Duration) -> Ended {
        let pid = app.pid();
        app.signal(signal);
        tokio::select! {
            ended = timeout(patience, app.ended()) => match ended {
                Ok(ended) => return ended,
                Err(_) => tracing::warn!("app has not stopped within {patience:?}: killing it"),
            },
            _ = self.ears.asking.next() => tracing::warn!("asked again to stop: killing the app"),
            never = pass_on(&mut self.ears.passing, Some(pid)) => match never {},
        }
        app.kill();
        app.ended().await
    }
}

/// Tells whoever has asked it to leave how that went.
async fn tell(asked: Option<Leaving>, report: DrainReport) {
    if let Some(asked) = asked {
        asked.report(&report).await;
    }
}

/// Passes on what is the program's, for ever; drops it while there is none.
async fn pass_on(passing: &mut Passing, pid: Option<Pid>) -> Infallible {
    loop {
        let signal = passing.next().await;
        if let Some(pid) = pid {
            send(pid, signal);
        }
    }
}

/// Between the word that the app is down and the one that its member has left: both must arrive,
/// since requests in flight are made elsewhere for the first only.
const HEARD: Duration = Duration::from_millis(100);
