//! Where a C# expression ends.
//!
//! Finds the closer of an expression's opening bracket without parsing: brackets are counted outside of strings,
//! characters and comments. It is lenient about what only the expression parser can explain well (a line break in a
//! string, `'several characters'`), so that the parser gets to see it.

use super::reference::{self, Reference};

/// How the text of the expression is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// Characters stand for themselves.
    Decoded,
    /// In markup: entities are decoded, and an end tag or `/>` that no string or comment holds ends the search, because
    /// no C# looks so.
    Markup,
}

/// An expression that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    /// One past the closing bracket.
    pub(super) end: usize,
    /// The first string literal that is one entity reference and nothing else.
    pub(super) entity_string: Option<(usize, usize)>,
}

/// Why an expression does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfinished {
    /// Where the search stopped.
    pub(super) at: usize,
    /// What stopped it.
    pub(super) cause: Cause,
}

/// What stopped the search for the end of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The text or the allowed part of it.
    End,
    /// Markup that cannot be C#.
    Markup,
    /// A closing bracket that fits no open one.
    Mismatch,
}

/// Whether an expression opens here.
pub(super) fn opens(text: &str) -> bool {
    text.starts_with("@(") || text.starts_with("@{")
}

/// Finds the end of the expression whose `@` stands at `start`, looking no further than `limit`.
pub(super) fn scan(
    text: &str,
    start: usize,
    limit: usize,
    writing: Writing,
) -> Result<Scan, Unfinished> {
    let text = text.get(..limit.min(text.len())).unwrap_or(text);
    let mut scanner =
        Scanner { text, pos: start + 1, writing, open: Vec::new(), entity_string: None };
    let end = scanner.run()?;
    Ok(Scan { end, entity_string: scanner.entity_string })
}

/// An open bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Waits for this closer.
    Bracket(char),
    /// A hole of an interpolated string.
    Hole(Quoting),
}

/// How a string ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    /// `"…"`: a backslash escapes, a line break ends it by mistake.
    Regular,
    /// `@"…"`: two quotes are one.
    Verbatim,
}

/// A character as C# sees it.
#[derive(Debug, Clone, Copy)]
struct Char {
    value: char,
    next: usize,
    /// Whether it is written as a reference.
    reference: bool,
}

struct Scanner<'a> {
    text: &'a str,
    pos: usize,
    writing: Writing,
    open: Vec<Open>,
    entity_string: Option<(usize, usize)>,
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<usize, Unfinished> {
        while let Some(c) = self.at(self.pos) {
            self.stop_at_markup(c)?;
            let begin = self.pos;
            self.pos = c.next;
            match c.value {
                '(' => self.open.push(Open::Bracket(')')),
                '[' => self.open.push(Open::Bracket(']')),
                '{' => self.open.push(Open::Bracket('}')),
                ')' | ']' | '}' if self.close(c.value, begin)? => {
                    return Ok(self.pos);
                }
                ':' if matches!(self.open.last(), Some(Open::Hole(_))) => self.format(),
                '"' => self.string(Quoting::Regular),
                '@' | '$' => self.prefixed(c.value),
                '\'' => self.character(),
                '/' => self.comment(),
                _ => {}
            }
        }
        Err(Unfinished { at: self.pos, cause: Cause::End })
    }

    /// The character at a place, decoded if it is a reference in markup.
    fn at(&self, pos: usize) -> Option<Char> {
        let byte = *self.text.as_bytes().get(pos)?;
        if byte.is_ascii() && byte != b'&' {
            return Some(Char { value: char::from(byte), next: pos + 1, reference: false });
        }
        let rest = self.text.get(pos..)?;
        let value = rest.chars().next()?;
        if value == '&'
            && self.writing == Writing::Markup
            && let Reference::Char(value, length) = reference::read(rest)
        {
            return Some(Char { value, next: pos + length, reference: true });
        }
        Some(Char { value, next: pos + value.len_utf8(), reference: false })
    }

    fn peek(&self) -> Option<char> {
        self.at(self.pos).map(|c| c.value)
    }

    /// Steps over the next character when it is this one.
    fn eat(&mut self, expected: char) -> bool {
        match self.at(self.pos) {
            Some(c) if c.value == expected => {
                self.pos = c.next;
                true
            }
            _ => false,
        }
    }

    fn stop_at_markup(&self, c: Char) -> Result<(), Unfinished> {
        if self.writing == Writing::Decoded || c.reference {
            return Ok(());
        }
        let rest = self.text.as_bytes().get(self.pos..).unwrap_or_default();
        match rest {
            [b'<', b'/', b, ..] if b.is_ascii_alphabetic() => {}
            [b'/', b'>', ..] => {}
            _ => return Ok(()),
        }
        Err(Unfinished { at: self.pos, cause: Cause::Markup })
    }

    /// Closes the innermost bracket; whether it was the outermost.
    fn close(&mut self, closer: char, at: usize) -> Result<bool, Unfinished> {
        match self.open.pop() {
            Some(Open::Bracket(expected)) if expected == closer => Ok(self.open.is_empty()),
            Some(Open::Hole(quoting)) if closer == '}' => {
                self.interpolated(quoting);
                Ok(false)
            }
            _ => Err(Unfinished { at, cause: Cause::Mismatch }),
        }
    }

    /// After `@` or `$`: a string if a quote follows, at most with the other sign between.
    fn prefixed(&mut self, first: char) {
        let other = if first == '@' { '$' } else { '@' };
        let both = self.at(self.pos).filter(|c| c.value == other);
        let quote = both.map_or(self.pos, |c| c.next);
        let Some(c) = self.at(quote).filter(|c| c.value == '"') else { return };
        self.pos = c.next;
        match (first, both) {
            ('@', None) => self.string(Quoting::Verbatim),
            (_, None) => self.interpolated(Quoting::Regular),
            (_, Some(_)) => self.interpolated(Quoting::Verbatim),
        }
    }

    /// The rest of a string without holes.
    fn string(&mut self, quoting: Quoting) {
        let begin = self.pos;
        while let Some(c) = self.at(self.pos) {
            let here = self.pos;
            match c.value {
                '\n' if quoting == Quoting::Regular => return,
                '\\' if quoting == Quoting::Regular => self.escaped(c),
                '"' => {
                    self.pos = c.next;
                    if quoting == Quoting::Regular || !self.eat('"') {
                        self.note_entity(begin, here);
                        return;
                    }
                }
                _ => self.pos = c.next,
            }
        }
    }

    /// The rest of an interpolated string, up to its end or its next hole.
    fn interpolated(&mut self, quoting: Quoting) {
        while let Some(c) = self.at(self.pos) {
            match c.value {
                '\n' if quoting == Quoting::Regular => return,
                '\\' if quoting == Quoting::Regular => {
                    self.escaped(c);
                    continue;
                }
                _ => self.pos = c.next,
            }
            match c.value {
                '"' if quoting == Quoting::Regular || !self.eat('"') => return,
                '{' if !self.eat('{') => {
                    self.open.push(Open::Hole(quoting));
                    return;
                }
                _ => {}
            }
        }
    }

    /// Steps over a backslash and what it escapes, but not over a line break.
    fn escaped(&mut self, backslash: Char) {
        self.pos = backslash.next;
        if let Some(c) = self.at(self.pos).filter(|c| c.value != '\n') {
            self.pos = c.next;
        }
    }

    /// Remembers a string literal that is exactly one entity reference.
    fn note_entity(&mut self, begin: usize, end: usize) {
        let one = self.at(begin).is_some_and(|c| c.reference && c.next == end);
        if one && self.entity_string.is_none() {
            self.entity_string = Some((begin, end));
        }
    }

    /// The format of a hole: text up to the brace that closes the hole.
    fn format(&mut self) {
        if self.eat(':') {
            return;
        }
        while let Some(c) = self.at(self.pos) {
            // A string that ends here was cut off; a brace further on belongs to something else.
            if matches!(c.value, '}' | '"' | '\n') {
                return;
            }
            self.pos = c.next;
        }
    }

    /// The rest of a character literal, or of what looks like one.
    fn character(&mut self) {
        let mut probe = self.pos;
        while let Some(c) = self.at(probe) {
            match c.value {
                '\n' => return,
                '\'' => {
                    self.pos = c.next;
                    return;
                }
                '\\' => probe = self.at(c.next).map_or(c.next, |escaped| escaped.next),
                _ => probe = c.next,
            }
        }
    }

    /// After a slash: a comment if one begins.
    fn comment(&mut self) {
        match self.peek() {
            Some('/') => {
                while let Some(c) = self.at(self.pos).filter(|c| c.value != '\n') {
                    self.pos = c.next;
                }
            }
            Some('*') => {
                self.eat('*');
                let mut previous = ' ';
                while let Some(c) = self.at(self.pos) {
                    self.pos = c.next;
                    if previous == '*' && c.value == '/' {
                        return;
                    }
                    previous = c.value;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(writing: Writing, text: &str, expected: Result<&str, Cause>) {
        let found = scan(text, 0, text.len(), writing);
        let found =
            found.map(|scan| text.get(..scan.end).unwrap()).map_err(|unfinished| unfinished.cause);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn ends_are_found_outside_of_strings_characters_and_comments() {
        for text in [
            r#"@("a")"#,
            r#"@(")")"#,
            r#"@("\")")"#,
            r#"@(@"\")"#,
            "@(@\"two\n\"\")lines\")",
            r#"@($"{f("}")}")"#,
            r#"@($"}}{{{x}")"#,
            r#"@($"{$"{$"{1}"}"}")"#,
            r#"@($@"{a["b"]}""\")"#,
            r#"@(@$"{a}\")"#,
            r#"@($"{d:yyyy'(':HH}")"#,
            r#"@($"{(a ? ")" : "(")}")"#,
            r#"@($"{global::System.Math.Max(1, 2)}")"#,
            "@(')')",
            r"@('\'' + ')')",
            r"@('\u0029')",
            "@('single quoted)')",
            "@{ // )}\"'\n return 1; }",
            "@{ /* } ' */ return x[0]; }",
            "@(a / b)",
            "@(a as List<string>[])",
            "@(x.@class)",
        ] {
            check(Writing::Decoded, text, Ok(text));
            check(Writing::Markup, text, Ok(text));
            let escaped = text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
            check(Writing::Markup, &escaped, Ok(&escaped));
            let found = scan(&format!("{text} )}}"), 0, usize::MAX, Writing::Decoded);
            assert_eq!(found.unwrap().end, text.len(), "{text}");
        }
    }

    #[test]
    fn what_does_not_end_says_why() {
        check(Writing::Decoded, "@(a", Err(Cause::End));
        check(Writing::Decoded, "@(a]", Err(Cause::Mismatch));
        check(Writing::Decoded, "@(\"a)", Err(Cause::End));
        check(Writing::Decoded, "@(@\"a)\n)", Err(Cause::End));
        check(Writing::Decoded, "@{ return 1; // }", Err(Cause::End));
        check(Writing::Markup, "@(a</value>)", Err(Cause::Markup));
        check(Writing::Markup, "@(a />)", Err(Cause::Markup));
        check(Writing::Markup, "@(\"</value>\")", Ok("@(\"</value>\")"));
        check(Writing::Decoded, "@(a</b)", Ok("@(a</b)"));
    }

    #[test]
    fn mistakes_inside_do_not_hide_the_end() {
        for text in ["@{ var a = \"cut\n; return a; }", "@(it's\n)", "@('')"] {
            check(Writing::Decoded, text, Ok(text));
        }
    }

    #[test]
    fn a_string_of_one_entity_is_noted() {
        let text = "@(s.Replace(\"&amp;\", \"&\"))";
        let found = scan(text, 0, text.len(), Writing::Markup).unwrap();
        assert_eq!(found.entity_string, Some((13, 18)));
    }
}
