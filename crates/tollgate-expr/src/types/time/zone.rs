//! `System.TimeZoneInfo` and `System.TimeZone`.

use std::sync::{Arc, LazyLock};

use super::super::decl::{Kind, TypeDecl, m, p, refused};
use super::super::{Ty, TypeId};
use crate::collections::Key;
use crate::eval::{Args, null_argument};
use crate::native::Native;
use crate::state::confusion;
use crate::time::{
    DateTime, DateTimeOffset, Kind as TimeKind, Local, Period, Rules, TimeSpan, WINDOWS_ZONES,
    windows_zone,
};
use crate::{Exception, ExceptionKind, Value};

/// A time zone.
#[derive(Debug)]
struct Zone {
    id: Arc<str>,
    display: String,
    standard: String,
    daylight: String,
    base: TimeSpan,
    supports_daylight: bool,
    /// What kind a time of the zone has: `Utc` of UTC, `Local` of the local zone.
    kind: TimeKind,
    rules: Rules,
}

impl Native for Zone {
    fn id(&self) -> TypeId {
        TypeId::TimeZoneInfo
    }

    fn text(&self) -> Option<String> {
        Some(self.display.clone())
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Str(self.id.to_ascii_uppercase().into()))
    }
}

/// Always the same objects.
static UTC: LazyLock<Value> = LazyLock::new(|| Value::native(Zone::utc()));
static LOCAL: LazyLock<Value> = LazyLock::new(|| Value::native(Zone::local()));

/// `(UTC+01:00) …`.
fn display(base: TimeSpan, name: &str) -> String {
    let sign = if base.ticks() < 0 { '-' } else { '+' };
    format!("(UTC{sign}{:02}:{:02}) {name}", base.hours().abs(), base.minutes().abs())
}

impl Zone {
    fn utc() -> Zone {
        let name = "Coordinated Universal Time";
        Zone {
            id: "UTC".into(),
            display: format!("(UTC) {name}"),
            standard: name.to_owned(),
            daylight: name.to_owned(),
            base: TimeSpan::ZERO,
            supports_daylight: false,
            kind: TimeKind::Utc,
            rules: Rules::fixed(0),
        }
    }

    /// The local zone: that of a Windows host whose clock is UTC has all its names from UTC.
    fn local() -> Zone {
        Zone { kind: TimeKind::Local, ..Zone::utc() }
    }

    /// A zone of Windows, which is what Azure knows, or of the IANA database.
    fn find(id: &str) -> Result<Zone, Exception> {
        let missing = || {
            let message = format!("The time zone ID '{id}' was not found on the local computer.");
            Exception::new(ExceptionKind::TimeZoneNotFound, message)
        };
        if id.eq_ignore_ascii_case("UTC") {
            return Ok(Zone::utc());
        }
        if let Some(zone) = windows_zone(id) {
            let (_, rules) = Rules::find(zone.iana).ok_or_else(missing)?;
            let base = rules.current().0.offset();
            return Ok(Zone {
                id: zone.id.into(),
                display: display(base, zone.places),
                standard: zone.id.to_owned(),
                daylight: zone.id.replace("Standard", "Daylight"),
                base,
                supports_daylight: rules.has_daylight(),
                kind: TimeKind::Unspecified,
                rules,
            });
        }
        let (name, rules) = Rules::find(id).ok_or_else(missing)?;
        let (standard, daylight) = rules.current();
        let base = standard.offset();
        Ok(Zone {
            id: name.into(),
            display: display(base, &standard.name),
            daylight: daylight.map_or_else(|| standard.name.clone(), |period| period.name),
            standard: standard.name,
            base,
            supports_daylight: rules.change(),
            kind: TimeKind::Unspecified,
            rules,
        })
    }

    /// What holds at a time of the zone: the later of two, as standard time is, and what held before a skipped time.
    fn at(&self, time: DateTime) -> &Period {
        if time.kind() != TimeKind::Unspecified {
            return self.rules.at(time);
        }
        match self.rules.at_clock(time) {
            Local::One(period) | Local::Skipped(period) => period,
            Local::Two(first, second) => {
                if first.daylight || !second.daylight {
                    second
                } else {
                    first
                }
            }
        }
    }

    /// The clock time of the zone, when the time is not one of it.
    fn clock(&self, time: DateTime) -> DateTime {
        match time.kind() {
            TimeKind::Unspecified => time,
            _ => self.clock_of(time).with_kind(TimeKind::Unspecified),
        }
    }

    /// The two distances from UTC of an ambiguous time.
    fn two(&self, clock: DateTime) -> Option<[TimeSpan; 2]> {
        match self.rules.at_clock(clock) {
            Local::Two(first, second) => {
                let mut both = [first.offset(), second.offset()];
                both.sort();
                Some(both)
            }
            _ => None,
        }
    }

    fn is_invalid(&self, time: DateTime) -> bool {
        time.kind() == TimeKind::Unspecified
            && matches!(self.rules.at_clock(time), Local::Skipped(_))
    }

    /// A time in UTC as one of the zone; clamped to what `DateTime` holds.
    fn clock_of(&self, utc: DateTime) -> DateTime {
        shifted(utc, self.rules.at(utc).offset().ticks(), self.kind)
    }

    /// A time of the zone in UTC.
    fn to_utc(&self, time: DateTime) -> Result<DateTime, Exception> {
        let foreign = match time.kind() {
            TimeKind::Unspecified => false,
            kind => kind != self.kind,
        };
        if foreign {
            return Err(argument(WRONG_KIND, "sourceTimeZone"));
        }
        if self.is_invalid(time) {
            return Err(argument(INVALID_TIME, "dateTime"));
        }
        Ok(shifted(time, -self.at(time).offset().ticks(), TimeKind::Utc))
    }
}

const WRONG_KIND: &str = "The conversion could not be completed because the supplied DateTime did not have the Kind property set correctly.  For example, when the Kind property is DateTimeKind.Local, the source time zone must be TimeZoneInfo.Local.";
const INVALID_TIME: &str = "The supplied DateTime represents an invalid time.  For example, when the clock is adjusted forward, any time in the period that is skipped is invalid.";

#[cold]
fn argument(message: &str, parameter: &str) -> Exception {
    Exception::new(ExceptionKind::Argument, format!("{message} (Parameter '{parameter}')"))
}

fn shifted(time: DateTime, by: i64, kind: TimeKind) -> DateTime {
    let ticks = (time.ticks() + by).clamp(DateTime::MIN.ticks(), DateTime::MAX.ticks());
    DateTime::from_ticks(ticks, kind).unwrap_or(DateTime::MIN)
}

/// The zone among the arguments.
fn zone<'a>(a: &'a Args<'_>, index: usize, name: &str) -> Result<&'a Zone, Exception> {
    match a.get(index) {
        Value::Null => Err(null_argument(name)),
        value => value.as_native().ok_or_else(confusion),
    }
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Zone, Exception> {
    zone(a, 0, "this")
}

fn named(a: &Args<'_>, index: usize) -> Result<Zone, Exception> {
    Zone::find(&a.str(index, "id")?)
}

/// The time that is meant by the argument beside a zone: a `DateTimeOffset` in UTC.
fn time(a: &Args<'_>, index: usize) -> DateTime {
    match a.get(index) {
        Value::DateTimeOffset(value) => value.utc_date_time(),
        _ => a.date(index),
    }
}

/// A time in another zone: its kind says what zone it is in.
fn converted(time: DateTime, from: Option<&Zone>, to: &Zone) -> Result<Value, Exception> {
    let utc = match (from, time.kind()) {
        (Some(from), _) => from.to_utc(time)?,
        (None, TimeKind::Utc) => time,
        (None, _) => Zone::local().to_utc(time)?,
    };
    Ok(Value::DateTime(to.clock_of(utc)))
}

fn converted_offset(time: DateTimeOffset, to: &Zone) -> Result<Value, Exception> {
    let offset = to.rules.at(time.utc_date_time()).offset();
    time.to_offset(offset).map(Value::DateTimeOffset)
}

const OTHER_RULES: &str =
    "the rules of a zone are those of the IANA database here, and of Windows in Azure";

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.TimeZoneInfo",
    kind: Kind::Class,
    bases: &[],
    docs: "A time zone: an id of Windows or of the IANA database. The rules are those of the IANA database.",
    members: &[
        p("static TimeZoneInfo Utc", "UTC.", |_, _| Ok(UTC.clone())),
        p("static TimeZoneInfo Local", "The local zone, which is UTC.", |_, _| Ok(LOCAL.clone())),
        p("static TimeZoneInfo FindSystemTimeZoneById(string id)", "A zone by its id.", |_, a| {
            named(a, 0).map(Value::native)
        }),
        m(
            "static ReadOnlyCollection<TimeZoneInfo> GetSystemTimeZones()",
            "The zones of Windows.",
            |cx, _| {
                let mut zones = Vec::new();
                for zone in WINDOWS_ZONES {
                    cx.step(10)?;
                    cx.charge(4 << 10)?;
                    zones.push(Value::native(Zone::find(zone.id)?));
                }
                cx.state.array(Ty::Named(TypeId::TimeZoneInfo), zones)
            },
        ),
        p(
            "static TimeZoneInfo CreateCustomTimeZone(string id, TimeSpan baseUtcOffset, string displayName, string standardDisplayName)",
            "A zone that is always the same distance from UTC.",
            |_, a| custom(a),
        ),
        p("static void ClearCachedData()", "Does nothing: nothing is cached.", |_, _| {
            Ok(Value::Null)
        }),
        p("string Id", "The id.", |_, a| Ok(Value::Str(this(a)?.id.clone()))),
        p("string DisplayName", "Its distance from UTC and places.", |_, a| {
            Ok(Value::from(this(a)?.display.as_str()))
        }),
        p("string StandardName", "The name of standard time.", |_, a| {
            Ok(Value::from(this(a)?.standard.as_str()))
        }),
        p("string DaylightName", "The name of daylight saving time.", |_, a| {
            Ok(Value::from(this(a)?.daylight.as_str()))
        }),
        p("TimeSpan BaseUtcOffset", "The distance of standard time from UTC.", |_, a| {
            Ok(Value::TimeSpan(this(a)?.base))
        }),
        p("bool SupportsDaylightSavingTime", "Whether its clock is ever changed.", |_, a| {
            Ok(Value::Bool(this(a)?.supports_daylight))
        }),
        p(
            "TimeSpan GetUtcOffset(DateTime dateTime)",
            "The distance from UTC at a time.",
            |_, a| Ok(Value::TimeSpan(this(a)?.at(time(a, 1)).offset())),
        ),
        p(
            "TimeSpan GetUtcOffset(DateTimeOffset dateTimeOffset)",
            "The distance from UTC at a time.",
            |_, a| Ok(Value::TimeSpan(this(a)?.at(time(a, 1)).offset())),
        ),
        p(
            "bool IsDaylightSavingTime(DateTime dateTime)",
            "Whether daylight saving time holds.",
            |_, a| Ok(Value::Bool(this(a)?.at(time(a, 1)).daylight)),
        ),
        p(
            "bool IsDaylightSavingTime(DateTimeOffset dateTimeOffset)",
            "Whether daylight saving time holds.",
            |_, a| Ok(Value::Bool(this(a)?.at(time(a, 1)).daylight)),
        ),
        p(
            "bool IsAmbiguousTime(DateTime dateTime)",
            "Whether a clock time occurs twice.",
            |_, a| {
                let zone = this(a)?;
                Ok(Value::Bool(zone.two(zone.clock(time(a, 1))).is_some()))
            },
        ),
        p(
            "bool IsAmbiguousTime(DateTimeOffset dateTimeOffset)",
            "Whether a clock time occurs twice.",
            |_, a| {
                let zone = this(a)?;
                Ok(Value::Bool(zone.two(zone.clock(time(a, 1))).is_some()))
            },
        ),
        p(
            "TimeSpan[] GetAmbiguousTimeOffsets(DateTime dateTime)",
            "The distances from UTC of a time that occurs twice.",
            |cx, a| {
                let zone = this(a)?;
                let both = zone.two(zone.clock(time(a, 1))).ok_or_else(|| {
                    argument("The supplied DateTime is not in an ambiguous time range.", "dateTime")
                })?;
                cx.state.array(Ty::Named(TypeId::TimeSpan), both.map(Value::TimeSpan).to_vec())
            },
        ),
        p(
            "TimeSpan[] GetAmbiguousTimeOffsets(DateTimeOffset dateTimeOffset)",
            "The distances from UTC of a time that occurs twice.",
            |cx, a| {
                let zone = this(a)?;
                let both = zone.two(zone.clock(time(a, 1))).ok_or_else(|| {
                    let message = "The supplied DateTimeOffset is not in an ambiguous time range.";
                    argument(message, "dateTimeOffset")
                })?;
                cx.state.array(Ty::Named(TypeId::TimeSpan), both.map(Value::TimeSpan).to_vec())
            },
        ),
        p(
            "bool IsInvalidTime(DateTime dateTime)",
            "Whether a clock time does not occur.",
            |_, a| Ok(Value::Bool(this(a)?.is_invalid(a.date(1)))),
        ),
        p(
            "static DateTime ConvertTime(DateTime dateTime, TimeZoneInfo destinationTimeZone)",
            "In another zone.",
            |_, a| converted(a.date(0), None, zone(a, 1, "destinationTimeZone")?),
        ),
        p(
            "static DateTime ConvertTime(DateTime dateTime, TimeZoneInfo sourceTimeZone, TimeZoneInfo destinationTimeZone)",
            "From one zone in another.",
            |_, a| {
                let from = zone(a, 1, "sourceTimeZone")?;
                converted(a.date(0), Some(from), zone(a, 2, "destinationTimeZone")?)
            },
        ),
        p(
            "static DateTimeOffset ConvertTime(DateTimeOffset dateTimeOffset, TimeZoneInfo destinationTimeZone)",
            "In another zone.",
            |_, a| converted_offset(a.offset(0), zone(a, 1, "destinationTimeZone")?),
        ),
        p(
            "static DateTime ConvertTimeBySystemTimeZoneId(DateTime dateTime, string destinationTimeZoneId)",
            "In another zone.",
            |_, a| converted(a.date(0), None, &named(a, 1)?),
        ),
        p(
            "static DateTime ConvertTimeBySystemTimeZoneId(DateTime dateTime, string sourceTimeZoneId, string destinationTimeZoneId)",
            "From one zone in another.",
            |_, a| by_ids(a),
        ),
        p(
            "static DateTimeOffset ConvertTimeBySystemTimeZoneId(DateTimeOffset dateTimeOffset, string destinationTimeZoneId)",
            "In another zone.",
            |_, a| converted_offset(a.offset(0), &named(a, 1)?),
        ),
        p(
            "static DateTime ConvertTimeFromUtc(DateTime dateTime, TimeZoneInfo destinationTimeZone)",
            "From UTC in a zone.",
            |_, a| converted(a.date(0), Some(&Zone::utc()), zone(a, 1, "destinationTimeZone")?),
        ),
        p("static DateTime ConvertTimeToUtc(DateTime dateTime)", "In UTC.", |_, a| {
            converted(a.date(0), None, &Zone::utc())
        }),
        p(
            "static DateTime ConvertTimeToUtc(DateTime dateTime, TimeZoneInfo sourceTimeZone)",
            "From a zone in UTC.",
            |_, a| converted(a.date(0), Some(zone(a, 1, "sourceTimeZone")?), &Zone::utc()),
        ),
        p(
            "bool HasSameRules(TimeZoneInfo other)",
            "Whether both clocks always show the same.",
            |_, a| {
                let other = zone(a, 1, "other")?;
                Ok(Value::Bool(this(a)?.rules == other.rules))
            },
        ),
        p("bool Equals(TimeZoneInfo other)", "Whether both are the same zone.", |_, a| {
            let (own, other) = (this(a)?, a.get(1).as_native::<Zone>());
            Ok(Value::Bool(other.is_some_and(|other| {
                own.id.eq_ignore_ascii_case(&other.id) && own.rules == other.rules
            })))
        }),
    ],
    refused: &[
        refused("FromSerializedString", OTHER_RULES),
        refused("ToSerializedString", OTHER_RULES),
        refused("GetAdjustmentRules", OTHER_RULES),
        refused(
            "static TimeZoneInfo CreateCustomTimeZone(string id, TimeSpan baseUtcOffset, string displayName, string standardDisplayName, string daylightDisplayName, TimeZoneInfo.AdjustmentRule[] adjustmentRules)",
            "`AdjustmentRule` is not in the allow-list",
        ),
        refused(
            "static TimeZoneInfo CreateCustomTimeZone(string id, TimeSpan baseUtcOffset, string displayName, string standardDisplayName, string daylightDisplayName, TimeZoneInfo.AdjustmentRule[] adjustmentRules, bool disableDaylightSavingTime)",
            "`AdjustmentRule` is not in the allow-list",
        ),
    ],
};

/// The same zone twice only changes the kind, whatever the time.
fn by_ids(a: &Args<'_>) -> Result<Value, Exception> {
    let local = Zone::local();
    let from = a.str(1, "id")?;
    let time = a.date(0);
    let from = if time.kind() == TimeKind::Local && from.eq_ignore_ascii_case(&local.id) {
        local
    } else {
        Zone::find(&from)?
    };
    converted(time, Some(&from), &named(a, 2)?)
}

fn custom(a: &Args<'_>) -> Result<Value, Exception> {
    let id = a.str(0, "id")?;
    if id.is_empty() {
        return Err(argument(
            &format!("The specified ID parameter '{id}' is not supported."),
            "id",
        ));
    }
    let base = a.span(1);
    let minute = 60 * 10_000_000;
    if !(-14 * 60 * minute..=14 * 60 * minute).contains(&base.ticks()) {
        let message = "The TimeSpan parameter must be within plus or minus 14.0 hours. (Parameter 'baseUtcOffset')";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    }
    if base.ticks() % minute != 0 {
        let message =
            "The TimeSpan parameter cannot be specified more precisely than whole minutes.";
        return Err(argument(message, "baseUtcOffset"));
    }
    let text = |index: usize| a.opt_str(index).unwrap_or_default().to_owned();
    Ok(Value::native(Zone {
        id,
        display: text(2),
        standard: text(3),
        daylight: text(3),
        base,
        supports_daylight: false,
        kind: TimeKind::Unspecified,
        rules: Rules::fixed(base.ticks() / 10_000_000),
    }))
}
