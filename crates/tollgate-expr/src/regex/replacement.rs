//! Replacement patterns: `$1`, `${name}`, `$&` and others.

use super::parse::digit;
use super::set::is_word;
use super::{Assembly, Found, Options, PatternError, Regex, Subject};
use crate::{Budget, Exception};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
    /// `` $` ``.
    Before,
    /// `$'`.
    After,
    /// `$+`.
    LastGroup,
    /// `$_`.
    Everything,
}

/// A parsed replacement pattern.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    parts: Vec<Part>,
}

impl Replacement {
    /// Parses a replacement for matches of a pattern. What means nothing stands for itself.
    pub(crate) fn new(text: &str, regex: &Regex) -> Result<Self, Exception> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            plain.push_str(before);
            match dollar(after, text, regex)? {
                Some((Part::Text(unit), left)) => {
                    plain.push_str(&unit);
                    rest = left;
                }
                Some((part, left)) => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(part);
                    rest = left;
                }
                None => {
                    plain.push('$');
                    rest = after;
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// Appends what replaces a match.
    pub(crate) fn expand(
        &self,
        regex: &Regex,
        subject: &Subject,
        found: &Found,
        out: &mut Assembly,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        budget.step(1 + self.parts.len() as u64 / 4)?;
        let (start, len) = found.span();
        let group = |slot: usize, out: &mut Assembly| {
            if let Some((start, len)) = found.group(slot) {
                out.push_part(subject, start, start + len);
            }
        };
        let mut before = out.size();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(slot) => group(*slot, out),
                Part::Before => out.push_part(subject, 0, start),
                Part::After => out.push_part(subject, start + len, subject.len()),
                Part::LastGroup => group(regex.n_groups() - 1, out),
                Part::Everything => out.push_part(subject, 0, subject.len()),
            }
            // Nothing may grow far beyond what was paid for.
            budget.memory(out.size().saturating_sub(before))?;
            before = out.size();
        }
        Ok(())
    }
}

/// What a dollar sign stands for, after it, and what is left; none when it stands for itself.
fn dollar<'t>(
    after: &'t str,
    whole: &str,
    regex: &Regex,
) -> Result<Option<(Part, &'t str)>, Exception> {
    let mut chars = after.chars();
    let Some(first) = chars.next() else { return Ok(None) };
    let simple = match first {
        '$' => Some(Part::Text("$".to_owned())),
        '&' => Some(Part::Group(0)),
        '`' => Some(Part::Before),
        '\'' => Some(Part::After),
        '+' => Some(Part::LastGroup),
        '_' => Some(Part::Everything),
        _ => None,
    };
    if let Some(part) = simple {
        return Ok(Some((part, chars.as_str())));
    }
    let inside = after.strip_prefix('{').filter(|rest| !rest.is_empty());
    let name = inside.unwrap_or(after);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        if inside.is_none() && regex.options().has(Options::ECMA_SCRIPT) {
            return Ok(longest_number(name, regex));
        }
        let n_digits = name.bytes().take_while(|byte| digit(u16::from(*byte)).is_some()).count();
        let (digits, mut left) = name.split_at_checked(n_digits).unwrap_or((name, ""));
        let Ok(number) = digits.parse::<i32>() else { return Err(too_large(whole, left).into()) };
        if inside.is_some() {
            let Some(closed) = left.strip_prefix('}') else { return Ok(None) };
            left = closed;
        }
        return Ok(regex.slot(number).map(|slot| (Part::Group(slot), left)));
    }
    if inside.is_some() {
        let end = name.find(|c: char| !u16::try_from(u32::from(c)).is_ok_and(is_word));
        let (name, left) = name.split_at_checked(end.unwrap_or(name.len())).unwrap_or((name, ""));
        if let Some(left) = left.strip_prefix('}')
            && let Some(slot) = regex.has_name(name)
        {
            return Ok(Some((Part::Group(slot), left)));
        }
    }
    Ok(None)
}

/// ECMAScript: as many digits as make the number of a group.
fn longest_number<'t>(digits: &'t str, regex: &Regex) -> Option<(Part, &'t str)> {
    let mut found = None;
    let mut number = 0i32;
    let mut chars = digits.chars();
    while let Some(digit) = chars.next().and_then(|c| c.to_digit(10)) {
        let digit = i32::try_from(digit).unwrap_or_default();
        number = number.checked_mul(10)?.checked_add(digit)?;
        if let Some(slot) = regex.slot(number) {
            found = Some((Part::Group(slot), chars.as_str()));
        }
    }
    found
}

#[cold]
fn too_large(whole: &str, left: &str) -> PatternError {
    let at = whole.encode_utf16().count() - left.encode_utf16().count();
    PatternError::syntax(format!(
        "Invalid pattern '{whole}' at offset {at}. Capture group numbers must be less than or equal to Int32.MaxValue."
    ))
}
