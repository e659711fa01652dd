//! `System.TimeZone`: the local zone, which is UTC.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, p, refused};
use crate::Value;
use crate::collections::Key;
use crate::native::Native;
use crate::time::{Kind as TimeKind, TimeSpan};

#[derive(Debug)]
struct Current;

impl Native for Current {
    fn id(&self) -> TypeId {
        TypeId::TimeZone
    }

    fn text(&self) -> Option<String> {
        Some("System.CurrentSystemTimeZone".to_owned())
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Str("UTC".into()))
    }

    fn is_interned(&self) -> bool {
        true
    }
}

/// As [`super::zone`] has it.
const UTC: &str = "Coordinated Universal Time";
const DAYLIGHT: &str =
    "`DaylightTime` is not in the allow-list, and UTC has no daylight saving time";

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.TimeZone",
    kind: Kind::Class,
    bases: &[],
    docs: "The local time zone, which is UTC.",
    members: &[
        p("static TimeZone CurrentTimeZone", "The local time zone.", |_, _| {
            Ok(Value::native(Current))
        }),
        p("string StandardName", "`Coordinated Universal Time`.", |_, _| Ok(Value::from(UTC))),
        p("string DaylightName", "`Coordinated Universal Time`.", |_, _| Ok(Value::from(UTC))),
        p("TimeSpan GetUtcOffset(DateTime time)", "None.", |_, _| {
            Ok(Value::TimeSpan(TimeSpan::ZERO))
        }),
        p("DateTime ToUniversalTime(DateTime time)", "The same, in UTC.", |_, a| {
            Ok(Value::DateTime(a.date(1).with_kind(TimeKind::Utc)))
        }),
        p("DateTime ToLocalTime(DateTime time)", "The same, as local time.", |_, a| {
            Ok(Value::DateTime(a.date(1).with_kind(TimeKind::Local)))
        }),
        p("bool IsDaylightSavingTime(DateTime time)", "False.", |_, _| Ok(Value::Bool(false))),
    ],
    refused: &[
        refused("GetDaylightChanges", DAYLIGHT),
        refused(
            "static bool IsDaylightSavingTime(DateTime time, DaylightTime daylightTimes)",
            DAYLIGHT,
        ),
    ],
};
