//! Named values: `{{name}}` anywhere in a document stands for a text, before anything else is read.
//!
//! A value is not looked at again, so a value that holds `{{…}}` keeps it.

use std::ops::Range;

use tollgate_diagnostics::{FileId, MappedText, MappedTextBuilder};

use super::options::NamedValues;

/// A document after its named values were substituted.
#[derive(Debug)]
pub(super) struct Substituted {
    /// The text.
    pub(super) text: MappedText,
    /// Where values stand in it, in order.
    pub(super) values: Vec<Name>,
    /// Where names stand in it that are no named value, braces included, in order.
    pub(super) unknown: Vec<Name>,
}

/// A name and its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) range: Range<usize>,
    pub(super) name: String,
}

/// The one of some names, sorted by place, that holds a position or begins there.
pub(super) fn name_at(names: &[Name], pos: usize) -> Option<&Name> {
    let after = names.partition_point(|name| name.range.start <= pos);
    let name = names.get(after.checked_sub(1)?)?;
    (name.range.start == pos || pos < name.range.end).then_some(name)
}

/// Whether a range shares a byte with one of some names, sorted by place.
pub(super) fn any_in<'a>(names: &'a [Name], range: &Range<usize>) -> Option<&'a Name> {
    let first = names.partition_point(|name| name.range.end <= range.start);
    names.get(first).filter(|name| name.range.start < range.end)
}

/// Why substitution stopped.
#[derive(Debug)]
pub(super) struct TooLong;

/// A name as it is shown. Named values in names are a mistake, and a message would give away what they stand for.
pub(super) fn name_without_values(seen: &str, values: &[Name], range: &Range<usize>) -> String {
    if any_in(values, range).is_some() { "{{…}}".to_owned() } else { seen.to_owned() }
}

/// Replaces the named values of a document that begins at `start` of `source`.
pub(super) fn substitute(
    file: FileId,
    source: &str,
    start: usize,
    named_values: &dyn NamedValues,
    limit: usize,
) -> Result<Substituted, TooLong> {
    let mut builder = MappedTextBuilder::new();
    let mut values = Vec::new();
    let mut unknown = Vec::new();
    let mut copied = start;
    let mut pos = start;
    while let Some(reference) = next_reference(source, pos) {
        pos = reference.end;
        let name = source.get(reference.start + 2..reference.end - 2).unwrap_or("").trim();
        let before = source.get(copied..reference.start).unwrap_or("");
        if let Some(value) = named_values.lookup(name) {
            builder.verbatim(before, file.span(copied..reference.start));
            let begin = builder.as_str().len();
            builder.replaced(value.text, file.span(reference.clone()), value.secret);
            let range = begin..builder.as_str().len();
            values.push(Name { range, name: name.to_owned() });
            copied = reference.end;
        } else {
            let begin = builder.as_str().len() + before.len();
            let range = begin..begin + reference.len();
            unknown.push(Name { range, name: name.to_owned() });
        }
        if builder.as_str().len() > limit {
            return Err(TooLong);
        }
    }
    let rest = source.get(copied..).unwrap_or("");
    builder.verbatim(rest, file.span(copied..source.len()));
    if builder.as_str().len() > limit {
        return Err(TooLong);
    }
    Ok(Substituted { text: builder.finish(file.span(start..source.len())), values, unknown })
}

/// The next `{{ name }}` at or after `from`.
fn next_reference(source: &str, from: usize) -> Option<Range<usize>> {
    let bytes = source.as_bytes();
    let mut pos = from;
    loop {
        let open = pos + source.get(pos..)?.find("{{")?;
        let mut at = open + 2;
        let skip = |at: &mut usize, accept: fn(u8) -> bool| {
            let begin = *at;
            while bytes.get(*at).copied().is_some_and(accept) {
                *at += 1;
            }
            *at > begin
        };
        skip(&mut at, |b| matches!(b, b' ' | b'\t'));
        let named = skip(&mut at, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        skip(&mut at, |b| matches!(b, b' ' | b'\t'));
        if named && bytes.get(at..at + 2) == Some(b"}}") {
            return Some(open..at + 2);
        }
        // In `{{{name}}` the last two braces may belong to the name.
        pos = open + 1;
    }
}

#[cfg(test)]
mod tests {
    use tollgate_diagnostics::Sources;

    use super::*;
    use crate::read::options::NamedValue;

    struct Fixed;

    impl NamedValues for Fixed {
        fn lookup(&self, name: &str) -> Option<NamedValue<'_>> {
            match name {
                "a" => Some(NamedValue { text: "1", secret: false }),
                "empty" => Some(NamedValue { text: "", secret: false }),
                "again" => Some(NamedValue { text: "{{a}}", secret: true }),
                "x.y-z_0" => Some(NamedValue { text: "long", secret: false }),
                _ => None,
            }
        }

        fn names(&self) -> Vec<&str> {
            Vec::new()
        }
    }

    #[track_caller]
    fn check(source: &str, expected: &str, unknown: &[&str]) {
        let file = Sources::default().add("a", source);
        let found = substitute(file, source, 0, &Fixed, 1000).unwrap();
        assert_eq!(found.text.as_str(), expected);
        let names: Vec<&str> = found.unknown.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, unknown, "{source}");
        for unknown in &found.unknown {
            assert!(expected.get(unknown.range.clone()).unwrap().contains(&unknown.name));
        }
    }

    #[test]
    fn names_are_replaced_once() {
        check("x {{a}} {{ a }} {{x.y-z_0}}", "x 1 1 long", &[]);
        check("{{again}}", "{{a}}", &[]);
        check("[{{empty}}]", "[]", &[]);
        check("{{{a}}}", "{1}", &[]);
        check("{{b}} {{a}} {{ c.d }}", "{{b}} 1 {{ c.d }}", &["b", "c.d"]);
        for text in ["{{", "{{}}", "{{ }}", "{{a", "{{a}", "{{a b}}", "$\"{{\"", "{{é}}", "{{\na}}"]
        {
            check(text, text, &[]);
        }
    }

    #[test]
    fn a_text_that_grows_past_its_limit_is_refused() {
        let source = "{{x.y-z_0}}".repeat(10);
        let file = Sources::default().add("a", source.as_str());
        assert!(substitute(file, &source, 0, &Fixed, 39).is_err());
        assert!(substitute(file, &source, 0, &Fixed, 40).is_ok());
    }
}
