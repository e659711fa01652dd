//! Reads patterns as .NET does, its quirks and its messages included.

mod captures;
mod class;
mod escape;
mod group;

pub(super) use captures::Groups;
pub(super) use escape::digit;

use super::PatternError;
use super::options::Options;
use super::set::{Set, is_word, lower};
use super::tree::{Assertion, INFINITE, Node, NodeId, Repeat, Tree};
use crate::Budget;

/// A parsed pattern.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) tree: Tree,
    pub(super) root: NodeId,
    pub(super) groups: Groups,
}

/// Parses a pattern.
pub(super) fn parse(
    pattern: &[u16],
    options: Options,
    budget: &mut Budget,
) -> Result<Parsed, PatternError> {
    let mut parser = Parser::new(pattern, options, budget);
    parser.spend(pattern.len())?;
    parser.find_groups()?;
    parser.reset(options);
    let root = parser.scan()?;
    Ok(Parsed { tree: parser.tree, root, groups: parser.groups })
}

/// `Regex.Unescape`.
pub(super) fn unescape(input: &[u16], budget: &mut Budget) -> Result<Vec<u16>, PatternError> {
    let mut parser = Parser::new(input, Options::default(), budget);
    let mut out = Vec::with_capacity(input.len());
    while let Some(unit) = parser.next() {
        if unit == u16::from(b'\\') {
            if parser.left() > 0 {
                out.push(parser.char_escape()?);
            }
        } else {
            out.push(unit);
        }
    }
    Ok(out)
}

/// What a group does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GroupKind {
    Plain,
    Capture { slot: Option<u32>, uncapture: Option<u32> },
    Look { negative: bool },
    Atomic,
    IfGroup(u32),
    IfMatch,
}

/// A group that is not closed yet.
#[derive(Debug)]
struct Open {
    kind: GroupKind,
    /// Whether it is matched from right to left.
    back: bool,
    /// What stands between the bars so far; a condition first.
    parts: Vec<NodeId>,
    /// What stands after the last bar.
    concat: Vec<NodeId>,
}

#[derive(Debug)]
struct Parser<'p> {
    pattern: &'p [u16],
    at: usize,
    options: Options,
    saved_options: Vec<Options>,
    /// The next parenthesis is that of a condition, which captures nothing.
    ignore_next_paren: bool,
    next_group: i32,
    groups: Groups,
    tree: Tree,
    open: Vec<Open>,
    /// What a quantifier would repeat.
    unit: Option<NodeId>,
    quantified: bool,
    budget: &'p mut Budget,
}

/// Classes of units by what they do in a pattern.
fn is_blank(unit: u16) -> bool {
    matches!(unit, 0x09 | 0x0a | 0x0c | 0x0d | 0x20)
}

fn is_special(unit: u16) -> bool {
    u8::try_from(unit).is_ok_and(|byte| b"$().[\\^|*+?{".contains(&byte))
}

fn is_quantifier(unit: u16) -> bool {
    u8::try_from(unit).is_ok_and(|byte| b"*+?{".contains(&byte))
}

/// Text of units.
fn text(units: &[u16]) -> String {
    String::from_utf16_lossy(units)
}

impl<'p> Parser<'p> {
    fn new(pattern: &'p [u16], options: Options, budget: &'p mut Budget) -> Self {
        Self {
            pattern,
            at: 0,
            options,
            saved_options: Vec::new(),
            ignore_next_paren: false,
            next_group: 1,
            groups: Groups::default(),
            tree: Tree::default(),
            open: Vec::new(),
            unit: None,
            quantified: false,
            budget,
        }
    }

    fn reset(&mut self, options: Options) {
        self.at = 0;
        self.options = options;
        self.saved_options.clear();
        self.ignore_next_paren = false;
        self.next_group = 1;
    }

    /// Accounts for so much work and memory.
    fn spend(&mut self, n: usize) -> Result<(), PatternError> {
        self.budget.step(n as u64 / 4)?;
        self.budget.memory(n.saturating_mul(16))?;
        Ok(())
    }

    #[cold]
    fn error(&self, message: &str) -> PatternError {
        let pattern = text(self.pattern);
        PatternError::syntax(format!(
            "Invalid pattern '{pattern}' at offset {}. {message}",
            self.at
        ))
    }

    fn peek(&self) -> Option<u16> {
        self.pattern.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u16> {
        let unit = self.peek()?;
        self.at += 1;
        Some(unit)
    }

    fn left(&self) -> usize {
        self.pattern.len().saturating_sub(self.at)
    }

    fn is(&self, byte: u8) -> bool {
        self.is_at(0, byte)
    }

    fn is_at(&self, ahead: usize, byte: u8) -> bool {
        self.pattern.get(self.at + ahead) == Some(&u16::from(byte))
    }

    /// Takes the next unit and says whether it is this.
    fn next_is(&mut self, byte: u8) -> bool {
        self.next() == Some(u16::from(byte))
    }

    fn ignores_whitespace(&self) -> bool {
        self.options.has(Options::IGNORE_WHITESPACE)
    }

    fn explicit_capture(&self) -> bool {
        self.options.has(Options::EXPLICIT_CAPTURE)
    }

    fn is_ecma(&self) -> bool {
        self.options.has(Options::ECMA_SCRIPT)
    }

    fn is_backward(&self) -> bool {
        self.options.has(Options::RIGHT_TO_LEFT)
    }

    fn in_conditional(&self) -> bool {
        self.open.last().is_some_and(|open| open.kind == GroupKind::IfMatch)
    }

    /// The name of a group: units of words.
    fn group_name(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(is_word) {
            self.at += 1;
        }
        text(self.pattern.get(start..self.at).unwrap_or_default())
    }

    /// Skips comments, and white space where it means nothing.
    fn skip_blank(&mut self) -> Result<(), PatternError> {
        loop {
            if self.ignores_whitespace() {
                while self.peek().is_some_and(is_blank) {
                    self.at += 1;
                }
                if self.is(b'#') {
                    while self.left() > 0 && !self.is(b'\n') {
                        self.at += 1;
                    }
                    continue;
                }
            }
            if !(self.is(b'(') && self.is_at(1, b'?') && self.is_at(2, b'#')) {
                return Ok(());
            }
            while self.left() > 0 && !self.is(b')') {
                self.at += 1;
            }
            if self.left() == 0 {
                return Err(self.error("Unterminated (?#...) comment."));
            }
            self.at += 1;
        }
    }

    /// Whether a quantifier stands here; a brace is one only with numbers in it.
    fn is_true_quantifier(&self) -> bool {
        let Some(unit) = self.peek() else { return false };
        if unit != u16::from(b'{') {
            return is_quantifier(unit);
        }
        let digits_from = |from: usize| {
            let rest = self.pattern.get(from..).unwrap_or_default();
            from + rest.iter().take_while(|unit| escape::digit(**unit).is_some()).count()
        };
        let after = digits_from(self.at + 1);
        if after == self.at + 1 {
            return false;
        }
        match self.pattern.get(after).and_then(|unit| u8::try_from(*unit).ok()) {
            Some(b'}') => true,
            Some(b',') => self.pattern.get(digits_from(after + 1)) == Some(&u16::from(b'}')),
            _ => false,
        }
    }

    fn scan(&mut self) -> Result<NodeId, PatternError> {
        self.open_group(GroupKind::Capture { slot: Some(0), uncapture: None });
        while self.left() > 0 {
            self.scan_part()?;
        }
        if self.open.len() > 1 {
            return Err(self.error("Not enough )'s."));
        }
        self.close_group()?;
        Ok(self.unit.take().unwrap_or_default())
    }

    /// A run of ordinary units and what follows it.
    fn scan_part(&mut self) -> Result<(), PatternError> {
        let mut was_quantified = std::mem::take(&mut self.quantified);
        self.skip_blank()?;
        let start = self.at;
        let whitespace = self.ignores_whitespace();
        while let Some(unit) = self.peek() {
            let stops =
                is_special(unit) || (whitespace && (is_blank(unit) || unit == u16::from(b'#')));
            if stops && (unit != u16::from(b'{') || self.is_true_quantifier()) {
                break;
            }
            self.at += 1;
        }
        let end = self.at;
        self.skip_blank()?;
        let special = self.peek().filter(|unit| is_special(*unit));
        if let Some(unit) = special {
            self.quantified = is_quantifier(unit);
            self.at += 1;
        }
        if start < end {
            was_quantified = false;
            let split = if self.quantified { end - 1 } else { end };
            self.add_text(start, split)?;
            if self.quantified {
                let last = self.pattern.get(split..end).unwrap_or_default();
                self.unit = Some(self.text_node(last)?);
            }
        }
        let Some(special) = special else { return Ok(()) };
        if self.scan_special(special, was_quantified)? {
            self.scan_quantifier()?;
        }
        Ok(())
    }

    /// A unit that means something; whether a quantifier may follow.
    fn scan_special(&mut self, special: u16, was_quantified: bool) -> Result<bool, PatternError> {
        let multiline = self.options.has(Options::MULTILINE);
        let node = match u8::try_from(special).unwrap_or_default() {
            b'[' => {
                let (set, merges) =
                    self.scan_class(self.options.has(Options::IGNORE_CASE), false, 0)?;
                self.set_node(set, merges)?
            }
            b'(' => {
                self.saved_options.push(self.options);
                match self.scan_group_open()? {
                    Some(kind) => self.open_group(kind),
                    None => {
                        self.saved_options.pop();
                    }
                }
                return Ok(false);
            }
            b'|' => {
                let part = self.end_concat();
                if let Some(open) = self.open.last_mut() {
                    open.parts.push(part);
                }
                return Ok(false);
            }
            b')' => {
                if self.open.len() < 2 {
                    return Err(self.error("Too many )'s."));
                }
                self.close_group()?;
                if let Some(options) = self.saved_options.pop() {
                    self.options = options;
                }
                return Ok(self.unit.is_some());
            }
            b'\\' => self.scan_backslash(false)?,
            b'^' if multiline => self.tree.add(Node::Assert(Assertion::LineStart)),
            b'^' => self.tree.add(Node::Assert(Assertion::Start)),
            b'$' if multiline => self.tree.add(Node::Assert(Assertion::LineEnd)),
            b'$' => self.tree.add(Node::Assert(Assertion::EndOfText)),
            b'.' if self.options.has(Options::SINGLELINE) => self.set_node(Set::all(), true)?,
            b'.' => self.set_node(Set::unit(0x0a).inverse(), true)?,
            quantifier => {
                if self.unit.is_none() {
                    let quantifier = char::from(quantifier);
                    return Err(if was_quantified {
                        self.error(&format!("Nested quantifier '{quantifier}'."))
                    } else {
                        self.error("Quantifier {x,y} following nothing.")
                    });
                }
                self.at -= 1;
                return Ok(true);
            }
        };
        self.unit = Some(node);
        Ok(true)
    }

    /// The quantifier of the unit, if there is one.
    fn scan_quantifier(&mut self) -> Result<(), PatternError> {
        self.skip_blank()?;
        let Some(unit) = self.unit.take() else { return Ok(()) };
        self.quantified = self.is_true_quantifier();
        if !self.quantified {
            self.push(unit);
            return Ok(());
        }
        let (min, max) = match self.next().and_then(|unit| u8::try_from(unit).ok()) {
            Some(b'*') => (0, INFINITE),
            Some(b'?') => (0, 1),
            Some(b'+') => (1, INFINITE),
            _ => self.scan_braces()?,
        };
        self.skip_blank()?;
        let lazy = self.is(b'?');
        if lazy {
            self.at += 1;
        }
        if min > max {
            return Err(self.error("Illegal {x,y} with x > y."));
        }
        let repeated = self.tree.repeat(unit, Repeat { min, max, lazy });
        self.push(repeated);
        Ok(())
    }

    /// The numbers of `{x,y}`, after the brace.
    fn scan_braces(&mut self) -> Result<(i32, i32), PatternError> {
        let min = self.decimal()?;
        let mut max = min;
        if self.is(b',') {
            self.at += 1;
            max = if self.is(b'}') { INFINITE } else { self.decimal()? };
        }
        self.at += 1;
        Ok((min, max))
    }

    fn push(&mut self, node: NodeId) {
        if let Some(open) = self.open.last_mut() {
            open.concat.push(node);
        }
    }

    fn add_text(&mut self, start: usize, end: usize) -> Result<(), PatternError> {
        let pattern = self.pattern;
        let units = pattern.get(start..end).unwrap_or_default();
        if !units.is_empty() {
            let node = self.text_node(units)?;
            self.push(node);
        }
        Ok(())
    }

    fn text_node(&mut self, units: &[u16]) -> Result<NodeId, PatternError> {
        self.spend(4)?;
        let mut fold = self.options.has(Options::IGNORE_CASE);
        let units: Vec<u16> =
            if fold { units.iter().map(|unit| lower(*unit)).collect() } else { units.to_vec() };
        let caseless = |unit: &u16| {
            u8::try_from(*unit).is_ok_and(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic())
        };
        fold = fold && !units.iter().all(caseless);
        Ok(self.tree.add(Node::Text { units, fold, back: self.is_backward() }))
    }

    fn set_node(&mut self, set: Set, merges: bool) -> Result<NodeId, PatternError> {
        let set = if self.options.has(Options::IGNORE_CASE) { set.any_case() } else { set };
        self.spend(4 + set.ranges().len())?;
        Ok(self.tree.add(Node::Chars { set, merges, back: self.is_backward() }))
    }

    fn open_group(&mut self, kind: GroupKind) {
        let back = self.is_backward();
        self.open.push(Open { kind, back, parts: Vec::new(), concat: Vec::new() });
    }

    /// What stands after the last bar, as one.
    fn end_concat(&mut self) -> NodeId {
        let Some(open) = self.open.last_mut() else { return 0 };
        let mut parts = std::mem::take(&mut open.concat);
        if open.back {
            parts.reverse();
        }
        self.tree.concat(parts)
    }

    /// Closes a group: it becomes the unit that a quantifier would repeat.
    fn close_group(&mut self) -> Result<(), PatternError> {
        self.spend(4)?;
        let last = self.end_concat();
        let Some(mut open) = self.open.pop() else { return Ok(()) };
        open.parts.push(last);
        let conditional = matches!(open.kind, GroupKind::IfGroup(_) | GroupKind::IfMatch);
        if conditional {
            let most = if open.kind == GroupKind::IfMatch { 3 } else { 2 };
            if open.parts.len() > most {
                return Err(self.error("Too many | in (?()|)."));
            }
        }
        let mut parts = open.parts.into_iter();
        let node = match open.kind {
            GroupKind::IfGroup(slot) => {
                Node::IfGroup { slot, yes: parts.next().unwrap_or_default(), no: parts.next() }
            }
            GroupKind::IfMatch => Node::IfMatch {
                test: parts.next().unwrap_or_default(),
                yes: parts.next().unwrap_or_default(),
                no: parts.next(),
            },
            kind => {
                let body = self.tree.alternate(parts.collect());
                match kind {
                    GroupKind::Capture { slot, uncapture } => {
                        Node::Capture { slot, uncapture, body }
                    }
                    GroupKind::Look { negative } => Node::Look { negative, body },
                    GroupKind::Atomic => Node::Atomic(body),
                    _ => {
                        self.give(body);
                        return Ok(());
                    }
                }
            }
        };
        let node = self.tree.add(node);
        self.give(node);
        Ok(())
    }

    /// Makes a closed group the current unit, or the condition of the conditional that it is the first part of.
    fn give(&mut self, node: NodeId) {
        if let Some(parent) = self.open.last_mut()
            && parent.kind == GroupKind::IfMatch
            && parent.parts.is_empty()
        {
            parent.parts.push(node);
            self.unit = None;
            return;
        }
        self.unit = Some(node);
    }
}
