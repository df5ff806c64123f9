//! The agent beside a webapp: announces it, follows its health, and takes it out of service
//! without losing a request. Usable in process; `main` is only its command line.

mod duty;

use std::time::Duration;

use crate::error::Error;
use crate::gossip::{Gossip, GossipConfig};
use crate::probe::Rhythm;

pub use duty::{DrainReport, Duty, Held, has_released};

/// How an agent works.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Who it is and how it gossips. The path of the node's check is also the agent's own.
    pub gossip: GossipConfig,
    /// How often it asks the webapp.
    pub rhythm: Rhythm,
}

impl AgentConfig {
    /// With the default rhythm.
    pub fn new(gossip: GossipConfig) -> Self {
        Self {
            gossip,
            rhythm: Rhythm::default(),
        }
    }
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    gossip: Gossip,
    duty: Duty,
}

impl Agent {
    /// Begins to announce the webapp. It waits for neither a balancer nor the webapp.
    ///
    /// # Errors
    /// As [`Gossip::start`].
    pub async fn start(config: AgentConfig) -> Result<Self, Error> {
        let path = config.gossip.node.check.clone();
        let gossip = Gossip::start(config.gossip).await?;
        let duty = Duty::begin(gossip.clone(), path, config.rhythm);
        Ok(Self { gossip, duty })
    }

    /// The agent's gossip.
    pub fn gossip(&self) -> &Gossip {
        &self.gossip
    }

    /// The webapp's duty, to take it out of rotation and put it back.
    pub fn duty(&self) -> &Duty {
        &self.duty
    }

    /// Takes the webapp out of service: says `draining` until every balancer that is heard
    /// has let go of all its requests, at most for `limit`; then says `left` and ends. After
    /// that the webapp may stop. Without a balancer it leaves at once.
    pub async fn drain(self, limit: Duration) -> DrainReport {
        let report = self.release(limit).await;
        self.leave().await;
        report
    }

    /// The first half of [`drain`](Self::drain): it does not leave yet, but nobody puts it back on
    /// duty any more.
    pub async fn release(&self, limit: Duration) -> DrainReport {
        self.duty.end_for_good();
        loop {
            // Once more if somebody was just putting it back.
            if let Some(report) = self.duty.drain(limit, |_| {}).await {
                return report;
            }
        }
    }

    /// Says `left` and ends.
    pub async fn leave(self) {
        self.duty.unwatch().await;
        self.gossip.clone().leave().await;
    }

    /// Ends without a word, as a crash would; so does dropping it.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.duty.end();
    }
}

#[cfg(test)]
mod tests;
