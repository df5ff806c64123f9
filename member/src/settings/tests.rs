//! Layers, and the wording of every complaint.

use clap::{CommandFactory, Parser};

use super::*;
use crate::parse;

const KEYS: [&str; 3] = ["weight", "seed", "drain-timeout"];

#[derive(Debug, Parser)]
#[command(name = "member")]
struct Flags {
    #[arg(long, env = "RAGOT_TEST_WEIGHT")]
    weight: Vec<String>,
    #[arg(long, env = "RAGOT_TEST_SEED")]
    seed: Vec<String>,
    #[arg(long, env = "RAGOT_TEST_DRAIN_TIMEOUT")]
    drain_timeout: Option<String>,
}

fn command() -> Command {
    Flags::command()
}

fn sources(args: &[&str], toml: &str, problems: &mut Problems) -> Sources {
    let args = std::iter::once("member")
        .chain(args.iter().copied())
        .map(OsString::from);
    let matches = arguments(command(), args).unwrap();
    let mut sources = Sources::from_matches(&matches, &KEYS);
    sources.add_toml(Path::new("m.toml"), toml, problems);
    sources
}

fn number(text: &str) -> Parsed<u16> {
    text.parse().map_err(|_| "a number".to_owned())
}

fn text(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

#[test]
fn a_flag_is_over_a_file_and_a_file_over_the_default() {
    let mut problems = Problems::default();
    let given = sources(
        &["--weight", "3"],
        "weight = 4\nseed = ['a', 'b']",
        &mut problems,
    );
    assert_eq!(given.one("weight", 1, number, &mut problems), 3);
    assert_eq!(given.many("seed", text, &mut problems), ["a", "b"]);
    let ten = parse::duration("10").unwrap();
    assert_eq!(
        given.one("drain-timeout", ten, parse::duration, &mut problems),
        ten
    );
    assert_eq!(problems.into_result(()), Ok(()));
}

#[test]
fn a_variable_is_named_and_split_at_commas() {
    let variable = given("drain-timeout", "a, b", true).unwrap();
    let each = variable.split(',').into_iter();
    let shown: Vec<_> = each.map(|g| (g.shown, g.value)).collect();
    let expected = [
        ("RAGOT_DRAIN_TIMEOUT \"a\"".to_owned(), "a".to_owned()),
        ("RAGOT_DRAIN_TIMEOUT \"b\"".to_owned(), "b".to_owned()),
    ];
    assert_eq!(shown, expected);
    assert!(given("weight", "", true).is_none());
}

#[test]
fn a_variable_with_commands_is_split_at_lines() {
    let text = "member-join,member-leave=/x a,b\n\n/y\n";
    let sources = Sources {
        keys: vec!["event-handler"],
        given: given("event-handler", text, true).into_iter().collect(),
        from_file: Vec::new(),
    };
    let mut problems = Problems::default();
    let all = sources.lines("event-handler", |text| Ok(text.to_owned()), &mut problems);
    assert_eq!(all, ["member-join,member-leave=/x a,b", "/y"]);
}

#[test]
fn a_variable_is_split_only_where_several_values_are_wanted() {
    let sources = Sources {
        keys: vec!["check", "tag"],
        given: ["check", "tag"]
            .into_iter()
            .filter_map(|key| given(key, "/x?a=1,2", true))
            .collect(),
        from_file: Vec::new(),
    };
    let (mut problems, text) = (Problems::default(), |text: &str| Ok(text.to_owned()));
    let check = sources.optional("check", text, &mut problems);
    assert_eq!(check.as_deref(), Some("/x?a=1,2"));
    assert_eq!(sources.many("tag", text, &mut problems), ["/x?a=1", "2"]);
}

#[test]
fn all_problems_are_told_together_with_where_they_are() {
    let mut problems = Problems::default();
    let toml = "# comment\ndrain-timeout = \"soon\"\nweigth = 3\n\nseed = [\n  'a',\n  'b c',\n]";
    let given = sources(&["--weight", "300x"], toml, &mut problems);
    given.one("weight", 1, number, &mut problems);
    given.optional("drain-timeout", parse::duration, &mut problems);
    given.many("seed", |t| parse::host_port(t, 7373), &mut problems);
    let expected = "m.toml:3: key `weigth` is not known; did you mean `weight`?\n\
         --weight \"300x\": expected a number\n\
         m.toml:2: drain-timeout = \"soon\": expected a duration, as 500ms, 10s or 2m\n\
         m.toml:7: seed = \"b c\": expected a host and a port, as ha:7373 or [::1]:7373";
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn one_value_may_not_be_given_twice() {
    let mut problems = Problems::default();
    let given = sources(&["--weight", "1", "--weight", "2"], "", &mut problems);
    given.one("weight", 1, number, &mut problems);
    assert_eq!(problems.to_string(), "--weight \"2\": given more than once");
}

#[test]
fn a_broken_file_is_one_problem_with_its_line() {
    let mut problems = Problems::default();
    sources(&[], "weight = 1\nseed = [", &mut problems);
    assert!(problems.to_string().starts_with("m.toml:2: "), "{problems}");
    let mut problems = Problems::default();
    sources(&[], "weight = 1.5\nseed = { a = 1 }", &mut problems);
    assert_eq!(problems.to_string().lines().count(), 2, "{problems}");
}

#[test]
fn a_missing_file_is_named() {
    let mut problems = Problems::default();
    let matches = arguments(command(), [OsString::from("member")]).unwrap();
    let mut given = Sources::from_matches(&matches, &KEYS);
    given.add_file(Path::new("/nonexistent/m.toml"), &mut problems);
    assert!(
        problems
            .to_string()
            .starts_with("/nonexistent/m.toml: cannot be read: ")
    );
}

#[test]
fn a_bad_flag_is_one_line_and_exit_code_64() {
    let args = ["member", "--wait", "3"].map(OsString::from);
    let stop = arguments(command(), args).unwrap_err();
    assert_eq!(stop.code, EX_USAGE);
    assert_eq!(
        stop.text,
        "unexpected argument '--wait' found; a similar argument exists: '--weight'"
    );
    let stop = arguments(command(), ["member", "--help"].map(OsString::from)).unwrap_err();
    assert_eq!(stop.code, 0);
}
