//! The matcher: backtracking with a stack of its own, every step accounted for.

use super::program::{Op, Pc, Program, Test};
use super::set::{is_ecma_word, is_word, lower};
use super::tree::Assertion;
use crate::{Budget, Exception};

/// How many instructions one step of the budget stands for: they are much smaller than those of expressions.
const PER_STEP: u32 = 16;
/// How many instructions run between looks at the budget.
const BATCH: u32 = 4096;

/// How many entries of the stacks are not accounted for.
const FREE: usize = 2 * BATCH as usize;

/// A unit of text: bytes of ASCII text or UTF-16 units.
pub(super) trait Unit: Copy {
    fn unit(self) -> u16;
}

impl Unit for u8 {
    #[inline]
    fn unit(self) -> u16 {
        u16::from(self)
    }
}

impl Unit for u16 {
    #[inline]
    fn unit(self) -> u16 {
        self
    }
}

/// What to do when what was tried last fails.
#[derive(Debug, Clone, Copy)]
enum Undo {
    /// Go on there.
    Try { pc: Pc, at: u32 },
    /// Take marks off.
    Drop(u32),
    /// Put a mark back.
    Put(i32),
    /// Put a mark and a count back.
    Put2(i32, i32),
    /// Put a mark back and give captures up.
    Uncapture { mark: i32, log: u32 },
    /// Give captures up.
    Captures(u32),
    /// A loop of units takes one less.
    Less { pc: Pc, at: u32, more: u32 },
    /// A lazy loop of units takes one more.
    More { pc: Pc, at: u32, more: u32 },
    /// A loop ends after what it has.
    LeaveLoop { pc: Pc, mark: i32, at: u32 },
    /// A lazy loop goes on.
    StayInLoop { pc: Pc, mark: i32, at: u32 },
    /// A lazy loop fails.
    LazyFailed(i32),
    /// A counted loop ends after what it has, if that is enough.
    LeaveCount { pc: Pc, mark: i32 },
    /// A lazy counted loop goes on.
    StayInCount { pc: Pc, mark: i32, count: i32, at: u32 },
    /// A lazy counted loop fails.
    LazyCountFailed(i32),
}

/// A capture; the one before it of the same group.
#[derive(Debug, Clone, Copy)]
struct Capture {
    start: u32,
    len: u32,
    before: u32,
}

const NONE: u32 = u32::MAX;

/// What a group held before a capture.
#[derive(Debug, Clone, Copy)]
struct Change {
    slot: u32,
    top: u32,
    n_captures: u32,
}

/// The stacks of a matcher, to be used again.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    undo: Vec<Undo>,
    marks: Vec<i32>,
    captures: Vec<Capture>,
    /// The last capture of each group.
    tops: Vec<u32>,
    log: Vec<Change>,
    /// Entries that were paid for.
    paid: usize,
}

impl Stacks {
    /// Whether they take no more room than is free.
    pub(super) fn are_small(&self) -> bool {
        self.entries() <= FREE
    }

    fn entries(&self) -> usize {
        self.undo.capacity()
            + self.captures.capacity()
            + self.log.capacity()
            + self.marks.capacity() / 4
    }

    fn clear(&mut self, n_slots: usize) {
        self.undo.clear();
        self.marks.clear();
        self.captures.clear();
        self.log.clear();
        self.tops.clear();
        self.tops.resize(n_slots, NONE);
    }

    /// Appends the captures of a group, the first one first.
    pub(super) fn captures(&self, slot: usize, offset: u32, out: &mut Vec<(u32, u32)>) {
        let first = out.len();
        let mut at = self.tops.get(slot).copied().unwrap_or(NONE);
        while let Some(capture) = self.captures.get(at as usize) {
            out.push((offset.saturating_add(capture.start), capture.len));
            at = capture.before;
        }
        if let Some(added) = out.get_mut(first..) {
            added.reverse();
        }
    }

    fn last(&self, slot: u32) -> Option<Capture> {
        let top = *self.tops.get(slot as usize)?;
        self.captures.get(top as usize).copied()
    }

    fn note(&mut self, slot: u32) -> Option<&mut u32> {
        let top = self.tops.get_mut(slot as usize)?;
        let n_captures = u32::try_from(self.captures.len()).unwrap_or(NONE);
        self.log.push(Change { slot, top: *top, n_captures });
        Some(top)
    }

    fn capture(&mut self, slot: u32, start: u32, end: u32) {
        let (start, end) = (start.min(end), start.max(end));
        let index = u32::try_from(self.captures.len()).unwrap_or(NONE);
        if let Some(top) = self.note(slot) {
            let before = std::mem::replace(top, index);
            self.captures.push(Capture { start, len: end - start, before });
        }
    }

    /// Takes the last capture of a group away; what lies between it and the new one is kept.
    fn balance(&mut self, slot: Option<u32>, from: u32, start: u32, end: u32) {
        let Some(taken) = self.last(from) else { return };
        let (mut start, mut end) = (start.min(end), start.max(end));
        let (other, other_end) = (taken.start, taken.start + taken.len);
        if start >= other_end {
            (start, end) = (other_end, start);
        } else if end <= other {
            start = other;
        } else {
            (start, end) = (start.max(other), end.min(other_end));
        }
        if let Some(top) = self.note(from) {
            *top = taken.before;
        }
        if let Some(slot) = slot {
            self.capture(slot, start, end);
        }
    }

    fn uncapture(&mut self, log: u32) {
        while self.log.len() > log as usize {
            let Some(change) = self.log.pop() else { return };
            if let Some(top) = self.tops.get_mut(change.slot as usize) {
                *top = change.top;
            }
            self.captures.truncate(change.n_captures as usize);
        }
    }

    fn log_len(&self) -> u32 {
        u32::try_from(self.log.len()).unwrap_or(NONE)
    }
}

/// Whether the program goes on or has to try something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Next,
    Jump(Pc),
    Fail,
}

/// A run of a program over a text.
pub(super) struct Matcher<'r, T> {
    pub(super) program: &'r Program,
    pub(super) text: &'r [T],
    /// Where the search began: what `\G` is.
    pub(super) from: usize,
    pub(super) ecma: bool,
    pub(super) stacks: &'r mut Stacks,
    pub(super) budget: &'r mut Budget,
    /// Instructions since the last look at the budget.
    pub(super) spent: u32,
}

impl<T: Unit> Matcher<'_, T> {
    /// Accounts for instructions.
    #[inline]
    pub(super) fn spend(&mut self, n: u32) -> Result<(), Exception> {
        self.spent = self.spent.saturating_add(n);
        if self.spent >= BATCH { self.settle() } else { Ok(()) }
    }

    /// Pays for what was spent.
    #[cold]
    pub(super) fn settle(&mut self) -> Result<(), Exception> {
        let spent = std::mem::take(&mut self.spent);
        self.budget.step(u64::from(spent / PER_STEP))?;
        let entries = self.stacks.entries();
        if entries > FREE
            && let Some(more) = entries.checked_sub(self.stacks.paid)
        {
            self.stacks.paid = entries;
            self.budget.memory(more.saturating_mul(size_of::<Undo>()))?;
        }
        Ok(())
    }

    #[inline]
    fn unit(&self, at: usize) -> Option<u16> {
        self.text.get(at).map(|unit| unit.unit())
    }

    /// The unit that is read next at a position.
    #[inline]
    fn ahead(&self, at: usize, back: bool) -> Option<u16> {
        if back { self.unit(at.checked_sub(1)?) } else { self.unit(at) }
    }

    /// Whether the program matches at a position, and where it ends then.
    pub(super) fn run(&mut self, start: usize) -> Result<Option<usize>, Exception> {
        self.stacks.clear(self.program.n_slots);
        let program = self.program;
        let mut at = start;
        let mut pc: Pc = 0;
        loop {
            self.spend(1)?;
            let Some(op) = program.ops.get(pc as usize) else { return Ok(None) };
            let step = match op {
                Op::Stop => return Ok(Some(at)),
                Op::Unit { test, back } => match self.ahead(at, *back) {
                    Some(unit) if test.matches(unit) => {
                        at = moved(at, 1, *back);
                        Step::Next
                    }
                    _ => Step::Fail,
                },
                Op::Text { units, fold, back } => self.text(units, *fold, *back, &mut at)?,
                Op::Units { test, back, repeat } => {
                    let bounds = (repeat.min, repeat.max);
                    self.units(pc, test, *back, bounds, repeat.lazy, &mut at)?
                }
                Op::Assert(assertion) => {
                    if self.holds(*assertion, at) {
                        Step::Next
                    } else {
                        Step::Fail
                    }
                }
                Op::Split(other) => {
                    self.stacks.undo.push(Undo::Try { pc: *other, at: narrow(at) });
                    Step::Next
                }
                Op::Goto(to) => Step::Jump(*to),
                Op::Fail => Step::Fail,
                op => self.rare(pc, op, &mut at)?,
            };
            pc = match step {
                Step::Next => pc + 1,
                Step::Jump(to) => to,
                Step::Fail => match self.backtrack(&mut at)? {
                    Some(to) => to,
                    None => return Ok(None),
                },
            };
        }
    }

    fn text(
        &mut self,
        units: &[u16],
        fold: bool,
        back: bool,
        at: &mut usize,
    ) -> Result<Step, Exception> {
        let n = units.len();
        let start = if back { at.checked_sub(n) } else { Some(*at) };
        let Some(found) = start.and_then(|start| self.text.get(start..start.checked_add(n)?))
        else {
            return Ok(Step::Fail);
        };
        let same = found.iter().zip(units).take_while(|(unit, wanted)| {
            let unit = unit.unit();
            unit == **wanted || (fold && lower(unit) == **wanted)
        });
        let n_same = same.count();
        self.spend(u32::try_from(n_same / 16).unwrap_or(BATCH))?;
        if n_same < n {
            return Ok(Step::Fail);
        }
        *at = moved(*at, n, back);
        Ok(Step::Next)
    }

    /// How many units from a position on pass the test, up to a limit.
    fn run_of(&mut self, test: &Test, back: bool, at: usize, limit: usize) -> usize {
        let (before, after) = self.text.split_at_checked(at).unwrap_or((self.text, &[]));
        if back {
            let units = before.iter().rev().take(limit);
            units.take_while(|unit| test.matches(unit.unit())).count()
        } else {
            let units = after.get(..limit).unwrap_or(after).iter();
            match test {
                Test::Any => units.len(),
                Test::One(wanted) => units.take_while(|unit| unit.unit() == *wanted).count(),
                Test::Not(other) => units.take_while(|unit| unit.unit() != *other).count(),
                Test::Class(class) => units.take_while(|unit| class.contains(unit.unit())).count(),
            }
        }
    }

    fn units(
        &mut self,
        pc: Pc,
        test: &Test,
        back: bool,
        (min, max): (i32, i32),
        lazy: bool,
        at: &mut usize,
    ) -> Result<Step, Exception> {
        let min = usize::try_from(min).unwrap_or_default();
        let max = usize::try_from(max).unwrap_or_default();
        let n = self.run_of(test, back, *at, if lazy { min } else { max });
        self.spend(u32::try_from(n / 8).unwrap_or(BATCH))?;
        if n < min {
            return Ok(Step::Fail);
        }
        *at = moved(*at, n, back);
        if lazy {
            if max > min {
                let more = narrow(max - min - 1);
                self.stacks.undo.push(Undo::More { pc, at: narrow(*at), more });
            }
        } else if n > min {
            let (at, more) = (narrow(moved(*at, 1, !back)), narrow(n - min - 1));
            self.stacks.undo.push(Undo::Less { pc, at, more });
        }
        Ok(Step::Next)
    }

    fn holds(&self, assertion: Assertion, at: usize) -> bool {
        const LINE_FEED: Option<u16> = Some(0x0a);
        let end = self.text.len();
        let before = at.checked_sub(1).and_then(|at| self.unit(at));
        let boundary = |is_word: fn(u16) -> bool| {
            before.is_some_and(is_word) != self.unit(at).is_some_and(is_word)
        };
        match assertion {
            Assertion::LineStart => at == 0 || before == LINE_FEED,
            Assertion::LineEnd => at >= end || self.unit(at) == LINE_FEED,
            Assertion::Start => at == 0,
            Assertion::SearchStart => at == self.from,
            Assertion::EndOfText => at >= end || (at + 1 == end && self.unit(at) == LINE_FEED),
            Assertion::End => at >= end,
            Assertion::Boundary => boundary(is_word),
            Assertion::NoBoundary => !boundary(is_word),
            Assertion::EcmaBoundary => boundary(is_ecma_word),
            Assertion::NoEcmaBoundary => !boundary(is_ecma_word),
        }
    }

    fn pop_mark(&mut self) -> i32 {
        self.stacks.marks.pop().unwrap_or_default()
    }

    fn rare(&mut self, pc: Pc, op: &Op, at: &mut usize) -> Result<Step, Exception> {
        match op {
            Op::Mark => {
                self.stacks.marks.push(signed(*at));
                self.stacks.undo.push(Undo::Drop(1));
            }
            Op::NoMark => {
                self.stacks.marks.push(-1);
                self.stacks.undo.push(Undo::Drop(1));
            }
            Op::Count(count) | Op::NoCount(count) => {
                let mark = if matches!(op, Op::Count(_)) { signed(*at) } else { -1 };
                self.stacks.marks.extend([mark, *count]);
                self.stacks.undo.push(Undo::Drop(2));
            }
            Op::Loop(start) => return Ok(self.end_loop(pc, *start, *at)),
            Op::LazyLoop(_) => self.end_lazy_loop(pc, *at),
            Op::CountedLoop(start, more) => {
                return Ok(self.end_counted_loop(pc, *start, *more, *at));
            }
            Op::LazyCountedLoop(start, _) => {
                return Ok(self.end_lazy_counted_loop(pc, *start, *at));
            }
            Op::Save => {
                let undo = i32::try_from(self.stacks.undo.len()).unwrap_or(i32::MAX);
                let log = i32::try_from(self.stacks.log.len()).unwrap_or(i32::MAX);
                self.stacks.marks.extend([undo, log]);
                self.stacks.undo.push(Undo::Drop(2));
            }
            Op::Commit => {
                let log = self.pop_saved();
                self.stacks.undo.push(Undo::Captures(log));
            }
            Op::Abort => {
                let log = self.pop_saved();
                self.stacks.uncapture(log);
                return Ok(Step::Fail);
            }
            Op::Return => {
                let mark = self.pop_mark();
                self.stacks.undo.push(Undo::Put(mark));
                *at = place(mark).min(self.text.len());
            }
            Op::Capture { slot, uncapture } => return Ok(self.end_group(*slot, *uncapture, *at)),
            Op::Holds(slot) => {
                if self.stacks.last(*slot).is_none() {
                    return Ok(Step::Fail);
                }
            }
            Op::Ref { slot, fold, back } => return self.back_reference(*slot, *fold, *back, at),
            _ => return Ok(Step::Fail),
        }
        Ok(Step::Next)
    }

    /// Forgets what to try since the matching [`Op::Save`]; how many captures there were then.
    fn pop_saved(&mut self) -> u32 {
        let log = self.pop_mark();
        let undo = self.pop_mark();
        self.stacks.undo.truncate(place(undo));
        narrow(place(log))
    }

    fn end_group(&mut self, slot: Option<u32>, uncapture: Option<u32>, at: usize) -> Step {
        if let Some(from) = uncapture
            && self.stacks.last(from).is_none()
        {
            return Step::Fail;
        }
        let mark = self.pop_mark();
        let log = self.stacks.log_len();
        let (start, end) = (narrow(place(mark)), narrow(at));
        match (uncapture, slot) {
            (Some(from), slot) => self.stacks.balance(slot, from, start, end),
            (None, Some(slot)) => self.stacks.capture(slot, start, end),
            (None, None) => {}
        }
        self.stacks.undo.push(Undo::Uncapture { mark, log });
        Step::Next
    }

    fn back_reference(
        &mut self,
        slot: u32,
        fold: bool,
        back: bool,
        at: &mut usize,
    ) -> Result<Step, Exception> {
        let Some(capture) = self.stacks.last(slot) else {
            return Ok(if self.ecma { Step::Next } else { Step::Fail });
        };
        let n = capture.len as usize;
        let start = if back { at.checked_sub(n) } else { Some(*at) };
        let text = self.text;
        let part = |start: usize| text.get(start..start.checked_add(n)?);
        let (Some(found), Some(wanted)) = (start.and_then(part), part(capture.start as usize))
        else {
            return Ok(Step::Fail);
        };
        self.spend(u32::try_from(n / 16).unwrap_or(BATCH))?;
        let same = found.iter().zip(wanted).all(|(unit, wanted)| {
            let (unit, wanted) = (unit.unit(), wanted.unit());
            unit == wanted || (fold && lower(unit) == lower(wanted))
        });
        if !same {
            return Ok(Step::Fail);
        }
        *at = moved(*at, n, back);
        Ok(Step::Next)
    }

    fn end_loop(&mut self, pc: Pc, start: Pc, at: usize) -> Step {
        let mark = self.pop_mark();
        if signed(at) == mark {
            // An empty repetition is the last.
            self.stacks.undo.push(Undo::Put(mark));
            return Step::Next;
        }
        self.stacks.undo.push(Undo::LeaveLoop { pc, mark, at: narrow(at) });
        self.stacks.marks.push(signed(at));
        Step::Jump(start)
    }

    fn end_lazy_loop(&mut self, pc: Pc, at: usize) {
        let mark = self.pop_mark();
        if signed(at) == mark {
            self.stacks.marks.push(mark);
            self.stacks.undo.push(Undo::LazyFailed(mark));
        } else {
            let mark = if mark == -1 { signed(at) } else { mark };
            self.stacks.undo.push(Undo::StayInLoop { pc, mark, at: narrow(at) });
        }
    }

    fn end_counted_loop(&mut self, pc: Pc, start: Pc, more: i32, at: usize) -> Step {
        let count = self.pop_mark();
        let mark = self.pop_mark();
        if count >= more || (signed(at) == mark && count >= 0) {
            self.stacks.undo.push(Undo::Put2(mark, count));
            return Step::Next;
        }
        self.stacks.undo.push(Undo::LeaveCount { pc, mark });
        self.stacks.marks.extend([signed(at), count.saturating_add(1)]);
        Step::Jump(start)
    }

    fn end_lazy_counted_loop(&mut self, pc: Pc, start: Pc, at: usize) -> Step {
        let count = self.pop_mark();
        let mark = self.pop_mark();
        if count < 0 {
            self.stacks.undo.push(Undo::LazyCountFailed(mark));
            self.stacks.marks.extend([signed(at), count.saturating_add(1)]);
            return Step::Jump(start);
        }
        self.stacks.undo.push(Undo::StayInCount { pc, mark, count, at: narrow(at) });
        Step::Next
    }

    /// Undoes things until there is something to try; none when there is nothing left.
    fn backtrack(&mut self, at: &mut usize) -> Result<Option<Pc>, Exception> {
        loop {
            self.spend(1)?;
            let Some(undo) = self.stacks.undo.pop() else { return Ok(None) };
            let to = match undo {
                Undo::Try { pc, at: place } => {
                    *at = place as usize;
                    Some(pc)
                }
                Undo::Less { pc, at: place, more } => {
                    *at = place as usize;
                    self.take_less(pc, *at, more);
                    Some(pc + 1)
                }
                Undo::More { pc, at: place, more } => {
                    *at = place as usize;
                    self.take_more(pc, at, more)
                }
                other => self.undo_rare(other, at),
            };
            if to.is_some() {
                return Ok(to);
            }
        }
    }

    fn take_less(&mut self, pc: Pc, at: usize, more: u32) {
        if let Some(more) = more.checked_sub(1)
            && let Some(Op::Units { back, .. }) = self.program.ops.get(pc as usize)
        {
            let at = narrow(moved(at, 1, !back));
            self.stacks.undo.push(Undo::Less { pc, at, more });
        }
    }

    fn take_more(&mut self, pc: Pc, at: &mut usize, more: u32) -> Option<Pc> {
        let program = self.program;
        let Some(Op::Units { test, back, .. }) = program.ops.get(pc as usize) else { return None };
        if !self.ahead(*at, *back).is_some_and(|unit| test.matches(unit)) {
            return None;
        }
        *at = moved(*at, 1, *back);
        if let Some(more) = more.checked_sub(1) {
            self.stacks.undo.push(Undo::More { pc, at: narrow(*at), more });
        }
        Some(pc + 1)
    }

    fn undo_rare(&mut self, undo: Undo, at: &mut usize) -> Option<Pc> {
        let stacks = &mut *self.stacks;
        match undo {
            Undo::Drop(n) => {
                let left = stacks.marks.len().saturating_sub(n as usize);
                stacks.marks.truncate(left);
            }
            Undo::Put(mark) => stacks.marks.push(mark),
            Undo::Put2(mark, count) => stacks.marks.extend([mark, count]),
            Undo::Uncapture { mark, log } => {
                stacks.marks.push(mark);
                stacks.uncapture(log);
            }
            Undo::Captures(log) => stacks.uncapture(log),
            Undo::LeaveLoop { pc, mark, at: place } => {
                stacks.marks.pop();
                *at = place as usize;
                stacks.undo.push(Undo::Put(mark));
                return Some(pc + 1);
            }
            Undo::StayInLoop { pc, mark, at: place } => {
                *at = place as usize;
                stacks.undo.push(Undo::LazyFailed(mark));
                stacks.marks.push(signed(*at));
                return self.loop_start(pc);
            }
            Undo::LazyFailed(mark) => {
                stacks.marks.pop();
                stacks.marks.push(mark);
            }
            Undo::LeaveCount { pc, mark } => {
                let count = stacks.marks.pop().unwrap_or_default();
                let last = stacks.marks.pop().unwrap_or_default();
                if count > 0 {
                    *at = place(last).min(self.text.len());
                    stacks.undo.push(Undo::Put2(mark, count - 1));
                    return Some(pc + 1);
                }
                stacks.marks.extend([mark, count.saturating_sub(1)]);
            }
            Undo::StayInCount { pc, mark, count, at: place } => {
                let goes_on = match self.program.ops.get(pc as usize) {
                    Some(Op::LazyCountedLoop(_, more)) => count < *more,
                    _ => false,
                };
                let stacks = &mut *self.stacks;
                if goes_on && signed(place as usize) != mark {
                    *at = place as usize;
                    stacks.marks.extend([signed(*at), count.saturating_add(1)]);
                    stacks.undo.push(Undo::LazyCountFailed(mark));
                    return self.loop_start(pc);
                }
                stacks.marks.extend([mark, count]);
            }
            Undo::LazyCountFailed(mark) => {
                let count = stacks.marks.pop().unwrap_or_default();
                stacks.marks.pop();
                stacks.marks.extend([mark, count.saturating_sub(1)]);
            }
            Undo::Try { .. } | Undo::Less { .. } | Undo::More { .. } => {}
        }
        None
    }

    fn loop_start(&self, pc: Pc) -> Option<Pc> {
        match self.program.ops.get(pc as usize) {
            Some(Op::LazyLoop(start) | Op::LazyCountedLoop(start, _)) => Some(*start),
            _ => None,
        }
    }
}

/// A position some units further on.
#[inline]
fn moved(at: usize, n: usize, back: bool) -> usize {
    if back { at.saturating_sub(n) } else { at + n }
}

/// Positions fit: texts are no longer than `i32::MAX`.
#[inline]
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}

#[inline]
fn signed(at: usize) -> i32 {
    i32::try_from(at).unwrap_or(i32::MAX)
}

#[inline]
fn place(mark: i32) -> usize {
    usize::try_from(mark).unwrap_or_default()
}
