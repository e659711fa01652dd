//! The text of a template as nodes.

use std::ops::Range;
use std::sync::Arc;

use tollgate_diagnostics::{Code, closest};

use super::ast::{Condition, Cycle, Expr, Group, Loop, LoopKind, Node, Offset, Part, When};
use super::lookup;
use super::markup::{Fragment, Markup, variable};
use super::{Finding, Template};

/// Blocks inside one another.
const DEEPEST: usize = 64;

/// Findings after which reading stops.
const MOST_FINDINGS: usize = 50;

/// A piece of the text.
#[derive(Debug, Clone)]
enum Token {
    Text(Range<usize>),
    /// What stands between the braces.
    Output(Range<usize>),
    /// The name of a tag, and what stands behind it.
    Tag(Range<usize>, Range<usize>),
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    findings: Vec<Finding>,
    depth: usize,
    n_changes: usize,
}

/// How a row of nodes ended.
struct End<'t> {
    /// The tag that ended it; none at the end of the template.
    tag: Option<Fragment<'t>>,
    markup: Range<usize>,
}

pub(super) fn parse(text: &str) -> (Option<Template>, Vec<Finding>) {
    let mut parser = Parser { text, at: 0, findings: Vec::new(), depth: 0, n_changes: 0 };
    let (nodes, _) = parser.nodes(&[]);
    let mut findings = parser.findings;
    let reads_body = names_body(text);
    let is_wrong = findings.iter().any(|finding| finding.code == Code::INVALID_VALUE);
    findings.truncate(MOST_FINDINGS);
    ((!is_wrong).then_some(Template { nodes, reads_body }), findings)
}

/// Whether the word `body` stands in the template at all: too often is harmless, too rarely is not.
fn names_body(text: &str) -> bool {
    text.contains("body")
}

impl<'t> Parser<'t> {
    fn slice(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or("")
    }

    fn markup<'f>(&'f mut self, range: Range<usize>) -> Markup<'t, 'f> {
        Markup::new(self.text, range, &mut self.findings)
    }

    fn wrong(
        &mut self,
        range: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        suggestion: Option<&'static str>,
    ) {
        self.findings.push(Finding { suggestion, ..Finding::wrong(range, message, label) });
    }

    /// The next piece of the text; none at its end.
    fn token(&mut self) -> Option<Token> {
        let start = self.at;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let opening = ["{{", "{%"].into_iter().filter_map(|open| rest.find(open)).min();
        match opening {
            Some(0) => {}
            Some(length) => {
                self.at = start + length;
                let text = self.slice(start..self.at);
                // `{{-` takes the blanks in front of it, but no line ends.
                let trims = self.slice(self.at + 2..self.text.len()).starts_with('-');
                let kept = if trims { text.trim_end_matches([' ', '\t']) } else { text };
                return Some(Token::Text(start..start + kept.len()));
            }
            None => {
                self.at = self.text.len();
                return Some(Token::Text(start..self.at));
            }
        }
        let is_output = rest.starts_with("{{");
        let (open, close) = if is_output { ("{{", "}}") } else { ("{%", "%}") };
        let Some(length) = closing(rest.get(2..).unwrap_or(""), close) else {
            self.at = self.text.len();
            let message = format!("`{open}` is not closed");
            self.wrong(start..start + 2, message, format!("`{close}` is missing"), None);
            return None;
        };
        let (mut from, mut to) = (start + 2, start + 2 + length);
        self.at = to + 2;
        if self.slice(from..to).starts_with('-') {
            from += 1;
        }
        if self.slice(from..to).ends_with('-') {
            to -= 1;
            self.at += trimmed_behind(self.text.get(self.at..).unwrap_or(""));
        }
        if is_output {
            return Some(Token::Output(from..to));
        }
        let inside = self.slice(from..to);
        let begin = from + inside.len() - inside.trim_start().len();
        let name = self.slice(begin..to);
        let length = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        Some(Token::Tag(begin..begin + length, begin + length..to))
    }

    /// Nodes up to one of these tags, or to the end.
    fn nodes(&mut self, ends: &[&str]) -> (Vec<Node>, End<'t>) {
        let mut nodes = Vec::new();
        while let Some(token) = self.token() {
            if self.findings.len() > MOST_FINDINGS {
                break;
            }
            match token {
                Token::Text(range) if range.is_empty() => {}
                Token::Text(range) => nodes.push(Node::Text(self.slice(range).to_owned())),
                Token::Output(range) => {
                    let pipe = self.markup(range.clone()).pipe();
                    self.check_context(&pipe.value, &range);
                    if !(matches!(pipe.value, Expr::Nil) && pipe.filters.is_empty()) {
                        nodes.push(Node::Output(pipe));
                    }
                }
                Token::Tag(name, markup) => {
                    let fragment = Fragment { text: self.slice(name.clone()), at: name.start };
                    if ends.contains(&fragment.text) {
                        return (nodes, End { tag: Some(fragment), markup });
                    }
                    nodes.extend(self.tag(fragment, markup));
                }
            }
        }
        (nodes, End { tag: None, markup: self.text.len()..self.text.len() })
    }

    /// Says that `context` has no such member, which renders as nothing.
    fn check_context(&mut self, value: &Expr, range: &Range<usize>) {
        let Expr::Path(parts) = value else { return };
        let names: Vec<&str> = parts
            .iter()
            .map_while(|part| match part {
                Part::Name(name) => Some(&**name),
                Part::Index(_) => None,
            })
            .collect();
        let Some((unknown, known)) = lookup::unknown_member(&names) else { return };
        let suggestion = closest(unknown, known.iter().copied());
        let message = format!("a template knows no member `{unknown}` here");
        let label = "this renders as nothing";
        self.findings.push(Finding::suspicious(range.clone(), message, label, suggestion));
    }

    /// The nodes inside a block, up to its end.
    fn block(&mut self, name: Fragment<'t>, end: &str) -> Vec<Node> {
        self.parts(name, end, &[]).into_iter().flat_map(|(_, _, nodes)| nodes).collect()
    }

    /// The parts of a block: the tag that begins each (the block's own for the first), its markup, and its nodes.
    fn parts(
        &mut self,
        name: Fragment<'t>,
        end: &str,
        between: &[&str],
    ) -> Vec<(Fragment<'t>, Range<usize>, Vec<Node>)> {
        let mut parts = Vec::new();
        if self.depth >= DEEPEST {
            self.wrong(name.range(), "a template is nested too deep", "one level too many", None);
            self.at = self.text.len();
            return parts;
        }
        self.depth += 1;
        let ends: Vec<&str> = between.iter().copied().chain([end]).collect();
        let (mut tag, mut markup) = (name, name.at..name.at);
        loop {
            let (nodes, ended) = self.nodes(&ends);
            parts.push((tag, markup, nodes));
            match ended.tag {
                Some(next) if next.text != end => (tag, markup) = (next, ended.markup),
                Some(_) => break,
                None => {
                    if self.findings.len() <= MOST_FINDINGS {
                        let message = format!("tag `{}` is not closed", name.text);
                        let label = format!("`{{% {end} %}}` is missing");
                        self.wrong(name.range(), message, label, None);
                    }
                    break;
                }
            }
        }
        self.depth -= 1;
        parts
    }

    fn tag(&mut self, name: Fragment<'t>, markup: Range<usize>) -> Option<Node> {
        match name.text {
            "assign" => self.assign(name, markup),
            "capture" => self.capture(name, markup),
            "if" | "unless" => Some(self.conditional(name, markup)),
            "case" => Some(self.case(name, markup)),
            "for" | "JSONArrayFor" | "tablerow" => self.for_loop(name, markup),
            "cycle" => self.cycle(name, markup),
            "increment" => self.counter(name, markup).map(Node::Increment),
            "decrement" => self.counter(name, markup).map(Node::Decrement),
            "comment" => {
                self.verbatim(name, "endcomment");
                None
            }
            "raw" | "literal" => self.verbatim(name, &format!("end{}", name.text)),
            "ifchanged" => {
                let number = self.n_changes;
                self.n_changes += 1;
                Some(Node::IfChanged(number, self.block(name, "endifchanged")))
            }
            "break" => Some(Node::Break),
            "continue" => Some(Node::Continue),
            other => {
                self.unknown_tag(other, name);
                None
            }
        }
    }

    fn unknown_tag(&mut self, text: &str, name: Fragment<'t>) {
        const KNOWN: [&str; 27] = [
            "assign",
            "break",
            "capture",
            "case",
            "comment",
            "continue",
            "cycle",
            "decrement",
            "else",
            "elsif",
            "endJSONArrayFor",
            "endcapture",
            "endcase",
            "endcomment",
            "endfor",
            "endif",
            "endtablerow",
            "endunless",
            "for",
            "if",
            "ifchanged",
            "increment",
            "JSONArrayFor",
            "raw",
            "tablerow",
            "unless",
            "when",
        ];
        let (message, label) = match text {
            "" => ("a tag has no name".to_owned(), "expected a tag here"),
            "include" | "extends" | "block" | "param" => {
                (format!("tag `{text}` is not supported"), "a template stands alone")
            }
            _ if KNOWN.contains(&text) => {
                (format!("tag `{text}` is out of place"), "no open tag takes it")
            }
            _ => (format!("there is no tag `{text}`"), "not a tag of Liquid"),
        };
        let suggestion = if KNOWN.contains(&text) { None } else { closest(text, KNOWN) };
        self.wrong(name.range(), message, label, suggestion);
    }

    /// Text up to the end of a block, tags and all.
    fn verbatim(&mut self, name: Fragment<'t>, end: &str) -> Option<Node> {
        let start = self.at;
        let mut at = start;
        while let Some(found) = self.text.get(at..).and_then(|rest| rest.find("{%")) {
            let open = at + found;
            let inside = self.slice(open + 2..self.text.len());
            let inside = inside.strip_prefix('-').unwrap_or(inside).trim_start();
            let is_end = inside
                .strip_prefix(end)
                .map(str::trim_start)
                .is_some_and(|rest| rest.starts_with("%}") || rest.starts_with("-%}"));
            if is_end {
                self.at = open;
                self.token();
                return Some(Node::Text(self.slice(start..open).to_owned()));
            }
            at = open + 2;
        }
        self.at = self.text.len();
        let message = format!("tag `{}` is not closed", name.text);
        self.wrong(name.range(), message, format!("`{{% {end} %}}` is missing"), None);
        None
    }

    fn assign(&mut self, name: Fragment<'t>, range: Range<usize>) -> Option<Node> {
        let mut markup = self.markup(range);
        let target = assigned_name(&mut markup);
        if !markup.eat("=") {
            self.wrong(name.range(), "`assign` has no `=`", "expected `name = value`", None);
            return None;
        }
        let value = markup.pipe();
        if target.is_none() {
            let label = "expected `name = value`";
            self.wrong(name.range(), "`assign` names no variable", label, None);
        }
        Some(Node::Assign(target?, value))
    }

    fn capture(&mut self, name: Fragment<'t>, range: Range<usize>) -> Option<Node> {
        let mut markup = self.markup(range);
        let target = assigned_name(&mut markup);
        markup.ignore_rest();
        if target.is_none() {
            let label = "expected the name of a variable";
            self.wrong(name.range(), "`capture` names no variable", label, None);
        }
        let body = self.block(name, "endcapture");
        target.map(|target| Node::Capture(target, body))
    }

    fn counter(&mut self, name: Fragment<'t>, range: Range<usize>) -> Option<Arc<str>> {
        let mut markup = self.markup(range);
        let target = assigned_name(&mut markup);
        markup.ignore_rest();
        if target.is_none() {
            let message = format!("`{}` names no variable", name.text);
            self.wrong(name.range(), message, "expected the name of a variable", None);
        }
        target
    }

    fn conditional(&mut self, name: Fragment<'t>, range: Range<usize>) -> Node {
        let first = self.markup(range).condition();
        let first = if name.text == "unless" { Condition::Not(Box::new(first)) } else { first };
        let end = if name.text == "unless" { "endunless" } else { "endif" };
        let mut first = Some(first);
        let mut branches = Vec::new();
        for (tag, markup, nodes) in self.parts(name, end, &["elsif", "elseif", "else"]) {
            let condition = match (first.take(), tag.text) {
                (Some(first), _) => first,
                (None, "else") => Condition::Always,
                (None, _) => self.markup(markup).condition(),
            };
            branches.push((condition, nodes));
        }
        Node::If(branches)
    }

    fn case(&mut self, name: Fragment<'t>, range: Range<usize>) -> Node {
        let mut markup = self.markup(range);
        let left = markup.value("the value of `case`");
        markup.ignore_rest();
        let mut branches = Vec::new();
        // What stands before the first `when` is never rendered.
        for (tag, markup, nodes) in
            self.parts(name, "endcase", &["when", "else"]).into_iter().skip(1)
        {
            if tag.text == "else" {
                branches.push((When::Else, nodes));
                continue;
            }
            let mut markup = self.markup(markup);
            let mut values = vec![markup.value("the value of `when`")];
            while markup.eat(",") || markup.eat_word("or") {
                values.push(markup.value("the value of `when`"));
            }
            markup.ignore_rest();
            branches.push((When::Equals(values), nodes));
        }
        Node::Case(left, branches)
    }

    fn for_loop(&mut self, name: Fragment<'t>, range: Range<usize>) -> Option<Node> {
        let mut markup = self.markup(range);
        let variable_name = markup.word();
        let has_in = markup.eat_word("in");
        let collection_at = markup.fragment();
        let (Some(variable_name), true, Some(collection_at)) =
            (variable_name, has_in, collection_at)
        else {
            let message = format!("`{}` has no collection", name.text);
            self.wrong(name.range(), message, "expected `item in collection`", None);
            self.at = self.text.len();
            return None;
        };
        let collection = markup.expr(collection_at, 0);
        let reversed = markup.eat_word("reversed");
        let mut this = Loop {
            kind: LoopKind::For,
            variable: variable(variable_name),
            name: format!("{}-{}", variable_name.text, collection_at.text).into(),
            collection,
            reversed,
            limit: None,
            offset: None,
            body: Vec::new(),
            otherwise: Vec::new(),
        };
        let columns = loop_attributes(&mut markup, &mut this);
        markup.ignore_rest();
        let (kind, end): (_, &str) = match name.text {
            "JSONArrayFor" => (LoopKind::JsonArray, "endJSONArrayFor"),
            "tablerow" => (LoopKind::TableRow(columns), "endtablerow"),
            _ => (LoopKind::For, "endfor"),
        };
        this.kind = kind;
        let between: &[&str] = if name.text == "tablerow" { &[] } else { &["else"] };
        let mut parts = self.parts(name, end, between).into_iter().map(|(_, _, nodes)| nodes);
        this.body = parts.next().unwrap_or_default();
        this.otherwise = parts.next().unwrap_or_default();
        Some(Node::Loop(Box::new(this)))
    }

    fn cycle(&mut self, name: Fragment<'t>, range: Range<usize>) -> Option<Node> {
        let whole = self.slice(range.clone()).trim();
        let mut markup = self.markup(range);
        let mut first = markup.fragment();
        let mut group = Group::Same(whole.into());
        // `name: a, b`; the colon may cling to the name.
        if let Some(named) = first
            && let Some(text) = named.text.strip_suffix(':')
        {
            group = Group::Named(markup.expr(Fragment { text, ..named }, 0));
            first = markup.fragment();
        } else if let Some(named) = first
            && markup.eat(":")
        {
            group = Group::Named(markup.expr(named, 0));
            first = markup.fragment();
        }
        let Some(first) = first else {
            self.wrong(name.range(), "`cycle` has no values", "expected values here", None);
            return None;
        };
        let mut values = vec![markup.expr(first, 0)];
        while markup.eat(",") {
            values.push(markup.value("a value of `cycle`"));
        }
        markup.ignore_rest();
        Some(Node::Cycle(Cycle { group, values }))
    }
}

/// `limit:`, `offset:`, and `cols:` of a table.
fn loop_attributes(markup: &mut Markup<'_, '_>, this: &mut Loop) -> Option<Expr> {
    let mut columns = None;
    loop {
        markup.eat(",");
        let is_reversed = markup.eat_word("reversed");
        this.reversed |= is_reversed;
        if is_reversed {
            continue;
        }
        let Some(attribute) =
            ["limit", "offset", "cols"].into_iter().find(|it| markup.eat_word(it))
        else {
            return columns;
        };
        if !markup.eat(":") {
            let place = markup.place();
            markup.wrong(place, format!("`{attribute}` has no value"), "expected `:` and a value");
            return columns;
        }
        match attribute {
            "limit" => this.limit = Some(markup.value("the limit")),
            "offset" if markup.eat_word("continue") => this.offset = Some(Offset::Continue),
            "offset" => this.offset = Some(Offset::At(markup.value("the offset"))),
            _ => columns = Some(markup.value("the number of columns")),
        }
    }
}

/// The name of a variable that is set, quoted or not.
fn assigned_name(markup: &mut Markup<'_, '_>) -> Option<Arc<str>> {
    markup.skip_space();
    if let Some(quote @ ('\'' | '"')) = markup.rest().chars().next() {
        let fragment = markup.fragment()?;
        return Some(fragment.text.trim_matches(quote).into())
            .filter(|name: &Arc<str>| !name.is_empty());
    }
    let mut name = String::new();
    while let Some(word) = markup.word() {
        name.push_str(word.text);
        let Some(joint) = markup.rest().chars().next().filter(|c| matches!(c, '-' | '.')) else {
            break;
        };
        markup.eat(if joint == '-' { "-" } else { "." });
        name.push(joint);
    }
    (!name.is_empty()).then(|| name.into())
}

/// How far the closing braces are, outside quoted text.
fn closing(text: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    for (index, c) in text.char_indices() {
        match quote {
            Some(own) => quote = Some(own).filter(|own| *own != c),
            None if text.get(index..).is_some_and(|rest| rest.starts_with(close)) => {
                return Some(index);
            }
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => {}
        }
    }
    // An apostrophe need not be a quote.
    text.find(close)
}

/// How much `-}}` takes of what follows: one line end, or blanks.
fn trimmed_behind(rest: &str) -> usize {
    if rest.starts_with("\r\n") {
        return 2;
    }
    if rest.starts_with('\n') {
        return 1;
    }
    rest.len() - rest.trim_start_matches([' ', '\t']).len()
}
