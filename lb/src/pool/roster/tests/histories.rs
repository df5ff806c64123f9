//! Seeded random histories of a whole cluster, with what must hold after every step.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// Node `n` says a word.
    Say(u8, Word),
    /// Node `n` begins a new life, on the same port or another.
    Reborn(u8, bool),
    /// Gossip hears node `n`, or not.
    Hear(u8, bool),
    /// Node `n`'s server refuses connections, or not.
    Refuse(u8, bool),
    /// A request meets node `n`'s server as it is.
    Request(u8),
    /// Gossip forgets node `n`.
    Forget(u8),
    /// Time passes.
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    use Step::{Forget, Hear, Reborn, Refuse, Request, Say, Wait};
    let node = 0..4_u8;
    let reason = Word::Down(Arc::from("refused"));
    let words = vec![
        Word::Starting,
        Word::Ready,
        Word::Ready,
        Word::Draining,
        reason,
        Word::Left,
    ];
    prop_oneof![
        3 => (node.clone(), proptest::sample::select(words)).prop_map(|(n, w)| Say(n, w)),
        1 => (node.clone(), any::<bool>()).prop_map(|(n, moved)| Reborn(n, moved)),
        2 => (node.clone(), any::<bool>()).prop_map(|(n, live)| Hear(n, live)),
        2 => (node.clone(), any::<bool>()).prop_map(|(n, refuse)| Refuse(n, refuse)),
        2 => node.clone().prop_map(Request),
        1 => node.prop_map(Forget),
        2 => (0..10_000_u16).prop_map(Wait),
    ]
}

/// One node's present life, as the script knows it.
#[derive(Clone, Copy)]
struct Life {
    generation: u64,
    port: u16,
}

impl Script {
    fn step(&mut self, step: &Step, lives: &mut [Life; 4]) {
        let name = |n: u8| format!("n{n}");
        match step {
            Step::Say(n, word) => {
                let life = lives[usize::from(*n)];
                let left = self
                    .snapshot
                    .nodes
                    .get(&key(&name(*n), life.generation))
                    .is_some_and(|sighting| sighting.node.word == Word::Left);
                if !left {
                    self.node(&name(*n), life.generation, life.port, word.clone());
                }
            }
            Step::Reborn(n, moved) => {
                let life = &mut lives[usize::from(*n)];
                self.snapshot.nodes.remove(&key(&name(*n), life.generation));
                life.generation += 1;
                life.port += if *moved { 10 } else { 0 };
                self.node(&name(*n), life.generation, life.port, Word::Ready);
            }
            Step::Hear(n, live) => {
                let generation = lives[usize::from(*n)].generation;
                if self
                    .snapshot
                    .nodes
                    .contains_key(&key(&name(*n), generation))
                {
                    let presence = if *live {
                        Presence::Live
                    } else {
                        Presence::Silent
                    };
                    self.presence(&name(*n), generation, presence);
                }
            }
            Step::Refuse(n, true) => {
                self.refusing.insert(addr(lives[usize::from(*n)].port));
            }
            Step::Refuse(n, false) => {
                self.refusing.remove(&addr(lives[usize::from(*n)].port));
            }
            Step::Request(n) => self.request(&name(*n)),
            Step::Forget(n) => {
                self.snapshot
                    .nodes
                    .remove(&key(&name(*n), lives[usize::from(*n)].generation));
            }
            Step::Wait(millis) => self.wait(Duration::from_millis(u64::from(*millis))),
        }
        self.tell();
    }

    fn request(&mut self, name: &str) {
        let Some(entry) = self.service().rows.iter().find(|e| &*e.row().name == name) else {
            return;
        };
        let server = Arc::clone(&entry.server);
        if server.lease().is_some() && self.refusing.contains(&server.addr) {
            server.eject();
            self.roster
                .ejected(self.now, server.uid, &proof(Finding::L4Con));
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let service = self.service();
        // The pool agrees with the marks on its servers, and with a pool made anew.
        for server in &service.rotation.servers {
            prop_assert_eq!(server.standing(), Standing::Usable);
            prop_assert_ne!(&server.addr.port(), &0);
        }
        let anew: Vec<u64> = self.roster.pool().services["nodes"]
            .rotation
            .servers
            .iter()
            .map(|s| s.uid)
            .collect();
        let stored: Vec<u64> = service
            .rotation
            .servers
            .iter()
            .map(|server| server.uid)
            .collect();
        prop_assert_eq!(anew, stored);
        // Who has given its name away is left alone.
        for tracked in self.roster.tracked.values() {
            let chosen = tracked.server.standing() == Standing::Usable;
            prop_assert!(!chosen || tracked.name.is_some());
        }
        // A name and a number are shown once.
        let (mut names, mut sids) = (BTreeSet::new(), BTreeSet::new());
        for entry in &service.rows {
            prop_assert!(names.insert(entry.row().name.to_string()));
            prop_assert!(sids.insert(entry.row().sid));
        }
        // What has left, drains or starts is not chosen; what is not ready neither.
        for (key, sighting) in &self.snapshot.nodes {
            let chosen = service
                .rotation
                .servers
                .iter()
                .any(|server| server.key == *key);
            prop_assert!(!chosen || sighting.node.word == Word::Ready, "{key}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..crate::seeded() })]

    #[test]
    fn invariants_hold(steps in proptest::collection::vec(step(), 1..80)) {
        let mut script = Script::new();
        let mut lives = [1, 2, 3, 4].map(|port| Life { generation: 1, port });
        for step in &steps {
            script.step(step, &mut lives);
            script.check()?;
        }
        // When all is well again, every node is in the pool, once, also those that were held out.
        script.refusing.clear();
        for (number, life) in lives.iter_mut().enumerate() {
            let name = format!("n{number}");
            script.snapshot.nodes.remove(&key(&name, life.generation));
            life.generation += 1;
            script.node(&name, life.generation, life.port, Word::Ready);
        }
        script.tell();
        script.wait(130 * SECOND);
        script.check()?;
        let usable: BTreeSet<String> = script.usable().into_iter().collect();
        for (number, life) in lives.iter().enumerate() {
            prop_assert!(usable.contains(&format!("n{number}:{}", life.port)), "{usable:?}");
        }
        prop_assert_eq!(usable.len(), 4);
    }
}
