//! `[…]` and `\p{…}`.

use super::{Parser, text};
use crate::regex::PatternError;
use crate::regex::set::{Set, ecma_word, is_word};
use crate::regex::{block, category};

/// How deep subtractions may be nested. .NET has no limit, and no use for it either.
const MAX_DEPTH: u32 = 100;

/// A class while it is read.
#[derive(Debug, Default)]
struct Builder {
    negated: bool,
    /// Written out; their case can be ignored.
    ranges: Vec<(u16, u16)>,
    /// By category.
    categories: Set,
    subtracted: Option<Set>,
}

impl Builder {
    fn add(&mut self, first: u16, last: u16) {
        self.ranges.push((first, last));
    }

    fn add_set(&mut self, set: &Set) {
        self.ranges.extend_from_slice(set.ranges());
    }

    fn add_categories(&mut self, set: &Set) {
        self.categories = self.categories.union(set);
    }

    /// The set, and whether .NET would put it together with others.
    fn finish(self, fold: bool) -> (Set, bool) {
        let mut set = Set::of(self.ranges);
        if fold {
            set = set.with_lower();
        }
        set = set.union(&self.categories);
        let single = matches!(set.ranges(), [(first, last)] if first == last);
        if self.negated {
            set = set.inverse();
        }
        match self.subtracted {
            Some(subtracted) => (set.minus(&subtracted), false),
            None => (set, !self.negated || single),
        }
    }
}

/// `\d`, `\s`, `\w` and their opposites.
pub(super) fn shorthand(letter: u8, ecma: bool) -> Set {
    let set = match (letter.to_ascii_lowercase(), ecma) {
        (b'd', false) => Set::categories(category::DIGIT),
        (b'd', true) => Set::range(0x30, 0x39),
        (b's', false) => Set::spaces(),
        (b's', true) => Set::of(vec![(0x09, 0x0d), (0x20, 0x20)]),
        (_, false) => Set::categories(category::WORD),
        (_, true) => ecma_word(),
    };
    if letter.is_ascii_uppercase() { set.inverse() } else { set }
}

impl Parser<'_> {
    /// The set of a class, after its `[`, and whether .NET would put it together with others; with `scan_only`, just to
    /// its end. Units are compared in lower case when case is ignored, and the set is of such.
    pub(super) fn scan_class(
        &mut self,
        fold: bool,
        scan_only: bool,
        depth: u32,
    ) -> Result<(Set, bool), PatternError> {
        if depth > MAX_DEPTH {
            return Err(PatternError::limit("the character classes of a pattern nest too deeply"));
        }
        let mut builder = Builder::default();
        if self.is(b'^') {
            self.at += 1;
            builder.negated = true;
        }
        let mut range_from = None;
        let mut first = true;
        let mut closed = false;
        while let Some(unit) = self.next() {
            let is_first = std::mem::replace(&mut first, false);
            let mut unit = unit;
            let mut escaped = false;
            if unit == u16::from(b']') {
                if !is_first {
                    closed = true;
                    break;
                }
            } else if unit == u16::from(b'\\') && self.left() > 0 {
                match self.class_escape(fold, scan_only, range_from.is_some(), &mut builder)? {
                    Some(translated) => unit = translated,
                    None => continue,
                }
                escaped = true;
            }
            let bracket = unit == u16::from(b'[') && !escaped && !is_first;
            if let Some(from) = range_from.take() {
                if scan_only {
                    continue;
                }
                if bracket {
                    // Not a range: what stands before the dash, less a class.
                    builder.add(from, from);
                    self.subtract(fold, depth, &mut builder)?;
                } else if from > unit {
                    return Err(self.error("[x-y] range in reverse order."));
                } else {
                    builder.add(from, unit);
                }
            } else if self.is(b'-') && self.left() >= 2 && !self.is_at(1, b']') {
                range_from = Some(unit);
                self.at += 1;
            } else if unit == u16::from(b'-') && !escaped && self.is(b'[') && !is_first {
                self.at += 1;
                if scan_only {
                    self.scan_class(fold, true, depth + 1)?;
                } else {
                    self.subtract(fold, depth, &mut builder)?;
                }
            } else {
                builder.add(unit, unit);
            }
        }
        if !closed {
            return Err(self.error("Unterminated [] set."));
        }
        self.spend(builder.ranges.len() + builder.categories.ranges().len())?;
        Ok(if scan_only { (Set::default(), true) } else { builder.finish(fold) })
    }

    fn subtract(
        &mut self,
        fold: bool,
        depth: u32,
        builder: &mut Builder,
    ) -> Result<(), PatternError> {
        builder.subtracted = Some(self.scan_class(fold, false, depth + 1)?.0);
        if self.left() > 0 && !self.is(b']') {
            return Err(self.error("A subtraction must be the last element in a character class."));
        }
        Ok(())
    }

    /// After a backslash in a class: the unit it stands for, or none when it was a set.
    fn class_escape(
        &mut self,
        fold: bool,
        scan_only: bool,
        in_range: bool,
        builder: &mut Builder,
    ) -> Result<Option<u16>, PatternError> {
        let Some(unit) = self.next() else { return Ok(None) };
        match u8::try_from(unit).unwrap_or_default() {
            letter @ (b'd' | b'D' | b's' | b'S' | b'w' | b'W') => {
                if scan_only {
                    return Ok(None);
                }
                self.no_range(letter, in_range)?;
                let set = shorthand(letter, self.is_ecma());
                if self.is_ecma() {
                    builder.add_set(&set);
                } else {
                    builder.add_categories(&set);
                }
                Ok(None)
            }
            letter @ (b'p' | b'P') => {
                if scan_only {
                    self.property_name()?;
                    return Ok(None);
                }
                self.no_range(letter, in_range)?;
                let (set, written) = self.property(letter == b'P', fold)?;
                if written {
                    builder.add_set(&set);
                } else {
                    builder.add_categories(&set);
                }
                Ok(None)
            }
            b'-' => {
                // A range that has begun goes on: that is what .NET does.
                builder.add(unit, unit);
                Ok(None)
            }
            _ => {
                self.at -= 1;
                self.char_escape().map(Some)
            }
        }
    }

    fn no_range(&self, letter: u8, in_range: bool) -> Result<(), PatternError> {
        if in_range {
            let letter = char::from(letter);
            let message = format!("Cannot include class \\\\{letter} in character range.");
            return Err(self.error(&message));
        }
        Ok(())
    }

    /// The set of `\p{…}`, after the letter, and whether it is of written ranges rather than of categories.
    pub(super) fn property(
        &mut self,
        negated: bool,
        fold: bool,
    ) -> Result<(Set, bool), PatternError> {
        let name = self.property_name()?;
        let cased = fold && matches!(name.as_str(), "Lu" | "Ll" | "Lt");
        let found = match category::by_name(&name) {
            Some(bits) => {
                Some((Set::categories(if cased { category::CASED } else { bits }), false))
            }
            None => block::by_name(&name).map(|(first, last)| (Set::range(first, last), true)),
        };
        let Some((set, written)) = found else {
            return Err(self.error(&format!("Unknown property '{name}'.")));
        };
        self.spend(set.ranges().len())?;
        Ok((if negated { set.inverse() } else { set }, written))
    }

    fn property_name(&mut self) -> Result<String, PatternError> {
        const INCOMPLETE: &str = "Incomplete \\\\p{X} character escape.";
        if self.left() < 3 {
            return Err(self.error(INCOMPLETE));
        }
        if self.next() != Some(u16::from(b'{')) {
            return Err(self.error("Malformed \\\\p{X} character escape."));
        }
        let start = self.at;
        while self.peek().is_some_and(|unit| is_word(unit) || unit == u16::from(b'-')) {
            self.at += 1;
        }
        let name = text(self.pattern.get(start..self.at).unwrap_or_default());
        if self.next() != Some(u16::from(b'}')) {
            return Err(self.error(INCOMPLETE));
        }
        Ok(name)
    }
}
