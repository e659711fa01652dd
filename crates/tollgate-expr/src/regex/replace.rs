//! `Replace` and `Split`.

use super::{Assembly, Found, Range, Regex, Subject};
use crate::{Budget, Exception};

impl Regex {
    /// The text with up to `count` matches replaced by what `replace` appends; all of them when it is negative. None
    /// when nothing matches.
    ///
    /// `cx` gives the budget and is handed to `replace`, which may run code of the expression and pays for what it
    /// appends.
    pub(crate) fn replace<C>(
        &self,
        subject: &Subject,
        range: Range,
        count: i32,
        cx: &mut C,
        budget: fn(&mut C) -> &mut Budget,
        mut replace: impl FnMut(&mut C, Found, &mut Assembly) -> Result<(), Exception>,
    ) -> Result<Option<String>, Exception> {
        let mut next = if count == 0 { None } else { self.find(subject, range, budget(cx))? };
        if next.is_none() {
            return Ok(None);
        }
        let mut left = count;
        let mut out = Assembly::of(subject);
        // Backward, pieces come last first.
        let mut pieces = Vec::new();
        let mut done = if self.is_backward() { subject.len() } else { 0 };
        while let Some(found) = next {
            let (start, len) = found.span();
            let end = start + len;
            let after = found.after(range.window);
            if self.is_backward() {
                let mut piece = Assembly::of(subject);
                budget(cx).memory(done.saturating_sub(end) + 64)?;
                replace(cx, found, &mut piece)?;
                piece.push_part(subject, end, done);
                pieces.push(piece);
                done = start;
            } else {
                budget(cx).memory(start.saturating_sub(done))?;
                out.push_part(subject, done, start);
                replace(cx, found, &mut out)?;
                done = end;
            }
            left = left.wrapping_sub(1);
            if left == 0 {
                break;
            }
            next = self.find(subject, after, budget(cx))?;
        }
        if self.is_backward() {
            out.push_part(subject, 0, done);
            for piece in pieces.into_iter().rev() {
                out.append(piece);
            }
        } else {
            out.push_part(subject, done, subject.len());
        }
        Ok(Some(out.finish()))
    }

    /// The text between matches, with what groups hold, in up to `count` parts; in all when it is 0.
    pub(crate) fn split(
        &self,
        subject: &Subject,
        range: Range,
        count: i32,
        budget: &mut Budget,
    ) -> Result<Vec<String>, Exception> {
        let mut next = if count == 1 { None } else { self.find(subject, range, budget)? };
        let mut out = Vec::new();
        let mut left = count.wrapping_sub(1);
        let back = self.is_backward();
        let mut done = if back { subject.len() } else { 0 };
        let mut push = |start: usize, end: usize, budget: &mut Budget| {
            let len = end.saturating_sub(start);
            budget.memory(len + 40)?;
            out.push(subject.slice(start, len));
            Ok::<(), Exception>(())
        };
        while let Some(found) = next {
            let (start, len) = found.span();
            let end = start + len;
            if back {
                push(end, done, budget)?;
                done = start;
            } else {
                push(done, start, budget)?;
                done = end;
            }
            for slot in 1..self.n_groups() {
                if found.group(slot).is_some() {
                    // .NET asks for the group of that number, which is another one when numbers are missing.
                    let number = i32::try_from(slot).unwrap_or(i32::MAX);
                    let group = self.slot(number).and_then(|slot| found.group(slot));
                    let (start, len) = group.unwrap_or_default();
                    push(start, start + len, budget)?;
                }
            }
            left = left.wrapping_sub(1);
            if left == 0 {
                break;
            }
            next = self.find(subject, found.after(range.window), budget)?;
        }
        if back {
            push(0, done, budget)?;
            out.reverse();
        } else {
            push(done, subject.len(), budget)?;
        }
        Ok(out)
    }
}
