//! Regular expressions as .NET has them: its syntax, its messages, its matches.
//!
//! Positions count UTF-16 units, and a single unit is what `.` or a class takes, as in .NET: a match may begin or end
//! inside a surrogate pair. The matcher backtracks with a stack of its own, so that no pattern or text can exhaust the
//! thread's, and every step is taken from the [`Budget`]: a catastrophic pattern ends as an evaluation error, before any
//! time-out that an author could have meant.
//!
//! What differs from .NET Core 3.1, knowingly:
//! - a constant pattern that is wrong is refused at load, not when it is met;
//! - a time-out has no effect: the budget ends a match long before;
//! - character classes are those of .NET Core 3.1 (Unicode 11), lower case is that of the compiler's newer Unicode;
//! - the undocumented `\p{_xmlC}`, `\p{_xmlD}`, `\p{_xmlI}` and `\p{_xmlW}` are not known;
//! - a lazy loop around nothing inside of an atomic group or of what looks around, `(?>(?:)+?)`, leaves .NET's stacks in
//!   disorder: it throws `IndexOutOfRangeException` or gives matches that overlap; here, some match comes out.

mod block;
mod cache;
mod category;
mod exec;
mod options;
mod parse;
mod program;
mod replace;
mod replacement;
mod search;
mod set;
mod subject;
#[cfg(test)]
mod tests;
mod tree;

use std::cell::Cell;
use std::sync::Arc;

pub(crate) use cache::cached;
pub(crate) use options::Options;
pub(crate) use replacement::Replacement;
pub(crate) use subject::{Assembly, Subject};

use exec::{Matcher, Stacks};
use program::Program;
use search::{Search, Units};

use crate::{Budget, Exception, ExceptionKind};

/// Why a pattern cannot be used.
#[derive(Debug)]
pub(crate) struct PatternError(Exception);

impl PatternError {
    #[cold]
    fn syntax(message: String) -> Self {
        Self(Exception::new(ExceptionKind::RegexParse, message))
    }

    #[cold]
    fn limit(message: &str) -> Self {
        Self(Exception::bound(message))
    }
}

impl From<Exception> for PatternError {
    fn from(exception: Exception) -> Self {
        Self(exception)
    }
}

impl From<PatternError> for Exception {
    fn from(error: PatternError) -> Self {
        error.0
    }
}

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Regex {
    pattern: Arc<str>,
    options: Options,
    program: Program,
    search: Search,
    /// The numbers of the groups, in order.
    numbers: Vec<i32>,
    /// Their names; none when all of them are numbers without a gap.
    names: Option<Vec<String>>,
}

/// A match: the captures of each group.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Where the next search begins.
    pub(crate) end: usize,
    /// Start and length.
    captures: Vec<(u32, u32)>,
    /// How many captures there are up to each group.
    ends: Vec<u32>,
}

impl Found {
    /// The captures of a group, by its place.
    pub(crate) fn captures(&self, slot: usize) -> &[(u32, u32)] {
        let end = self.ends.get(slot).map_or(0, |end| *end as usize);
        let start = slot.checked_sub(1).and_then(|slot| self.ends.get(slot)).copied();
        self.captures.get(start.unwrap_or_default() as usize..end).unwrap_or_default()
    }

    /// The last capture of a group.
    pub(crate) fn group(&self, slot: usize) -> Option<(usize, usize)> {
        self.captures(slot).last().map(|(start, len)| (*start as usize, *len as usize))
    }

    /// Where the match begins and how long it is.
    pub(crate) fn span(&self) -> (usize, usize) {
        self.group(0).unwrap_or_default()
    }

    /// Where to search for the next match.
    pub(crate) fn after(&self, window: (usize, usize)) -> Range {
        Range { window, from: self.end, after_empty: self.span().1 == 0 }
    }

    fn size(&self) -> usize {
        64 + 8 * self.captures.len() + 4 * self.ends.len()
    }
}

/// Where in a text to search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    /// The part that is searched; nothing beside it is seen.
    pub(crate) window: (usize, usize),
    /// Where the search begins.
    pub(crate) from: usize,
    /// The last match was empty: it is not found again.
    pub(crate) after_empty: bool,
}

impl Regex {
    /// Compiles a pattern.
    pub(crate) fn new(
        pattern: Arc<str>,
        options: Options,
        budget: &mut Budget,
    ) -> Result<Self, PatternError> {
        let units: Vec<u16> = pattern.encode_utf16().collect();
        let parsed = parse::parse(&units, options, budget)?;
        budget.step(parsed.tree.len() as u64)?;
        let numbers = parsed.groups.numbers();
        let program = program::write(&parsed.tree, parsed.root, numbers.len());
        let search =
            Search::of(&parsed.tree, parsed.root, &program, options.has(Options::RIGHT_TO_LEFT));
        let names = names(&numbers, &parsed.groups);
        Ok(Self { pattern, options, program, search, numbers, names })
    }

    pub(crate) fn pattern(&self) -> &Arc<str> {
        &self.pattern
    }

    pub(crate) fn options(&self) -> Options {
        self.options
    }

    /// The numbers of the groups, in order.
    #[cfg(test)]
    pub(crate) fn numbers(&self) -> &[i32] {
        &self.numbers
    }

    /// The names of the groups; none when they are their numbers.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// How many groups there are, the match itself included.
    pub(crate) fn n_groups(&self) -> usize {
        self.numbers.len()
    }

    /// The place of a group, by number.
    pub(crate) fn slot(&self, number: i32) -> Option<usize> {
        self.numbers.binary_search(&number).ok()
    }

    /// The place of a group, by name or written number.
    pub(crate) fn slot_by_name(&self, name: &str) -> Option<usize> {
        if let Some(names) = &self.names {
            return names.iter().position(|known| known == name);
        }
        let mut number = 0usize;
        for byte in name.bytes() {
            let digit = usize::from(byte.checked_sub(b'0').filter(|digit| *digit < 10)?);
            number = number.checked_mul(10)?.checked_add(digit)?;
        }
        (number < self.n_groups()).then_some(number)
    }

    /// Whether groups have names, the numbered ones included.
    fn has_name(&self, name: &str) -> Option<usize> {
        self.names.as_ref()?.iter().position(|known| known == name)
    }

    pub(crate) fn is_backward(&self) -> bool {
        self.options.has(Options::RIGHT_TO_LEFT)
    }

    /// The whole text, from its beginning; from its end when the pattern runs backward.
    pub(crate) fn whole(&self, subject: &Subject) -> Range {
        let len = subject.len();
        let from = if self.is_backward() { len } else { 0 };
        Range { window: (0, len), from, after_empty: false }
    }

    /// Whether the pattern matches.
    pub(crate) fn is_match(
        &self,
        subject: &Subject,
        range: Range,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        Ok(with_stacks(|stacks| self.search(subject, range, stacks, budget))?.is_some())
    }

    /// Whether the pattern matches a text that nothing more is asked about.
    pub(crate) fn matches(&self, text: &str, budget: &mut Budget) -> Result<bool, Exception> {
        if !text.is_ascii() {
            let subject = Subject::new(text.into(), budget)?;
            return self.is_match(&subject, self.whole(&subject), budget);
        }
        let from = if self.is_backward() { text.len() } else { 0 };
        let range = Range { window: (0, text.len()), from, after_empty: false };
        let bytes = text.as_bytes();
        Ok(with_stacks(|stacks| self.search_units(bytes, range, stacks, budget))?.is_some())
    }

    /// The first match.
    pub(crate) fn find(
        &self,
        subject: &Subject,
        range: Range,
        budget: &mut Budget,
    ) -> Result<Option<Found>, Exception> {
        with_stacks(|stacks| {
            let Some(end) = self.search(subject, range, stacks, budget)? else { return Ok(None) };
            let found = self.found(range.window.0, end, stacks);
            budget.memory(found.size())?;
            Ok(Some(found))
        })
    }

    fn found(&self, offset: usize, end: usize, stacks: &Stacks) -> Found {
        let mut found = Found {
            end: end + offset,
            captures: Vec::with_capacity(self.n_groups()),
            ends: Vec::with_capacity(self.n_groups()),
        };
        let offset = u32::try_from(offset).unwrap_or_default();
        for slot in 0..self.n_groups() {
            stacks.captures(slot, offset, &mut found.captures);
            found.ends.push(u32::try_from(found.captures.len()).unwrap_or(u32::MAX));
        }
        found
    }

    fn search(
        &self,
        subject: &Subject,
        range: Range,
        stacks: &mut Stacks,
        budget: &mut Budget,
    ) -> Result<Option<usize>, Exception> {
        match subject.units() {
            Some(units) => self.search_units(units, range, stacks, budget),
            None => self.search_units(subject.text().as_bytes(), range, stacks, budget),
        }
    }

    /// Where the first match ends, within the window.
    fn search_units<T: Units>(
        &self,
        text: &[T],
        range: Range,
        stacks: &mut Stacks,
        budget: &mut Budget,
    ) -> Result<Option<usize>, Exception> {
        let (start, end) = range.window;
        let text = text.get(start..end).unwrap_or_default();
        let back = self.is_backward();
        let from = range.from.saturating_sub(start).min(text.len());
        let last = if back { 0 } else { text.len() };
        let mut matcher = Matcher {
            program: &self.program,
            text,
            from,
            ecma: self.options.has(Options::ECMA_SCRIPT),
            stacks,
            budget,
            spent: 16,
        };
        let mut at = from;
        let mut skip = range.after_empty;
        loop {
            if skip {
                if at == last {
                    break;
                }
                at = if back { at.saturating_sub(1) } else { at + 1 };
            }
            skip = true;
            let next = if back {
                self.search.previous(text, at)
            } else {
                self.search.next(text, from, at)
            };
            let passed = next.unwrap_or(last).abs_diff(at);
            matcher.spend(u32::try_from(passed / 32).unwrap_or(u32::MAX))?;
            let Some(next) = next else { break };
            at = next;
            if let Some(end) = matcher.run(at)? {
                matcher.settle()?;
                return Ok(Some(end));
            }
        }
        matcher.settle()?;
        Ok(None)
    }
}

thread_local! {
    /// Stacks that were used and may be used again.
    static SPARE: Cell<Option<Box<Stacks>>> = const { Cell::new(None) };
}

/// Works with stacks that are likely to have room already.
fn with_stacks<R>(work: impl FnOnce(&mut Stacks) -> R) -> R {
    let mut stacks = SPARE.take().unwrap_or_default();
    let result = work(&mut stacks);
    if stacks.are_small() {
        SPARE.set(Some(stacks));
    }
    result
}

/// The names of the groups by their places; none when they are just their numbers.
fn names(numbers: &[i32], groups: &parse::Groups) -> Option<Vec<String>> {
    let gap = (0..).zip(numbers).any(|(expected, number)| expected != *number);
    let named: std::collections::HashMap<i32, &str> =
        groups.named().map(|(name, number)| (number, name)).collect();
    if !gap && named.is_empty() {
        return None;
    }
    let name = |number: &i32| match named.get(number) {
        Some(name) => (*name).to_owned(),
        None => number.to_string(),
    };
    Some(numbers.iter().map(name).collect())
}

/// `Regex.Unescape`.
pub(crate) fn unescape(text: &str, budget: &mut Budget) -> Result<String, Exception> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    budget.memory(2 * text.len())?;
    let units: Vec<u16> = text.encode_utf16().collect();
    Ok(String::from_utf16_lossy(&parse::unescape(&units, budget)?))
}
