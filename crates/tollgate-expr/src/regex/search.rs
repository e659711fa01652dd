//! Where a match can begin: found before the matcher is started, so that most positions cost next to nothing.

use memchr::memmem;

use super::exec::Unit;
use super::program::{Op, Program, Test};
use super::set::{Class, Set};
use super::tree::{Assertion, Node, NodeId, Tree};

/// What every match begins with.
#[derive(Debug, Clone)]
enum Start {
    /// Nothing is known.
    Any,
    /// The beginning of the text.
    Text,
    /// The place where the search begins.
    Search,
    Prefix(Box<Prefix>),
    /// A unit of the set.
    First(Class),
}

/// Literal text.
#[derive(Debug, Clone)]
pub(super) struct Prefix {
    units: Box<[u16]>,
    /// None when the text is not ASCII.
    ascii: Option<memmem::Finder<'static>>,
}

/// How to find where a match can begin.
#[derive(Debug, Clone)]
pub(super) struct Search {
    start: Start,
}

impl Search {
    pub(super) fn of(tree: &Tree, root: NodeId, program: &Program, back: bool) -> Self {
        let start = if back { None } else { start_of(program) };
        let start = start.or_else(|| Some(Start::First(Class::new(&first(tree, root)?))));
        Self { start: start.unwrap_or(Start::Any) }
    }

    /// The last position at or before `at` where a match can begin that runs backward.
    pub(super) fn previous<T: Units>(&self, text: &[T], at: usize) -> Option<usize> {
        let Start::First(class) = &self.start else { return Some(at) };
        let before = text.get(..at)?;
        Some(before.iter().rposition(|unit| class.contains(unit.unit()))? + 1)
    }

    /// The first position at or after `at` where a match can begin.
    pub(super) fn next<T: Units>(&self, text: &[T], from: usize, at: usize) -> Option<usize> {
        match &self.start {
            Start::Any => Some(at),
            Start::Text => (at == 0).then_some(0),
            Start::Search => (at == from).then_some(at),
            Start::Prefix(prefix) => Some(at + T::find(text.get(at..)?, prefix)?),
            Start::First(class) => {
                let rest = text.get(at..)?;
                Some(at + rest.iter().position(|unit| class.contains(unit.unit()))?)
            }
        }
    }
}

/// Units that can be searched for text.
pub(super) trait Units: Unit + Sized {
    /// Where the prefix occurs first.
    fn find(text: &[Self], prefix: &Prefix) -> Option<usize>;
}

impl Units for u8 {
    fn find(text: &[u8], prefix: &Prefix) -> Option<usize> {
        prefix.ascii.as_ref()?.find(text)
    }
}

impl Units for u16 {
    fn find(text: &[u16], prefix: &Prefix) -> Option<usize> {
        let (first, rest) = prefix.units.split_first()?;
        let mut at = 0;
        loop {
            at += text.get(at..)?.iter().position(|unit| unit == first)? + 1;
            if text.get(at..)?.starts_with(rest) {
                return Some(at - 1);
            }
        }
    }
}

/// Text or an anchor that every match begins with.
fn start_of(program: &Program) -> Option<Start> {
    let mut units = Vec::new();
    let mut at = 0;
    loop {
        match program.ops.get(at) {
            Some(Op::Mark) if units.is_empty() => {}
            Some(Op::Assert(Assertion::Start)) if units.is_empty() => return Some(Start::Text),
            Some(Op::Assert(Assertion::SearchStart)) if units.is_empty() => {
                return Some(Start::Search);
            }
            Some(Op::Assert(Assertion::End | Assertion::EndOfText)) if units.is_empty() => {
                // .NET looks at nothing else then.
                return Some(Start::Any);
            }
            Some(Op::Text { units: more, fold: false, back: false }) => {
                units.extend_from_slice(more);
            }
            Some(Op::Unit { test: Test::One(unit), back: false }) => units.push(*unit),
            _ => break,
        }
        at += 1;
    }
    if units.is_empty() {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        units.iter().map(|unit| u8::try_from(*unit).ok().filter(u8::is_ascii)).collect();
    let ascii = bytes.map(|bytes| memmem::Finder::new(&bytes).into_owned());
    Some(Start::Prefix(Box::new(Prefix { units: units.into(), ascii })))
}

/// What a node can begin with.
#[derive(Debug, Default)]
struct First {
    ranges: Vec<(u16, u16)>,
    /// Whether it can match nothing.
    nullable: bool,
    /// Whether .NET puts it together with others.
    merges: bool,
}

impl First {
    fn of(set: &Set, nullable: bool, merges: bool) -> Self {
        Self { ranges: set.ranges().to_vec(), nullable, merges }
    }

    fn nothing() -> Self {
        Self { ranges: Vec::new(), nullable: true, merges: true }
    }

    /// Adds what follows; none when .NET gives up.
    fn followed_by(mut self, next: First) -> Option<First> {
        if !self.merges || !next.merges {
            return None;
        }
        self.ranges.extend(next.ranges);
        self.nullable = next.nullable;
        Some(self)
    }

    /// Adds another possibility; none when .NET gives up.
    fn or(mut self, other: First) -> Option<First> {
        if !self.merges || !other.merges {
            return None;
        }
        self.ranges.extend(other.ranges);
        self.nullable |= other.nullable;
        Some(self)
    }
}

/// The units that a match can begin with; none when it can be empty or it is not known.
///
/// It is worked out as .NET does it, since that shows: a conditional without a second branch counts as if it always
/// took the first, so that a match that takes neither is only found where the first could begin.
fn first(tree: &Tree, root: NodeId) -> Option<Set> {
    // Parts come before what they are parts of; some nodes are parts of nothing any more.
    let used = tree.used(root);
    let mut known: Vec<Option<First>> = Vec::with_capacity(used.len());
    for (id, used) in (0..=root).zip(used) {
        let first = if used { first_of(tree.get(id), &mut known) } else { None };
        known.push(first);
    }
    let first = known.pop().flatten()?;
    (!first.nullable).then(|| Set::of(first.ranges))
}

fn first_of(node: &Node, known: &mut [Option<First>]) -> Option<First> {
    let mut take = |id: NodeId| known.get_mut(id as usize).and_then(Option::take);
    match node {
        Node::Nothing | Node::Empty | Node::Assert(_) | Node::Look { .. } => Some(First::nothing()),
        Node::Text { units, fold, back } => {
            let unit = Set::unit(*(if *back { units.last() } else { units.first() })?);
            Some(First::of(&if *fold { unit.any_case() } else { unit }, false, true))
        }
        Node::Chars { set, merges, .. } => Some(First::of(set, false, *merges)),
        Node::CharLoop { set, merges, repeat, .. } => {
            Some(First::of(set, repeat.min == 0, *merges))
        }
        Node::Ref { .. } => Some(First::of(&Set::all(), true, true)),
        Node::Concat(parts) => {
            let (head, rest) = parts.split_first()?;
            let mut first = take(*head)?;
            for part in rest {
                if !first.nullable {
                    break;
                }
                first = first.followed_by(take(*part)?)?;
            }
            Some(first)
        }
        Node::Alternate(parts) => {
            let (head, rest) = parts.split_first()?;
            let mut first = take(*head)?;
            for part in rest {
                first = first.or(take(*part)?)?;
            }
            Some(first)
        }
        Node::Loop { body, repeat } => {
            let mut first = take(*body)?;
            first.nullable |= repeat.min == 0;
            Some(first)
        }
        Node::Capture { body, .. } | Node::Atomic(body) => take(*body),
        Node::IfGroup { yes, no, .. } | Node::IfMatch { yes, no, .. } => {
            let first = take(*yes)?;
            match no {
                Some(no) => first.or(take(*no)?),
                None => Some(first),
            }
        }
    }
}
