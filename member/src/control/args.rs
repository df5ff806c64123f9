//! How questions are typed: the subcommands that both binaries share, and those of members. What
//! is printed for the answers is `print`'s.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::filter::Filter;
use super::message::{self, Request};
use crate::log;
use crate::parse;
use crate::rules;

/// A question to a running process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ask {
    /// Its control socket.
    pub path: PathBuf,
    /// What is asked.
    pub request: Request,
    /// How the answer is printed.
    pub style: Style,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Style {
    /// As Serf prints it.
    #[default]
    Text,
    /// The same with more columns.
    Detailed,
    /// As JSON.
    Json,
}

/// The formats of Serf's `-format`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Which process is meant.
#[derive(Args, Debug)]
pub struct At {
    /// The control socket of the process that is meant: what it was started with
    #[arg(long, value_name = "PATH", env = "RAGOT_CONTROL")]
    control: Option<PathBuf>,
}

/// `list` and `members`.
#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    at: At,
    /// Only these states: alive, leaving (it drains), left, failed (it is silent)
    #[arg(long, value_name = "REGEX")]
    status: Option<String>,
    /// Only these names
    #[arg(long, value_name = "REGEX")]
    name: Option<String>,
    /// Only these roles: backend, balancer, or what the tag `role` says
    #[arg(long, value_name = "REGEX")]
    role: Option<String>,
    /// Only where a tag has such a value; repeat it for several, of which all must match
    #[arg(long, value_name = "NAME=REGEX")]
    tag: Vec<String>,
    /// More columns: generation, state, service, address, weight, last heartbeat
    #[arg(long)]
    detailed: bool,
    /// text is for people, json for programs; both are Serf's, json with more fields
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    format: Format,
}

/// `info`.
#[derive(Args, Debug)]
pub struct Info {
    #[command(flatten)]
    at: At,
    /// text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    format: Format,
}

/// `keys`.
#[derive(Args, Debug)]
pub struct Keys {
    #[command(flatten)]
    at: At,
    /// text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    format: Format,
}

/// `monitor`.
#[derive(Args, Debug)]
pub struct Monitor {
    #[command(flatten)]
    at: At,
    /// The log of the process too, up to this level: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// text, or json with one object a line
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    format: Format,
}

/// `evict`.
#[derive(Args, Debug)]
pub struct Evict {
    #[command(flatten)]
    at: At,
    /// The node's name
    name: String,
}

/// `drain`.
#[derive(Args, Debug)]
pub struct Drain {
    #[command(flatten)]
    at: At,
    /// How long to wait for requests in flight [default: the process's --drain-timeout]
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
}

/// `ready`.
#[derive(Args, Debug)]
pub struct Ready {
    #[command(flatten)]
    at: At,
    /// How long to wait for the webapp's answer [default: the process's --drain-timeout]
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
}

/// `tags`.
#[derive(Args, Debug)]
pub struct Tags {
    #[command(flatten)]
    at: At,
    /// A tag to add or to change; repeat it for several
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// A tag to take away; repeat it for several
    #[arg(long, value_name = "NAME")]
    delete: Vec<String>,
}

/// `weight`.
#[derive(Args, Debug)]
pub struct Weight {
    #[command(flatten)]
    at: At,
    /// Its share of requests, 0 to 256
    weight: String,
}

/// `leave`.
#[derive(Args, Debug)]
pub struct Leave {
    #[command(flatten)]
    at: At,
}

impl At {
    fn ask(self, request: Request, style: Style) -> Result<Ask, String> {
        let given = self.control.filter(|path| !path.as_os_str().is_empty());
        let path = given.ok_or_else(|| MISSING.to_owned())?;
        Ok(Ask {
            path,
            request,
            style,
        })
    }
}

impl List {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        let (name, status, role) = (self.name, self.status, self.role);
        let tags = pairs("tag", &self.tag)?;
        // Checked here too, so that a slip is a slip and not a refusal.
        Filter::new(name.as_deref(), status.as_deref(), role.as_deref(), &tags)?;
        let request = Request::List {
            name,
            status,
            role,
            tags,
        };
        let style = match self.format {
            Format::Json => Style::Json,
            Format::Text if self.detailed => Style::Detailed,
            Format::Text => Style::Text,
        };
        self.at.ask(request, style)
    }
}

impl Info {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        self.at.ask(Request::Info {}, self.format.into())
    }
}

impl Keys {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        self.at.ask(Request::Keys {}, self.format.into())
    }
}

impl Monitor {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        let log_level = self.log_level;
        if let Some(level) = &log_level {
            log::threshold(level)
                .map_err(|rule| format!("--log-level {level:?}: expected {rule}"))?;
        }
        let request = Request::Monitor { log_level };
        self.at.ask(request, self.format.into())
    }
}

impl Evict {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        let name = &self.name;
        rules::name(name).map_err(|rule| format!("name {name:?}: expected {rule}"))?;
        let request = Request::Evict { name: self.name };
        self.at.ask(request, Style::Text)
    }
}

impl Drain {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        let timeout = time(self.timeout)?;
        self.at.ask(Request::Drain { timeout }, Style::Text)
    }
}

impl Ready {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        let timeout = time(self.timeout)?;
        self.at.ask(Request::Ready { timeout }, Style::Text)
    }
}

impl Tags {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        if self.set.is_empty() && self.delete.is_empty() {
            return Err("nothing to change: give --set NAME=VALUE or --delete NAME".to_owned());
        }
        for tag in &self.set {
            rules::tag(tag).map_err(|rule| format!("--set {tag:?}: expected {rule}"))?;
        }
        let (set, delete) = (pairs("set", &self.set)?, self.delete);
        message::apart(&set, &delete)?;
        let request = Request::Tags { set, delete };
        self.at.ask(request, Style::Text)
    }
}

impl Weight {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        let text = &self.weight;
        let weight = rules::weight(text);
        let weight = weight.map_err(|rule| format!("weight {text:?}: expected {rule}"))?;
        self.at.ask(Request::Weight { weight }, Style::Text)
    }
}

impl Leave {
    /// The question.
    ///
    /// # Errors
    /// One line: what was expected.
    pub fn ask(self) -> Result<Ask, String> {
        self.at.ask(Request::Leave {}, Style::Text)
    }
}

impl From<Format> for Style {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

fn pairs(flag: &str, given: &[String]) -> Result<BTreeMap<String, String>, String> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(format!("--{flag} {text:?}: expected name=value")),
    };
    given.iter().map(pair).collect()
}

fn time(text: Option<String>) -> Result<Option<String>, String> {
    if let Some(text) = &text {
        parse::duration(text).map_err(|rule| format!("--timeout {text:?}: expected {rule}"))?;
    }
    Ok(text)
}

const MISSING: &str = "--control: missing; the control socket of the process that is meant, as \
                       --control /run/ragot/control.sock or in RAGOT_CONTROL. The process must \
                       have been started with the same";
