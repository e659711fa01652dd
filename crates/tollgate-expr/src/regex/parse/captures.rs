//! The groups of a pattern: found before it is parsed, since named ones are numbered after the others.

use std::collections::{BTreeMap, HashMap};

use super::Parser;
use crate::regex::PatternError;
use crate::regex::set::is_word;

/// The groups of a pattern.
#[derive(Debug, Clone, Default)]
pub(in crate::regex) struct Groups {
    /// Numbers, with where the group stands.
    at: BTreeMap<i32, usize>,
    names: Vec<String>,
    by_name: HashMap<String, i32>,
    slots: HashMap<i32, u32>,
}

impl Groups {
    fn note(&mut self, number: i32, at: usize) {
        self.at.entry(number).or_insert(at);
    }

    pub(in crate::regex) fn has(&self, number: i32) -> bool {
        self.at.contains_key(&number)
    }

    /// Whether group `number` begins before `at`.
    pub(super) fn begins_before(&self, number: i32, at: usize) -> bool {
        self.at.get(&number).is_some_and(|start| *start < at)
    }

    /// One more than the highest number.
    pub(super) fn top(&self) -> i32 {
        self.at.last_key_value().map_or(0, |(number, _)| number.saturating_add(1))
    }

    pub(in crate::regex) fn number(&self, name: &str) -> Option<i32> {
        self.by_name.get(name).copied()
    }

    /// The numbers, in order.
    pub(in crate::regex) fn numbers(&self) -> Vec<i32> {
        self.at.keys().copied().collect()
    }

    /// The names of the groups that have one, with their numbers.
    pub(in crate::regex) fn named(&self) -> impl Iterator<Item = (&str, i32)> {
        self.names.iter().filter_map(|name| Some((name.as_str(), *self.by_name.get(name)?)))
    }

    /// The place of a group among all.
    pub(in crate::regex) fn slot(&self, number: i32) -> u32 {
        self.slots.get(&number).copied().unwrap_or_default()
    }
}

impl Parser<'_> {
    /// Finds the groups.
    pub(super) fn find_groups(&mut self) -> Result<(), PatternError> {
        self.groups.note(0, 0);
        self.next_group = 1;
        while let Some(unit) = self.peek() {
            let at = self.at;
            self.at += 1;
            match unit {
                UNIT_BACKSLASH if self.left() > 0 => {
                    self.scan_backslash(true)?;
                }
                UNIT_HASH if self.ignores_whitespace() => {
                    self.at -= 1;
                    self.skip_blank()?;
                }
                UNIT_OPEN_BRACKET => {
                    self.scan_class(false, true, 0)?;
                }
                UNIT_CLOSE => {
                    if let Some(options) = self.saved_options.pop() {
                        self.options = options;
                    }
                }
                UNIT_OPEN => self.find_group(at)?,
                _ => {}
            }
        }
        self.number_names();
        self.groups.slots = self.groups.at.keys().copied().zip(0..).collect();
        Ok(())
    }

    /// After a `(`.
    fn find_group(&mut self, at: usize) -> Result<(), PatternError> {
        if self.is(b'?') && self.is_at(1, b'#') {
            self.at -= 1;
            self.skip_blank()?;
            self.ignore_next_paren = false;
            return Ok(());
        }
        self.saved_options.push(self.options);
        if !self.is(b'?') {
            if !self.explicit_capture() && !self.ignore_next_paren {
                self.groups.note(self.next_group, at);
                self.next_group = self.next_group.saturating_add(1);
            }
            self.ignore_next_paren = false;
            return Ok(());
        }
        self.at += 1;
        if self.left() > 1 && (self.is(b'<') || self.is(b'\'')) {
            self.at += 1;
            match self.peek() {
                Some(unit) if unit == u16::from(b'0') => {}
                Some(unit) if (u16::from(b'1')..=u16::from(b'9')).contains(&unit) => {
                    let number = self.decimal()?;
                    self.groups.note(number, at);
                }
                Some(unit) if is_word(unit) => {
                    let name = self.group_name();
                    self.note_name(name, at);
                }
                _ => {}
            }
        } else {
            self.scan_options();
            if self.is(b')') {
                self.at += 1;
                self.saved_options.pop();
            } else if self.is(b'(') {
                // The condition of an alternation captures nothing.
                self.ignore_next_paren = true;
                return Ok(());
            }
        }
        self.ignore_next_paren = false;
        Ok(())
    }

    fn note_name(&mut self, name: String, at: usize) {
        if !self.groups.by_name.contains_key(&name) {
            // Where it stands, until it is numbered.
            self.groups.by_name.insert(name.clone(), i32::try_from(at).unwrap_or(i32::MAX));
            self.groups.names.push(name);
        }
    }

    fn number_names(&mut self) {
        let names = self.groups.names.clone();
        for name in names {
            while self.groups.has(self.next_group) {
                self.next_group = self.next_group.saturating_add(1);
            }
            let at = self.groups.by_name.insert(name, self.next_group).unwrap_or_default();
            self.groups.note(self.next_group, usize::try_from(at).unwrap_or_default());
            self.next_group = self.next_group.saturating_add(1);
        }
    }
}

const UNIT_BACKSLASH: u16 = b'\\' as u16;
const UNIT_HASH: u16 = b'#' as u16;
const UNIT_OPEN_BRACKET: u16 = b'[' as u16;
const UNIT_CLOSE: u16 = b')' as u16;
const UNIT_OPEN: u16 = b'(' as u16;
