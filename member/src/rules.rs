//! What a node may be called and may say: the grammar of names, paths, weights, tags and
//! reasons, the same for what an operator types and what a stranger gossips.

use std::borrow::Cow;
use std::sync::Arc;

/// A node's or a service's name: it becomes HAProxy's `svname` and `pxname`, a CSV cell and
/// a part of a key. HAProxy's own two row names are not to be had.
///
/// # Errors
/// States the rule.
pub fn name(text: &str) -> Result<&str, &'static str> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-');
    let fits = (1..=NAME_BYTES).contains(&text.len());
    if !fits || !text.bytes().all(allowed) {
        Err("1 to 64 letters, digits, `_`, `.` or `-`")
    } else if matches!(text, "FRONTEND" | "BACKEND") {
        Err("a name other than FRONTEND and BACKEND, which name rows of the statistics")
    } else {
        Ok(text)
    }
}

/// A check path, ready to be put on a request line.
///
/// # Errors
/// States the rule.
pub fn path(text: &str) -> Result<&str, &'static str> {
    let visible = text.bytes().all(|c| c.is_ascii_graphic());
    if text.starts_with('/') && visible && text.len() <= VALUE_BYTES {
        Ok(text)
    } else {
        Err("a path that starts with `/`, of at most 256 visible ASCII characters")
    }
}

/// A weight, 0 to 256.
///
/// # Errors
/// States the rule.
pub fn weight(text: &str) -> Result<u16, &'static str> {
    // `u16::from_str` takes a leading plus sign; a weight has none.
    let plain = text.bytes().all(|c| c.is_ascii_digit());
    match text.parse() {
        Ok(share @ 0..=256) if plain => Ok(share),
        _ => Err("a number from 0 to 256"),
    }
}

/// A tag, `name=value`.
///
/// # Errors
/// States the rule.
pub fn tag(text: &str) -> Result<(Arc<str>, Arc<str>), &'static str> {
    const RULE: &str = "name=value: a name of 1 to 64 letters, digits, `_`, `.` or `-`, \
                        a value of at most 256 bytes without control characters";
    let (key, text) = text.split_once('=').ok_or(RULE)?;
    let key = name(key).map_err(|_| RULE)?;
    let text = value(text).map_err(|_| RULE)?;
    Ok((Arc::from(key), Arc::from(text)))
}

/// A tag's value.
pub(crate) fn value(text: &str) -> Result<&str, &'static str> {
    if text.len() <= VALUE_BYTES && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err("at most 256 bytes without control characters")
    }
}

/// A reason that can stand in a log line, a CSV cell and a page: printable ASCII without
/// comma or quote, at most 128 bytes.
pub(crate) fn reason(text: &str) -> Cow<'_, str> {
    let kept = |c: char| (c == ' ' || c.is_ascii_graphic()) && !matches!(c, ',' | '"' | '\'');
    if text.len() <= REASON_BYTES && text.chars().all(kept) {
        return Cow::Borrowed(text);
    }
    let clean = text.chars().filter(|c| kept(*c)).take(REASON_BYTES);
    Cow::Owned(clean.collect())
}

/// The longest name, in bytes.
pub const NAME_BYTES: usize = 64;
/// The longest value, in bytes.
pub(crate) const VALUE_BYTES: usize = 256;
const REASON_BYTES: usize = 128;
