//! Text made harmless for formats that are read by splitting: printable ASCII on one line,
//! without commas and double quotes. Several programs split CSV on every comma, quoted or
//! not, so nothing is ever quoted; a substitute takes the place instead.

use std::borrow::Cow;

/// `text` with commas as `;`, double quotes as `'`, line ends and controls as spaces, and
/// whatever is not ASCII as `?`.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return text.into();
    }
    text.chars().map(substitute).collect()
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b',' && byte != b'"'
}

fn substitute(character: char) -> char {
    match character {
        ',' => ';',
        '"' => '\'',
        ' '..='~' => character,
        _ if character.is_control() => ' ',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_break_a_line_is_replaced() {
        let check = |text, expected| assert_eq!(plain(text), expected);
        check("Connection refused", "Connection refused");
        check("a,b", "a;b");
        check("\"a\"", "'a'");
        check("a\r\nb\tc", "a  b c");
        check("caf\u{e9}", "caf?");
    }
}
