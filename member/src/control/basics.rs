//! What every node can answer, balancer or member: who is there, how it is, what changes, and
//! that a silent node is not to be waited for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::filter::Filter;
use super::info::{self, Sections, section};
use super::message::{self, Answer, Event, LogLine};
use super::news::news;
use super::roll::{Member, roll};
use super::server::Reply;
use crate::eviction::EvictError;
use crate::gossip::{Given, Gossip};
use crate::log::Tap;
use crate::node::{Edit, Word};
use crate::rules;
use crate::seal::usage;
use crate::snapshot::Presence;

/// A node that is asked.
#[derive(Debug)]
pub struct Basics {
    gossip: Gossip,
    given: Given,
    control: PathBuf,
    began: Instant,
    log: Option<Tap>,
}

impl Basics {
    /// Of the node that `gossip` is, which was started as `given` and is asked at `control`.
    pub fn new(gossip: Gossip, given: Given, control: PathBuf, log: Option<Tap>) -> Self {
        Self {
            gossip,
            given,
            control,
            began: Instant::now(),
            log,
        }
    }

    /// The node.
    pub fn gossip(&self) -> &Gossip {
        &self.gossip
    }

    /// Everybody who matches all filters, this node included.
    pub async fn list(
        &self,
        name: Option<&str>,
        status: Option<&str>,
        role: Option<&str>,
        tags: &BTreeMap<String, String>,
    ) -> Answer {
        match Filter::new(name, status, role, tags) {
            Ok(filter) => {
                let mut members = self.roll().await;
                members.retain(|member| filter.takes(member));
                Answer::Members(members)
            }
            Err(error) => Answer::Error(error),
        }
    }

    /// Which key every node that is heard seals with and holds, this node included.
    pub fn keys(&self) -> Answer {
        let own = self.gossip.own().borrow().clone();
        let known = Arc::clone(&self.gossip.snapshots().borrow());
        let others = known.nodes.values();
        let live =
            others.filter(|seen| seen.presence == Presence::Live && seen.node.word != Word::Left);
        let nodes = own.iter().chain(live).map(|seen| &seen.node);
        Answer::Keys(usage(nodes))
    }

    /// How this node and its gossip are.
    pub async fn info(&self) -> Sections {
        let members = self.roll().await;
        let own = self.gossip.own().borrow().clone();
        let balancers = self.gossip.snapshots().borrow().live_balancers().count();
        let pulse = self.gossip.pulse().await;
        let is_sealed = own.as_ref().is_some_and(|own| !own.node.keys.is_empty());
        let process = [
            ("control", self.control.display().to_string()),
            ("listening", self.gossip.local_addr().to_string()),
            ("uptime_s", self.began.elapsed().as_secs().to_string()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        let node = own.iter().flat_map(|own| info::node(own));
        BTreeMap::from([
            section("agent", node.chain(process)),
            section("runtime", info::runtime()),
            section("cluster", info::cluster(&self.given, &members, balancers)),
            section(
                "gossip",
                info::gossip(is_sealed, &pulse, self.gossip.traffic()),
            ),
            ("tags".to_owned(), info::tags(own.as_deref())),
        ])
    }

    /// Tells `reply` what changes, and what is logged up to `level`, for as long as it is wanted.
    pub async fn monitor(&self, level: Option<&str>, reply: &Reply) -> Answer {
        let mut lines = match (level, &self.log) {
            (None, _) => None,
            (Some(level), Some(log)) => match log.listen(level) {
                Ok(lines) => Some(lines),
                Err(rule) => {
                    return Answer::Error(format!("log level {level:?}: expected {rule}"));
                }
            },
            (Some(_), None) => return Answer::Error("this process does not tell its log".into()),
        };
        let (mut snapshots, mut own) = (self.gossip.snapshots(), self.gossip.own());
        snapshots.mark_unchanged();
        own.mark_unchanged();
        let mut known = self.roll().await;
        let time = unix_milliseconds();
        reply.tell(Answer::Monitoring { time }).await;
        loop {
            let alive = tokio::select! {
                alive = snapshots.changed() => alive.is_ok(),
                alive = own.changed() => alive.is_ok(),
                Some(line) = async {
                    match &mut lines {
                        Some(lines) => lines.next().await,
                        None => std::future::pending().await,
                    }
                } => {
                    let line = LogLine {
                        time: line.time,
                        level: line.level.to_string(),
                        text: line.text,
                    };
                    reply.tell(Answer::Log(line)).await;
                    continue;
                }
            };
            let now = self.roll().await;
            for (event, member) in news(&known, &now) {
                let event = Event {
                    time: unix_milliseconds(),
                    event: event.to_owned(),
                    member,
                };
                reply.tell(Answer::Event(Box::new(event))).await;
            }
            known = now;
            if !alive {
                return Answer::Done("gossip has ended".to_owned());
            }
        }
    }

    /// The silent node `name` counts as left, everywhere.
    pub async fn evict(&self, name: &str) -> Answer {
        match self.gossip.evict(name).await {
            Ok(key) => {
                tracing::warn!("{} is evicted: it counts as left until it speaks", key.name);
                Answer::Done(format!("`{}` counts as left", key.name))
            }
            // Nobody else has that name.
            Err(EvictError::Unknown(name)) if self.is_called(&name) => {
                Answer::Error(EvictError::Oneself(name).to_string())
            }
            Err(error) => Answer::Error(error.to_string()),
        }
    }

    fn is_called(&self, name: &str) -> bool {
        let own = self.gossip.own().borrow().clone();
        own.is_some_and(|own| &*own.node.key.name == name)
    }

    /// Changes this node's tags.
    pub async fn tags(&self, set: &BTreeMap<String, String>, delete: &[String]) -> Answer {
        let mut edit = Edit::default();
        for (name, value) in set {
            match rules::tag(&format!("{name}={value}")) {
                Ok((name, value)) => edit.set.insert(name, value),
                Err(rule) => {
                    return Answer::Error(format!("tag {name}={value:?}: expected {rule}"));
                }
            };
        }
        if let Err(both) = message::apart(set, delete) {
            return Answer::Error(both);
        }
        edit.delete = delete.iter().map(|name| Arc::from(name.as_str())).collect();
        self.edit(edit, "tags changed").await
    }

    /// Changes this node's weight.
    pub async fn weight(&self, weight: u16) -> Answer {
        if let Err(rule) = rules::weight(&weight.to_string()) {
            return Answer::Error(format!("weight {weight}: expected {rule}"));
        }
        let edit = Edit {
            weight: Some(weight),
            ..Edit::default()
        };
        self.edit(edit, &format!("weight is {weight}")).await
    }

    async fn edit(&self, edit: Edit, done: &str) -> Answer {
        match self.gossip.edit(edit).await {
            Ok(()) => Answer::Done(done.to_owned()),
            Err(error) => Answer::Error(format!("too much for one node: {error}")),
        }
    }

    async fn roll(&self) -> Vec<Member> {
        let pulse = self.gossip.pulse().await;
        let (own, known) = (
            self.gossip.own().borrow().clone(),
            Arc::clone(&self.gossip.snapshots().borrow()),
        );
        let others = known.nodes.values().map(|seen| &**seen);
        roll(own.as_deref(), others, &pulse.heartbeats)
    }
}

fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gossip::GossipConfig;
    use crate::node::Description;
    use crate::seal::{Key, Keyring, Usage};

    #[tokio::test]
    async fn a_node_tells_its_own_keys_and_their_change() {
        let (old, new) = (Key::new([1; 32]), Key::new([2; 32]));
        let mut config = GossipConfig::new(Description::balancer("ha"));
        config.listen = ([127, 0, 0, 1], 0).into();
        config.protection.keyring = Some(Keyring::of(old.clone()));
        let given = config.as_given();
        let gossip = Gossip::start(config).await.unwrap();
        let basics = Basics::new(gossip.clone(), given, PathBuf::new(), None);
        let mut own = gossip.own();
        for key in [old, new] {
            gossip.rekey(Keyring::of(key.clone()));
            let holds = |own: &Option<Arc<crate::snapshot::Sighting>>| {
                own.as_ref().is_some_and(|own| own.node.keys == [key.id()])
            };
            own.wait_for(holds).await.unwrap();
            let ha = || vec!["ha".to_owned()];
            let usage = Usage {
                seal: ha(),
                hold: ha(),
                missing: Vec::new(),
            };
            let keys = BTreeMap::from([(key.id().to_string(), usage)]);
            assert_eq!(basics.keys(), Answer::Keys(keys));
        }
    }
}
