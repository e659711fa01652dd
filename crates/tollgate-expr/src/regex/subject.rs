//! Texts that are searched.

use std::sync::Arc;

use crate::{Budget, Exception};

/// A text with the UTF-16 units it consists of: .NET counts positions in them, and a match may begin or end inside a
/// pair. ASCII text needs none.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    text: Arc<str>,
    units: Option<Arc<[u16]>>,
}

impl Subject {
    pub(crate) fn new(text: Arc<str>, budget: &mut Budget) -> Result<Self, Exception> {
        let units = if text.is_ascii() {
            None
        } else {
            budget.memory(2 * text.len())?;
            budget.step(text.len() as u64 / 64)?;
            Some(text.encode_utf16().collect())
        };
        let subject = Self { text, units };
        if i32::try_from(subject.len()).is_err() {
            return Err(Exception::bound("the text is too long for a regular expression"));
        }
        Ok(subject)
    }

    /// The length in units.
    pub(crate) fn len(&self) -> usize {
        self.units.as_ref().map_or(self.text.len(), |units| units.len())
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub(super) fn units(&self) -> Option<&[u16]> {
        self.units.as_deref()
    }

    /// A part of it. Half a pair is the replacement character, as everywhere where there can be no halves.
    pub(crate) fn slice(&self, start: usize, len: usize) -> String {
        let end = start.saturating_add(len);
        match &self.units {
            None => self.text.get(start..end).unwrap_or_default().to_owned(),
            Some(units) => String::from_utf16_lossy(units.get(start..end).unwrap_or_default()),
        }
    }
}

/// Text that is put together of parts of a subject and others; halves of a pair that meet again are one.
#[derive(Debug)]
pub(crate) enum Assembly {
    Ascii(String),
    Units(Vec<u16>),
}

impl Assembly {
    pub(crate) fn of(subject: &Subject) -> Self {
        match subject.units {
            None => Self::Ascii(String::new()),
            Some(_) => Self::Units(Vec::new()),
        }
    }

    pub(crate) fn push_part(&mut self, subject: &Subject, start: usize, end: usize) {
        match (self, &subject.units) {
            (Self::Ascii(out), _) => out.push_str(subject.text.get(start..end).unwrap_or_default()),
            (Self::Units(out), Some(units)) => {
                out.extend_from_slice(units.get(start..end).unwrap_or_default());
            }
            (Self::Units(_), None) => {}
        }
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        match self {
            Self::Ascii(out) => out.push_str(text),
            Self::Units(out) => out.extend(text.encode_utf16()),
        }
    }

    pub(crate) fn append(&mut self, other: Assembly) {
        match (self, other) {
            (Self::Ascii(out), Self::Ascii(text)) => out.push_str(&text),
            (Self::Units(out), Self::Units(units)) => out.extend(units),
            (out, other) => out.push_str(&other.finish()),
        }
    }

    /// How many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Ascii(out) => out.len(),
            Self::Units(out) => 2 * out.len(),
        }
    }

    pub(crate) fn finish(self) -> String {
        match self {
            Self::Ascii(out) => out,
            Self::Units(out) => String::from_utf16_lossy(&out),
        }
    }
}
