//! Pure: state changes in the words HAProxy uses for them on stderr and in syslog
//! (management guide 8.3 and `log.c`'s wording as observed of 2.6).

use std::time::Duration;

use member::node::{NodeKey, Word};

use super::proof::Proof;
use super::view::{Shown, View};

/// What is known about one change.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The service's name.
    pub service: &'a str,
    /// The server's shown name.
    pub server: &'a str,
    /// What it was shown as before.
    pub was: Shown,
    /// How it looks now.
    pub view: &'a View,
    /// What it says of itself.
    pub word: &'a Word,
    /// Usable servers of the service now.
    pub up: usize,
    /// Requests it still has.
    pub in_flight: u64,
}

/// The line for one change; none for a row that merely goes.
#[must_use]
pub fn line(scene: &Scene<'_>) -> Option<String> {
    let Scene {
        service,
        server,
        was,
        up,
        in_flight,
        ..
    } = scene;
    let left = format!(
        "{up} active and 0 backup servers left. {in_flight} sessions active, 0 requeued, \
         0 remaining in queue."
    );
    let online =
        format!("{up} active and 0 backup servers online. 0 sessions requeued, 0 total in queue.");
    let text = match (was, scene.view.shown) {
        (Shown::Maint, Shown::Up { .. }) => "is UP/READY (leaving forced maintenance).".to_owned(),
        (_, Shown::Up { .. }) => format!("is UP{}. {online}", reason(scene)),
        (_, Shown::Down { .. }) => {
            format!("is DOWN{}. {left}", reason(scene))
        }
        (_, Shown::Drain) => format!("enters drain state{}. {left}", spoken(scene.word)),
        (_, Shown::Maint) => format!("is going DOWN for maintenance. {left}"),
        (_, Shown::Hidden) => return None,
    };
    Some(format!("Server {service}/{server} {text}"))
}

/// A service has lost its last usable server.
#[must_use]
pub fn no_server(service: &str) -> String {
    format!("backend {service} has no server available!")
}

/// A server that is well is held out because it went down too often.
#[must_use]
pub fn held(service: &str, server: &str, for_at_most: Duration) -> String {
    format!(
        "Server {service}/{server} is well, but went down too often; held out for {} s at most, \
         unless it is needed",
        for_at_most.as_secs()
    )
}

/// Most of a service fell silent at once; or that is over.
#[must_use]
pub fn mass_silence(service: &str, silent: usize, begins: bool) -> String {
    if begins {
        format!(
            "ALERT: {silent} servers of backend {service} fell silent in gossip at once: \
             is this balancer cut off? They are kept while they can be connected to"
        )
    } else {
        format!("backend {service} is no longer silent as a whole")
    }
}

/// Two live nodes have one name.
#[must_use]
pub fn namesake(service: &str, key: &NodeKey, shown: &str) -> String {
    format!(
        "warning: two live nodes are named {name}; the one of generation {generation} is shown as \
         {service}/{shown}; give each its own --name",
        name = key.name,
        generation = key.generation,
    )
}

fn reason(scene: &Scene<'_>) -> String {
    match (&scene.view.reason, &scene.view.last) {
        (Some(reason), _) => format!(", reason: its member says: {reason}"),
        (None, Some(proof)) => proven(proof),
        (None, None) => String::new(),
    }
}

fn proven(proof: &Proof) -> String {
    let mut text = format!(", reason: {}", proof.finding.status().description());
    if let Some(code) = proof.code {
        text.push_str(&format!(", code: {code}"));
    }
    if !proof.info.is_empty() {
        text.push_str(&format!(", info: \"{}\"", proof.info));
    }
    text.push_str(&format!(", check duration: {}ms", proof.took.as_millis()));
    text
}

fn spoken(word: &Word) -> &'static str {
    match word {
        Word::Draining => ", its member is leaving",
        Word::Left => ", its member has left",
        _ => "",
    }
}
