//! What the text of a URI asks of the statistics page: HAProxy's option words (management
//! guide, 9; configuration manual, `stats uri`), read from a path and written back into
//! links. Knows neither reports nor HTTP messages.
//!
//! The rules are HAProxy's, plain as they are: after the configured prefix, an option is
//! wherever its word is found, in any order, between anything.

/// What to render.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// The page.
    #[default]
    Html,
    /// `;csv`
    Csv,
    /// `;typed`
    Typed,
    /// `;json`
    Json,
    /// `;json-schema`
    JsonSchema,
}

impl Format {
    /// The option that asks for it; nothing for the page.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Html => "",
            Self::Csv => ";csv",
            Self::Typed => ";typed",
            Self::Json => ";json",
            Self::JsonSchema => ";json-schema",
        }
    }
}

/// The options that a URI carries.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// What to render.
    pub format: Format,
    /// `;up`: without servers that are down or in maintenance.
    pub up: bool,
    /// `;no-maint`: without servers in maintenance.
    pub no_maint: bool,
    /// `;norefresh`: without the refresh header.
    pub no_refresh: bool,
    /// `;st=CODE`: how an action ended.
    pub outcome: Option<Outcome>,
    /// `scope=TEXT`: only proxies whose name contains it, whatever the case.
    pub scope: Option<String>,
}

impl Options {
    /// Reads the options from a path with its query, or says `None` if it does not begin with
    /// `prefix` and so is not about statistics at all.
    #[must_use]
    pub fn parse(prefix: &str, path_and_query: &str) -> Option<Self> {
        let text = path_and_query.strip_prefix(prefix)?;
        Some(Self {
            format: format(text),
            up: text.contains(";up"),
            no_maint: text.contains(";no-maint"),
            no_refresh: text.contains(";norefresh"),
            outcome: text
                .split_once(";st=")
                .map(|(_, rest)| Outcome::parse(rest)),
            scope: scope(text),
        })
    }

    /// The options as they follow the prefix in a link: filters, `;norefresh`, scope. Neither
    /// the format nor the outcome is carried along.
    #[must_use]
    pub fn suffix(&self) -> String {
        let mut suffix = String::new();
        for (word, given) in [
            (";up", self.up),
            (";no-maint", self.no_maint),
            (";norefresh", self.no_refresh),
        ] {
            suffix.push_str(if given { word } else { "" });
        }
        if let Some(scope) = &self.scope {
            suffix.push_str("?scope=");
            suffix.push_str(scope);
        }
        suffix
    }
}

/// The last of the words wins, in the order in which HAProxy looks for them.
fn format(text: &str) -> Format {
    // `;json-schema` before `;json`, which is in it.
    let formats = [Format::JsonSchema, Format::Json, Format::Typed, Format::Csv];
    let found = formats
        .into_iter()
        .find(|format| text.contains(format.word()));
    found.unwrap_or_default()
}

fn scope(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("scope=")?;
    let asked = rest.split([';', '&', ' ']).next()?;
    let scope: String = asked.chars().take(MAX_SCOPE).collect();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_:.-".contains(c);
    (!scope.is_empty() && scope.chars().all(allowed)).then_some(scope)
}

/// How an action asked for on the page ended; the code is in the URI of the page after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// `DONE`: all of it was done.
    Done,
    /// `PART`: some of it was done.
    Partial,
    /// `NONE`: there was nothing to do.
    Nothing,
    /// `ERRP`: the parameters are wrong.
    BadParameters,
    /// `EXCD`: the request is too large.
    TooLarge,
    /// `DENY`: not allowed.
    Denied,
    /// `IVAL`: the request is malformed.
    Invalid,
    /// `UNKN`, or any code that is not known.
    Unknown,
}

impl Outcome {
    /// Reads the four letters at the beginning of `text`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let all = [
            Self::Done,
            Self::Partial,
            Self::Nothing,
            Self::BadParameters,
            Self::TooLarge,
            Self::Denied,
            Self::Invalid,
        ];
        all.into_iter()
            .find(|outcome| text.starts_with(outcome.code()))
            .unwrap_or(Self::Unknown)
    }

    /// The four letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Partial => "PART",
            Self::Nothing => "NONE",
            Self::BadParameters => "ERRP",
            Self::TooLarge => "EXCD",
            Self::Denied => "DENY",
            Self::Invalid => "IVAL",
            Self::Unknown => "UNKN",
        }
    }
}

/// Longer scope texts are cut, as the page's input field cuts them.
pub const MAX_SCOPE: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str) -> Options {
        Options::parse("/", path).unwrap()
    }

    #[test]
    fn a_prefix_matches_without_a_delimiter() {
        let check = |prefix, path, matches| {
            assert_eq!(
                Options::parse(prefix, path).is_some(),
                matches,
                "{prefix} {path}"
            );
        };
        check("/", "/", true);
        check("/", "/foo;csv", true);
        check("/haproxy?stats", "/haproxy?stats", true);
        check("/haproxy?stats", "/haproxy?stats/;csv", true);
        check("/haproxy?stats", "/haproxy", false);
        check("/haproxy?stats", "/other", false);
    }

    #[test]
    fn the_format_is_found_anywhere() {
        let check = |path, format| assert_eq!(parsed(path).format, format, "{path}");
        check("/", Format::Html);
        check("/;csv", Format::Csv);
        check("/x/;csv;norefresh", Format::Csv);
        check("/haproxy?stats/;csv", Format::Csv);
        check("/;CSV", Format::Html);
        check("/;typed;csv", Format::Typed);
        check("/;json;csv", Format::Json);
        check("/;json-schema", Format::JsonSchema);
    }

    #[test]
    fn the_scope_is_cut_or_cancelled() {
        let check = |path, scope: Option<&str>| assert_eq!(parsed(path).scope.as_deref(), scope);
        check("/?scope=nod", Some("nod"));
        check("/;csv;scope=nod;up", Some("nod"));
        check("/?;csv;scope=b1&x=y", Some("b1"));
        check("/?scope=", None);
        check("/?scope=a%20b", None);
        check(
            "/?scope=abcdefghijklmnopqrstuvwxyz",
            Some("abcdefghijklmnopqrst"),
        );
    }

    #[test]
    fn an_outcome_is_four_letters() {
        let check = |path, outcome| assert_eq!(parsed(path).outcome, outcome, "{path}");
        check("/", None);
        check("/;st=DENY", Some(Outcome::Denied));
        check("/;st=DENY;up", Some(Outcome::Denied));
        check("/;st=what", Some(Outcome::Unknown));
        check("/;st=", Some(Outcome::Unknown));
    }

    #[test]
    fn a_link_carries_the_filters() {
        let check = |path, suffix| assert_eq!(parsed(path).suffix(), suffix, "{path}");
        check("/", "");
        check("/;csv;st=DONE", "");
        check("/;norefresh;up", ";up;norefresh");
        check("/;no-maint?scope=s", ";no-maint?scope=s");
    }
}
