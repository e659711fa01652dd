//! Patterns against what .NET Core 3.1 answered.

use std::fmt::Write as _;

use super::*;
use crate::{Budget, Exception, Limits};

const LIMITS: Limits = Limits { steps: 1_000_000, memory: 32 << 20, depth: 0 };

fn compile(pattern: &str, options: i32) -> Result<Regex, Exception> {
    let options = Options::from_number(options).unwrap();
    Ok(Regex::new(pattern.into(), options, &mut Budget::new(LIMITS))?)
}

/// All matches: index and length, and behind a bar the captures of each group.
fn matches(pattern: &str, options: i32, text: &str) -> Result<String, Exception> {
    let mut budget = Budget::new(LIMITS);
    let regex = compile(pattern, options)?;
    let subject = Subject::new(text.into(), &mut budget)?;
    let mut range = regex.whole(&subject);
    let mut out = Vec::new();
    while let Some(found) = regex.find(&subject, range, &mut budget)? {
        let (start, len) = found.span();
        let mut shown = format!("{start},{len}");
        for slot in 1..regex.n_groups() {
            shown.push('|');
            for (start, len) in found.captures(slot) {
                write!(shown, "({start},{len})").unwrap();
            }
        }
        out.push(shown);
        range = found.after(range.window);
    }
    Ok(out.join(" "))
}

fn shown(result: Result<String, Exception>) -> String {
    result.unwrap_or_else(|exception| exception.message().to_owned())
}

fn check(cases: &[(&str, i32, &str, &str)]) {
    for (pattern, options, text, expected) in cases {
        assert_eq!(
            shown(matches(pattern, *options, text)),
            *expected,
            "{pattern} {options} {text:?}"
        );
    }
}

fn check_refused(cases: &[(&str, i32, &str)]) {
    for (pattern, at, message) in cases {
        let expected = format!("Invalid pattern '{pattern}' at offset {at}. {message}");
        let refused = compile(pattern, 0).err();
        assert_eq!(refused.as_ref().map(Exception::message), Some(expected.as_str()));
    }
}

#[test]
fn units_and_classes() {
    check(&[
        ("", 0, "ab", "0,0 1,0 2,0"),
        ("b", 0, "abcb", "1,1 3,1"),
        (".", 0, "a\nb", "0,1 2,1"),
        (".", 16, "a\nb", "0,1 1,1 2,1"),
        ("[a-z-[aeiou]]+", 0, "abcde", "1,3"),
        ("[^a-c]", 0, "abcd", "3,1"),
        ("[]a]+", 0, "a]b", "0,2"),
        ("[a-]+", 0, "a-b", "0,2"),
        ("[+-\\-]", 0, "+,-", "2,1"),
        ("[[:x:]", 0, "[:x]", "0,1 1,1 2,1"),
        ("\\d+", 0, "1\u{0661}a", "0,2"),
        ("\\d+", 256, "1\u{0661}a", "0,1"),
        ("\\w+", 0, "a_\u{e9}-\u{200d}", "0,3"),
        ("\\s", 0, " \u{a0}\u{3000}", "0,1 1,1 2,1"),
        ("\\p{Lu}\\P{Lu}", 0, "AbC", "0,2"),
        ("\\p{IsGreek}", 0, "a\u{3b1}", "1,1"),
        ("\\u0041\\x42\\103\\cA\\e", 0, "ABC\u{1}\u{1b}", "0,5"),
        (".", 0, "\u{1f600}", "0,1 1,1"),
        ("^..$", 0, "\u{1f600}", "0,2"),
    ]);
}

#[test]
fn anchors() {
    check(&[
        ("^a", 0, "a\na", "0,1"),
        ("^a", 2, "a\na", "0,1 2,1"),
        ("a$", 0, "a\na\n", "2,1"),
        ("a$", 2, "a\na\n", "0,1 2,1"),
        ("a\\z", 0, "a\n", ""),
        ("a\\Z", 0, "a\n", "0,1"),
        ("\\Ga", 0, "aab a", "0,1 1,1"),
        ("\\bx\\B", 0, "x xy", "2,1"),
        ("$", 0, "\n", "0,0 1,0"),
    ]);
}

#[test]
fn case_is_ignored_as_the_invariant_culture_has_it() {
    check(&[
        ("straSSE", 1, "STRASSE Strasse", "0,7 8,7"),
        ("\u{e9}", 1, "\u{c9}", "0,1"),
        ("k", 1, "\u{212a}", "0,1"),
        ("i", 1, "I\u{130}\u{131}", "0,1"),
        ("[a-z]", 1, "Q", "0,1"),
        ("[A-Z]", 1, "q", "0,1"),
        ("[^a]", 1, "Ab", "1,1"),
        ("\\p{Lu}", 1, "aA", "0,1 1,1"),
        ("(?i)a(?-i)b", 0, "AB Ab", "3,2"),
        ("(?i:a)b", 0, "Ab AB", "0,2"),
        ("(a)\\1", 1, "aA", "0,2|(0,1)"),
    ]);
}

#[test]
fn repetitions() {
    check(&[
        ("a*", 0, "aab", "0,2 2,0 3,0"),
        ("a+?", 0, "aa", "0,1 1,1"),
        ("a{2,3}", 0, "aaaaa", "0,3 3,2"),
        ("a{,3}", 0, "a{,3}", "0,5"),
        ("a{2", 0, "a{2", "0,3"),
        ("(?:a{2,4}){2,3}", 0, "aaaaaaaaa", "0,9"),
        ("(?:ab){0}c", 0, "abc", "2,1"),
        ("(a|ab)(c|bcd)(d*)", 0, "abcd", "0,4|(0,1)|(1,3)|(4,0)"),
        ("(a*)*", 0, "aab", "0,2|(0,2)(2,0) 2,0|(2,0) 3,0|(3,0)"),
        ("(a*)+?b", 0, "aab", "0,3|(0,2)"),
        ("(?>a+)ab|a", 0, "aaab", "0,1 1,1 2,1"),
        ("(x(?:)+?)", 0, "xb", "0,1|(1,0)"),
    ]);
}

#[test]
fn groups_and_references() {
    check(&[
        ("(?<n>a)(b)", 0, "ab", "0,2|(1,1)|(0,1)"),
        ("(?<n>a)(?<n>b)", 0, "ab", "0,2|(0,1)(1,1)"),
        ("(a)(?n:(b))(c)", 0, "abc", "0,3|(0,1)|(2,1)"),
        ("(a)(b)", 4, "ab", "0,2"),
        ("(\\w)\\1", 0, "abba", "1,2|(1,1)"),
        ("(?<q>['\"]).*?\\k<q>", 0, "'a\"'", "0,4|(0,1)"),
        ("(a)?b\\1", 0, "b", ""),
        ("(a)?b\\1", 256, "b", "0,1|"),
        ("(a|(b))+", 0, "ab", "0,2|(0,1)(1,1)|(1,1)"),
        (
            "(?(1)b|c)",
            0,
            "c",
            "Invalid pattern '(?(1)b|c)' at offset 5. (?(1) ) reference to undefined group.",
        ),
        ("(a)?(?(1)b|c)", 0, "abc", "0,2|(0,1) 2,1|"),
        ("(?(?=a)ab|cd)", 0, "abcd", "0,2 2,2"),
        ("(?(a)b)", 0, "b", "0,0"),
        ("^(?<o>\\()+(?<c-o>\\))+(?(o)(?!))$", 0, "(())", "0,4||(2,0)(1,2)"),
        ("(?<5>a)(b)", 0, "ab", "0,2|(1,1)|(0,1)"),
    ]);
    let regex = compile("(?<5>a)(b)(?<q>c)", 0).unwrap();
    assert_eq!(regex.numbers(), [0, 1, 2, 5]);
    assert_eq!(regex.names().unwrap(), ["0", "1", "q", "5"]);
    assert_eq!((regex.slot(5), regex.slot(3), regex.slot_by_name("q")), (Some(3), None, Some(2)));
}

#[test]
fn looking_around_and_backward() {
    check(&[
        ("(?<=a)b", 0, "ab b", "1,1"),
        ("(?<!a)b", 0, "ab b", "3,1"),
        ("a(?=b)", 0, "ac ab", "3,1"),
        ("a(?!b)", 0, "ab ac", "3,1"),
        ("(?<=(\\d{2})+)x", 0, "1234x", "4,1|(2,2)(0,2)"),
        ("(?=(a+))a*b\\1", 0, "baaabac", "3,3|(3,1)"),
        ("a+", 64, "aab a", "4,1 0,2"),
        ("(\\d)(\\d+)", 64, "1234", "0,4|(0,1)|(1,3)"),
        ("ab|b", 64, "ab", "0,2"),
        ("(?<=\\k<a>(?<a>.))b", 0, "aab", "2,1|(1,1)"),
    ]);
}

#[test]
fn white_space_and_comments() {
    check(&[
        ("a b # c\n c", 32, "abc", "0,3"),
        ("a(?# comment )b", 0, "ab", "0,2"),
        ("(?x) a + (?-x) b", 0, "aa b", "0,4"),
        ("a\\ b[ ]", 32, "a b ", "0,4"),
    ]);
}

#[test]
fn messages_are_those_of_dotnet() {
    check_refused(&[
        ("(", 1, "Not enough )'s."),
        (")", 1, "Too many )'s."),
        ("a**", 3, "Nested quantifier '*'."),
        ("*a", 1, "Quantifier {x,y} following nothing."),
        ("a{2,1}", 6, "Illegal {x,y} with x > y."),
        ("[a", 2, "Unterminated [] set."),
        ("[z-a]", 4, "[x-y] range in reverse order."),
        ("[a-\\d]", 5, "Cannot include class \\\\d in character range."),
        ("[a-[b]c]", 6, "A subtraction must be the last element in a character class."),
        ("\\", 1, "Illegal \\\\ at end of pattern."),
        ("\\q", 2, "Unrecognized escape sequence \\\\q."),
        ("\\x1", 2, "Insufficient hexadecimal digits."),
        ("\\c!", 3, "Unrecognized control character."),
        ("\\1", 2, "Reference to undefined group number 1."),
        ("\\k<a>", 5, "Reference to undefined group name 'a'."),
        ("\\k", 1, "Malformed \\\\k<...> named back reference."),
        ("\\p{Foo}", 7, "Unknown property 'Foo'."),
        ("\\pL", 2, "Incomplete \\\\p{X} character escape."),
        ("(?<0>a)", 4, "Capture number cannot be zero."),
        ("(?<a!>x)", 4, "Invalid group name: Group names must begin with a word character."),
        ("(?P<n>a)", 3, "Unrecognized grouping construct."),
        ("(?(?#c)a|b)", 2, "Alternation conditions cannot be comments."),
        ("(?(?<n>x)a|b)", 2, "Alternation conditions do not capture and cannot be named."),
        ("(?(x)a|b|c)", 11, "Too many | in (?()|)."),
        ("(?#abc", 6, "Unterminated (?#...) comment."),
        (
            "a{99999999999}",
            12,
            "Capture group numbers must be less than or equal to Int32.MaxValue.",
        ),
    ]);
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    for (number, known) in [(0, true), (0x3bf, false), (0x2ff, true), (1024, false), (-1, false)] {
        assert_eq!(Options::from_number(number).is_some(), known, "{number}");
    }
    assert!(Options::from_number(256 | 1 | 2 | 512).is_some());
    assert!(Options::from_number(256 | 16).is_none());
}

/// Replaces and splits.
fn check_replaced(cases: &[(&str, i32, &str, &str, &str)]) {
    for (pattern, options, text, replacement, expected) in cases {
        let mut budget = Budget::new(LIMITS);
        let regex = compile(pattern, *options).unwrap();
        let subject = Subject::new((*text).into(), &mut budget).unwrap();
        let replacement = Replacement::new(replacement, &regex).unwrap();
        let range = regex.whole(&subject);
        let replaced = regex.replace(
            &subject,
            range,
            -1,
            &mut budget,
            |b| b,
            |b, found, out| replacement.expand(&regex, &subject, &found, out, b),
        );
        assert_eq!(replaced.unwrap().as_deref(), Some(*expected), "{pattern} {text}");
    }
}

#[test]
fn replacements() {
    check_replaced(&[
        ("b", 0, "abc", "[$&]", "a[b]c"),
        ("(a)(?<n>b)", 0, "ab", "$2$1${n}${1}0$$", "baba0$"),
    ]);
    check_replaced(&[
        ("b", 0, "abc", "$`|$'|$_|$+", "aa|c|abc|bc"),
        ("(b)(c)", 0, "abcd", "<$+>", "a<c>d"),
        ("b", 0, "abc", "$1$x${y}${", "a$1$x${y}${c"),
        ("(b)", 0, "abc", "$10$01", "a$10bc"),
        ("(b)", 256, "abc", "$10", "ab0c"),
        ("", 0, "ab", "-", "-a-b-"),
        ("\\d", 64, "a1b2", "<$&>", "a<1>b<2>"),
        ("x", 0, "\u{1f600}x\u{1f600}", "$'$`", "\u{1f600}\u{1f600}\u{1f600}\u{1f600}"),
        ("", 0, "\u{1f600}", "", "\u{1f600}"),
    ]);
}

#[test]
fn splitting() {
    for (pattern, options, text, expected) in [
        (",", 0, "a,b,c", "a|b|c"),
        ("([,;])", 0, "a,b;c", "a|,|b|;|c"),
        ("x", 0, "abc", "abc"),
        ("", 0, "ab", "|a|b|"),
        ("(?<3>\\w)", 0, "a-", "||-"),
        ("(-)", 64, "a-b-c", "a|-|b|-|c"),
    ] {
        let mut budget = Budget::new(LIMITS);
        let regex = compile(pattern, options).unwrap();
        let subject = Subject::new(text.into(), &mut budget).unwrap();
        let parts = regex.split(&subject, regex.whole(&subject), 0, &mut budget).unwrap();
        assert_eq!(parts.join("|"), expected, "{pattern}");
    }
}

#[test]
fn escapes_are_undone() {
    for (text, expected) in [
        ("a\\.b\\n\\", "a.b\n"),
        ("\\u0041\\x42", "AB"),
        ("\\q", "Invalid pattern '\\q' at offset 2. Unrecognized escape sequence \\\\q."),
    ] {
        assert_eq!(shown(unescape(text, &mut Budget::new(LIMITS))), expected);
    }
}

/// What a hostile pattern comes to, with a tenth of the steps of a request.
fn hostile(pattern: &str, options: i32, text: &str) -> String {
    let mut budget = Budget::new(Limits { steps: LIMITS.steps / 10, ..LIMITS });
    let options = Options::from_number(options).unwrap();
    let run = |budget: &mut Budget| {
        let regex = Regex::new(pattern.into(), options, budget)?;
        regex.matches(text, budget)
    };
    match run(&mut budget) {
        Ok(matched) => matched.to_string(),
        Err(exception) if exception.is_bound() => {
            let memory = exception.message().contains("memory");
            (if memory { "memory" } else { "bound" }).to_owned()
        }
        Err(exception) => exception.message().chars().take(40).collect(),
    }
}

#[test]
fn hostile_patterns_end() {
    let a = "a".repeat(64);
    let x = "x".repeat(64);
    let long = "a".repeat(1 << 20);
    let nest = |n| format!("{}a{}", "(".repeat(n), "*)".repeat(n));
    let (nested, less_nested) = (nest(1000), nest(100));
    let deep = format!("{}a{}", "(?:".repeat(20_000), ")".repeat(20_000));
    let classes = format!("{}a{}", "[a-".repeat(5_000), "]".repeat(5_000));
    let groups = "()".repeat(10_000);
    for (pattern, options, text, expected) in [
        ("^(a+)+$", 0, format!("{a}!"), "bound"),
        ("^(a|aa)+$", 0, format!("{a}!"), "bound"),
        ("^(a|a)*b", 0, a.clone(), "false"),
        ("(x+x+)+y", 0, x, "bound"),
        (
            "(.*?,){20}P",
            0,
            "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28".to_owned(),
            "bound",
        ),
        (&*nested, 0, a.clone(), "memory"),
        (&*less_nested, 0, a.clone(), "true"),
        (&*deep, 0, "a".to_owned(), "true"),
        (&*classes, 0, "a".to_owned(), "bound"),
        (&*groups, 0, "a".to_owned(), "true"),
        ("(a{1000}){1000}", 0, long.clone(), "true"),
        ("(?:a{1000}){1000}b", 0, long.clone(), "bound"),
        ("(a{2147483647}){2147483647}", 0, a.clone(), "false"),
        ("(?:){2147483647}", 0, a, "false"),
        ("a*a*a*b", 0, long.clone(), "bound"),
        ("b", 0, long.clone(), "false"),
        ("(?:aa)*$", 0, long.clone(), "true"),
        ("[^a]", 64, long.clone(), "false"),
        ("\\w+$", 0, long, "true"),
    ] {
        let head: String = pattern.chars().take(30).collect();
        assert_eq!(hostile(pattern, options, &text), expected, "{head}");
    }
}
