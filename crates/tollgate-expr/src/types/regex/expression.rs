//! `Regex`.

use std::sync::Arc;

use super::super::decl::{Kind, TypeDecl, m, not_allowed};
use super::matches::matches;
use super::{MatchData, OBJECT_COST, budget, match_value, out_of_range};
use crate::eval::{Args, Cx, null_argument};
use crate::native::Native;
use crate::regex::{
    Assembly, Found, Options, Range, Regex, Replacement, Subject, cached, unescape,
};
use crate::state::confusion;
use crate::types::{Ty, TypeId};
use crate::{Budget, Exception, ExceptionKind, Limits, Value};

pub(in crate::types) const REGEX: TypeDecl = TypeDecl {
    name: "System.Text.RegularExpressions.Regex",
    kind: Kind::Class,
    bases: &[],
    docs: "A regular expression. Patterns that are constant are compiled at load; a time-out is checked and has no \
           effect, since the steps of an evaluation are bounded.",
    members: &[
        m("new(string pattern)", "Compiles a pattern.", new).prepared(prepare_new),
        m("new(string pattern, RegexOptions options)", "Compiles a pattern.", new)
            .prepared(prepare_new),
        m(
            "new(string pattern, RegexOptions options, TimeSpan matchTimeout)",
            "Compiles a pattern.",
            new,
        )
        .prepared(prepare_new),
        m("bool IsMatch(string input)", "Whether there is a match.", is_match),
        m("bool IsMatch(string input, int startat)", "Whether there is a match from there on.", is_match),
        m("static bool IsMatch(string input, string pattern)", "Whether there is a match.", static_is_match)
            .prepared(prepare),
        m(
            "static bool IsMatch(string input, string pattern, RegexOptions options)",
            "Whether there is a match.",
            static_is_match,
        )
        .prepared(prepare),
        m(
            "static bool IsMatch(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
            "Whether there is a match.",
            static_is_match,
        )
        .prepared(prepare),
        m("Match Match(string input)", "The first match.", first_match),
        m("Match Match(string input, int startat)", "The first match from there on.", first_match),
        m(
            "Match Match(string input, int beginning, int length)",
            "The first match in a part of the text.",
            match_in_part,
        ),
        m("static Match Match(string input, string pattern)", "The first match.", static_match)
            .prepared(prepare),
        m(
            "static Match Match(string input, string pattern, RegexOptions options)",
            "The first match.",
            static_match,
        )
        .prepared(prepare),
        m(
            "static Match Match(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
            "The first match.",
            static_match,
        )
        .prepared(prepare),
        m("MatchCollection Matches(string input)", "All matches.", all_matches),
        m("MatchCollection Matches(string input, int startat)", "All matches from there on.", all_matches),
        m("static MatchCollection Matches(string input, string pattern)", "All matches.", static_matches)
            .prepared(prepare),
        m(
            "static MatchCollection Matches(string input, string pattern, RegexOptions options)",
            "All matches.",
            static_matches,
        )
        .prepared(prepare),
        m(
            "static MatchCollection Matches(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
            "All matches.",
            static_matches,
        )
        .prepared(prepare),
        m("string Replace(string input, string replacement)", "With all matches replaced.", replace),
        m(
            "string Replace(string input, string replacement, int count)",
            "With up to so many matches replaced.",
            replace,
        ),
        m(
            "string Replace(string input, string replacement, int count, int startat)",
            "With up to so many matches from there on replaced.",
            replace,
        ),
        m(
            "string Replace(string input, MatchEvaluator evaluator)",
            "With all matches replaced by what a function makes of them.",
            replace_by,
        ),
        m(
            "string Replace(string input, MatchEvaluator evaluator, int count)",
            "With up to so many matches replaced by what a function makes of them.",
            replace_by,
        ),
        m(
            "string Replace(string input, MatchEvaluator evaluator, int count, int startat)",
            "With up to so many matches from there on replaced by what a function makes of them.",
            replace_by,
        ),
        m(
            "static string Replace(string input, string pattern, string replacement)",
            "With all matches replaced.",
            static_replace,
        )
        .prepared(prepare_replace),
        m(
            "static string Replace(string input, string pattern, string replacement, RegexOptions options)",
            "With all matches replaced.",
            static_replace,
        )
        .prepared(prepare_replace),
        m(
            "static string Replace(string input, string pattern, string replacement, RegexOptions options, TimeSpan matchTimeout)",
            "With all matches replaced.",
            static_replace,
        )
        .prepared(prepare_replace),
        m(
            "static string Replace(string input, string pattern, MatchEvaluator evaluator)",
            "With all matches replaced by what a function makes of them.",
            static_replace_by,
        )
        .prepared(prepare_replace),
        m(
            "static string Replace(string input, string pattern, MatchEvaluator evaluator, RegexOptions options)",
            "With all matches replaced by what a function makes of them.",
            static_replace_by,
        )
        .prepared(prepare_replace),
        m(
            "static string Replace(string input, string pattern, MatchEvaluator evaluator, RegexOptions options, TimeSpan matchTimeout)",
            "With all matches replaced by what a function makes of them.",
            static_replace_by,
        )
        .prepared(prepare_replace),
        m("string[] Split(string input)", "The parts between matches, and what groups hold.", split),
        m("string[] Split(string input, int count)", "Up to so many parts between matches.", split),
        m(
            "string[] Split(string input, int count, int startat)",
            "Up to so many parts between matches from there on.",
            split,
        ),
        m(
            "static string[] Split(string input, string pattern)",
            "The parts between matches, and what groups hold.",
            static_split,
        )
        .prepared(prepare),
        m(
            "static string[] Split(string input, string pattern, RegexOptions options)",
            "The parts between matches, and what groups hold.",
            static_split,
        )
        .prepared(prepare),
        m(
            "static string[] Split(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
            "The parts between matches, and what groups hold.",
            static_split,
        )
        .prepared(prepare),
        m("static string Unescape(string str)", "With escapes replaced by what they stand for.", |cx, a| {
            let text = a.str(0, "str")?;
            let text = unescape(&text, budget(cx))?;
            cx.string(text)
        }),
    ],
    refused: &[
        not_allowed("Escape", "escape the pattern by hand, or compare without a pattern"),
        not_allowed("Options", "they are known where the pattern is made"),
        not_allowed("RightToLeft", "it is known where the pattern is made"),
        not_allowed("MatchTimeout", "the steps of an evaluation are bounded"),
        not_allowed("InfiniteMatchTimeout", "the steps of an evaluation are bounded"),
        not_allowed("GetGroupNames", "ask a match for its groups"),
        not_allowed("GetGroupNumbers", "ask a match for its groups"),
        not_allowed("GroupNameFromNumber", "ask a match for its groups"),
        not_allowed("GroupNumberFromName", "ask a match for its groups"),
        not_allowed("CacheSize", "patterns are kept by themselves"),
        not_allowed("CompileToAssembly", "it makes an assembly"),
    ],
};

/// A regular expression: an object of policies, and what a constant pattern becomes at load.
#[derive(Debug)]
struct Compiled(Arc<Regex>);

impl Native for Compiled {
    fn id(&self) -> TypeId {
        TypeId::Regex
    }

    fn text(&self) -> Option<String> {
        Some((**self.0.pattern()).to_owned())
    }
}

/// What compiling a constant pattern may cost.
const LIMITS: Limits = Limits { steps: 4_000_000, memory: 64 << 20, depth: 0 };

/// Compiles a constant pattern.
fn prepare_at(
    constants: &mut [Option<Value>],
    pattern_at: usize,
    options_at: usize,
) -> Result<(), String> {
    let number = match constants.get(options_at) {
        None => 0,
        Some(Some(Value::Enum(_, number))) => *number,
        Some(_) => return Ok(()),
    };
    let Some(slot) = constants.get_mut(pattern_at) else { return Ok(()) };
    let (Some(Value::Str(pattern)), Some(options)) = (&slot, Options::from_number(number)) else {
        return Ok(());
    };
    match Regex::new(pattern.clone(), options, &mut Budget::new(LIMITS)) {
        Ok(regex) => {
            *slot = Some(Value::native(Compiled(Arc::new(regex))));
            Ok(())
        }
        Err(error) => {
            let exception = Exception::from(error);
            Err(format!("this is not a regular expression: {}", exception.message()))
        }
    }
}

fn prepare_new(constants: &mut [Option<Value>]) -> Result<(), String> {
    prepare_at(constants, 0, 1)
}

fn prepare(constants: &mut [Option<Value>]) -> Result<(), String> {
    prepare_at(constants, 1, 2)
}

fn prepare_replace(constants: &mut [Option<Value>]) -> Result<(), String> {
    prepare_at(constants, 1, 3)
}

/// The pattern among the arguments: compiled at load, or now.
fn pattern(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    pattern_at: usize,
    options_at: usize,
) -> Result<Arc<Regex>, Exception> {
    let compiled = a.get(pattern_at).as_native::<Compiled>();
    let pattern = match compiled {
        Some(_) => None,
        None => Some(a.str(pattern_at, "pattern")?),
    };
    let number = if a.len() > options_at { a.int(options_at) } else { 0 };
    let options = Options::from_number(number).ok_or_else(|| out_of_range("options"))?;
    if a.len() > options_at + 1 {
        check_time_out(a, options_at + 1)?;
    }
    match (compiled, pattern) {
        (Some(compiled), _) => Ok(compiled.0.clone()),
        (None, Some(pattern)) => cached(&pattern, options, budget(cx)),
        (None, None) => Err(confusion()),
    }
}

/// A time-out is -1 ms for none, or up to `int.MaxValue - 1` ms.
fn check_time_out(a: &Args<'_>, at: usize) -> Result<(), Exception> {
    const TICKS_PER_MS: i64 = 10_000;
    const LONGEST: i64 = (i32::MAX as i64 - 1) * TICKS_PER_MS;
    match a.span(at).ticks() {
        1..=LONGEST => Ok(()),
        ticks if ticks == -TICKS_PER_MS => Ok(()),
        _ => Err(out_of_range("matchTimeout")),
    }
}

fn new(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let regex = pattern(cx, a, 0, 1)?;
    cx.charge(OBJECT_COST)?;
    Ok(Value::native(Compiled(regex)))
}

/// The receiver.
fn this(a: &Args<'_>) -> Result<Arc<Regex>, Exception> {
    a.get(0).as_native::<Compiled>().map(|compiled| compiled.0.clone()).ok_or_else(confusion)
}

/// The text to search.
fn input(cx: &mut Cx<'_>, a: &Args<'_>, at: usize) -> Result<Subject, Exception> {
    Subject::new(a.str(at, "input")?, budget(cx))
}

/// Where to search: from the place that an argument gives, if it is there.
fn range(regex: &Regex, subject: &Subject, a: &Args<'_>, at: usize) -> Result<Range, Exception> {
    let whole = regex.whole(subject);
    if a.len() <= at {
        return Ok(whole);
    }
    match usize::try_from(a.int(at)) {
        Ok(from) if from <= subject.len() => Ok(Range { from, ..whole }),
        _ => Err(bad_start()),
    }
}

#[cold]
fn bad_start() -> Exception {
    Exception::new(
        ExceptionKind::ArgumentOutOfRange,
        "Start index cannot be less than 0 or greater than input length. (Parameter 'startat')",
    )
}

#[cold]
fn bad_count() -> Exception {
    Exception::new(
        ExceptionKind::ArgumentOutOfRange,
        "Count cannot be less than -1. (Parameter 'count')",
    )
}

fn is_match(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let regex = this(a)?;
    if a.len() <= 2 {
        return whole_text(cx, &regex, a, 1);
    }
    let subject = input(cx, a, 1)?;
    let range = range(&regex, &subject, a, 2)?;
    regex.is_match(&subject, range, budget(cx)).map(Value::Bool)
}

fn static_is_match(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let regex = pattern(cx, a, 1, 2)?;
    whole_text(cx, &regex, a, 0)
}

fn whole_text(cx: &mut Cx<'_>, regex: &Regex, a: &Args<'_>, at: usize) -> Result<Value, Exception> {
    match a.get(at) {
        Value::Str(text) => regex.matches(text, budget(cx)).map(Value::Bool),
        _ => Err(null_argument("input")),
    }
}

/// The first match as an object.
fn find(
    cx: &mut Cx<'_>,
    regex: Arc<Regex>,
    subject: Subject,
    range: Range,
) -> Result<Value, Exception> {
    let found = regex.find(&subject, range, budget(cx))?;
    first_of(cx, regex, subject, found)
}

fn first_of(
    cx: &mut Cx<'_>,
    regex: Arc<Regex>,
    subject: Subject,
    found: Option<Found>,
) -> Result<Value, Exception> {
    let found = found.map(|found| (regex, found));
    cx.charge(OBJECT_COST)?;
    match_value(cx, Arc::new(MatchData { found, subject }))
}

fn first_match(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (regex, subject) = (this(a)?, input(cx, a, 1)?);
    let range = range(&regex, &subject, a, 2)?;
    find(cx, regex, subject, range)
}

fn match_in_part(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (regex, subject) = (this(a)?, input(cx, a, 1)?);
    let (beginning, length) = (a.int(2), a.int(3));
    let end = beginning.wrapping_add(length);
    let place = |n: i32| usize::try_from(n).ok().filter(|n| *n <= subject.len());
    let from = place(if regex.is_backward() { end } else { beginning }).ok_or_else(bad_start)?;
    if place(length).is_none() {
        return Err(Exception::new(
            ExceptionKind::ArgumentOutOfRange,
            "Length cannot be less than 0 or exceed input length. (Parameter 'length')",
        ));
    }
    // .NET does not ask whether the part is one of the text, and reads beyond it unless it finds a match before.
    let window = (place(beginning).unwrap_or_default(), place(end).unwrap_or(subject.len()));
    let range = Range { window, from, after_empty: false };
    let found = regex.find(&subject, range, budget(cx))?;
    if found.is_none() && (place(beginning).is_none() || place(end).is_none()) {
        let message = "Index was outside the bounds of the array.";
        return Err(Exception::new(ExceptionKind::IndexOutOfRange, message));
    }
    first_of(cx, regex, subject, found)
}

fn static_match(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (regex, subject) = (pattern(cx, a, 1, 2)?, input(cx, a, 0)?);
    let range = regex.whole(&subject);
    find(cx, regex, subject, range)
}

fn all_matches(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (regex, subject) = (this(a)?, input(cx, a, 1)?);
    let range = range(&regex, &subject, a, 2)?;
    matches(cx, regex, subject, range)
}

fn static_matches(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (regex, subject) = (pattern(cx, a, 1, 2)?, input(cx, a, 0)?);
    let range = regex.whole(&subject);
    matches(cx, regex, subject, range)
}

fn replace(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    replace_named(cx, a, "replacement")
}

fn replace_by(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    replace_named(cx, a, "evaluator")
}

fn replace_named(cx: &mut Cx<'_>, a: &Args<'_>, name: &str) -> Result<Value, Exception> {
    let (regex, text) = (this(a)?, a.str(1, "input")?);
    let with = With::of(a, 2, name, &regex)?;
    let count = if a.len() > 3 { a.int(3) } else { -1 };
    if count < -1 {
        return Err(bad_count());
    }
    let subject = Subject::new(text, budget(cx))?;
    let range = range(&regex, &subject, a, 4)?;
    replaced(cx, &regex, &subject, range, count, &with)
}

fn static_replace(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    static_replace_named(cx, a, "replacement")
}

fn static_replace_by(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    static_replace_named(cx, a, "evaluator")
}

fn static_replace_named(cx: &mut Cx<'_>, a: &Args<'_>, name: &str) -> Result<Value, Exception> {
    let (regex, text) = (pattern(cx, a, 1, 3)?, a.str(0, "input")?);
    let with = With::of(a, 2, name, &regex)?;
    let subject = Subject::new(text, budget(cx))?;
    let range = regex.whole(&subject);
    replaced(cx, &regex, &subject, range, -1, &with)
}

/// What matches are replaced with.
enum With {
    Pattern(Replacement),
    Function(Value),
}

impl With {
    fn of(a: &Args<'_>, at: usize, name: &str, regex: &Regex) -> Result<Self, Exception> {
        match a.get(at) {
            Value::Str(text) => Ok(Self::Pattern(Replacement::new(text, regex)?)),
            Value::Null => Err(null_argument(name)),
            function => Ok(Self::Function(function.clone())),
        }
    }
}

fn replaced(
    cx: &mut Cx<'_>,
    regex: &Arc<Regex>,
    subject: &Subject,
    range: Range,
    count: i32,
    with: &With,
) -> Result<Value, Exception> {
    let replace = |cx: &mut Cx<'_>, found: Found, out: &mut Assembly| match with {
        With::Pattern(pattern) => pattern.expand(regex, subject, &found, out, budget(cx)),
        With::Function(function) => {
            let data = MatchData { found: Some((regex.clone(), found)), subject: subject.clone() };
            let value = match_value(cx, Arc::new(data))?;
            if let Value::Str(text) = cx.invoke(function, &[value])? {
                cx.charge(text.len())?;
                out.push_str(&text);
            }
            Ok(())
        }
    };
    match regex.replace(subject, range, count, cx, budget, replace)? {
        Some(text) => cx.string(text),
        None => Ok(Value::Str(subject.text().clone())),
    }
}

fn split(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (regex, subject) = (this(a)?, input(cx, a, 1)?);
    let count = if a.len() > 2 { a.int(2) } else { 0 };
    if count < 0 {
        return Err(bad_count());
    }
    let range = range(&regex, &subject, a, 3)?;
    parts(cx, &regex, &subject, range, count)
}

fn static_split(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (regex, subject) = (pattern(cx, a, 1, 2)?, input(cx, a, 0)?);
    let range = regex.whole(&subject);
    parts(cx, &regex, &subject, range, 0)
}

fn parts(
    cx: &mut Cx<'_>,
    regex: &Regex,
    subject: &Subject,
    range: Range,
    count: i32,
) -> Result<Value, Exception> {
    let parts = regex.split(subject, range, count, budget(cx))?;
    cx.state.array(Ty::STRING, parts.into_iter().map(Value::from).collect())
}

/// The `=~` of a filter in a path of Json.NET.
pub(crate) fn json_path_match(
    input: &str,
    pattern: &str,
    letters: &str,
    budget: &mut Budget,
) -> Result<bool, Exception> {
    let mut options = Options::default();
    for letter in letters.chars() {
        options = match letter {
            'i' => options.with(Options::IGNORE_CASE),
            'm' => options.with(Options::MULTILINE),
            's' => options.with(Options::SINGLELINE),
            'x' => options.with(Options::EXPLICIT_CAPTURE),
            _ => options,
        };
    }
    cached(&pattern.into(), options, budget)?.matches(input, budget)
}
