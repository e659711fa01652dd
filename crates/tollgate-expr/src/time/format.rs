//! Standard and custom date formats.

use super::calendar::{abbreviated, day_name, month_name};
use super::{DateTime, Kind, TimeSpan};
use crate::number::push_whole;
use crate::{Budget, Exception, ExceptionKind};

/// `ToString()`.
pub(super) fn general(date: DateTime, offset: Option<TimeSpan>) -> String {
    let pattern = if offset.is_some() { "MM/dd/yyyy HH:mm:ss zzz" } else { "MM/dd/yyyy HH:mm:ss" };
    let mut writer = Writer::new(date, offset);
    // The pattern is right, so nothing fails.
    writer.pattern(pattern).unwrap_or_default();
    writer.out
}

/// `ToString(format)`; with an offset, of a `DateTimeOffset` whose clock time `date` is.
pub(super) fn date_time(
    date: DateTime,
    offset: Option<TimeSpan>,
    format: &str,
    budget: &mut Budget,
) -> Result<String, Exception> {
    budget.step(1 + format.len() as u64 / 16)?;
    // The longest output of a character of a pattern is a month's or day's name; a run of `y` is as long as itself.
    budget.memory(40 + 10 * format.len())?;
    let mut chars = format.chars();
    let (pattern, universal) = match (chars.next(), chars.next()) {
        (None, _) => return Ok(general(date, offset)),
        (Some(letter), None) => standard(letter, offset).ok_or_else(bad_format)?,
        _ => (format, false),
    };
    let date = match offset {
        Some(offset) if universal => date.subtract(offset).unwrap_or(DateTime::MIN),
        _ => date,
    };
    let mut writer = Writer::new(date, offset);
    writer.pattern(pattern)?;
    Ok(writer.out)
}

/// The pattern of a standard format, and whether it shows the time in UTC.
pub(super) fn standard(letter: char, offset: Option<TimeSpan>) -> Option<(&'static str, bool)> {
    Some(match letter {
        'd' => ("MM/dd/yyyy", false),
        'D' => ("dddd, dd MMMM yyyy", false),
        'f' => ("dddd, dd MMMM yyyy HH:mm", false),
        'F' => ("dddd, dd MMMM yyyy HH:mm:ss", false),
        'g' => ("MM/dd/yyyy HH:mm", false),
        'G' => ("MM/dd/yyyy HH:mm:ss", false),
        'm' | 'M' => ("MMMM dd", false),
        'o' | 'O' => ("yyyy'-'MM'-'dd'T'HH':'mm':'ss.fffffffK", false),
        'r' | 'R' => ("ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", true),
        's' => ("yyyy'-'MM'-'dd'T'HH':'mm':'ss", false),
        't' => ("HH:mm", false),
        'T' => ("HH:mm:ss", false),
        'u' => ("yyyy'-'MM'-'dd HH':'mm':'ss'Z'", true),
        'U' if offset.is_none() => ("dddd, dd MMMM yyyy HH:mm:ss", true),
        'y' | 'Y' => ("yyyy MMMM", false),
        _ => return None,
    })
}

#[cold]
pub(super) fn bad_format() -> Exception {
    Exception::new(ExceptionKind::Format, "Input string was not in a correct format.")
}

/// Appends a quoted part of a pattern, behind its opening quote, and says what is left.
pub(super) fn quoted<'a>(
    rest: &'a str,
    quote: char,
    out: &mut String,
) -> Result<&'a str, Exception> {
    let mut chars = rest.chars();
    while let Some(char) = chars.next() {
        if char == quote {
            return Ok(chars.as_str());
        }
        match char {
            '\\' => out.push(chars.next().ok_or_else(bad_format)?),
            _ => out.push(char),
        }
    }
    Err(Exception::new(
        ExceptionKind::Format,
        format!("Cannot find a matching quote character for the character '{quote}'."),
    ))
}

struct Writer {
    date: DateTime,
    offset: Option<TimeSpan>,
    out: String,
}

impl Writer {
    fn new(date: DateTime, offset: Option<TimeSpan>) -> Self {
        Self { date, offset, out: String::new() }
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), Exception> {
        let mut rest = pattern;
        while let Some(letter) = rest.chars().next() {
            let tail = rest.trim_start_matches(letter);
            let run = (rest.len() - tail.len()) / letter.len_utf8();
            let after_one = rest.get(letter.len_utf8()..).unwrap_or("");
            rest = match letter {
                '\'' | '"' => quoted(after_one, letter, &mut self.out)?,
                '%' => {
                    let next = after_one.chars().next().filter(|&next| next != '%');
                    let next = next.ok_or_else(bad_format)?;
                    let (single, tail) =
                        after_one.split_at_checked(next.len_utf8()).unwrap_or((after_one, ""));
                    self.pattern(single)?;
                    tail
                }
                '\\' => {
                    let mut chars = after_one.chars();
                    self.out.push(chars.next().ok_or_else(bad_format)?);
                    chars.as_str()
                }
                'K' => {
                    self.round_trip_zone();
                    after_one
                }
                'g' | 'h' | 'H' | 'm' | 's' | 'f' | 'F' | 't' | 'd' | 'M' | 'y' | 'z' => {
                    self.field(letter, run)?;
                    tail
                }
                _ => {
                    self.out.push(letter);
                    after_one
                }
            };
        }
        Ok(())
    }

    fn field(&mut self, letter: char, run: usize) -> Result<(), Exception> {
        let two = run.min(2);
        match letter {
            'g' => self.out.push_str("A.D."),
            'h' => self.number((self.date.hour() + 11) % 12 + 1, two),
            'H' => self.number(self.date.hour(), two),
            'm' => self.number(self.date.minute(), two),
            's' => self.number(self.date.second(), two),
            'f' | 'F' => self.fraction(letter, run)?,
            't' => {
                let name = if self.date.hour() < 12 { "AM" } else { "PM" };
                self.out.push_str(if run == 1 { name.get(..1).unwrap_or(name) } else { name });
            }
            'd' if run <= 2 => self.number(self.date.day(), run),
            'd' => self.name(day_name(self.date.day_of_week() as usize), run),
            'M' if run <= 2 => self.number(self.date.month(), run),
            'M' => self.name(month_name(self.date.month()), run),
            'y' if run <= 2 => self.number(self.date.year() % 100, run),
            'y' => self.number(self.date.year(), run),
            _ => self.zone(run),
        }
        Ok(())
    }

    fn number(&mut self, value: i32, width: usize) {
        push_whole(value.unsigned_abs().into(), width, &mut self.out);
    }

    fn name(&mut self, name: &'static str, run: usize) {
        self.out.push_str(if run == 3 { abbreviated(name) } else { name });
    }

    fn fraction(&mut self, letter: char, run: usize) -> Result<(), Exception> {
        if run > 7 {
            return Err(bad_format());
        }
        let digits = format!("{:07}", self.date.ticks() % 10_000_000);
        let digits = digits.get(..run).unwrap_or("");
        if letter == 'f' {
            self.out.push_str(digits);
            return Ok(());
        }
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() && self.out.ends_with('.') {
            self.out.pop();
        }
        self.out.push_str(digits);
        Ok(())
    }

    fn zone(&mut self, run: usize) {
        let offset = self.offset.unwrap_or(TimeSpan::ZERO);
        self.out.push(if offset.ticks() < 0 { '-' } else { '+' });
        self.number(offset.hours(), run.min(2));
        if run > 2 {
            self.out.push(':');
            self.number(offset.minutes(), 2);
        }
    }

    fn round_trip_zone(&mut self) {
        match (self.offset, self.date.kind()) {
            (None, Kind::Utc) => self.out.push('Z'),
            (None, Kind::Unspecified) => {}
            (Some(_), _) | (None, Kind::Local) => self.zone(3),
        }
    }
}
