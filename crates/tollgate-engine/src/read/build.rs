//! The tree, from the view of the document an XML reader may see.

use std::ops::Range;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use tollgate_diagnostics::{Code, Diagnostic, MappedText, Span, closest};

use super::findings::Findings;
use super::mask::{LooseAttribute, Masked};
use super::named_values::{self, Name, Substituted};
use super::options::ReadOptions;
use super::report;
use super::tree::{Attribute, Comment, Content, Document, Element, Node, Text, TextKind};
use super::value::{self, Class, Lines, References};

/// What the tree is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) document: &'a Arc<MappedText>,
    pub(super) names: &'a Substituted,
    pub(super) masked: &'a Masked,
    pub(super) options: &'a ReadOptions<'a>,
}

/// A tree, and where in the document unknown names are no mistake.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) document: Option<Document>,
    /// Comments and Liquid templates.
    pub(super) quiet: Vec<Range<usize>>,
}

/// Makes the tree.
pub(super) fn build(source: Source<'_>, findings: &mut Findings) -> Built {
    let mut builder = Builder {
        source,
        findings,
        stack: vec![Frame::outermost(source.document)],
        loose: source.masked.loose.iter(),
        next_loose: None,
        lost_starts: source.masked.lost_starts.clone(),
        lost_ends: source.masked.lost_ends.clone(),
        quiet: Vec::new(),
    };
    builder.next_loose = builder.loose.next();
    let is_whole = builder.events();
    let document = if is_whole { builder.finish() } else { None };
    Built { document, quiet: builder.quiet }
}

/// An element that is still open.
struct Frame {
    element: Element,
    /// The start tag, in the document.
    tag: Range<usize>,
    /// What was found about values inside a raw element, which matters only if its content turns out not to be raw.
    held: Vec<Diagnostic>,
}

impl Frame {
    fn outermost(document: &Arc<MappedText>) -> Self {
        let place = document.span(0..0);
        let element = Element {
            name: String::new(),
            name_span: place,
            span: document.whole(),
            attributes: Vec::new(),
            children: Vec::new(),
            is_raw: false,
            content: Content { text: Arc::clone(document), range: 0..document.as_str().len() },
        };
        Self { element, tag: 0..0, held: Vec::new() }
    }

    fn is_liquid(&self) -> bool {
        self.element
            .attribute("template")
            .is_some_and(|template| template.value.as_str().eq_ignore_ascii_case("liquid"))
    }
}

struct Builder<'a, 'f> {
    source: Source<'a>,
    findings: &'f mut Findings,
    /// The open elements; the first has no name and is never closed.
    stack: Vec<Frame>,
    loose: std::slice::Iter<'a, LooseAttribute>,
    next_loose: Option<&'a LooseAttribute>,
    lost_starts: Vec<String>,
    lost_ends: Vec<String>,
    quiet: Vec<Range<usize>>,
}

/// Events.
impl<'a> Builder<'a, '_> {
    /// Reads to the end; false when the document is too deep to go on.
    fn events(&mut self) -> bool {
        let view = self.source.masked.view.as_str();
        let mut reader = Reader::from_str(view);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        loop {
            let begin = position(reader.buffer_position());
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = position(reader.error_position());
                    self.unexpected(&error, at..at + 1);
                    return true;
                }
            };
            let range = begin..position(reader.buffer_position());
            match event {
                Event::Start(start) => {
                    if !self.open(view, &start, range) {
                        return false;
                    }
                }
                Event::Empty(start) => {
                    if !self.open(view, &start, range.clone()) {
                        return false;
                    }
                    self.close(range.end..range.end);
                }
                Event::End(end) => {
                    let name = self.name(end.name().0, range.start + 2);
                    self.end(&name, range);
                }
                Event::Text(_) => self.plain_text(range),
                // `<![CDATA[` and `]]>`
                Event::CData(_) => {
                    let inner = range.start + 9..range.end.saturating_sub(3);
                    self.text(range, inner, TextKind::CData);
                }
                Event::Comment(_) => self.comment(range),
                Event::Eof => break,
                // Blank in the view.
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::GeneralRef(_) => {}
            }
        }
        self.close_what_is_open();
        true
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.source.document.span(range)
    }

    fn syntax(&self, message: impl Into<String>, range: Range<usize>) -> Diagnostic {
        Diagnostic::new(Code::XML_SYNTAX, message, self.span(range))
    }

    /// The mask left something that is not XML.
    fn unexpected(&mut self, error: &quick_xml::Error, at: Range<usize>) {
        let diagnostic = self.syntax(format!("the document is not XML from here on: {error}"), at);
        self.findings.push(diagnostic);
    }

    /// The name of an element, without what a named value brought into it by mistake.
    fn name(&self, seen: &str, begin: usize) -> String {
        let name = begin..begin + seen.len();
        named_values::name_without_values(seen, &self.source.names.values, &name)
    }

    fn top(&mut self) -> Option<&mut Frame> {
        self.stack.last_mut()
    }

    fn push_child(&mut self, node: Node) {
        if let Some(frame) = self.top() {
            frame.element.children.push(node);
        }
    }

    /// A run of text, without what is blank in it.
    fn plain_text(&mut self, range: Range<usize>) {
        let dropped = &self.source.masked.dropped;
        let first = dropped.partition_point(|dropped| dropped.end <= range.start);
        let mut begin = range.start;
        for gap in dropped.iter().skip(first).take_while(|gap| gap.start < range.end) {
            if gap.start > begin {
                self.text(begin..gap.start, begin..gap.start, TextKind::Plain);
            }
            begin = gap.end;
        }
        if begin < range.end {
            self.text(begin..range.end, begin..range.end, TextKind::Plain);
        }
    }

    fn text(&mut self, range: Range<usize>, inner: Range<usize>, kind: TextKind) {
        let document = self.source.document;
        let references = match kind {
            TextKind::Plain => References::Decoded,
            TextKind::CData | TextKind::Raw => References::Kept,
        };
        let is_liquid = self.stack.iter().any(Frame::is_liquid);
        let is_opaque = !is_liquid && self.holds_unknown(&inner);
        let text = Text {
            value: value::decode(document, inner, Lines::Kept, references),
            span: self.span(range),
            kind,
            is_opaque,
        };
        self.push_child(Node::Text(text));
    }

    fn comment(&mut self, range: Range<usize>) {
        // `<!--` and `-->`
        let inner = range.start + 4..range.end.saturating_sub(3);
        let value = value::raw(self.source.document, inner);
        let span = self.span(range.clone());
        self.quiet.push(range);
        self.push_child(Node::Comment(Comment { value, span }));
    }

    fn holds_unknown(&self, range: &Range<usize>) -> bool {
        named_values::any_in(&self.source.names.unknown, range).is_some()
    }

    /// Opens an element; false when it is nested too deeply.
    fn open(&mut self, view: &str, start: &BytesStart<'a>, tag: Range<usize>) -> bool {
        let name_range = tag.start + 1..tag.start + 1 + start.name().0.len();
        let name_span = self.span(name_range.clone());
        let limit = self.source.options.limits.nesting;
        if self.stack.len() > limit {
            let message = format!("elements are nested more than {limit} deep");
            let diagnostic = Diagnostic::new(Code::TOO_LARGE, message, name_span)
                .label("this one is too deep")
                .help("move the inner policies into a fragment");
            self.findings.push(diagnostic);
            return false;
        }
        let attributes = self.attributes(view, start, &tag);
        let element = Element {
            name: self.name(start.name().0, name_range.start),
            name_span,
            span: self.span(tag.clone()),
            attributes,
            children: Vec::new(),
            is_raw: false,
            content: Content { text: Arc::clone(self.source.document), range: tag.end..tag.end },
        };
        self.stack.push(Frame { element, tag, held: Vec::new() });
        true
    }
}

/// Attributes.
impl<'a> Builder<'a, '_> {
    fn attributes(
        &mut self,
        view: &str,
        start: &BytesStart<'a>,
        tag: &Range<usize>,
    ) -> Vec<Attribute> {
        let mut found: Vec<LooseAttribute> = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let Ok(attribute) = attribute else {
                self.syntax_in_tag(tag);
                break;
            };
            let name = place_in(view, attribute.key.0);
            let value = place_in(view, &attribute.value);
            found.push(LooseAttribute { name, value, is_broken: false });
        }
        while let Some(loose) = self.next_loose.filter(|loose| loose.name.start < tag.end) {
            found.push(loose.clone());
            self.next_loose = self.loose.next();
        }
        found.sort_by_key(|attribute| attribute.name.start);
        let mut attributes: Vec<Attribute> = Vec::with_capacity(found.len());
        for LooseAttribute { name, value, is_broken } in found {
            let name_span = self.span(name.clone());
            let name = self.source.document.as_str().get(name).unwrap_or("").to_owned();
            if let Some(first) = attributes.iter().find(|attribute| attribute.name == name) {
                let diagnostic = Diagnostic::new(
                    Code::REPEATED,
                    format!("the attribute `{name}` is repeated"),
                    name_span,
                )
                .label("the second one")
                .also(first.name_span, "the first one");
                self.findings.push(diagnostic);
                continue;
            }
            let value_span = self.span(value.clone());
            let value = self.attribute_value(&name, value, is_broken);
            attributes.push(Attribute { name, name_span, value_span, value });
        }
        attributes
    }

    fn syntax_in_tag(&mut self, tag: &Range<usize>) {
        let diagnostic = self.syntax("the tag is not XML", tag.clone());
        self.findings.push(diagnostic);
    }

    fn attribute_value(
        &mut self,
        name: &str,
        range: Range<usize>,
        is_broken: bool,
    ) -> super::tree::Value {
        let document = self.source.document;
        let is_opaque = is_broken || self.holds_unknown(&range);
        let text = value::decode(document, range.clone(), Lines::Kept, References::Decoded);
        let literal = value::decode(document, range, Lines::Spaces, References::Decoded);
        if !is_broken {
            let place = report::Place { holder: "attribute", name };
            let diagnostic =
                report::class(&text, &value::classify(text.as_str()), place, self.source);
            self.hold(diagnostic);
        }
        value::of_text(&text, literal, is_opaque)
    }

    /// Reports what was found about a value, at once or when it is known whether the value is part of raw markup.
    fn hold(&mut self, diagnostic: Option<Diagnostic>) {
        let Some(diagnostic) = diagnostic else { return };
        let raw = self.source.options.raw_elements;
        let raw = self.stack.iter_mut().find(|frame| raw.contains(&frame.element.name.as_str()));
        match raw {
            Some(frame) => frame.held.push(diagnostic),
            None => self.findings.push(diagnostic),
        }
    }
}

/// The ends of elements.
impl Builder<'_, '_> {
    fn end(&mut self, name: &str, tag: Range<usize>) {
        let is_open = |frame: &Frame| frame.element.name == name;
        let depth = self.stack.iter().skip(1).rposition(is_open).map(|index| index + 1);
        if let Some(depth) = depth {
            while self.stack.len() > depth + 1 {
                self.close_unclosed(tag.start, Some(&tag));
            }
            self.close(tag);
            return;
        }
        if let Some(index) = self.lost_starts.iter().position(|lost| lost == name) {
            self.lost_starts.swap_remove(index);
            return;
        }
        let open = self.stack.last().filter(|_| self.stack.len() > 1);
        let open = open.map(|frame| (frame.element.name.clone(), frame.element.name_span));
        let diagnostic = self.syntax(format!("`</{name}>` closes nothing"), tag.clone());
        match open {
            Some((expected, opened)) => {
                let is_slip = closest(name, [expected.as_str()]).is_some();
                let diagnostic = diagnostic
                    .label(format!("`{expected}` is the innermost open element"))
                    .also(opened, "opened here");
                if is_slip {
                    self.findings.push(diagnostic.suggest(Some(&format!("</{expected}>"))));
                    self.close(tag);
                } else {
                    self.findings.push(diagnostic);
                }
            }
            None => self.findings.push(diagnostic.label("no element is open here")),
        }
    }

    fn close_what_is_open(&mut self) {
        let end = self.source.document.as_str().len();
        while self.stack.len() > 1 {
            self.close_unclosed(end, None);
        }
    }

    /// Closes an element without end tag before `end`, where perhaps an outer one is closed.
    fn close_unclosed(&mut self, end: usize, outer: Option<&Range<usize>>) {
        let Some(frame) = self.stack.last() else { return };
        let name = &frame.element.name;
        if let Some(index) = self.lost_ends.iter().position(|lost| lost == name) {
            self.lost_ends.swap_remove(index);
        } else {
            let diagnostic = Diagnostic::new(
                Code::XML_SYNTAX,
                format!("the element `{name}` is never closed"),
                frame.element.name_span,
            )
            .label("opened here");
            let diagnostic = match outer {
                Some(tag) => diagnostic.also(self.span(tag.clone()), "closed before it"),
                None => diagnostic,
            };
            let help = format!("add `</{name}>`, or end the tag with `/>` if the element is empty");
            self.findings.push(diagnostic.help(help));
        }
        self.close(end..end);
    }

    /// Closes the innermost element by the tag at `end`.
    fn close(&mut self, end: Range<usize>) {
        // The outermost frame is the document.
        if self.stack.len() < 2 {
            return;
        }
        let Some(mut frame) = self.stack.pop() else { return };
        let element = &mut frame.element;
        element.span = self.source.document.span(frame.tag.start..end.end);
        element.content.range = frame.tag.end..end.start.max(frame.tag.end);
        let content = element.content.range.clone();
        if frame.is_liquid() {
            self.quiet.push(content.clone());
        }
        let element = &mut frame.element;
        let is_raw_name = self.source.options.raw_elements.contains(&element.name.as_str());
        let mut is_raw = false;
        if is_raw_name && holds_markup(element) {
            let inner = report::expression_in_markup(element);
            make_raw(element, content, !self.holds_unknown(&element.content.range));
            is_raw = true;
            frame.held.clear();
            frame.held.extend(inner);
        }
        let text = value::joined_text(element);
        let class = if is_raw { Class::Literal } else { value::classify(text.as_str()) };
        let place = report::Place { holder: "element", name: &element.name };
        let diagnostic = report::class(&text, &class, place, self.source);
        for held in frame.held.drain(..).chain(diagnostic) {
            self.hold(Some(held));
        }
        self.push_child(Node::Element(frame.element));
    }

    fn finish(&mut self) -> Option<Document> {
        let frame = self.stack.pop()?;
        let mut root = frame.element;
        if let Some(text) = root.stray_text() {
            let diagnostic = Diagnostic::new(
                Code::XML_SYNTAX,
                "text stands outside of all elements",
                text.value.whole(),
            )
            .label("not part of any element")
            .help(BEGINNINGS);
            self.findings.push(trimmed(diagnostic, &text.value));
        }
        let n_elements = root.elements().count();
        match n_elements {
            0 if root.stray_text().is_some() => None,
            0 => {
                let at = self.span(0..0);
                let diagnostic =
                    Diagnostic::new(Code::XML_SYNTAX, "the document holds no element", at)
                        .help(BEGINNINGS);
                self.findings.push(diagnostic);
                None
            }
            1 => root.children.drain(..).find_map(|child| match child {
                Node::Element(element) => Some(Document { root: element }),
                Node::Text(_) | Node::Comment(_) => None,
            }),
            _ => Some(Document { root }),
        }
    }
}

const BEGINNINGS: &str = "a policy document begins with `<policies>`, a fragment with `<fragment>`";

/// Moves the primary place of a diagnostic to what is not white space in a text.
fn trimmed(mut diagnostic: Diagnostic, text: &MappedText) -> Diagnostic {
    let all = text.as_str();
    let begin = all.len() - all.trim_start().len();
    diagnostic.primary.span = text.span(begin..all.trim_end().len().max(begin));
    diagnostic
}

/// Whether a raw element holds markup that is text. `<value>` alone around everything is how some policies write text.
fn holds_markup(element: &Element) -> bool {
    let mut elements = element.elements();
    match (elements.next(), elements.next()) {
        (None, _) => false,
        (Some(only), None) => only.name != "value" || element.stray_text().is_some(),
        (Some(_), Some(_)) => true,
    }
}

fn make_raw(element: &mut Element, content: Range<usize>, is_known: bool) {
    let document = Arc::clone(&element.content.text);
    let is_liquid = element
        .attribute("template")
        .is_some_and(|template| template.value.as_str().eq_ignore_ascii_case("liquid"));
    let text = Text {
        value: value::raw(&document, content.clone()),
        span: document.span(content),
        kind: TextKind::Raw,
        is_opaque: !is_known && !is_liquid,
    };
    element.children = vec![Node::Text(text)];
    element.is_raw = true;
}

/// Where a part of the view stands in it.
fn place_in(view: &str, part: &str) -> Range<usize> {
    let begin = part.as_ptr().addr().saturating_sub(view.as_ptr().addr());
    begin..begin + part.len()
}

fn position(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Reports the unknown names of a document, but not where they are no mistake.
pub(super) fn unknown_names<'a>(
    source: Source<'a>,
    quiet: &[Range<usize>],
) -> impl Iterator<Item = &'a Name> {
    let mut sorted = quiet.to_vec();
    sorted.sort_by_key(|range| range.start);
    // Comments lie in templates; joined, the last range that begins before a name is the only one that can hold it.
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in sorted {
        match joined.last_mut().filter(|last| range.start < last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    let is_quiet = move |name: &Name| {
        let after = joined.partition_point(|range| range.start <= name.range.start);
        let before = after.checked_sub(1).and_then(|index| joined.get(index));
        before.is_some_and(|range| name.range.end <= range.end)
    };
    source.names.unknown.iter().filter(move |name| !is_quiet(name))
}
