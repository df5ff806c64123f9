//! Reading Rust, on small inputs.

use super::*;

#[test]
fn paths_are_followed_through_braces() {
    let code = "use crate::{a, b::{C, d::E as F}, g::*};\nlet x = crate::h::i(super::j::K);";
    let found: Vec<_> = paths(&tokens(code), &["crate", "super"])
        .into_iter()
        .map(|(path, line)| format!("{line} {}", path.join(" ")))
        .collect();
    assert_eq!(
        found,
        [
            "1 crate a",
            "1 crate b C",
            "1 crate b d E",
            "1 crate g",
            "2 crate h i",
            "2 super j K",
        ]
    );
}

#[test]
fn tests_are_cut_off() {
    let text = "//! H\nmod a;\n#[cfg(test)]\nmod sample;\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::z;\n}\n";
    let source = Source::new("x.rs", text);
    assert_eq!(source.lines, 6);
    assert_eq!(source.modules(), [("a".to_owned(), 2)]);
    assert_eq!(source.test_modules(), ["sample"]);
    assert!(paths(&source.tokens(), &["crate"]).is_empty());
}

#[test]
fn functions_are_measured() {
    let long = format!(
        "impl A {{\n    pub(crate) async fn long(\n        &self,\n    ) {{\n{}    }}\n    fn one() {{}}\n    fn declared(&self);\n}}\n",
        "        x();\n".repeat(60)
    );
    let source = Source::new("x.rs", &long);
    let found = source.long_functions(60);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].line, 2);
    assert!(
        found[0].what.contains("`long` has 64 lines"),
        "{}",
        found[0]
    );
    assert!(source.long_functions(64).is_empty());
}
