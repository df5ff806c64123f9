//! Rust text with its comments and literals blanked out, so that what is left is code.

/// `text` with comments and the insides of string and character literals turned into spaces,
/// so that every line and column stays where it is.
#[must_use]
pub fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = comment(rest)
            .or_else(|| literal(rest, out.chars().next_back()))
            .unwrap_or(0);
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let blank = |c| if c == '\n' { '\n' } else { ' ' };
        out.extend(rest[..length].chars().map(blank));
        rest = &rest[length..];
    }
    out
}

/// The length of the comment that `rest` begins with.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    Some(rest.len())
}

/// The length of the string or character literal that `rest` begins with.
fn literal(rest: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') && !rest.starts_with('"') {
        return None;
    }
    let body = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - body.len();
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let inside = raw[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = inside.find(&close)?;
        return Some(prefix + 1 + hashes + 1 + end + close.len());
    }
    let quote = body
        .chars()
        .next()
        .filter(|first| ['"', '\''].contains(first))?;
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(prefix + at + 1),
            // A lifetime: no character literal is that long without an escape.
            _ if quote == '\'' && !body[1..].starts_with('\\') && at > 1 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_where_they_stand() {
        for (input, expected) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"say("call()")"#, "say(        )"),
            (r##"x = r#"a "b" c"#;"##, "x =             ;"),
            (r#"b"x" c"#, "     c"),
            (r"'a' '\'' '\u{1}' b", "                 b"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            (r#""\"" d"#, "     d"),
            ("\"two\nlines\" d", "    \n       d"),
        ] {
            assert_eq!(blanked(input), expected, "{input}");
        }
    }
}
