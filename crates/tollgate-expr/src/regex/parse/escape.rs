//! What stands behind a backslash.

use super::{Parser, class};
use crate::regex::PatternError;
use crate::regex::options::Options;
use crate::regex::set::is_word;
use crate::regex::tree::{Assertion, Node, NodeId};

impl Parser<'_> {
    /// The node of an escape, after its backslash; with `scan_only`, just to its end.
    pub(super) fn scan_backslash(&mut self, scan_only: bool) -> Result<NodeId, PatternError> {
        let Some(unit) = self.peek() else {
            return Err(self.error("Illegal \\\\ at end of pattern."));
        };
        let letter = u8::try_from(unit).unwrap_or_default();
        let ecma = self.is_ecma();
        let assertion = match letter {
            b'b' if ecma => Assertion::EcmaBoundary,
            b'b' => Assertion::Boundary,
            b'B' if ecma => Assertion::NoEcmaBoundary,
            b'B' => Assertion::NoBoundary,
            b'A' => Assertion::Start,
            b'G' => Assertion::SearchStart,
            b'Z' => Assertion::EndOfText,
            b'z' => Assertion::End,
            b'd' | b'D' | b's' | b'S' | b'w' | b'W' => {
                self.at += 1;
                if scan_only {
                    return Ok(0);
                }
                // .NET negates these sets of ECMAScript as a whole.
                let merges = !ecma || letter.is_ascii_lowercase();
                return self.set_node(class::shorthand(letter, ecma), merges);
            }
            b'p' | b'P' => {
                self.at += 1;
                if scan_only {
                    return Ok(0);
                }
                let fold = self.options.has(Options::IGNORE_CASE);
                let (set, written) = self.property(letter == b'P', fold)?;
                let set = if fold && written { set.with_lower() } else { set };
                return self.set_node(set, true);
            }
            _ => return self.scan_reference(scan_only),
        };
        self.at += 1;
        if scan_only {
            return Ok(0);
        }
        Ok(self.tree.add(Node::Assert(assertion)))
    }

    /// A back reference or a unit.
    fn scan_reference(&mut self, scan_only: bool) -> Result<NodeId, PatternError> {
        let start = self.at;
        let mut close = None;
        let mut unit = self.peek();
        if self.is(b'k') {
            if self.left() >= 2 {
                self.at += 1;
                unit = self.next();
                close = closing(unit);
            }
            if close.is_none() || self.left() == 0 {
                return Err(self.error("Malformed \\\\k<...> named back reference."));
            }
            unit = self.peek();
        } else if let Some(closed_by) = closing(unit)
            && self.left() > 1
        {
            close = Some(closed_by);
            self.at += 1;
            unit = self.peek();
        }
        let digit = unit.and_then(digit);
        match close {
            Some(close) => {
                if let Some(node) = self.bracketed_reference(unit, close, scan_only)? {
                    return Ok(node);
                }
            }
            None if digit.is_some_and(|digit| digit > 0) => {
                if let Some(node) = self.numbered_reference(scan_only)? {
                    return Ok(node);
                }
            }
            None => {}
        }
        self.at = start;
        let unit = self.char_escape()?;
        if scan_only {
            return Ok(0);
        }
        self.text_node(&[unit])
    }

    fn bracketed_reference(
        &mut self,
        unit: Option<u16>,
        close: u8,
        scan_only: bool,
    ) -> Result<Option<NodeId>, PatternError> {
        let Some(unit) = unit else { return Ok(None) };
        if digit(unit).is_some() {
            let number = self.decimal()?;
            if self.next_is(close) {
                return if scan_only { Ok(Some(0)) } else { self.reference(number).map(Some) };
            }
        } else if is_word(unit) {
            let name = self.group_name();
            if self.next_is(close) {
                return match self.groups.number(&name) {
                    _ if scan_only => Ok(Some(0)),
                    Some(number) => self.reference(number).map(Some),
                    None => {
                        Err(self.error(&format!("Reference to undefined group name '{name}'.")))
                    }
                };
            }
        }
        Ok(None)
    }

    fn reference(&mut self, number: i32) -> Result<NodeId, PatternError> {
        if !self.groups.has(number) {
            return Err(self.error(&format!("Reference to undefined group number {number}.")));
        }
        let fold = self.options.has(Options::IGNORE_CASE);
        let back = self.is_backward();
        Ok(self.tree.add(Node::Ref { slot: self.groups.slot(number), fold, back }))
    }

    /// `\1`; none when it is an octal number.
    fn numbered_reference(&mut self, scan_only: bool) -> Result<Option<NodeId>, PatternError> {
        if !self.is_ecma() {
            let number = self.decimal()?;
            if scan_only {
                return Ok(Some(0));
            }
            if self.groups.has(number) || number <= 9 {
                return self.reference(number).map(Some);
            }
            return Ok(None);
        }
        // ECMAScript: as many digits as make the number of a group that has begun.
        let before = self.at - 1;
        let mut found = None;
        let mut number = 0i32;
        while let Some(digit) = self.peek().and_then(digit) {
            number = number.saturating_mul(10).saturating_add(i32::from(digit));
            if number > self.groups.top() {
                break;
            }
            if self.groups.begins_before(number, before) {
                found = Some(number);
            }
            self.at += 1;
        }
        found.map(|number| if scan_only { Ok(0) } else { self.reference(number) }).transpose()
    }

    /// The unit of an escape, after its backslash.
    pub(super) fn char_escape(&mut self) -> Result<u16, PatternError> {
        let Some(unit) = self.next() else {
            return Err(self.error("Illegal \\\\ at end of pattern."));
        };
        Ok(match u8::try_from(unit).unwrap_or_default() {
            b'0'..=b'7' => {
                self.at -= 1;
                self.octal()
            }
            b'x' => self.hex(2)?,
            b'u' => self.hex(4)?,
            b'a' => 0x07,
            b'b' => 0x08,
            b'e' => 0x1b,
            b'f' => 0x0c,
            b'n' => 0x0a,
            b'r' => 0x0d,
            b't' => 0x09,
            b'v' => 0x0b,
            b'c' => self.control()?,
            _ if !self.is_ecma() && is_word(unit) => {
                let letter = super::text(&[unit]);
                return Err(self.error(&format!("Unrecognized escape sequence \\\\{letter}.")));
            }
            _ => unit,
        })
    }

    /// Up to three octal digits; what is above 255 is cut off.
    fn octal(&mut self) -> u16 {
        let mut value = 0u16;
        for _ in 0..3 {
            let Some(digit) = self.peek().and_then(digit).filter(|digit| *digit < 8) else { break };
            self.at += 1;
            value = value * 8 + u16::from(digit);
            if self.is_ecma() && value >= 0x20 {
                break;
            }
        }
        value & 0xff
    }

    fn hex(&mut self, n_digits: usize) -> Result<u16, PatternError> {
        const TOO_FEW: &str = "Insufficient hexadecimal digits.";
        if self.left() < n_digits {
            return Err(self.error(TOO_FEW));
        }
        let mut value = 0;
        for _ in 0..n_digits {
            let digit = self.next().and_then(|unit| char::from_u32(u32::from(unit))?.to_digit(16));
            match digit {
                Some(digit) => value = value * 16 + digit,
                None => return Err(self.error(TOO_FEW)),
            }
        }
        Ok(u16::try_from(value).unwrap_or_default())
    }

    fn control(&mut self) -> Result<u16, PatternError> {
        let Some(unit) = self.next() else {
            return Err(self.error("Missing control character."));
        };
        let upper = u8::try_from(unit).map_or(unit, |byte| u16::from(byte.to_ascii_uppercase()));
        match upper.checked_sub(u16::from(b'@')) {
            Some(control) if control < 0x20 => Ok(control),
            _ => Err(self.error("Unrecognized control character.")),
        }
    }

    /// A decimal number.
    pub(super) fn decimal(&mut self) -> Result<i32, PatternError> {
        let mut value = 0i32;
        while let Some(digit) = self.peek().and_then(digit) {
            self.at += 1;
            let next = value.checked_mul(10).and_then(|value| value.checked_add(i32::from(digit)));
            value = next.ok_or_else(|| {
                self.error("Capture group numbers must be less than or equal to Int32.MaxValue.")
            })?;
        }
        Ok(value)
    }
}

/// What closes a name that `unit` opens.
fn closing(unit: Option<u16>) -> Option<u8> {
    match u8::try_from(unit?).ok()? {
        b'<' => Some(b'>'),
        b'\'' => Some(b'\''),
        _ => None,
    }
}

/// The value of a digit.
pub(in crate::regex) fn digit(unit: u16) -> Option<u8> {
    u8::try_from(unit).ok().filter(u8::is_ascii_digit).map(|byte| byte - b'0')
}
