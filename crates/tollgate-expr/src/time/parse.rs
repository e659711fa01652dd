//! Reading of dates in any of the invariant culture's forms.

use super::calendar::{TICKS_PER_DAY, TICKS_PER_MINUTE, days_of_date};
use super::names::{month_named, weekday_named};
use super::{DateTime, DateTimeOffset, Kind, TimeSpan, null};
use crate::{Exception, ExceptionKind};

/// `System.Globalization.DateTimeStyles`, with .NET's bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DateStyles(pub(crate) u32);

impl DateStyles {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALLOW_LEADING_WHITE: Self = Self(1);
    pub(crate) const ALLOW_TRAILING_WHITE: Self = Self(2);
    pub(crate) const ALLOW_INNER_WHITE: Self = Self(4);
    pub(crate) const NO_CURRENT_DATE_DEFAULT: Self = Self(8);
    pub(crate) const ADJUST_TO_UNIVERSAL: Self = Self(16);
    pub(crate) const ASSUME_LOCAL: Self = Self(32);
    pub(crate) const ASSUME_UNIVERSAL: Self = Self(64);
    pub(crate) const ROUNDTRIP_KIND: Self = Self(128);

    pub(super) fn has(self, style: Self) -> bool {
        self.0 & style.0 != 0
    }
}

/// Why text is not a date. Every fault is a `FormatException`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    Bad,
    /// A word nobody knows, at this UTF-16 index.
    Word(usize),
    /// Hours, minutes or days that the calendar has not.
    Calendar,
    Weekday,
    /// A distance from UTC, and a date without its year.
    Yearless,
    Offset,
    UtcRange,
    Range,
    /// A field of a pattern that stands there twice with different values.
    Repeated(char),
    /// Something is wrong with the pattern itself.
    Pattern(String),
}

impl Fault {
    #[cold]
    pub(super) fn exception(self, text: &str) -> Exception {
        let message = match self {
            Self::Bad => format!("String '{text}' was not recognized as a valid DateTime."),
            Self::Word(index) => format!(
                "The string '{text}' was not recognized as a valid DateTime. There is an unknown word starting at index '{index}'."
            ),
            Self::Calendar => format!(
                "The DateTime represented by the string '{text}' is not supported in calendar 'System.Globalization.GregorianCalendar'."
            ),
            Self::Weekday => format!(
                "String '{text}' was not recognized as a valid DateTime because the day of week was incorrect."
            ),
            Self::Yearless => format!(
                "There must be at least a partial date with a year present in the input string '{text}'."
            ),
            Self::Offset => format!(
                "The time zone offset of string '{text}' must be within plus or minus 14 hours."
            ),
            Self::UtcRange => format!(
                "The UTC representation of the date '{text}' falls outside the year range 1-9999."
            ),
            Self::Range => {
                format!("The DateTime represented by the string '{text}' is out of range.")
            }
            Self::Repeated(letter) => {
                format!("DateTime pattern '{letter}' appears more than once with different values.")
            }
            Self::Pattern(message) => message,
        };
        Exception::new(ExceptionKind::Format, message)
    }
}

/// A distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// `Z` or `GMT`.
    Utc,
    Minutes(i32),
}

impl Zone {
    pub(super) fn minutes(self) -> i32 {
        match self {
            Self::Utc => 0,
            Self::Minutes(minutes) => minutes,
        }
    }
}

/// What text said: a clock time, and where on earth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parsed {
    pub(super) clock: DateTime,
    pub(super) zone: Option<Zone>,
}

impl Parsed {
    /// As a `DateTime`: the local zone is UTC.
    pub(super) fn date_time(self, styles: DateStyles) -> Result<DateTime, Fault> {
        let universal = styles.has(DateStyles::ADJUST_TO_UNIVERSAL);
        let Some(zone) = self.zone else {
            let kind = if styles.has(DateStyles::ASSUME_LOCAL)
                || styles.has(DateStyles::ASSUME_UNIVERSAL)
            {
                if universal { Kind::Utc } else { Kind::Local }
            } else {
                Kind::Unspecified
            };
            return Ok(self.clock.with_kind(kind));
        };
        let zulu = zone == Zone::Utc && styles.has(DateStyles::ROUNDTRIP_KIND);
        let kind = if universal || zulu { Kind::Utc } else { Kind::Local };
        let mut ticks = self.clock.ticks() - i64::from(zone.minutes()) * TICKS_PER_MINUTE;
        // On the first day .NET takes the time for one of no day.
        if ticks < 0 {
            ticks += TICKS_PER_DAY;
        }
        DateTime::from_ticks(ticks, kind).map_err(|_| Fault::Range)
    }

    /// As a `DateTimeOffset`.
    pub(super) fn date_time_offset(self, styles: DateStyles) -> Result<DateTimeOffset, Fault> {
        let minutes = self.zone.map_or(0, Zone::minutes);
        let offset = TimeSpan::from_ticks(i64::from(minutes) * TICKS_PER_MINUTE);
        let value = DateTimeOffset::with_offset(self.clock, offset).map_err(|_| Fault::UtcRange)?;
        if styles.has(DateStyles::ADJUST_TO_UNIVERSAL) {
            return value.to_offset(TimeSpan::ZERO).map_err(|_| Fault::UtcRange);
        }
        Ok(value)
    }
}

/// Styles that contradict each other.
pub(super) fn validate(styles: DateStyles, parameter: &str) -> Result<(), Exception> {
    let both = styles.has(DateStyles::ASSUME_LOCAL) && styles.has(DateStyles::ASSUME_UNIVERSAL);
    let assumed = styles.has(DateStyles(
        DateStyles::ASSUME_LOCAL.0
            | DateStyles::ASSUME_UNIVERSAL.0
            | DateStyles::ADJUST_TO_UNIVERSAL.0,
    ));
    let message = if styles.0 & !0xff != 0 {
        "An undefined DateTimeStyles value is being used."
    } else if both {
        "The DateTimeStyles values AssumeLocal and AssumeUniversal cannot be used together."
    } else if assumed && styles.has(DateStyles::ROUNDTRIP_KIND) {
        "The DateTimeStyles value RoundtripKind cannot be used with the values AssumeLocal, AssumeUniversal or AdjustToUniversal."
    } else {
        return Ok(());
    };
    Err(Exception::new(ExceptionKind::Argument, format!("{message} (Parameter '{parameter}')")))
}

/// `DateTime.Parse`.
pub(super) fn date_time(
    text: Option<&str>,
    styles: DateStyles,
    now: DateTime,
) -> Result<DateTime, Exception> {
    validate(styles, "styles")?;
    let text = text.ok_or_else(|| null("s"))?;
    read(text)
        .and_then(|found| found.resolve(styles, now)?.date_time(styles))
        .map_err(|fault| fault.exception(text))
}

/// `DateTimeOffset.Parse`.
pub(super) fn date_time_offset(
    text: Option<&str>,
    styles: DateStyles,
    now: DateTime,
) -> Result<DateTimeOffset, Exception> {
    validate(styles, "styles")?;
    let text = text.ok_or_else(|| null("input"))?;
    read(text)
        .and_then(|found| {
            if found.zone.is_some() && found.is_yearless() {
                let (year, month, day) = found.date(styles, now)?;
                let is_date = days_of_date(year, month, day).is_some();
                return Err(if is_date { Fault::Yearless } else { Fault::Bad });
            }
            found.resolve(styles, now)?.date_time_offset(styles)
        })
        .map_err(|fault| fault.exception(text))
}

fn read(text: &str) -> Result<Found, Fault> {
    let mut scanner = Scanner {
        text,
        rest: text,
        in_date: false,
        separated: false,
        iso: false,
        found: Found::default(),
    };
    scanner.run()?;
    Ok(scanner.found)
}

/// A number of the date, and with how many digits it was written.
#[derive(Debug, Clone, Copy, Default)]
struct Number {
    value: i32,
    digits: usize,
}

impl Number {
    fn is_year(self) -> bool {
        self.digits > 2
    }

    fn year(self) -> i32 {
        match self.value {
            value if self.digits > 2 => value,
            value @ 0..=29 => 2000 + value,
            value => 1900 + value,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Clock {
    hour: i32,
    minute: i32,
    second: i32,
    ticks: i64,
    has_seconds: bool,
}

/// AM or PM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Am,
    Pm,
}

#[derive(Debug, Default)]
struct Found {
    numbers: Vec<Number>,
    /// The month, and how many numbers came before its name.
    month: Option<(i32, usize)>,
    weekday: Option<usize>,
    clock: Option<Clock>,
    half: Option<Half>,
    zone: Option<Zone>,
    /// Parts of the date are joined by separators.
    joined: bool,
    /// The date is complete without its year.
    closed: bool,
    /// A number is left over.
    surplus: bool,
}

struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
    /// Whether the last thing read is a part of the date.
    in_date: bool,
    /// Whether a separator was read behind the last number.
    separated: bool,
    /// Whether the clock time stands behind a `T`.
    iso: bool,
    found: Found,
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<(), Fault> {
        loop {
            self.skip_spaces();
            let Some(char) = self.rest.chars().next() else {
                return if self.found.surplus { Err(Fault::Bad) } else { Ok(()) };
            };
            match char {
                '0'..='9' => self.number()?,
                ',' | '.' => self.skip(1),
                '/' | '-' if self.joins_date() => {
                    (self.found.joined, self.separated) = (true, true);
                    self.skip(1);
                    continue;
                }
                '+' | '-'
                    if self.found.clock.is_some()
                        || self.found.may_end()
                        || self.begins_with_offset() =>
                {
                    self.offset()?;
                }
                // .NET takes NULs at the end for padding.
                '\0' if self.rest.chars().all(|char| char == '\0') => return Ok(()),
                _ if char.is_alphabetic() => self.word()?,
                _ => return Err(Fault::Bad),
            }
            self.separated = false;
        }
    }

    /// Whether a sign right before a digit is the first thing there is.
    fn begins_with_offset(&self) -> bool {
        let found = &self.found;
        let is_first = found.numbers.is_empty()
            && found.month.is_none()
            && found.weekday.is_none()
            && found.zone.is_none();
        is_first && self.rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or("");
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Whether a separator stands between parts of the date.
    fn joins_date(&self) -> bool {
        let next = self.rest.get(1..).unwrap_or("").trim_start().chars().next();
        let most = if self.found.month.is_some() { 2 } else { 3 };
        self.in_date && self.found.numbers.len() < most && next.is_some_and(char::is_alphanumeric)
    }

    fn digits(&mut self) -> &'a str {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(count).unwrap_or(("", self.rest));
        self.rest = rest;
        digits
    }

    fn number(&mut self) -> Result<(), Fault> {
        let digits = self.digits();
        if digits.len() > 8 {
            return Err(Fault::Bad);
        }
        let value = digits.parse().map_err(|_| Fault::Bad)?;
        if self.rest.starts_with(':') {
            return self.clock(value, digits.len());
        }
        if let Some((half, after)) = half(self.rest.trim_start()) {
            self.rest = after;
            self.found.half = Some(half);
            return self.hour(Number { value, digits: digits.len() });
        }
        let number = Number { value, digits: digits.len() };
        if number.is_year() && self.found.has_year() {
            return Err(Fault::Bad);
        }
        // A word nobody knows counts for more than a number too many.
        if self.found.is_date() {
            self.found.surplus = true;
            return Ok(());
        }
        self.in_date = true;
        self.found.numbers.push(number);
        self.found.check_date()
    }

    /// A number before AM or PM: an hour, unless it completes a date.
    fn hour(&mut self, number: Number) -> Result<(), Fault> {
        let at = |hour: i32| Clock { hour, minute: 0, second: 0, ticks: 0, has_seconds: false };
        let found = &mut self.found;
        if !found.is_partial() {
            return self.set_clock(at(number.value));
        }
        if !found.may_end() {
            return Err(Fault::Bad);
        }
        if found.month.is_some() || found.has_year() || self.separated {
            found.numbers.push(number);
            return found.check_date();
        }
        if found.joined {
            found.closed = true;
            return self.set_clock(at(number.value));
        }
        // .NET takes the first of three numbers for the hour and forgets the others.
        let first = found.numbers.first().map_or(0, |number| number.value);
        found.numbers.clear();
        self.set_clock(at(first))
    }

    /// A clock time may stand before a date or behind it, but not behind a part of one. Behind a month and a day .NET takes
    /// the day for the hour and the hour for the minutes, and forgets the rest and the date.
    fn set_clock(&mut self, mut clock: Clock) -> Result<(), Fault> {
        self.in_date = false;
        let found = &mut self.found;
        if let (Some(_), &[day], false) = (found.month, found.numbers.as_slice(), clock.has_seconds)
            && !day.is_year()
        {
            clock = Clock { hour: day.value, minute: clock.hour, ..clock };
            found.numbers.clear();
            found.month = None;
        }
        if self.found.clock.replace(clock).is_some() || self.found.is_partial() {
            return Err(Fault::Bad);
        }
        Ok(())
    }

    /// Minutes, seconds and a fraction behind an hour.
    fn clock(&mut self, hour: i32, hour_digits: usize) -> Result<(), Fault> {
        let mut clock = Clock { hour, minute: 0, second: 0, ticks: 0, has_seconds: false };
        self.skip(1);
        let minute = self.part()?;
        clock.minute = minute.parse().map_err(|_| Fault::Bad)?;
        let mut long = hour_digits > 2 || minute.len() > 2;
        if self.rest.starts_with(':') {
            self.skip(1);
            let second = self.part()?;
            clock.second = second.parse().map_err(|_| Fault::Bad)?;
            clock.has_seconds = true;
            if self.iso && second.len() != 2 {
                return Err(Fault::Bad);
            }
            long |= second.len() > 2;
            if self.rest.len() > 1 && self.rest.starts_with('.') {
                self.skip(1);
                clock.ticks = fraction(self.digits());
            }
        }
        if long {
            return Err(Fault::Bad);
        }
        self.set_clock(clock)?;
        if let Some((half, after)) = half(self.rest.trim_start()) {
            self.rest = after;
            self.found.half = Some(half);
        }
        Ok(())
    }

    /// Digits of a clock time behind a colon.
    fn part(&mut self) -> Result<&'a str, Fault> {
        self.skip_spaces();
        if self.rest.starts_with(char::is_alphabetic) {
            self.word()?;
        }
        Ok(self.digits())
    }

    fn word(&mut self) -> Result<(), Fault> {
        let start = self.text.len() - self.rest.len();
        let end = self.rest.find(|char: char| !char.is_alphabetic()).unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = after;
        let found = &mut self.found;
        if let Some(month) = month_named(word) {
            if found.month.replace((month, found.numbers.len())).is_some() {
                return Err(Fault::Bad);
            }
            self.in_date = true;
            return found.check_date();
        }
        if let Some(weekday) = weekday_named(word) {
            if found.weekday.replace(weekday).is_some() {
                return Err(Fault::Bad);
            }
            return Ok(());
        }
        let is = |name: &str| word.eq_ignore_ascii_case(name);
        let after_zone = found.zone.is_some() && found.clock.is_none();
        if (is("AM") || is("PM")) && (found.half.is_some() || after_zone)
            || (is("Z") || is("GMT")) && after_zone
        {
            return Err(Fault::Bad);
        }
        let has_date = !found.numbers.is_empty();
        if is("T") && has_date {
            let is_iso =
                found.is_date() && found.numbers.first().is_some_and(|year| year.is_year());
            return if is_iso && found.month.is_none() {
                self.iso_clock()
            } else {
                Err(Fault::Bad)
            };
        }
        if (is("Z") || is("GMT")) && (has_date || found.clock.is_some()) {
            let in_date =
                found.is_partial() && (found.joined || found.month.is_some() || found.has_year());
            // Behind a `T` there is `Z` only.
            let spelled_out = self.iso && is("GMT");
            if found.zone.replace(Zone::Utc).is_some() || in_date || spelled_out {
                return Err(Fault::Bad);
            }
            return Ok(());
        }
        if self.iso {
            return Err(Fault::Bad);
        }
        let index = self.text.get(..start).unwrap_or("").encode_utf16().count();
        Err(Fault::Word(index))
    }

    /// Behind a `T` every field has two digits.
    fn iso_clock(&mut self) -> Result<(), Fault> {
        let shape = |at: usize, is: fn(&u8) -> bool| self.rest.as_bytes().get(at).is_some_and(is);
        let is_clock = shape(0, u8::is_ascii_digit)
            && shape(1, u8::is_ascii_digit)
            && shape(2, |byte| *byte == b':')
            && shape(3, u8::is_ascii_digit)
            && shape(4, u8::is_ascii_digit);
        if !is_clock {
            return Err(Fault::Bad);
        }
        self.iso = true;
        self.number()
    }

    fn offset(&mut self) -> Result<(), Fault> {
        let (minutes, after) = offset(self.rest).ok_or(Fault::Bad)?;
        self.rest = after;
        if self.found.zone.replace(Zone::Minutes(minutes)).is_some() {
            return Err(Fault::Bad);
        }
        Ok(())
    }
}

/// `+1`, `+01`, `+0130`, `+1:30`; minutes, and what is left.
fn offset(text: &str) -> Option<(i32, &str)> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = rest.split_at_checked(count)?;
    let number = |text: &str| text.parse::<i32>().ok();
    let (hours, minutes, rest) = match (count, rest.strip_prefix(':')) {
        (1 | 2, Some(after)) => {
            let count = after.bytes().take_while(u8::is_ascii_digit).count();
            let (minutes, after) = after.split_at_checked(count).filter(|_| count <= 2)?;
            (number(digits)?, number(minutes)?, after)
        }
        (1 | 2, None) => (number(digits)?, 0, rest),
        (3 | 4, _) => {
            let (hours, minutes) = digits.split_at_checked(count - 2)?;
            (number(hours)?, number(minutes)?, rest)
        }
        _ => return None,
    };
    (minutes < 60).then_some((sign * (hours * 60 + minutes), rest))
}

/// `AM` or `PM` at the start of text, as a whole word.
fn half(text: &str) -> Option<(Half, &str)> {
    let (word, after) = text.split_at_checked(2)?;
    if after.chars().next().is_some_and(char::is_alphabetic) {
        return None;
    }
    if word.eq_ignore_ascii_case("AM") {
        Some((Half::Am, after))
    } else if word.eq_ignore_ascii_case("PM") {
        Some((Half::Pm, after))
    } else {
        None
    }
}

/// Digits behind the point in ticks, rounded.
fn fraction(digits: &str) -> i64 {
    let value: f64 = format!("0.{digits}").parse().unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "at most ten million")]
    let ticks = (value * 1e7).round() as i64;
    ticks
}

impl Found {
    /// Whether the date is complete.
    fn is_date(&self) -> bool {
        self.closed || self.numbers.len() == if self.month.is_some() { 2 } else { 3 }
    }

    fn has_year(&self) -> bool {
        self.numbers.iter().any(|number| number.is_year())
    }

    /// Whether there are parts of a date, but not all.
    fn is_partial(&self) -> bool {
        !self.is_date() && (self.month.is_some() || !self.numbers.is_empty())
    }

    /// Whether what there is of the date may be all of it.
    fn may_end(&self) -> bool {
        self.is_date() || self.numbers.len() + usize::from(self.month.is_some()) == 2
    }

    /// Whether it says a month or a day, but no year.
    fn is_yearless(&self) -> bool {
        match (self.month, self.numbers.as_slice()) {
            (Some((_, before)), &[only]) => !only.is_year() && before == 0,
            (None, &[first, second]) => !first.is_year() && !second.is_year(),
            _ => false,
        }
    }

    /// .NET looks at a date as soon as it is complete.
    fn check_date(&self) -> Result<(), Fault> {
        if !self.is_date() {
            return Ok(());
        }
        let (year, month, day) = self.date(DateStyles::NONE, DateTime::MIN)?;
        days_of_date(year, month, day).map(|_| ()).ok_or(Fault::Bad)
    }

    fn resolve(&self, styles: DateStyles, now: DateTime) -> Result<Parsed, Fault> {
        let (year, month, day) = self.date(styles, now)?;
        let days = days_of_date(year, month, day).ok_or(Fault::Bad)?;
        let clock = self.clock.unwrap_or(Clock {
            hour: 0,
            minute: 0,
            second: 0,
            ticks: 0,
            has_seconds: false,
        });
        let hour = match (self.half, clock.hour) {
            (Some(Half::Am), 13..) | (Some(Half::Pm), 24..) => return Err(Fault::Bad),
            (Some(Half::Am), hour) => hour % 12,
            (Some(Half::Pm), hour @ ..12) => hour + 12,
            (Some(Half::Pm) | None, hour) => hour,
        };
        let clock = DateTime::from_parts(
            year,
            month,
            day,
            hour,
            clock.minute,
            clock.second,
            0,
            Kind::Unspecified,
        )
        .map_err(|_| Fault::Calendar)?
        .add_ticks(clock.ticks)
        .map_err(|_| Fault::Range)?;
        let weekday = usize::try_from((days + 1) % 7).ok();
        if self.weekday.is_some() && self.weekday != weekday {
            return Err(Fault::Weekday);
        }
        if self.zone.is_some_and(|zone| zone.minutes().abs() > 14 * 60) {
            return Err(Fault::Offset);
        }
        Ok(Parsed { clock, zone: self.zone })
    }

    fn date(&self, styles: DateStyles, now: DateTime) -> Result<(i32, i32, i32), Fault> {
        match (self.month, self.numbers.as_slice()) {
            (Some((month, _)), &[first, second]) if first.is_year() => {
                Ok((first.year(), month, second.value))
            }
            (Some((month, _)), &[first, second])
                if days_of_date(second.year(), month, first.value).is_some() =>
            {
                Ok((second.year(), month, first.value))
            }
            (Some(_), &[_, second]) if second.is_year() => Err(Fault::Bad),
            (Some((month, _)), &[first, second]) => Ok((first.year(), month, second.value)),
            // The invariant culture writes the month before the day, so a number before a month is a year.
            (Some((month, before)), &[only]) if only.is_year() || before > 0 => {
                Ok((only.year(), month, 1))
            }
            (Some((month, _)), &[only]) => Ok((now.year(), month, only.value)),
            (None, &[first, second, third]) if first.is_year() => {
                Ok((first.year(), second.value, third.value))
            }
            (None, &[first, second, third]) if !second.is_year() => {
                Ok((third.year(), first.value, second.value))
            }
            (None, &[first, second]) if first.is_year() => Ok((first.year(), second.value, 1)),
            (None, &[first, second]) if second.is_year() => Ok((second.year(), first.value, 1)),
            (None, &[first, second]) => Ok((now.year(), first.value, second.value)),
            (None, &[]) if self.clock.is_some() => {
                if styles.has(DateStyles::NO_CURRENT_DATE_DEFAULT) {
                    return Ok((1, 1, 1));
                }
                Ok((now.year(), now.month(), now.day()))
            }
            _ => Err(Fault::Bad),
        }
    }
}
