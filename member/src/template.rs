//! What is rendered: the servers of a cluster by name, and a template over them. Pure; where a
//! file is written and what is run after it is `render`.
//!
//! The data is that of the lab's template, a list `addresses` of `host` and `ip`, and more:
//! `docs/handlers.md` is its reference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use handlebars::{Handlebars, JsonValue, no_escape, to_json};

use crate::node::{Node, NodeKey, Word};
use crate::snapshot::{Presence, Sighting, Snapshot};

/// A template that has been read.
#[derive(Debug)]
pub struct Template {
    registry: Handlebars<'static>,
}

impl Template {
    /// Reads `text` and tries it on one server and on none.
    ///
    /// # Errors
    /// The line it is about, and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut registry = Handlebars::new();
        // Configuration files are not HTML.
        registry.register_escape_fn(no_escape);
        let compiled = registry.register_template_string(NAME, text);
        compiled.map_err(|error| Fault {
            line: error.pos().map(|(line, _)| line),
            what: error.reason().to_string(),
        })?;
        let template = Self { registry };
        for sample in [&[][..], &[Address::sample()]] {
            template.render(sample)?;
        }
        Ok(template)
    }

    /// The text for these servers.
    ///
    /// # Errors
    /// The line, and what cannot be done there.
    pub fn render(&self, addresses: &[Address]) -> Result<String, Fault> {
        let addresses = addresses.iter().map(Address::json).collect();
        let data = object([("addresses", JsonValue::Array(addresses))]);
        let rendered = self.registry.render(NAME, &data);
        rendered.map_err(|error| Fault {
            line: error.line_no,
            what: error.reason().to_string(),
        })
    }
}

/// What is wrong with a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    /// Where, from 1, if that is known.
    pub line: Option<usize>,
    what: String,
}

/// One server, as a template sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    node: Node,
    presence: Presence,
}

impl Address {
    fn json(&self) -> JsonValue {
        let Node {
            key, service, http, ..
        } = &self.node;
        let text = |text: &str| JsonValue::String(text.to_owned());
        let tags = self.node.tags.iter();
        let state = match self.presence {
            Presence::Live => "ready",
            Presence::Silent => "silent",
        };
        let ip = http.map(|http| http.ip().to_canonical().to_string());
        object([
            ("host", text(&key.name)),
            ("name", text(&key.name)),
            ("ip", to_json(ip)),
            ("port", to_json(http.map(|http| http.port()))),
            ("address", to_json(http.map(|http| http.to_string()))),
            ("service", text(service)),
            ("weight", to_json(self.node.weight)),
            ("state", text(state)),
            (
                "tags",
                object(tags.map(|(name, value)| (&**name, text(value)))),
            ),
        ])
    }

    fn sample() -> Self {
        let http = ([192, 0, 2, 1], 3000).into();
        let node = crate::node::Description::backend("s1", http);
        Self {
            node: node.live(0, http.ip(), Word::Ready),
            presence: Presence::Live,
        }
    }
}

fn object<'a>(fields: impl IntoIterator<Item = (&'a str, JsonValue)>) -> JsonValue {
    let fields = fields.into_iter();
    JsonValue::Object(
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// Which servers a file is to have.
#[derive(Debug, Default)]
pub struct Census {
    /// Who has been heard in this life of ours: the others are rumours.
    heard: BTreeSet<NodeKey>,
    last: Vec<Address>,
}

impl Census {
    /// The servers that should get requests, by name: they say `ready`, and are heard, or have
    /// been. Silence alone takes none out before it is forgotten, and never the last ones. Of
    /// several lives of one name the newest counts, one that is heard before one that is not.
    pub fn take(&mut self, snapshot: &Snapshot) -> Vec<Address> {
        let live = |seen: &&Arc<Sighting>| seen.presence == Presence::Live;
        let known = &snapshot.nodes;
        self.heard.retain(|key| known.contains_key(key));
        let heard = known.values().filter(live);
        self.heard.extend(heard.map(|seen| seen.node.key.clone()));
        let serves = |seen: &&Arc<Sighting>| {
            seen.node.word == Word::Ready && self.heard.contains(&seen.node.key)
        };
        let mut by_name: BTreeMap<&str, &Arc<Sighting>> = BTreeMap::new();
        for seen in snapshot.backends().filter(serves) {
            let best = by_name.entry(&seen.node.key.name).or_insert(seen);
            // Lives of a name come oldest first.
            if live(&seen) || !live(&&**best) {
                *best = seen;
            }
        }
        let address = |seen: &Arc<Sighting>| Address {
            node: seen.node.clone(),
            presence: seen.presence,
        };
        let mut all: Vec<_> = by_name.into_values().map(address).collect();
        if all.is_empty() {
            let forgotten = |a: &Address| snapshot.named(&a.node.key.name).next().is_none();
            let silent = |a| Address {
                presence: Presence::Silent,
                ..a
            };
            all = self.last.drain(..).filter(forgotten).map(silent).collect();
        }
        self.last.clone_from(&all);
        all
    }
}

const NAME: &str = "template";

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::node::Description;

    fn seen(name: &str, generation: u64, word: Word, presence: Presence) -> Sighting {
        let http = SocketAddr::from(([10, 0, 0, generation as u8], 3000));
        Sighting {
            node: Description::backend(name, http).live(generation, http.ip(), word),
            gossip: http,
            presence,
        }
    }

    fn of(nodes: impl IntoIterator<Item = Sighting>) -> Snapshot {
        let keyed = |seen: Sighting| (seen.node.key.clone(), Arc::new(seen));
        nodes.into_iter().map(keyed).collect()
    }

    fn shown(census: &mut Census, snapshot: &Snapshot) -> String {
        let line = |a: &Address| format!("{} {}", a.node.key, a.json()["state"]);
        let lines: Vec<_> = census.take(snapshot).iter().map(line).collect();
        lines.join(", ")
    }

    const LOOP: &str =
        "{{#each addresses}}\n    server {{ host }} {{ ip }}:3000 check\n{{/each}}\nend\n";

    #[test]
    fn the_labs_loop_over_host_and_ip() {
        let template = Template::parse(LOOP).unwrap();
        let mut census = Census::default();
        let two = of(["s2", "s1"].map(|name| seen(name, 7, Word::Ready, Presence::Live)));
        assert_eq!(
            template.render(&census.take(&two)).unwrap(),
            "    server s1 10.0.0.7:3000 check\n    server s2 10.0.0.7:3000 check\nend\n"
        );
        assert_eq!(template.render(&[]).unwrap(), "end\n");
    }

    #[test]
    fn everything_that_a_template_may_say() {
        let text = "{{#each addresses}}{{name}} {{address}} {{port}} {{service}} {{weight}} \
                    {{tags.zone}} {{state}} {{#if (eq tags.zone \"<eu>\")}}near{{/if}} \
                    {{@index}}{{/each}}{{nothing}}";
        let mut node = seen("s1", 9, Word::Ready, Presence::Live);
        node.node.tags.insert(Arc::from("zone"), Arc::from("<eu>"));
        let addresses = Census::default().take(&of([node]));
        assert_eq!(
            Template::parse(text).unwrap().render(&addresses).unwrap(),
            "s1 10.0.0.9:3000 3000 nodes 1 <eu> ready near 0"
        );
        let mut six = Address::sample();
        six.node.http = Some("[2001:db8::1]:80".parse().unwrap());
        let text = "{{#each addresses}}{{ip}} {{address}}{{/each}}";
        assert_eq!(
            Template::parse(text).unwrap().render(&[six]).unwrap(),
            "2001:db8::1 [2001:db8::1]:80"
        );
    }

    #[test]
    fn who_is_in_the_file() {
        let mut census = Census::default();
        let rumour = || seen("rumour", 1, Word::Ready, Presence::Silent);
        let all = of([
            rumour(),
            seen("ready", 1, Word::Ready, Presence::Live),
            seen("starting", 1, Word::Starting, Presence::Live),
            seen("down", 1, Word::Down(Arc::from("x")), Presence::Live),
            seen("draining", 1, Word::Draining, Presence::Live),
            seen("left", 1, Word::Left, Presence::Live),
        ]);
        assert_eq!(shown(&mut census, &of([rumour()])), "");
        assert_eq!(shown(&mut census, &all), "ready@1 \"ready\"");
        let silent = of([rumour(), seen("ready", 1, Word::Ready, Presence::Silent)]);
        assert_eq!(shown(&mut census, &silent), "ready@1 \"silent\"");
        // The last ones are kept until there are others; a word takes them out all the same.
        assert_eq!(shown(&mut census, &of([])), "ready@1 \"silent\"");
        let other = seen("other", 1, Word::Ready, Presence::Live);
        assert_eq!(
            shown(&mut census, &of([other.clone()])),
            "other@1 \"ready\""
        );
        let left = seen("other", 1, Word::Left, Presence::Live);
        assert_eq!(shown(&mut census, &of([left])), "");
        assert_eq!(shown(&mut census, &of([])), "");
        assert_eq!(shown(&mut census, &silent), "", "forgotten is forgotten");
    }

    #[test]
    fn one_name_is_one_server() {
        let mut census = Census::default();
        let (ready, draining) = (Word::Ready, Word::Draining);
        let live = |generation, word: &Word| seen("a", generation, word.clone(), Presence::Live);
        assert_eq!(
            shown(&mut census, &of([live(1, &ready), live(2, &ready)])),
            "a@2 \"ready\""
        );
        assert_eq!(
            shown(&mut census, &of([live(1, &ready), live(2, &draining)])),
            "a@1 \"ready\""
        );
        let moved = of([
            seen("a", 2, ready.clone(), Presence::Silent),
            live(1, &ready),
        ]);
        assert_eq!(shown(&mut census, &moved), "a@1 \"ready\"");
    }

    #[test]
    fn a_fault_names_its_line() {
        let fault = |text| Template::parse(text).unwrap_err();
        let open = fault("a\nb\n{{#each addresses}}\n");
        assert!(open.line.is_some(), "{open:?}");
        let unknown = fault("a\n{{#frobnicate addresses}}{{/frobnicate}}\n");
        assert_eq!(unknown.line, Some(2), "{unknown:?}");
        assert!(unknown.to_string().contains("frobnicate"), "{unknown}");
        let inside = fault("a\n{{#each addresses}}\n{{frobnicate name}}\n{{/each}}\n");
        assert_eq!(inside.line, Some(3), "{inside:?}");
        let partial = fault("\n\n{{> header}}");
        assert!(partial.to_string().contains("header"), "{partial}");
    }
}
