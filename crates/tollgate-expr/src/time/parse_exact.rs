//! Reading of dates in a given pattern.

use super::calendar::days_of_date;
use super::format::{quoted, standard};
use super::names::{month_prefix, prefix, weekday_prefix};
use super::parse::{Fault, Half, Parsed, Zone, validate};
use super::{DateStyles, DateTime, DateTimeOffset, Kind, TimeSpan, null};
use crate::Exception;

/// `DateTimeOffset.ParseExact`.
pub(super) fn date_time_offset(
    text: Option<&str>,
    format: Option<&str>,
    styles: DateStyles,
    now: DateTime,
) -> Result<DateTimeOffset, Exception> {
    validate(styles, "styles")?;
    let text = text.ok_or_else(|| null("input"))?;
    let format = format.ok_or_else(|| null("format"))?;
    let fault = |fault: Fault| fault.exception(text);
    let parsed = read(text, format, styles, now, Some(TimeSpan::ZERO)).map_err(fault)?;
    parsed.date_time_offset(styles).map_err(fault)
}

fn read(
    text: &str,
    format: &str,
    styles: DateStyles,
    now: DateTime,
    offset: Option<TimeSpan>,
) -> Result<Parsed, Fault> {
    if text.is_empty() {
        return Err(Fault::Bad);
    }
    let mut chars = format.chars();
    let pattern = match (chars.next(), chars.next()) {
        (None, _) => return Err(bad_specifier(format)),
        (Some(letter), None) => {
            standard(letter, offset).map(|(pattern, _)| pattern).ok_or_else(|| match letter {
                'U' => bad_specifier(format),
                _ => bad_pattern(),
            })?
        }
        _ => format,
    };
    let mut rest = text;
    if styles.has(DateStyles::ALLOW_LEADING_WHITE) {
        rest = rest.trim_start();
    }
    if styles.has(DateStyles::ALLOW_TRAILING_WHITE) {
        rest = rest.trim_end();
    }
    if rest.is_empty() {
        return Err(Fault::Bad);
    }
    let inner_white = styles.has(DateStyles::ALLOW_INNER_WHITE);
    let mut matcher = Matcher { rest, inner_white, fields: Fields::default() };
    matcher.pattern(pattern)?;
    if !matcher.rest.is_empty() {
        return Err(Fault::Bad);
    }
    matcher.fields.resolve(styles, now)
}

#[derive(Default)]
struct Fields {
    year: Option<i32>,
    short_year: bool,
    month: Option<i32>,
    day: Option<i32>,
    weekday: Option<usize>,
    hour: Option<i32>,
    twelve_hours: bool,
    minute: Option<i32>,
    second: Option<i32>,
    ticks: Option<i64>,
    half: Option<Half>,
    zone: Option<Zone>,
}

/// Sets a field that may stand in the pattern more than once.
fn set<T: PartialEq + Copy>(place: &mut Option<T>, value: T, letter: char) -> Result<(), Fault> {
    match place.replace(value) {
        Some(old) if old != value => Err(Fault::Repeated(letter)),
        _ => Ok(()),
    }
}

struct Matcher<'a> {
    rest: &'a str,
    inner_white: bool,
    fields: Fields,
}

impl Matcher<'_> {
    fn pattern(&mut self, pattern: &str) -> Result<(), Fault> {
        let mut format = pattern;
        while let Some(letter) = format.chars().next() {
            if self.inner_white {
                self.rest = self.rest.trim_start();
            }
            let tail = format.trim_start_matches(letter);
            let run = (format.len() - tail.len()) / letter.len_utf8();
            let after_one = format.get(letter.len_utf8()..).unwrap_or("");
            format = match letter {
                'd' | 'M' | 'y' | 'h' | 'H' | 'm' | 's' | 'f' | 'F' | 't' | 'z' => {
                    self.field(letter, run)?;
                    tail
                }
                'g' => {
                    self.rest = prefix(self.rest, "A.D.")
                        .or_else(|| prefix(self.rest, "AD"))
                        .or_else(|| prefix(self.rest, "A"))
                        .ok_or(Fault::Bad)?;
                    tail
                }
                'K' => {
                    self.round_trip_zone()?;
                    after_one
                }
                'Z' => {
                    self.set_zone(Zone::Utc, 'Z')?;
                    let after = prefix(self.rest, "GMT").or_else(|| prefix(self.rest, "Z"));
                    let whole = |after: &&str| !after.starts_with(char::is_alphabetic);
                    self.rest = after.filter(whole).ok_or(Fault::Bad)?;
                    after_one
                }
                '\'' | '"' => {
                    let mut literal = String::new();
                    let after = quoted(after_one, letter, &mut literal)
                        .map_err(|exception| Fault::Pattern(exception.message().to_owned()))?;
                    self.literal(&literal)?;
                    after
                }
                '%' if !after_one.is_empty() && !after_one.starts_with('%') => after_one,
                '%' => return Err(bad_specifier(pattern)),
                '\\' => {
                    let mut chars = after_one.chars();
                    let char = chars.next().ok_or_else(|| bad_specifier(pattern))?;
                    self.literal(char.encode_utf8(&mut [0; 4]))?;
                    chars.as_str()
                }
                // A point before a fraction that is not there may miss too.
                '.' if after_one.starts_with('F') && !self.rest.starts_with('.') => {
                    after_one.trim_start_matches('F')
                }
                ' ' if self.inner_white => after_one,
                _ => {
                    self.literal(letter.encode_utf8(&mut [0; 4]))?;
                    after_one
                }
            };
        }
        if self.inner_white {
            self.rest = self.rest.trim_start();
        }
        Ok(())
    }

    fn literal(&mut self, literal: &str) -> Result<(), Fault> {
        self.rest = self.rest.strip_prefix(literal).ok_or(Fault::Bad)?;
        Ok(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Result<i32, Fault> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return Err(Fault::Bad);
        }
        let (digits, rest) = self.rest.split_at_checked(count).ok_or(Fault::Bad)?;
        self.rest = rest;
        digits.parse().map_err(|_| Fault::Bad)
    }

    /// One digit of a pattern stands for one or two.
    fn short(&mut self, run: usize) -> Result<i32, Fault> {
        if run == 1 { self.digits(1, 2) } else { self.digits(2, 2) }
    }

    fn field(&mut self, letter: char, run: usize) -> Result<(), Fault> {
        match letter {
            'd' if run <= 2 => {
                let day = self.short(run)?;
                set(&mut self.fields.day, day, 'd')
            }
            'd' => {
                let (weekday, rest) = weekday_prefix(self.rest, run > 3).ok_or(Fault::Bad)?;
                self.rest = rest;
                set(&mut self.fields.weekday, weekday, 'd')
            }
            'M' if run <= 2 => {
                let month = self.short(run)?;
                set(&mut self.fields.month, month, 'M')
            }
            'M' => {
                let (month, rest) = month_prefix(self.rest, run > 3).ok_or(Fault::Bad)?;
                self.rest = rest;
                set(&mut self.fields.month, month, 'M')
            }
            'y' => {
                self.fields.short_year |= run <= 2;
                let year = if run <= 2 { self.short(run)? } else { self.digits(run, run)? };
                set(&mut self.fields.year, year, 'y')
            }
            'h' | 'H' => {
                let hour = self.short(run)?;
                self.fields.twelve_hours |= letter == 'h';
                set(&mut self.fields.hour, hour, letter)
            }
            'm' => {
                let minute = self.short(run)?;
                set(&mut self.fields.minute, minute, 'm')
            }
            's' => {
                let second = self.short(run)?;
                set(&mut self.fields.second, second, 's')
            }
            'f' | 'F' => self.fraction(letter, run),
            't' => self.half(run),
            _ => self.zone(run),
        }
    }

    fn fraction(&mut self, letter: char, run: usize) -> Result<(), Fault> {
        if run > 7 {
            return Err(Fault::Bad);
        }
        let count = self.rest.bytes().take(run).take_while(u8::is_ascii_digit).count();
        if letter == 'f' && count < run {
            return Err(Fault::Bad);
        }
        let (digits, rest) = self.rest.split_at_checked(count).ok_or(Fault::Bad)?;
        self.rest = rest;
        let ticks = format!("{digits:0<7}").parse().map_err(|_| Fault::Bad)?;
        set(&mut self.fields.ticks, ticks, letter)
    }

    fn half(&mut self, run: usize) -> Result<(), Fault> {
        let names = if run == 1 { ["A", "P"] } else { ["AM", "PM"] };
        for (name, half) in names.into_iter().zip([Half::Am, Half::Pm]) {
            if let Some(rest) = prefix(self.rest, name) {
                self.rest = rest;
                return set(&mut self.fields.half, half, 't');
            }
        }
        Err(Fault::Bad)
    }

    fn zone(&mut self, run: usize) -> Result<(), Fault> {
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        self.rest = self.rest.strip_prefix(['+', '-']).ok_or(Fault::Bad)?;
        let hours = self.digits(run.min(2), 2)?;
        // With one or two letters the minutes are not taken.
        let mut minutes = 0;
        if run > 2 {
            self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
            minutes = self.digits(2, 2)?;
        }
        if minutes >= 60 {
            return Err(Fault::Bad);
        }
        self.set_zone(Zone::Minutes(sign * (hours * 60 + minutes)), 'z')
    }

    fn set_zone(&mut self, zone: Zone, letter: char) -> Result<(), Fault> {
        match self.fields.zone.replace(zone) {
            Some(old) if old.minutes() != zone.minutes() => Err(Fault::Repeated(letter)),
            _ => Ok(()),
        }
    }

    fn round_trip_zone(&mut self) -> Result<(), Fault> {
        if let Some(rest) = self.rest.strip_prefix(['Z', 'z']) {
            self.rest = rest;
            return self.set_zone(Zone::Utc, 'K');
        }
        if self.rest.starts_with(['+', '-']) {
            return self.zone(3);
        }
        Ok(())
    }
}

fn bad_specifier(pattern: &str) -> Fault {
    Fault::Pattern(format!("Format specifier '{pattern}' was invalid."))
}

fn bad_pattern() -> Fault {
    Fault::Pattern("Input string was not in a correct format.".to_owned())
}

impl Fields {
    fn resolve(&self, styles: DateStyles, now: DateTime) -> Result<Parsed, Fault> {
        let year = self.year.map(|year| match year {
            0..=29 if self.short_year => 2000 + year,
            30..=99 if self.short_year => 1900 + year,
            year => year,
        });
        let (year, month, day) = match (year, self.month, self.day) {
            (None, None, None) if styles.has(DateStyles::NO_CURRENT_DATE_DEFAULT) => (1, 1, 1),
            (None, None, None) => (now.year(), now.month(), now.day()),
            (year, month, day) => {
                (year.unwrap_or(now.year()), month.unwrap_or(1), day.unwrap_or(1))
            }
        };
        let hour = self.hour()?;
        let yearless = self.year.is_none() && (self.month.is_some() || self.day.is_some());
        if yearless && self.zone.is_some() {
            return Err(Fault::Yearless);
        }
        let days = days_of_date(year, month, day).ok_or(Fault::Calendar)?;
        let clock = DateTime::from_parts(
            year,
            month,
            day,
            hour,
            self.minute.unwrap_or(0),
            self.second.unwrap_or(0),
            0,
            Kind::Unspecified,
        )
        .map_err(|_| Fault::Calendar)?
        .add_ticks(self.ticks.unwrap_or(0))
        .map_err(|_| Fault::Range)?;
        if self.weekday.is_some() && self.weekday != usize::try_from((days + 1) % 7).ok() {
            return Err(Fault::Weekday);
        }
        if self.zone.is_some_and(|zone| zone.minutes().abs() > 14 * 60) {
            return Err(Fault::Offset);
        }
        Ok(Parsed { clock, zone: self.zone })
    }

    fn hour(&self) -> Result<i32, Fault> {
        let hour = self.hour.unwrap_or(0);
        if self.twelve_hours {
            return match self.half {
                _ if hour > 12 => Err(Fault::Bad),
                Some(Half::Pm) => Ok(hour % 12 + 12),
                _ => Ok(hour % 12),
            };
        }
        match self.half {
            Some(Half::Am) if hour >= 12 => Err(Fault::Bad),
            Some(Half::Pm) if hour < 12 => Err(Fault::Bad),
            _ => Ok(hour),
        }
    }
}
