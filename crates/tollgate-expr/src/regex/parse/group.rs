//! What stands behind an opening parenthesis.

use super::escape::digit;
use super::{GroupKind, Parser};
use crate::regex::PatternError;
use crate::regex::options::Options;
use crate::regex::set::is_word;

const UNRECOGNIZED: &str = "Unrecognized grouping construct.";
const BAD_NAME: &str = "Invalid group name: Group names must begin with a word character.";

impl Parser<'_> {
    /// The kind of a group, after its `(`; none when it was but options.
    pub(super) fn scan_group_open(&mut self) -> Result<Option<GroupKind>, PatternError> {
        if !self.is(b'?') || self.is_at(1, b')') {
            if self.explicit_capture() || self.ignore_next_paren {
                self.ignore_next_paren = false;
                return Ok(Some(GroupKind::Plain));
            }
            let number = self.next_group;
            self.next_group = self.next_group.saturating_add(1);
            let slot = Some(self.groups.slot(number));
            return Ok(Some(GroupKind::Capture { slot, uncapture: None }));
        }
        self.at += 1;
        let Some(unit) = self.next() else { return Err(self.error(UNRECOGNIZED)) };
        match u8::try_from(unit).unwrap_or_default() {
            b':' => Ok(Some(GroupKind::Plain)),
            b'=' => Ok(Some(self.look(false, false))),
            b'!' => Ok(Some(self.look(true, false))),
            b'>' => Ok(Some(GroupKind::Atomic)),
            b'<' if self.is(b'=') => {
                self.at += 1;
                Ok(Some(self.look(false, true)))
            }
            b'<' if self.is(b'!') => {
                self.at += 1;
                Ok(Some(self.look(true, true)))
            }
            b'<' => self.named_group(b'>').map(Some),
            b'\'' => self.named_group(b'\'').map(Some),
            b'(' => self.conditional().map(Some),
            _ => {
                self.at -= 1;
                // Not in the branches of a conditional.
                if !self.in_conditional() {
                    self.scan_options();
                }
                match self.next().map(|unit| u8::try_from(unit).unwrap_or_default()) {
                    Some(b')') => Ok(None),
                    Some(b':') => Ok(Some(GroupKind::Plain)),
                    _ => Err(self.error(UNRECOGNIZED)),
                }
            }
        }
    }

    fn look(&mut self, negative: bool, behind: bool) -> GroupKind {
        self.options = if behind {
            self.options.with(Options::RIGHT_TO_LEFT)
        } else {
            self.options.without(Options::RIGHT_TO_LEFT)
        };
        GroupKind::Look { negative }
    }

    /// `(?<name>`, `(?<name-other>` or `(?<-other>`, after the `<`.
    fn named_group(&mut self, close: u8) -> Result<GroupKind, PatternError> {
        let Some(unit) = self.peek() else { return Err(self.error(UNRECOGNIZED)) };
        if close == b'\'' && (self.is(b'=') || self.is(b'!')) {
            self.at += 1;
            return Err(self.error(UNRECOGNIZED));
        }
        let mut number = None;
        let mut only_takes = false;
        if digit(unit).is_some() {
            let written = self.decimal()?;
            number = Some(written).filter(|number| self.groups.has(*number));
            self.name_ends(close, true)?;
            if number == Some(0) {
                return Err(self.error("Capture number cannot be zero."));
            }
        } else if is_word(unit) {
            let name = self.group_name();
            number = self.groups.number(&name);
            self.name_ends(close, true)?;
        } else if self.is(b'-') {
            only_takes = true;
        } else {
            return Err(self.error(BAD_NAME));
        }
        let mut uncapture = None;
        if (number.is_some() || only_takes) && self.is(b'-') && self.left() > 1 {
            self.at += 1;
            uncapture = Some(self.taken_group(close)?);
        }
        if (number.is_some() || uncapture.is_some()) && self.next_is(close) {
            let slot = number.map(|number| self.groups.slot(number));
            let uncapture = uncapture.map(|number| self.groups.slot(number));
            return Ok(GroupKind::Capture { slot, uncapture });
        }
        Err(self.error(UNRECOGNIZED))
    }

    fn taken_group(&mut self, close: u8) -> Result<i32, PatternError> {
        let Some(unit) = self.peek() else { return Err(self.error(UNRECOGNIZED)) };
        if digit(unit).is_some() {
            let number = self.decimal()?;
            if !self.groups.has(number) {
                return Err(self.error(&format!("Reference to undefined group number {number}.")));
            }
            self.name_ends(close, false)?;
            return Ok(number);
        }
        if !is_word(unit) {
            return Err(self.error(BAD_NAME));
        }
        let name = self.group_name();
        let Some(number) = self.groups.number(&name) else {
            return Err(self.error(&format!("Reference to undefined group name '{name}'.")));
        };
        self.name_ends(close, false)?;
        Ok(number)
    }

    fn name_ends(&self, close: u8, or_dash: bool) -> Result<(), PatternError> {
        if self.left() > 0 && !self.is(close) && !(or_dash && self.is(b'-')) {
            return Err(self.error(BAD_NAME));
        }
        Ok(())
    }

    /// `(?(`: a group that is asked for, or a pattern that is tried.
    fn conditional(&mut self) -> Result<GroupKind, PatternError> {
        let start = self.at;
        if let Some(unit) = self.peek() {
            if digit(unit).is_some() {
                let number = self.decimal()?;
                if !self.next_is(b')') {
                    return Err(self.error(&format!("(?({number}) ) malformed.")));
                }
                if !self.groups.has(number) {
                    let message = format!("(?({number}) ) reference to undefined group.");
                    return Err(self.error(&message));
                }
                return Ok(GroupKind::IfGroup(self.groups.slot(number)));
            }
            if is_word(unit) {
                let name = self.group_name();
                if let Some(number) = self.groups.number(&name)
                    && self.next_is(b')')
                {
                    return Ok(GroupKind::IfGroup(self.groups.slot(number)));
                }
            }
        }
        self.at = start - 1;
        self.ignore_next_paren = true;
        if self.is_at(1, b'?') {
            if self.is_at(2, b'#') {
                return Err(self.error("Alternation conditions cannot be comments."));
            }
            let named = self.is_at(2, b'\'')
                || (self.is_at(2, b'<')
                    && self.left() >= 4
                    && !self.is_at(3, b'!')
                    && !self.is_at(3, b'='));
            if named {
                return Err(
                    self.error("Alternation conditions do not capture and cannot be named.")
                );
            }
        }
        Ok(GroupKind::IfMatch)
    }

    /// Option letters, up to the first that is none.
    pub(super) fn scan_options(&mut self) {
        let mut off = false;
        while let Some(unit) = self.peek() {
            let letter = u8::try_from(unit).unwrap_or_default().to_ascii_lowercase();
            let option = match letter {
                b'-' | b'+' => {
                    off = letter == b'-';
                    self.at += 1;
                    continue;
                }
                b'i' => Options::IGNORE_CASE,
                b'm' => Options::MULTILINE,
                b'n' => Options::EXPLICIT_CAPTURE,
                b's' => Options::SINGLELINE,
                b'x' => Options::IGNORE_WHITESPACE,
                _ => return,
            };
            self.options =
                if off { self.options.without(option) } else { self.options.with(option) };
            self.at += 1;
        }
    }
}
