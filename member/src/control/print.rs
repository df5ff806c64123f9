//! Asks a running process and prints what it answers: to standard output as it comes, and what
//! went wrong to whoever called.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::args::{Ask, Style};
use super::client::Conversation;
use super::message::{Answer, Holder, Request};
use super::roll::Member;
use super::table;
use crate::seal;

/// Asks, and prints every line of the answer.
///
/// # Errors
/// One line: it could not be asked, or what it answered could not be done.
pub async fn ask(ask: &Ask) -> Result<(), String> {
    let told = Conversation::begin(&ask.path, &ask.request).await;
    let mut conversation = told.map_err(|error| error.to_string())?;
    let limit = match ask.request {
        // These take as long as they are told to.
        Request::Monitor { .. }
        | Request::Drain { .. }
        | Request::Ready { .. }
        | Request::Leave {} => None,
        _ => Some(PATIENCE),
    };
    loop {
        let answer = conversation.next(limit).await;
        let Some(answer) = answer.map_err(|error| error.to_string())? else {
            let path = ask.path.display();
            return Err(format!("{path}: the process ended before it had answered"));
        };
        if let Answer::Error(why) = answer {
            return Err(why);
        }
        let last = answer.is_last();
        match print(&answer, ask.style) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            printed => printed.map_err(|error| format!("standard output: {error}"))?,
        }
        if last {
            return Ok(());
        }
    }
}

/// Who still holds requests of a webapp that drains.
pub fn in_words(holders: &[Holder]) -> String {
    table::draining(holders)
}

fn print(answer: &Answer, style: Style) -> io::Result<()> {
    let text = text(answer, style)?;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn text(answer: &Answer, style: Style) -> io::Result<String> {
    Ok(match (answer, style) {
        (Answer::Members(members), Style::Json) => pretty(&Listed { members })?,
        (Answer::Info(sections), Style::Json) => pretty(sections)?,
        (Answer::Keys(keys), Style::Json) => pretty(keys)?,
        (answer, Style::Json) => format!("{}\n", serde_json::to_string(answer)?),
        (Answer::Members(members), style) => table::members(members, style == Style::Detailed),
        (Answer::Info(sections), _) => table::info(sections),
        (Answer::Keys(keys), _) => seal::render(keys),
        // For programs: people see for themselves that it waits.
        (Answer::Monitoring { .. }, _) => String::new(),
        (Answer::Event(event), _) => {
            format!("{} {}\n", table::clock(event.time), table::event(event))
        }
        (Answer::Log(line), _) => {
            let (time, level) = (table::clock(line.time), &line.level);
            format!("{time} {level:>5} {}\n", line.text)
        }
        (Answer::Draining(holders), _) => format!("{}\n", table::draining(holders)),
        (Answer::Done(done) | Answer::Error(done), _) => format!("{done}\n"),
    })
}

/// Serf's shape.
#[derive(Serialize)]
struct Listed<'a> {
    members: &'a [Member],
}

fn pretty(value: &impl Serialize) -> io::Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// For an answer that needs nobody else.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::roll::tests::seen;
    use crate::node::Word;
    use crate::snapshot::Presence;

    /// Serf's shape and order (`serf members -format=json` of Debian's 0.8.2-dev, typed here with
    /// our addresses and protocol); what is ours follows in each member.
    #[test]
    fn json_begins_as_serfs() {
        let mut n1 = seen("n1", Word::Ready, Presence::Live);
        n1.node.tags.insert("a".into(), "b".into());
        let members = vec![Member::of(&n1, None)];
        let text = text(&Answer::Members(members), Style::Json).unwrap();
        let serfs = r#"{
  "members": [
    {
      "name": "n1",
      "addr": "10.0.0.1:7946",
      "port": 7946,
      "tags": {
        "a": "b",
        "role": "backend"
      },
      "status": "alive",
      "protocol": {
        "max": 1,
        "min": 1,
        "version": 1
      }"#;
        let ours = text.strip_prefix(serfs).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(
            ours,
            r#",
      "generation": 7,
      "state": "ready",
      "presence": "live",
      "service": "nodes",
      "http": "10.0.0.1:3000",
      "weight": 1
    }
  ]
}
"#
        );
    }
}
