//! Where a match can begin: found before the matcher is started, so that most positions cost next to nothing.

use memchr::memmem;

use super::exec::Unit;
use super::program::{Op, Pc, Program, Test};
use super::set::{Class, Set};
use super::tree::Assertion;

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
    pub(super) fn of(program: &Program, back: bool) -> Self {
        if !back {
            return Self { start: start_of(program) };
        }
        let first = first(program, true);
        Self { start: first.map_or(Start::Any, |set| Start::First(Class::new(&set))) }
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

fn start_of(program: &Program) -> Start {
    let mut units = Vec::new();
    let mut at = 0;
    loop {
        match program.ops.get(at) {
            Some(Op::Mark) if units.is_empty() => {}
            Some(Op::Assert(Assertion::Start)) if units.is_empty() => return Start::Text,
            Some(Op::Assert(Assertion::SearchStart)) if units.is_empty() => return Start::Search,
            Some(Op::Text { units: more, fold: false, back: false }) => {
                units.extend_from_slice(more);
            }
            Some(Op::Unit { test: Test::One(unit), back: false }) => units.push(*unit),
            _ => break,
        }
        at += 1;
    }
    if !units.is_empty() {
        let bytes: Option<Vec<u8>> =
            units.iter().map(|unit| u8::try_from(*unit).ok().filter(u8::is_ascii)).collect();
        let ascii = bytes.map(|bytes| memmem::Finder::new(&bytes).into_owned());
        return Start::Prefix(Box::new(Prefix { units: units.into(), ascii }));
    }
    match first(program, false) {
        Some(set) => Start::First(Class::new(&set)),
        None => Start::Any,
    }
}

/// How many instructions are looked at.
const MOST: usize = 1_000;

/// The units that a match can begin with; none when it can be empty or it is not known.
fn first(program: &Program, backward: bool) -> Option<Set> {
    let mut todo: Vec<Pc> = vec![0];
    let mut seen = std::collections::HashSet::new();
    let mut ranges = Vec::new();
    while let Some(pc) = todo.pop() {
        if !seen.insert(pc) {
            continue;
        }
        if seen.len() > MOST || ranges.len() > MOST {
            return None;
        }
        let next = pc + 1;
        match program.ops.get(pc as usize)? {
            Op::Unit { test, back } if *back == backward => add(test, &mut ranges),
            Op::Units { test, back, repeat } if *back == backward => {
                add(test, &mut ranges);
                if repeat.min == 0 {
                    todo.push(next);
                }
            }
            Op::Text { units, fold, back } if *back == backward => {
                let unit = if backward { units.last()? } else { units.first()? };
                let unit = Set::unit(*unit);
                let unit = if *fold { unit.any_case() } else { unit };
                ranges.extend_from_slice(unit.ranges());
            }
            Op::Fail | Op::NoBranch => {}
            Op::Assert(_)
            | Op::Mark
            | Op::NoMark
            | Op::Count(_)
            | Op::NoCount(_)
            | Op::Save
            | Op::Commit
            | Op::Capture { .. }
            | Op::Holds(_)
            | Op::Return => todo.push(next),
            // A look ahead or behind only makes fewer positions fit.
            Op::Goto(to) | Op::SaveLook(to) => todo.push(*to),
            Op::SaveTest(yes, no) => todo.extend([*yes, *no]),
            // What ends here may have matched nothing, so both ways are open.
            Op::Split(to)
            | Op::Loop(to)
            | Op::LazyLoop(to)
            | Op::CountedLoop(to, _)
            | Op::LazyCountedLoop(to, _) => todo.extend([next, *to]),
            Op::Unit { .. }
            | Op::Units { .. }
            | Op::Text { .. }
            | Op::Ref { .. }
            | Op::Abort
            | Op::Stop => return None,
        }
    }
    Some(Set::of(ranges))
}

fn add(test: &Test, ranges: &mut Vec<(u16, u16)>) {
    match test {
        Test::One(unit) => ranges.push((*unit, *unit)),
        Test::Not(unit) => ranges.extend_from_slice(Set::unit(*unit).inverse().ranges()),
        Test::Class(class) => ranges.extend_from_slice(class.ranges()),
        Test::Any => ranges.push((0, u16::MAX)),
    }
}
