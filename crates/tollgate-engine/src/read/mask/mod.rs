//! The document as an XML reader may see it.
//!
//! Walks the text as an XML reader would, but ends attribute values and text where the C# in them ends. What stays is a
//! *view* of the same length: filler stands over expressions, over named values and over every mistake, which is reported
//! here because only here is it known what was meant.

mod attribute;
mod tag;

use std::ops::Range;

use tollgate_diagnostics::{Code, Diagnostic, MappedText, Span};

use super::csharp::{self, Cause, Scan, Unfinished, Writing};
use super::findings::Findings;
use super::named_values::{self, Name, Substituted};
use super::reference::{self, Reference};
use super::value;

/// Bytes of failed searches for the end of an expression in one document. Each failed search can go through the whole
/// document, so their number is what makes hostile documents slow.
const SCAN_BUDGET: usize = 2 * 1024 * 1024;

/// What an XML reader may see, and what it may not.
#[derive(Debug)]
pub(super) struct Masked {
    /// As long as the document; well-formed but for end tags that are missing or too many.
    pub(super) view: String,
    /// What is blank in the view and no text, in order.
    pub(super) dropped: Vec<Range<usize>>,
    /// Attributes that are blank in the view, in order.
    pub(super) loose: Vec<LooseAttribute>,
    /// Names of elements whose start tag is blank in the view.
    pub(super) lost_starts: Vec<String>,
    /// Names of elements whose end tag is blank in the view.
    pub(super) lost_ends: Vec<String>,
}

/// An attribute that XML would not read.
#[derive(Debug, Clone)]
pub(super) struct LooseAttribute {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
    /// Whether the value is not what was meant.
    pub(super) is_broken: bool,
}

/// Masks a document.
pub(super) fn mask(
    document: &Substituted,
    max_attributes: usize,
    findings: &mut Findings,
) -> Masked {
    let text = document.text.as_str();
    let mut masker = Masker {
        document: &document.text,
        values: &document.values,
        unknown: &document.unknown,
        text,
        view: text.as_bytes().to_vec(),
        pos: 0,
        is_fresh: true,
        open: Vec::new(),
        scan_budget: SCAN_BUDGET,
        max_attributes,
        findings,
        masked: Masked {
            view: String::new(),
            dropped: Vec::new(),
            loose: Vec::new(),
            lost_starts: Vec::new(),
            lost_ends: Vec::new(),
        },
    };
    for value in &document.values {
        masker.fill(value.range.clone(), b'_');
    }
    masker.run();
    let Masker { view, mut masked, .. } = masker;
    // Only whole characters are ever filled, so the view is text; an empty one would be read as an empty document.
    masked.view = String::from_utf8(view).unwrap_or_default();
    masked
}

struct Masker<'a> {
    document: &'a MappedText,
    values: &'a [Name],
    unknown: &'a [Name],
    text: &'a str,
    view: Vec<u8>,
    pos: usize,
    /// Whether only white space and comments stood since the last tag, so that an expression may begin.
    is_fresh: bool,
    /// The names of the open elements.
    open: Vec<Range<usize>>,
    scan_budget: usize,
    max_attributes: usize,
    findings: &'a mut Findings,
    masked: Masked,
}

/// Looking and filling.
impl Masker<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        self.document.span(range)
    }

    fn str(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or("")
    }

    /// A name as it may be shown: what a named value brought into it is not.
    fn name(&self, range: Range<usize>) -> String {
        let seen = String::from_utf8_lossy(self.view.get(range.clone()).unwrap_or_default());
        named_values::name_without_values(&seen, self.values, &range)
    }

    fn rest(&self, pos: usize) -> &str {
        self.text.get(pos..).unwrap_or("")
    }

    fn byte(&self, pos: usize) -> Option<u8> {
        self.view.get(pos).copied()
    }

    fn sees(&self, pos: usize, pattern: &[u8]) -> bool {
        self.view.get(pos..).is_some_and(|rest| rest.starts_with(pattern))
    }

    /// The first place at or after `from` where the view has one of these bytes.
    fn find(&self, from: usize, accept: impl Fn(u8) -> bool) -> Option<usize> {
        let rest = self.view.get(from..)?;
        rest.iter().position(|b| accept(*b)).map(|at| from + at)
    }

    /// As [`find`](Self::find), but no further than the end of the range.
    fn find_in(&self, range: Range<usize>, accept: impl Fn(u8) -> bool) -> Option<usize> {
        let part = self.view.get(range.clone())?;
        part.iter().position(|b| accept(*b)).map(|at| range.start + at)
    }

    fn find_str(&self, from: usize, pattern: &[u8]) -> Option<usize> {
        let rest = self.view.get(from..)?;
        rest.windows(pattern.len()).position(|window| window == pattern).map(|at| from + at)
    }

    fn skip_space(&self, from: usize) -> usize {
        self.find(from, |b| !is_space(b)).unwrap_or(self.view.len())
    }

    /// Where a name that begins here ends; `from` when none does.
    fn name_end(&self, from: usize) -> usize {
        match self.byte(from) {
            Some(b) if is_name_start(b) => {
                self.find(from, |b| !is_name(b)).unwrap_or(self.view.len())
            }
            _ => from,
        }
    }

    /// Writes filler; line breaks stay.
    fn fill(&mut self, range: Range<usize>, filler: u8) {
        if let Some(bytes) = self.view.get_mut(range) {
            bytes.iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = filler);
        }
    }

    /// Hides markup that nothing further reads, and goes on behind it.
    fn drop(&mut self, range: Range<usize>) {
        self.pos = range.end;
        self.fill(range.clone(), b' ');
        self.masked.dropped.push(range);
    }

    fn value_at(&self, pos: usize) -> Option<&Name> {
        named_values::name_at(self.values, pos)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.findings.push(diagnostic);
    }

    fn syntax(&self, message: impl Into<String>, range: Range<usize>) -> Diagnostic {
        Diagnostic::new(Code::XML_SYNTAX, message, self.span(range))
    }
}

/// Text and the markup that is not a tag.
impl Masker<'_> {
    fn run(&mut self) {
        self.characters();
        self.declaration();
        while self.pos < self.view.len() {
            if self.findings.is_full() {
                return self.drop(self.pos..self.view.len());
            }
            if self.byte(self.pos) == Some(b'<') {
                self.markup();
            } else {
                self.characters_data();
            }
        }
    }

    /// Refuses what XML 1.0 §2.2 does not allow anywhere.
    fn characters(&mut self) {
        let mut bad = self.text.char_indices().filter(|(_, c)| !reference::is_xml_char(*c));
        let Some((at, c)) = bad.find(|(at, _)| self.value_at(*at).is_none()) else { return };
        let message = format!("the character U+{:04X} may not stand in XML", u32::from(c));
        let diagnostic =
            self.syntax(message, at..at + c.len_utf8()).label("not a character of XML");
        self.report(diagnostic);
    }

    fn declaration(&mut self) {
        let is_declaration = self.sees(0, b"<?xml") && self.byte(5).is_some_and(is_space);
        if let Some(end) = self.find_str(0, b"?>").filter(|_| is_declaration) {
            self.drop(0..end + 2);
        }
    }

    fn markup(&mut self) {
        let next = self.byte(self.pos + 1);
        if self.sees(self.pos, b"<!--") {
            self.comment();
        } else if self.sees(self.pos, b"<![CDATA[") {
            self.cdata();
        } else if next == Some(b'!') {
            self.declaration_of_type();
        } else if next == Some(b'?') {
            self.instruction();
        } else if let Some(value) = self.value_at(self.pos + 1) {
            let message = format!("the named value `{}` cannot be an element", value.name);
            let range = value.range.clone();
            let diagnostic = self
                .syntax(message, range)
                .label("stands where the name of an element is expected")
                .help("named values stand in attribute values, text and expressions; shared policies are fragments");
            self.stray(diagnostic);
        } else if next.is_some_and(is_name_start) {
            self.start_tag();
        } else if next == Some(b'/') && self.byte(self.pos + 2).is_some_and(is_name_start) {
            self.end_tag();
        } else {
            let diagnostic = self
                .syntax("`<` stands for itself only inside an expression", self.pos..self.pos + 1)
                .label("no name of an element follows")
                .help("write `&lt;` for the character");
            self.stray(diagnostic);
        }
    }

    /// A `<` that begins nothing.
    fn stray(&mut self, diagnostic: Diagnostic) {
        self.report(diagnostic);
        self.fill(self.pos..self.pos + 1, b'_');
    }

    fn comment(&mut self) {
        let begin = self.pos;
        let inner = begin + 4;
        let Some(end) = self.find_str(inner, b"-->") else {
            let diagnostic = self
                .syntax("the comment is never closed", begin..inner)
                .label("opens here")
                .help("a comment ends with `-->`");
            return self.drop_rest(diagnostic);
        };
        if let Some(dashes) = self.find_str(inner, b"--").filter(|at| *at < end) {
            let diagnostic = self
                .syntax("`--` may not stand inside a comment", dashes..dashes + 2)
                .label("XML, and so Azure, refuses this")
                .also(self.span(begin..inner), "the comment begins here");
            self.report(diagnostic);
        }
        self.fill(inner..end, b'_');
        self.pos = end + 3;
    }

    fn cdata(&mut self) {
        let begin = self.pos;
        let inner = begin + 9;
        let Some(end) = self.find_str(inner, b"]]>") else {
            let diagnostic = self
                .syntax("the CDATA section is never closed", begin..inner)
                .label("opens here")
                .help("a CDATA section ends with `]]>`");
            return self.drop_rest(diagnostic);
        };
        self.fill(inner..end, b'_');
        self.pos = end + 3;
        self.is_fresh = false;
    }

    fn drop_rest(&mut self, diagnostic: Diagnostic) {
        self.report(diagnostic);
        self.drop(self.pos..self.view.len());
        // What is open at this place cannot be closed any more.
        let names: Vec<String> = self.open.iter().map(|name| self.name(name.clone())).collect();
        self.masked.lost_ends.extend(names);
    }

    /// `<!DOCTYPE …>` and its kind.
    fn declaration_of_type(&mut self) {
        let begin = self.pos;
        let mut depth = 0_usize;
        let mut end = self.view.len();
        let mut pos = begin + 1;
        while let Some(b) = self.byte(pos) {
            pos += 1;
            match b {
                b'"' | b'\'' => {
                    pos = self.find(pos, |c| c == b).map_or(self.view.len(), |close| close + 1);
                }
                b'<' | b'[' => depth += 1,
                b']' => depth = depth.saturating_sub(1),
                b'>' if depth == 0 => {
                    end = pos;
                    break;
                }
                b'>' => depth -= 1,
                _ => {}
            }
        }
        let name = self.find(begin + 2, |b| !b.is_ascii_alphabetic()).unwrap_or(end);
        let diagnostic = Diagnostic::new(
            Code::DTD,
            "a policy may not have a DTD",
            self.span(begin..name.min(end)),
        )
        .label("document types and entities of one's own are refused")
        .help(
            "remove it; the characters `<`, `&` and `\"` are written `&lt;`, `&amp;` and `&quot;`",
        );
        self.report(diagnostic);
        self.drop(begin..end);
    }

    /// `<?…?>`, which is the XML declaration in the wrong place or nothing a policy has.
    fn instruction(&mut self) {
        let begin = self.pos;
        let end = self.find_str(begin + 2, b"?>").map(|at| at + 2);
        let end = end.or_else(|| self.find(begin, |b| b == b'>').map(|at| at + 1));
        let end = end.unwrap_or(self.view.len());
        let name = self.name_end(begin + 2);
        let is_declaration = self.str(begin..name).eq_ignore_ascii_case("<?xml");
        let diagnostic = if is_declaration && begin == 0 {
            self.syntax("the XML declaration is malformed", begin..name)
                .label("opens here")
                .help("write `<?xml version=\"1.0\" encoding=\"utf-8\"?>` or remove it")
        } else if is_declaration {
            self.syntax("the XML declaration is not at the start of the document", begin..name)
                .label("nothing may stand before it, not even white space")
                .help("move it to the first line or remove it")
        } else {
            let message = "a policy may not have processing instructions";
            Diagnostic::new(Code::DTD, message, self.span(begin..name))
                .label("not part of policies")
        };
        self.report(diagnostic);
        self.drop(begin..end);
    }

    /// Text up to the next markup, which may be behind the end of an expression.
    fn characters_data(&mut self) {
        let begin = self.pos;
        let stop = self.find(begin, |b| b == b'<').unwrap_or(self.view.len());
        let run = self.str(begin..stop);
        let first = begin + (run.len() - run.trim_start().len());
        if first == stop {
            self.pos = stop;
            return;
        }
        let may_begin = std::mem::replace(&mut self.is_fresh, false);
        if may_begin && csharp::opens(self.rest(first)) {
            self.leading_expression(first, stop);
            return;
        }
        let inner = value::inner_opener(self.str(begin..stop)).map(|at| begin + at);
        if let Some(at) = inner {
            // An expression that is not evaluated where it stands may still hold `<`.
            let is_inside = csharp::scan(self.text, at, stop, Writing::Markup).is_ok();
            if !is_inside && let Ok(scan) = self.scan(at, self.view.len()) {
                self.literal(begin..at);
                self.expression(at..scan.end, None, &scan);
                self.pos = scan.end;
                return;
            }
        }
        self.literal(begin..stop);
        self.pos = stop;
    }

    fn leading_expression(&mut self, begin: usize, stop: usize) {
        let found = csharp::scan(self.text, begin, stop, Writing::Markup);
        let found = found.or_else(|_| self.scan(begin, self.view.len()));
        match found {
            Ok(scan) => {
                self.expression(begin..scan.end, None, &scan);
                self.pos = scan.end;
            }
            Err(unfinished) => {
                let end = self.end_of_broken_text(begin, stop, unfinished);
                self.fill(begin..end, b'_');
                self.pos = end;
            }
        }
    }

    /// Where text ends whose expression does not.
    fn end_of_broken_text(&mut self, begin: usize, stop: usize, unfinished: Unfinished) -> usize {
        if unfinished.cause == Cause::Markup && self.sees(unfinished.at, b"</") {
            return unfinished.at;
        }
        let Some(name) = self.open.last().cloned().filter(|_| self.scan_budget > 0) else {
            return stop;
        };
        let mut from = begin;
        while let Some(at) = self.find_str(from, b"</") {
            if self.str(at + 2..self.name_end(at + 2)) == self.str(name.clone()) {
                return at;
            }
            from = at + 2;
        }
        self.charge(self.view.len() - begin);
        stop
    }

    /// Looks for the end of an expression over what would be markup.
    fn scan(&mut self, begin: usize, limit: usize) -> Result<Scan, Unfinished> {
        if self.scan_budget == 0 {
            return Err(Unfinished { at: begin, cause: Cause::End });
        }
        let found = csharp::scan(self.text, begin, limit, Writing::Markup);
        if let Err(unfinished) = found {
            self.charge(unfinished.at - begin);
        }
        found
    }

    fn charge(&mut self, bytes: usize) {
        self.scan_budget = self.scan_budget.saturating_sub(bytes);
    }

    /// Covers an expression. `quote` is the one around the attribute it stands in.
    fn expression(&mut self, range: Range<usize>, quote: Option<u8>, scan: &Scan) {
        if let Some((begin, end)) = scan.entity_string {
            let view = self.view.get(range.clone()).unwrap_or_default();
            let is_raw = view.iter().any(|b| *b == b'<' || Some(*b) == quote)
                || (view.windows(2).any(|pair| pair == b"&&"));
            if is_raw {
                let entity = self.str(begin..end).to_owned();
                let message = format!("`{entity}` is read as the character it stands for");
                let diagnostic = Diagnostic::new(Code::SUSPICIOUS, message, self.span(begin..end))
                    .label("entities are decoded before C# sees them")
                    .help(format!(
                        "write `&amp;{}` to mean the entity itself",
                        entity.trim_start_matches('&')
                    ));
                self.report(diagnostic);
            }
        }
        self.fill(range, b'_');
    }

    /// Checks the references in literal text and covers them.
    fn literal(&mut self, range: Range<usize>) {
        let mut pos = range.start;
        let mut had_bare = false;
        while let Some(at) = self.find_in(pos..range.end, |b| b == b'&') {
            let (length, diagnostic) = match reference::read(self.rest(at)) {
                Reference::Char(_, length) => (length, None),
                Reference::UnknownEntity(length) => (length, Some(self.unknown_entity(at, length))),
                Reference::NotACharacter(length) => {
                    let message = "the reference is not to a character of XML";
                    let diagnostic = self.syntax(message, at..at + length);
                    (length, Some(diagnostic.label("no such character")))
                }
                // One is enough to see it: a query string has many.
                Reference::Bare if std::mem::replace(&mut had_bare, true) => (1, None),
                Reference::Bare => {
                    let message = "`&` stands for itself only inside an expression";
                    let diagnostic = self.syntax(message, at..at + 1).label("begins an entity");
                    (1, Some(diagnostic.help("write `&amp;` for the character")))
                }
            };
            if let Some(diagnostic) = diagnostic {
                self.report(diagnostic);
            }
            self.fill(at..at + length, b'_');
            pos = at + length;
        }
    }

    fn unknown_entity(&self, at: usize, length: usize) -> Diagnostic {
        let range = at..at + length;
        let message = format!("the entity `{}` is not one of XML", self.str(range.clone()));
        Diagnostic::new(Code::DTD, message, self.span(range))
            .label("not defined")
            .help("XML has `&lt;`, `&gt;`, `&amp;`, `&quot;` and `&apos;`; other characters stand as they are or as `&#160;`")
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// Names beyond ASCII are not checked letter by letter: no policy has one, so they are refused as unknown.
fn is_name_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b == b':' || !b.is_ascii()
}

fn is_name(b: u8) -> bool {
    is_name_start(b) || b.is_ascii_digit() || b == b'-' || b == b'.'
}
