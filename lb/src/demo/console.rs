//! The demo's console: lines on standard input to commands. Without a standard input the demo
//! just runs.

use tokio::sync::mpsc;

/// What can be asked of the demo.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Command {
    Add,
    Stop(String),
    Kill(String),
    List,
    Help,
    Quit,
}

/// What can be typed.
pub(super) const HELP: &str = "\
\x20 add          a new webapp joins
\x20 stop s2      webapp s2 leaves gracefully
\x20 kill s2      webapp s2 and its member die without a word
\x20 list         the webapps
\x20 quit         end everything (Ctrl-C does the same)
";

/// Reads standard input on a thread of its own, since a read there cannot be cancelled.
pub(super) struct Console(mpsc::UnboundedReceiver<String>);

impl Console {
    pub(super) fn open() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The next command, or a complaint about the line; never resolves once input has ended.
    pub(super) async fn next(&mut self) -> Result<Command, String> {
        loop {
            match self.0.recv().await {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => return parse(&line),
                None => std::future::pending().await,
            }
        }
    }
}

fn parse(line: &str) -> Result<Command, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["add"] => Ok(Command::Add),
        ["stop", name] => Ok(Command::Stop(name.to_owned())),
        ["kill", name] => Ok(Command::Kill(name.to_owned())),
        ["list"] => Ok(Command::List),
        ["help"] => Ok(Command::Help),
        ["quit" | "exit"] => Ok(Command::Quit),
        _ => Err(format!(
            "{:?} is not a command; these are:\n{HELP}",
            line.trim()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        assert_eq!(parse(" add "), Ok(Command::Add));
        assert_eq!(parse("stop s2"), Ok(Command::Stop("s2".to_owned())));
        assert_eq!(parse("kill  s2"), Ok(Command::Kill("s2".to_owned())));
        assert_eq!(parse("quit"), Ok(Command::Quit));
        assert!(parse("stop").is_err());
        assert!(parse("dance").unwrap_err().contains("\"dance\""));
    }
}
