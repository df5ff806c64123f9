//! What a column of HAProxy's statistics is: a name, its tags, the type of its values, and how
//! to read one from each kind of row. The columns themselves are in [`crate::field`].

use std::borrow::Cow;
use std::time::Duration;

use crate::report::{BackendRow, FrontendRow, ListenerRow, ServerRow};
use crate::select::{Object, Row};

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// HAProxy's name for it.
    pub name: &'static str,
    /// What sort of figure it is.
    pub tags: Tags,
    /// The type that typed renderings give its values.
    pub kind: Kind,
    /// What it means, in a few words.
    pub about: &'static str,
    restricted: bool,
    every: Option<for<'a> fn(&Row<'a>) -> Value<'a>>,
    frontend: Option<fn(&FrontendRow) -> Value<'_>>,
    listener: Option<fn(&ListenerRow) -> Value<'_>>,
    server: Option<fn(&ServerRow) -> Value<'_>>,
    backend: Option<fn(&BackendRow) -> Value<'_>>,
}

impl Column {
    pub(crate) const fn new(
        name: &'static str,
        tags: Tags,
        kind: Kind,
        about: &'static str,
    ) -> Self {
        let (every, frontend, listener, server, backend) = (None, None, None, None, None);
        let restricted = false;
        Self {
            name,
            tags,
            kind,
            about,
            restricted,
            every,
            frontend,
            listener,
            server,
            backend,
        }
    }

    /// Read the same way from every kind of row.
    pub(crate) const fn all(mut self, read: for<'a> fn(&Row<'a>) -> Value<'a>) -> Self {
        self.every = Some(read);
        self
    }

    /// Read from a frontend.
    pub(crate) const fn fe(mut self, read: fn(&FrontendRow) -> Value<'_>) -> Self {
        self.frontend = Some(read);
        self
    }

    /// Read from a listener.
    pub(crate) const fn li(mut self, read: fn(&ListenerRow) -> Value<'_>) -> Self {
        self.listener = Some(read);
        self
    }

    /// Read from a server.
    pub(crate) const fn sv(mut self, read: fn(&ServerRow) -> Value<'_>) -> Self {
        self.server = Some(read);
        self
    }

    /// Read from a backend.
    pub(crate) const fn be(mut self, read: fn(&BackendRow) -> Value<'_>) -> Self {
        self.backend = Some(read);
        self
    }

    /// Shown only to those who see legends.
    pub(crate) const fn restricted(mut self) -> Self {
        self.restricted = true;
        self
    }

    /// The value in a row; empty where HAProxy leaves it empty.
    #[must_use]
    pub fn value<'a>(&self, row: &Row<'a>) -> Value<'a> {
        if self.restricted && !row.view.legends {
            return Value::Empty;
        }
        if let Some(read) = self.every {
            return read(row);
        }
        let value = match row.object {
            Object::Frontend(frontend) => self.frontend.map(|read| read(frontend)),
            Object::Listener(listener) => self.listener.map(|read| read(listener)),
            Object::Server(server) => self.server.map(|read| read(server)),
            Object::Backend(backend) => self.backend.map(|read| read(backend)),
        };
        value.unwrap_or(Value::Empty)
    }
}

/// A value of a column.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value<'a> {
    /// Does not apply.
    Empty,
    /// A count, a size, a number of seconds or milliseconds.
    Number(u64),
    /// A number that may be -1 for never.
    Signed(i64),
    /// Words, as they came: not yet fit for any format.
    Text(Cow<'a, str>),
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(yes: bool) -> Self {
        Self::Number(yes.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Empty, Into::into)
    }
}

/// Whole seconds.
pub(crate) const fn seconds(duration: Duration) -> u64 {
    duration.as_secs()
}

/// Whole milliseconds; longer than 500 million years is shown as that.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whole seconds since something happened, or -1 if it never did.
pub(crate) fn since(age: Option<Duration>) -> Value<'static> {
    Value::Signed(age.map_or(-1, |age| i64::try_from(seconds(age)).unwrap_or(i64::MAX)))
}

/// The type of a column's values (HAProxy management guide, 9.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 32 bits.
    S32,
    /// Text.
    Str,
}

impl Kind {
    /// HAProxy's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::S32 => "s32",
            Self::Str => "str",
        }
    }
}

/// What sort of figure a column holds (HAProxy management guide, 9.2). Each tag is a letter in
/// typed text and a word in JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tags {
    /// Where it comes from.
    pub origin: Tag,
    /// How it behaves.
    pub nature: Tag,
    /// How far it reaches.
    pub scope: Tag,
}

/// One tag: its letter and its word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tag {
    /// In typed text.
    pub letter: char,
    /// In JSON.
    pub word: &'static str,
}

const fn tag(letter: char, word: &'static str) -> Tag {
    Tag { letter, word }
}

const fn tags(origin: Tag, nature: Tag, scope: Tag) -> Tags {
    Tags {
        origin,
        nature,
        scope,
    }
}

const METRIC: Tag = tag('M', "Metric");
const STATUS: Tag = tag('S', "Status");
const KEY: Tag = tag('K', "Key");
const CONFIG: Tag = tag('C', "Config");

const GAUGE: Tag = tag('G', "Gauge");
const PROCESS: Tag = tag('P', "Process");
const SERVICE: Tag = tag('S', "Service");

pub(crate) const KEY_NAME: Tags = tags(KEY, tag('N', "Name"), SERVICE);
pub(crate) const KEY_ID: Tags = tags(KEY, GAUGE, SERVICE);
pub(crate) const KEY_PROCESS: Tags = tags(KEY, GAUGE, PROCESS);
pub(crate) const STATE: Tags = tags(STATUS, GAUGE, PROCESS);
pub(crate) const SETTING: Tags = tags(CONFIG, GAUGE, SERVICE);
pub(crate) const SETTING_NAME: Tags = tags(CONFIG, tag('N', "Name"), SERVICE);
pub(crate) const LIMIT: Tags = tags(CONFIG, tag('L', "Limit"), PROCESS);
pub(crate) const LEVEL: Tags = tags(METRIC, GAUGE, PROCESS);
pub(crate) const MAX: Tags = tags(METRIC, tag('M', "Max"), PROCESS);
pub(crate) const COUNT: Tags = tags(METRIC, tag('C', "Counter"), PROCESS);
pub(crate) const RATE: Tags = tags(METRIC, tag('R', "Rate"), PROCESS);
pub(crate) const AVERAGE: Tags = tags(METRIC, tag('a', "Avg"), PROCESS);
pub(crate) const AGE: Tags = tags(METRIC, tag('A', "Age"), PROCESS);
pub(crate) const DURATION: Tags = tags(METRIC, tag('D', "Duration"), PROCESS);
pub(crate) const OUTPUT: Tags = tags(METRIC, tag('O', "Output"), PROCESS);
