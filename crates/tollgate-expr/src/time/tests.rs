//! What .NET Core 3.1 answers.

use super::{DateStyles, DateTime, DateTimeOffset, Kind, TimeSpan, days_in_month, is_leap_year};
use crate::{Budget, Exception, Limits};

fn budget() -> Budget {
    Budget::new(Limits::default())
}

fn shown<T>(result: Result<T, Exception>, show: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(value) => show(value),
        Err(exception) => format!("!{}", exception.message()),
    }
}

fn round_trip(date: DateTime) -> String {
    format!("{}/{:?}", date.format("o", &mut budget()).unwrap(), date.kind())
}

fn date([year, month, day, hour, minute, second, milli]: [i32; 7], kind: Kind) -> DateTime {
    DateTime::from_parts(year, month, day, hour, minute, second, milli, kind).unwrap()
}

fn span(days: i32, hours: i32, minutes: i32, seconds: i32, milliseconds: i32) -> TimeSpan {
    TimeSpan::from_parts(days, hours, minutes, seconds, milliseconds).unwrap()
}

fn now() -> DateTime {
    date([2026, 11, 21, 4, 5, 6, 0], Kind::Local)
}

#[test]
fn dates_are_read() {
    for (text, styles, expected) in [
        (
            "x",
            DateStyles::NONE,
            "!The string 'x' was not recognized as a valid DateTime. There is an unknown word starting at index '0'.",
        ),
        ("", DateStyles::NONE, "!String '' was not recognized as a valid DateTime."),
        (" ", DateStyles::NONE, "!String ' ' was not recognized as a valid DateTime."),
        ("2024-01-02", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("0001-01-01T00:00:00+05:00", DateStyles::NONE, "0001-01-01T19:00:00.0000000+00:00/Local"),
        (
            "9999-12-31T23:00:00-05:00",
            DateStyles::NONE,
            "!The DateTime represented by the string '9999-12-31T23:00:00-05:00' is out of range.",
        ),
        ("01/02/2024-02", DateStyles::NONE, "2024-01-02T02:00:00.0000000+00:00/Local"),
        ("40 May", DateStyles::NONE, "1940-05-01T00:00:00.0000000/Unspecified"),
        ("32-Jan-24", DateStyles::NONE, "1932-01-24T00:00:00.0000000/Unspecified"),
        (
            "01/02/2024T03:04:05",
            DateStyles::NONE,
            "!String '01/02/2024T03:04:05' was not recognized as a valid DateTime.",
        ),
        (
            "2024-02-29 03:04:61+15:00",
            DateStyles::NONE,
            "!The DateTime represented by the string '2024-02-29 03:04:61+15:00' is not supported in calendar 'System.Globalization.GregorianCalendar'.",
        ),
        ("2024/1/2", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2024.01.02", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2024 01 02", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("1/2/2024", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("01-02-2024", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("1.2.2024", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("1 2 2024", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        (
            "13/1/2024",
            DateStyles::NONE,
            "!String '13/1/2024' was not recognized as a valid DateTime.",
        ),
        ("1/2/24", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("1/2/30", DateStyles::NONE, "1930-01-02T00:00:00.0000000/Unspecified"),
        ("1/2/29", DateStyles::NONE, "2029-01-02T00:00:00.0000000/Unspecified"),
        ("1/2/99", DateStyles::NONE, "1999-01-02T00:00:00.0000000/Unspecified"),
        (
            "2024-13-01",
            DateStyles::NONE,
            "!String '2024-13-01' was not recognized as a valid DateTime.",
        ),
        (
            "2024-02-30",
            DateStyles::NONE,
            "!String '2024-02-30' was not recognized as a valid DateTime.",
        ),
        (
            "20240102",
            DateStyles::NONE,
            "!String '20240102' was not recognized as a valid DateTime.",
        ),
        ("2024", DateStyles::NONE, "!String '2024' was not recognized as a valid DateTime."),
        ("2024-01", DateStyles::NONE, "2024-01-01T00:00:00.0000000/Unspecified"),
        ("01/2024", DateStyles::NONE, "2024-01-01T00:00:00.0000000/Unspecified"),
        ("Jan 2024", DateStyles::NONE, "2024-01-01T00:00:00.0000000/Unspecified"),
        ("January 2, 2024", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("Jan 2 2024", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2 Jan 2024", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2-Jan-2024", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2024 Jan 2", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2024-Jan-02", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        (
            "Tue, 02 Jan 2024 03:04:05 GMT",
            DateStyles::NONE,
            "2024-01-02T03:04:05.0000000+00:00/Local",
        ),
        ("Tue, 02 Jan 2024 03:04:05", DateStyles::NONE, "2024-01-02T03:04:05.0000000/Unspecified"),
        (
            "Mon, 02 Jan 2024 03:04:05 GMT",
            DateStyles::NONE,
            "!String 'Mon, 02 Jan 2024 03:04:05 GMT' was not recognized as a valid DateTime because the day of week was incorrect.",
        ),
        (
            "Tuesday, January 2, 2024 3:04 PM",
            DateStyles::NONE,
            "2024-01-02T15:04:00.0000000/Unspecified",
        ),
        ("Tue Jan 2 2024", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2 Jan 24", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2024-01-02T03:04:05", DateStyles::NONE, "2024-01-02T03:04:05.0000000/Unspecified"),
        ("2024-01-02T03:04:05Z", DateStyles::NONE, "2024-01-02T03:04:05.0000000+00:00/Local"),
        ("2024-01-02T03:04:05z", DateStyles::NONE, "2024-01-02T03:04:05.0000000+00:00/Local"),
        ("2024-01-02T03:04:05 Z", DateStyles::NONE, "2024-01-02T03:04:05.0000000+00:00/Local"),
        ("2024-01-02T03:04:05+02:00", DateStyles::NONE, "2024-01-02T01:04:05.0000000+00:00/Local"),
        ("2024-01-02T03:04:05+0200", DateStyles::NONE, "2024-01-02T01:04:05.0000000+00:00/Local"),
        ("2024-01-02T03:04:05+02", DateStyles::NONE, "2024-01-02T01:04:05.0000000+00:00/Local"),
        ("2024-01-02T03:04:05+2", DateStyles::NONE, "2024-01-02T01:04:05.0000000+00:00/Local"),
        ("2024-01-02T03:04:05 +02:00", DateStyles::NONE, "2024-01-02T01:04:05.0000000+00:00/Local"),
        ("2024-01-02T03:04:05-05:30", DateStyles::NONE, "2024-01-02T08:34:05.0000000+00:00/Local"),
        (
            "2024-01-02T03:04:05+15:00",
            DateStyles::NONE,
            "!The time zone offset of string '2024-01-02T03:04:05+15:00' must be within plus or minus 14 hours.",
        ),
        ("2024-01-02T03:04", DateStyles::NONE, "2024-01-02T03:04:00.0000000/Unspecified"),
        ("2024-01-02T03:04Z", DateStyles::NONE, "2024-01-02T03:04:00.0000000+00:00/Local"),
        (
            "2024-01-02T03",
            DateStyles::NONE,
            "!String '2024-01-02T03' was not recognized as a valid DateTime.",
        ),
        (
            "2024-01-02 03",
            DateStyles::NONE,
            "!String '2024-01-02 03' was not recognized as a valid DateTime.",
        ),
        ("2024-01-02T03:04:05.1", DateStyles::NONE, "2024-01-02T03:04:05.1000000/Unspecified"),
        (
            "2024-01-02T03:04:05.1234567",
            DateStyles::NONE,
            "2024-01-02T03:04:05.1234567/Unspecified",
        ),
        (
            "2024-01-02T03:04:05.12345678",
            DateStyles::NONE,
            "2024-01-02T03:04:05.1234568/Unspecified",
        ),
        (
            "2024-01-02T03:04:05.99999999",
            DateStyles::NONE,
            "2024-01-02T03:04:06.0000000/Unspecified",
        ),
        (
            "2024-01-02T03:04:05.1234567Z",
            DateStyles::NONE,
            "2024-01-02T03:04:05.1234567+00:00/Local",
        ),
        (
            "2024-01-02T03:04:05,123",
            DateStyles::NONE,
            "!String '2024-01-02T03:04:05,123' was not recognized as a valid DateTime.",
        ),
        ("2024-01-02 03:04:05", DateStyles::NONE, "2024-01-02T03:04:05.0000000/Unspecified"),
        ("2024-01-02 3:4:5", DateStyles::NONE, "2024-01-02T03:04:05.0000000/Unspecified"),
        ("2024-01-02 3:04 PM", DateStyles::NONE, "2024-01-02T15:04:00.0000000/Unspecified"),
        ("2024-01-02 3PM", DateStyles::NONE, "2024-01-02T15:00:00.0000000/Unspecified"),
        ("2024-01-02 3 pm", DateStyles::NONE, "2024-01-02T15:00:00.0000000/Unspecified"),
        ("2024-01-02 13:04 PM", DateStyles::NONE, "2024-01-02T13:04:00.0000000/Unspecified"),
        (
            "2024-01-02 13:04 AM",
            DateStyles::NONE,
            "!String '2024-01-02 13:04 AM' was not recognized as a valid DateTime.",
        ),
        ("2024-01-02 12:00 AM", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2024-01-02 0:00 AM", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        (
            "2024-01-02 24:00:00",
            DateStyles::NONE,
            "!The DateTime represented by the string '2024-01-02 24:00:00' is not supported in calendar 'System.Globalization.GregorianCalendar'.",
        ),
        (
            "2024-01-02T24:00:00",
            DateStyles::NONE,
            "!The DateTime represented by the string '2024-01-02T24:00:00' is not supported in calendar 'System.Globalization.GregorianCalendar'.",
        ),
        (
            "2024-01-02 25:00:00",
            DateStyles::NONE,
            "!The DateTime represented by the string '2024-01-02 25:00:00' is not supported in calendar 'System.Globalization.GregorianCalendar'.",
        ),
        (
            "2024-01-02 03:60:00",
            DateStyles::NONE,
            "!The DateTime represented by the string '2024-01-02 03:60:00' is not supported in calendar 'System.Globalization.GregorianCalendar'.",
        ),
        (
            "2024-01-02 03:04:60",
            DateStyles::NONE,
            "!The DateTime represented by the string '2024-01-02 03:04:60' is not supported in calendar 'System.Globalization.GregorianCalendar'.",
        ),
        ("03:04:05 2024-01-02", DateStyles::NONE, "2024-01-02T03:04:05.0000000/Unspecified"),
        ("01/02/2024 03:04:05", DateStyles::NONE, "2024-01-02T03:04:05.0000000/Unspecified"),
        ("01/02/2024 03:04:05 PM", DateStyles::NONE, "2024-01-02T15:04:05.0000000/Unspecified"),
        ("01/02/2024 03:04:05 +01:00", DateStyles::NONE, "2024-01-02T02:04:05.0000000+00:00/Local"),
        (" 2024-01-02 ", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        (
            "2024-01-02x",
            DateStyles::NONE,
            "!The string '2024-01-02x' was not recognized as a valid DateTime. There is an unknown word starting at index '10'.",
        ),
        (
            "2024-01-02 UTC",
            DateStyles::NONE,
            "!The string '2024-01-02 UTC' was not recognized as a valid DateTime. There is an unknown word starting at index '11'.",
        ),
        ("2024-01-02 GMT", DateStyles::NONE, "2024-01-02T00:00:00.0000000+00:00/Local"),
        (
            "2024-01-02 03:04 UTC",
            DateStyles::NONE,
            "!The string '2024-01-02 03:04 UTC' was not recognized as a valid DateTime. There is an unknown word starting at index '17'.",
        ),
        (
            "2024-01-02 03:04 EST",
            DateStyles::NONE,
            "!The string '2024-01-02 03:04 EST' was not recognized as a valid DateTime. There is an unknown word starting at index '17'.",
        ),
        (
            "2024-01-02T03:04:05GMT",
            DateStyles::NONE,
            "!String '2024-01-02T03:04:05GMT' was not recognized as a valid DateTime.",
        ),
        ("Tue 2024-01-02", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        ("2024-01-02 Tue", DateStyles::NONE, "2024-01-02T00:00:00.0000000/Unspecified"),
        (
            "2024-1-2T3:4:5",
            DateStyles::NONE,
            "!String '2024-1-2T3:4:5' was not recognized as a valid DateTime.",
        ),
        ("0001-01-01", DateStyles::NONE, "0001-01-01T00:00:00.0000000/Unspecified"),
        (
            "9999-12-31T23:59:59.9999999",
            DateStyles::NONE,
            "9999-12-31T23:59:59.9999999/Unspecified",
        ),
        (
            "10000-01-01",
            DateStyles::NONE,
            "!String '10000-01-01' was not recognized as a valid DateTime.",
        ),
        (
            "0000-01-01",
            DateStyles::NONE,
            "!String '0000-01-01' was not recognized as a valid DateTime.",
        ),
        ("123/1/1", DateStyles::NONE, "0123-01-01T00:00:00.0000000/Unspecified"),
        ("1/1/123", DateStyles::NONE, "0123-01-01T00:00:00.0000000/Unspecified"),
        (
            "1/1/12345",
            DateStyles::NONE,
            "!String '1/1/12345' was not recognized as a valid DateTime.",
        ),
        ("May 5 2024", DateStyles::NONE, "2024-05-05T00:00:00.0000000/Unspecified"),
        ("5 May", DateStyles::NONE, "2005-05-01T00:00:00.0000000/Unspecified"),
        (
            "Sept 5 2024",
            DateStyles::NONE,
            "!The string 'Sept 5 2024' was not recognized as a valid DateTime. There is an unknown word starting at index '0'.",
        ),
        (
            "2024-01-02T",
            DateStyles::NONE,
            "!String '2024-01-02T' was not recognized as a valid DateTime.",
        ),
        (
            "2024-01-",
            DateStyles::NONE,
            "!String '2024-01-' was not recognized as a valid DateTime.",
        ),
        ("2024-01-02-03", DateStyles::NONE, "2024-01-02T03:00:00.0000000+00:00/Local"),
        ("2024-01-02,03:04", DateStyles::NONE, "2024-01-02T03:04:00.0000000/Unspecified"),
        (
            "2024-01-02;03:04",
            DateStyles::NONE,
            "!String '2024-01-02;03:04' was not recognized as a valid DateTime.",
        ),
        ("12:30:45", DateStyles::NONE, "2026-11-21T12:30:45.0000000/Unspecified"),
        ("12:30 PM", DateStyles::NONE, "2026-11-21T12:30:00.0000000/Unspecified"),
        ("5PM", DateStyles::NONE, "2026-11-21T17:00:00.0000000/Unspecified"),
        (
            "2024-01-02T03:04:05+02:00",
            DateStyles::ROUNDTRIP_KIND,
            "2024-01-02T01:04:05.0000000+00:00/Local",
        ),
        ("2024-01-02T03:04:05Z", DateStyles::ROUNDTRIP_KIND, "2024-01-02T03:04:05.0000000Z/Utc"),
        (
            "2024-01-02T03:04:05",
            DateStyles::ROUNDTRIP_KIND,
            "2024-01-02T03:04:05.0000000/Unspecified",
        ),
        (
            "2024-01-02T03:04:05",
            DateStyles::ASSUME_UNIVERSAL,
            "2024-01-02T03:04:05.0000000+00:00/Local",
        ),
        ("2024-01-02T03:04:05", DateStyles(80), "2024-01-02T03:04:05.0000000Z/Utc"),
        (
            "2024-01-02T03:04:05",
            DateStyles::ASSUME_LOCAL,
            "2024-01-02T03:04:05.0000000+00:00/Local",
        ),
        (
            "2024-01-02T03:04:05+02:00",
            DateStyles::ADJUST_TO_UNIVERSAL,
            "2024-01-02T01:04:05.0000000Z/Utc",
        ),
        (
            "2024-01-02T03:04:05",
            DateStyles::ADJUST_TO_UNIVERSAL,
            "2024-01-02T03:04:05.0000000/Unspecified",
        ),
        (
            "2024-01-02",
            DateStyles(96),
            "!The DateTimeStyles values AssumeLocal and AssumeUniversal cannot be used together. (Parameter 'styles')",
        ),
        (
            "2024-01-02",
            DateStyles(192),
            "!The DateTimeStyles value RoundtripKind cannot be used with the values AssumeLocal, AssumeUniversal or AdjustToUniversal. (Parameter 'styles')",
        ),
        ("12:30", DateStyles::NO_CURRENT_DATE_DEFAULT, "0001-01-01T12:30:00.0000000/Unspecified"),
    ] {
        let result = DateTime::parse(Some(text), styles, now());
        assert_eq!(shown(result, round_trip), expected, "{text:?} {styles:?}");
    }
    let null = DateTime::parse(None, DateStyles::NONE, now()).unwrap_err();
    assert_eq!(null.message(), "Value cannot be null. (Parameter 's')");
}

#[test]
fn offsets_are_read() {
    for (text, styles, expected) in [
        ("2024-01-02T03:04:05+02:00", DateStyles::NONE, "01/02/2024 03:04:05 +02:00"),
        ("2024-01-02T03:04:05Z", DateStyles::NONE, "01/02/2024 03:04:05 +00:00"),
        ("2024-01-02T03:04:05", DateStyles::NONE, "01/02/2024 03:04:05 +00:00"),
        ("2024-01-02", DateStyles::NONE, "01/02/2024 00:00:00 +00:00"),
        (
            "x",
            DateStyles::NONE,
            "!The string 'x' was not recognized as a valid DateTime. There is an unknown word starting at index '0'.",
        ),
        (
            "2024-01-02T03:04:05+15:00",
            DateStyles::NONE,
            "!The time zone offset of string '2024-01-02T03:04:05+15:00' must be within plus or minus 14 hours.",
        ),
        ("Tue, 02 Jan 2024 03:04:05 GMT", DateStyles::NONE, "01/02/2024 03:04:05 +00:00"),
        (
            "2024-01-02T03:04:05+02:00",
            DateStyles::ADJUST_TO_UNIVERSAL,
            "01/02/2024 01:04:05 +00:00",
        ),
        (
            "0001-01-01T00:00:00+05:00",
            DateStyles::NONE,
            "!The UTC representation of the date '0001-01-01T00:00:00+05:00' falls outside the year range 1-9999.",
        ),
    ] {
        let result = DateTimeOffset::parse(Some(text), styles, now());
        assert_eq!(shown(result, DateTimeOffset::text), expected, "{text:?} {styles:?}");
    }
}

#[test]
fn offsets_are_read_exactly() {
    for (text, format, styles, expected) in [
        ("2024-01-02T03:04:05.0000000+02:00", "o", DateStyles::NONE, "01/02/2024 03:04:05 +02:00"),
        ("2024-01-02", "yyyy-MM-dd", DateStyles::NONE, "01/02/2024 00:00:00 +00:00"),
        ("2024-01-02 +02:00", "yyyy-MM-dd zzz", DateStyles::NONE, "01/02/2024 00:00:00 +02:00"),
        ("x", "yyyy", DateStyles::NONE, "!String 'x' was not recognized as a valid DateTime."),
    ] {
        let result = DateTimeOffset::parse_exact(Some(text), Some(format), styles, now());
        assert_eq!(shown(result, DateTimeOffset::text), expected, "{text:?} {format:?}");
    }
}

#[test]
fn spans_are_read() {
    for (text, expected) in [
        ("1", "1.00:00:00"),
        ("1:2", "01:02:00"),
        ("24:00:00", "24.00:00:00"),
        ("1:2:3", "01:02:03"),
        ("1.2:3", "1.02:03:00"),
        ("1.2:3:4", "1.02:03:04"),
        ("1.2:3:4.5", "1.02:03:04.5000000"),
        ("1:2:3:4", "1.02:03:04"),
        ("1:2:3:4.5", "1.02:03:04.5000000"),
        ("-1:2:3", "-01:02:03"),
        (" 1:2:3 ", "01:02:03"),
        (
            "24:00",
            "!The TimeSpan string '24:00' could not be parsed because at least one of the numeric components is out of range or contains too many digits.",
        ),
        (
            "23:60",
            "!The TimeSpan string '23:60' could not be parsed because at least one of the numeric components is out of range or contains too many digits.",
        ),
        (
            "1:2:60",
            "!The TimeSpan string '1:2:60' could not be parsed because at least one of the numeric components is out of range or contains too many digits.",
        ),
        ("", "!String '' was not recognized as a valid TimeSpan."),
        ("abc", "!String 'abc' was not recognized as a valid TimeSpan."),
        ("10675199.02:48:05.4775807", "10675199.02:48:05.4775807"),
        ("-10675199.02:48:05.4775808", "-10675199.02:48:05.4775808"),
        (
            "10675199.02:48:05.4775808",
            "!The TimeSpan string '10675199.02:48:05.4775808' could not be parsed because at least one of the numeric components is out of range or contains too many digits.",
        ),
        (
            "10675200",
            "!The TimeSpan string '10675200' could not be parsed because at least one of the numeric components is out of range or contains too many digits.",
        ),
        (
            "99999999999",
            "!The TimeSpan string '99999999999' could not be parsed because at least one of the numeric components is out of range or contains too many digits.",
        ),
        (
            "1:2:3.12345678",
            "!The TimeSpan string '1:2:3.12345678' could not be parsed because at least one of the numeric components is out of range or contains too many digits.",
        ),
        ("1:2:3.1234567", "01:02:03.1234567"),
        ("1:2.5", "!String '1:2.5' was not recognized as a valid TimeSpan."),
        ("+1:2", "!String '+1:2' was not recognized as a valid TimeSpan."),
        ("1,2:3", "!String '1,2:3' was not recognized as a valid TimeSpan."),
        ("1 2:3", "!String '1 2:3' was not recognized as a valid TimeSpan."),
        ("1.2", "!String '1.2' was not recognized as a valid TimeSpan."),
        ("1.2.3", "!String '1.2.3' was not recognized as a valid TimeSpan."),
        (".5", "!String '.5' was not recognized as a valid TimeSpan."),
        ("0:0:0.5", "00:00:00.5000000"),
        (":5", "!String ':5' was not recognized as a valid TimeSpan."),
        ("5:", "!String '5:' was not recognized as a valid TimeSpan."),
        ("1:2:3:4:5", "!String '1:2:3:4:5' was not recognized as a valid TimeSpan."),
        ("001:02", "01:02:00"),
    ] {
        let result = TimeSpan::parse(Some(text));
        assert_eq!(shown(result, TimeSpan::text), expected, "{text:?}");
    }
    for (text, format, expected) in [
        ("1:02", "h\\:mm", "01:02:00"),
        ("01:02", "hh\\:mm", "01:02:00"),
        ("1.02:03:04", "c", "1.02:03:04"),
        ("x", "c", "!String 'x' was not recognized as a valid TimeSpan."),
        ("1:2:3", "g", "01:02:03"),
        ("1:2:3:4.5", "G", "1.02:03:04.5000000"),
        ("0102", "hhmm", "01:02:00"),
        ("5d", "d'd'", "5.00:00:00"),
        ("5", "%d", "5.00:00:00"),
        ("5", "d", "!Format specifier 'd' was invalid."),
        ("1.25", "s\\.ff", "00:00:01.2500000"),
        ("1.2", "s\\.FF", "00:00:01.2000000"),
    ] {
        let result = TimeSpan::parse_exact(Some(text), Some(format));
        assert_eq!(shown(result, TimeSpan::text), expected, "{text:?} {format:?}");
    }
}

#[test]
fn spans_are_written() {
    for (span, format, expected) in [
        (span(0, 25, 61, 61, 0), "", "1.02:02:01"),
        (span(1, 2, 3, 4, 5), "", "1.02:03:04.0050000"),
        (span(-1, 2, 3, 4, 5), "", "-21:56:55.9950000"),
        (TimeSpan::MIN, "", "-10675199.02:48:05.4775808"),
        (TimeSpan::MAX, "g", "10675199:2:48:05.4775807"),
        (TimeSpan::MAX, "G", "10675199:02:48:05.4775807"),
        (span(1, 2, 3, 4, 5), "g", "1:2:03:04.005"),
        (span(0, 2, 3, 4, 0), "g", "2:03:04"),
        (span(0, 2, 3, 4, 0), "G", "0:02:03:04.0000000"),
        (span(0, 2, 3, 4, 0), "c", "02:03:04"),
        (span(0, 2, 3, 4, 0), "x", "!Input string was not in a correct format."),
        (span(1, 2, 3, 4, 5), "hh\\:mm\\:ss", "02:03:04"),
        (span(1, 2, 3, 4, 5), "d\\.hh\\:mm\\:ss\\.fff", "1.02:03:04.005"),
        (span(1, 2, 3, 4, 5), "%h", "2"),
        (span(1, 2, 3, 4, 5), "dddddddd", "00000001"),
        (span(1, 2, 3, 4, 5), "h'h 'm'm'", "2h 3m"),
        (span(1, 2, 3, 4, 5), "hh:mm", "!Input string was not in a correct format."),
        (span(1, 2, 3, 4, 50), "s\\.FFFFFFF", "4.05"),
        (span(1, 2, 3, 4, 0), "s\\.FFFFFFF", "4."),
        (span(1, 2, 3, 4, 0), "ffffffff", "!Input string was not in a correct format."),
        (span(1, 2, 3, 4, 0), "hhh", "!Input string was not in a correct format."),
        (
            span(1, 2, 3, 4, 0),
            "'abc",
            "!Cannot find a matching quote character for the character '''.",
        ),
        (span(1, 2, 3, 4, 0), "abc", "!Input string was not in a correct format."),
        (span(1, 2, 3, 4, 0), "", "1.02:03:04"),
        (TimeSpan::ZERO, "g", "0:00:00"),
        (TimeSpan::ZERO, "G", "0:00:00:00.0000000"),
        (span(0, -1, -2, -3, 0), "hh\\:mm", "01:02"),
    ] {
        let result = span.format(format, &mut budget());
        assert_eq!(shown(result, |text| text), expected, "{span:?} {format:?}");
    }
}

#[test]
fn dates_are_written() {
    for (date, format, expected) in [
        (date([2024, 1, 2, 3, 4, 5, 6], Kind::Unspecified), "", "01/02/2024 03:04:05"),
        (
            date([2024, 1, 2, 13, 4, 5, 670], Kind::Unspecified),
            "d dd ddd dddd ddddd M MM MMM MMMM MMMMM y yy yyy yyyy yyyyy yyyyyy",
            "2 02 Tue Tuesday Tuesday 1 01 Jan January January 24 24 2024 2024 02024 002024",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 670], Kind::Unspecified),
            "h hh hhh H HH HHH m mm mmm s ss sss t tt ttt",
            "1 01 01 13 13 13 4 04 04 5 05 05 P PM PM",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 670], Kind::Unspecified),
            "f ff fff ffff fffff ffffff fffffff",
            "6 67 670 6700 67000 670000 6700000",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 670], Kind::Unspecified),
            "F FF FFF FFFF FFFFF FFFFFF FFFFFFF",
            "6 67 67 67 67 67 67",
        ),
        (date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified), "ss.FFF|s.F", "05|5"),
        (
            date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified),
            "ffffffff",
            "!Input string was not in a correct format.",
        ),
        (date([2024, 1, 2, 13, 4, 5, 0], Kind::Utc), "z zz zzz zzzz K", "+0 +00 +00:00 +00:00 Z"),
        (
            date([2024, 1, 2, 13, 4, 5, 0], Kind::Local),
            "z zz zzz zzzz K",
            "+0 +00 +00:00 +00:00 +00:00",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified),
            "z zz zzz zzzz K",
            "+0 +00 +00:00 +00:00 ",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified),
            "g gg|'a''b'\"c\"\\d\\\\ %d",
            "A.D. A.D.|abcd\\ 2",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified),
            "%",
            "!Input string was not in a correct format.",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified),
            "%%",
            "!Input string was not in a correct format.",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified),
            "dd%",
            "!Input string was not in a correct format.",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified),
            "'abc",
            "!Cannot find a matching quote character for the character '''.",
        ),
        (
            date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified),
            "dd\\",
            "!Input string was not in a correct format.",
        ),
        (date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified), "%h", "1"),
        (date([2024, 1, 2, 0, 4, 5, 0], Kind::Unspecified), "%h%H", "120"),
        (date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified), "xyz/:.,-", "x24+0/:.,-"),
        (date([5, 1, 2, 13, 4, 5, 0], Kind::Unspecified), "y yy yyy yyyy", "5 05 005 0005"),
        (date([2024, 1, 2, 13, 4, 5, 0], Kind::Unspecified), "", "01/02/2024 13:04:05"),
    ] {
        let result = date.format(format, &mut budget());
        assert_eq!(shown(result, |text| text), expected, "{date:?} {format:?}");
    }
}

#[test]
fn arithmetic() {
    const BEYOND: &str = "!The added or subtracted value results in an un-representable DateTime.";
    let show = |result: Result<DateTime, Exception>| shown(result, DateTime::text);
    let day = TimeSpan::from_days(1.0).unwrap();
    for (result, expected) in [
        (DateTime::MAX.add_days(1.0), format!("{BEYOND} (Parameter 'value')")),
        (DateTime::MAX.add(day), format!("{BEYOND} (Parameter 'value')")),
        (DateTime::MIN.subtract(day), format!("{BEYOND} (Parameter 'value')")),
        (DateTime::MIN.subtract(TimeSpan::MIN), format!("{BEYOND} (Parameter 'value')")),
        (DateTime::MAX.plus(day), format!("{BEYOND} (Parameter 't')")),
        (DateTime::MIN.minus(day), format!("{BEYOND} (Parameter 't')")),
        (
            DateTime::MAX.add_days(1e300),
            "!Value to add was out of range. (Parameter 'value')".to_owned(),
        ),
        (
            // The check lets it through and the conversion makes it nothing.
            DateTime::MAX.add_days(f64::NAN),
            "12/31/9999 23:59:59".to_owned(),
        ),
        (DateTime::MAX.add_months(1), format!("{BEYOND} (Parameter 'months')")),
        (DateTime::MAX.add_years(1), format!("{BEYOND} (Parameter 'months')")),
        (
            DateTime::MAX.add_years(20_000),
            "!Years value must be between +/-10000. (Parameter 'years')".to_owned(),
        ),
        (
            DateTime::MAX.add_months(200_000),
            "!Months value must be between +/-120000. (Parameter 'months')".to_owned(),
        ),
        (
            DateTime::from_date(2024, 1, 31).unwrap().add_months(1),
            "02/29/2024 00:00:00".to_owned(),
        ),
        (
            DateTime::from_date(2024, 2, 29).unwrap().add_years(1),
            "02/28/2025 00:00:00".to_owned(),
        ),
        (
            DateTime::from_date(2024, 3, 1).unwrap().add_months(-13),
            "02/01/2023 00:00:00".to_owned(),
        ),
        (
            DateTime::from_date(2024, 13, 1),
            "!Year, Month, and Day parameters describe an un-representable DateTime.".to_owned(),
        ),
        (
            DateTime::from_parts(2024, 1, 1, 24, 0, 0, 0, Kind::Utc),
            "!Hour, Minute, and Second parameters describe an un-representable DateTime."
                .to_owned(),
        ),
        (
            DateTime::from_parts(2024, 1, 1, 0, 0, 0, 1000, Kind::Utc),
            "!Valid values are between 0 and 999, inclusive. (Parameter 'millisecond')".to_owned(),
        ),
        (
            DateTime::from_ticks(-1, Kind::Utc),
            "!Ticks must be between DateTime.MinValue.Ticks and DateTime.MaxValue.Ticks. (Parameter 'ticks')"
                .to_owned(),
        ),
    ] {
        assert_eq!(show(result), expected);
    }
    assert_eq!(DateTime::MIN.add_milliseconds(0.5).unwrap().ticks(), 10_000);
    assert_eq!(DateTime::MIN.add_seconds(1.234_567_89).unwrap().ticks(), 12_350_000);
}

#[test]
fn every_day_has_a_date() {
    // The calendar repeats itself after 400 years.
    let mut expected = (1, 1, 1);
    for days in 0..146_100_i64 {
        let found = super::calendar::date_of_days(days);
        assert_eq!((found.year, found.month, found.day), expected);
        let (year, month, day) = expected;
        assert_eq!(super::calendar::days_of_date(year, month, day), Some(days));
        expected = if day < days_in_month(year, month).unwrap() {
            (year, month, day + 1)
        } else if month < 12 {
            (year, month + 1, 1)
        } else {
            (year + 1, 1, 1)
        };
    }
    assert_eq!(expected, (401, 1, 4));
    let end = DateTime::MAX;
    assert_eq!(
        (end.year(), end.day_of_year(), end.day_of_week()),
        (9999, 365, super::DayOfWeek::Friday)
    );
    assert!(is_leap_year(2000).unwrap() && !is_leap_year(1900).unwrap());
    assert_eq!(
        days_in_month(2024, 13).unwrap_err().message(),
        "Month must be between one and twelve. (Parameter 'month')"
    );
    assert_eq!(
        is_leap_year(0).unwrap_err().message(),
        "Year must be between 1 and 9999. (Parameter 'year')"
    );
}

#[test]
fn span_arithmetic() {
    let hour = TimeSpan::from_hours(1.0).unwrap();
    let long = "!TimeSpan overflowed because the duration is too long.";
    let nan = "!TimeSpan does not accept floating point Not-a-Number values.";
    for (result, expected) in [
        (TimeSpan::from_milliseconds(1.5), "00:00:00.0015000"),
        (TimeSpan::from_seconds(1.234_567_89), "00:00:01.2345678"),
        (TimeSpan::from_days(1e10), long),
        (TimeSpan::from_days(f64::NAN), nan),
        (TimeSpan::from_seconds(f64::INFINITY), long),
        (TimeSpan::from_parts(i32::MAX, 0, 0, 0, 0), long),
        (TimeSpan::MAX.add(hour), long),
        (TimeSpan::MIN.subtract(hour), long),
        (
            TimeSpan::MIN.negate(),
            "!Negating the minimum value of a twos complement number is invalid.",
        ),
        (
            TimeSpan::MIN.duration(),
            "!The duration cannot be returned for TimeSpan.MinValue because the absolute value of TimeSpan.MinValue exceeds the value of TimeSpan.MaxValue.",
        ),
        (hour.multiply(1.5), "01:30:00"),
        (hour.multiply(1e300), long),
        (
            hour.multiply(f64::NAN),
            "!TimeSpan does not accept floating point Not-a-Number values. (Parameter 'factor')",
        ),
        (hour.divide(2.0), "00:30:00"),
        (hour.divide(0.0), long),
    ] {
        assert_eq!(shown(result, TimeSpan::text), expected);
    }
    assert_eq!(TimeSpan::from_seconds(1.5).unwrap().total_minutes().to_string(), "0.025");
    assert_eq!(TimeSpan::MAX.total_milliseconds().to_string(), "922337203685477");
    assert_eq!(TimeSpan::from_ticks(12_345).total_milliseconds().to_string(), "1.2345");
    assert_eq!(hour.ratio(TimeSpan::from_minutes(7.0).unwrap()).to_string(), "8.571428571428571");
    let parts = span(-1, 2, 3, 4, 5);
    assert_eq!(
        [parts.days(), parts.hours(), parts.minutes(), parts.seconds(), parts.milliseconds()],
        [0, -21, -56, -55, -995]
    );
    assert_eq!(
        TimeSpan::parse(None).unwrap_err().message(),
        "Value cannot be null. (Parameter 'input')"
    );
}

#[test]
fn offsets() {
    let clock = date([2024, 1, 2, 3, 4, 5, 0], Kind::Unspecified);
    let hours = |hours: f64| TimeSpan::from_hours(hours).unwrap();
    let east = DateTimeOffset::with_offset(clock, hours(2.0)).unwrap();
    for (value, format, expected) in [
        (east, "", "01/02/2024 03:04:05 +02:00"),
        (east, "o", "2024-01-02T03:04:05.0000000+02:00"),
        (east, "r", "Tue, 02 Jan 2024 01:04:05 GMT"),
        (east, "u", "2024-01-02 01:04:05Z"),
        (east, "s", "2024-01-02T03:04:05"),
        (east, "U", "!Input string was not in a correct format."),
        (
            DateTimeOffset::with_offset(clock, hours(-2.5)).unwrap(),
            "z zz zzz K",
            "-2 -02 -02:30 -02:30",
        ),
        (east.to_offset(hours(-5.0)).unwrap(), "", "01/01/2024 20:04:05 -05:00"),
    ] {
        assert_eq!(shown(value.format(format, &mut budget()), |text| text), expected);
    }
    assert_eq!(east, east.to_offset(hours(-5.0)).unwrap());
    assert_eq!(DateTimeOffset::from_unix_seconds(-1).unwrap().unix_milliseconds(), -1000);
    assert_eq!(east.unix_seconds(), 1_704_157_445);
    for (result, expected) in [
        (
            DateTimeOffset::from_unix_seconds(i64::MAX),
            "Valid values are between -62135596800 and 253402300799, inclusive. (Parameter 'seconds')",
        ),
        (
            DateTimeOffset::from_unix_milliseconds(i64::MIN),
            "Valid values are between -62135596800000 and 253402300799999, inclusive. (Parameter 'milliseconds')",
        ),
        (
            DateTimeOffset::with_offset(clock, hours(15.0)),
            "Offset must be within plus or minus 14 hours. (Parameter 'offset')",
        ),
        (
            DateTimeOffset::with_offset(clock, TimeSpan::from_ticks(1)),
            "Offset must be specified in whole minutes. (Parameter 'offset')",
        ),
        (
            DateTimeOffset::with_offset(clock.with_kind(Kind::Utc), hours(1.0)),
            "The UTC Offset for Utc DateTime instances must be 0. (Parameter 'offset')",
        ),
        (
            DateTimeOffset::with_offset(clock.with_kind(Kind::Local), hours(1.0)),
            "The UTC Offset of the local dateTime parameter does not match the offset argument. (Parameter 'offset')",
        ),
        (
            DateTimeOffset::with_offset(DateTime::MIN, hours(1.0)),
            "The UTC time represented when the offset is applied must be between year 0 and 10,000. (Parameter 'offset')",
        ),
        (
            DateTimeOffset::from_date_time(DateTime::MAX).map(|clock| clock.add_days(1.0)),
            "The added or subtracted value results in an un-representable DateTime. (Parameter 'value')",
        ),
        (
            DateTimeOffset::from_date_time(DateTime::MIN).to_offset(hours(-1.0)),
            "The added or subtracted value results in an un-representable DateTime. (Parameter 't')",
        ),
    ] {
        assert_eq!(result.unwrap_err().message(), expected);
    }
}

#[test]
fn standard_formats() {
    let clock = [2024, 1, 2, 13, 4, 5, 678];
    let bad = "!Input string was not in a correct format.";
    for (letter, expected) in [
        ("d", "01/02/2024"),
        ("D", "Tuesday, 02 January 2024"),
        ("f", "Tuesday, 02 January 2024 13:04"),
        ("F", "Tuesday, 02 January 2024 13:04:05"),
        ("g", "01/02/2024 13:04"),
        ("G", "01/02/2024 13:04:05"),
        ("m", "January 02"),
        ("M", "January 02"),
        ("r", "Tue, 02 Jan 2024 13:04:05 GMT"),
        ("R", "Tue, 02 Jan 2024 13:04:05 GMT"),
        ("s", "2024-01-02T13:04:05"),
        ("S", bad),
        ("t", "13:04"),
        ("T", "13:04:05"),
        ("u", "2024-01-02 13:04:05Z"),
        ("U", "Tuesday, 02 January 2024 13:04:05"),
        ("y", "2024 January"),
        ("Y", "2024 January"),
        ("k", bad),
        ("é", bad),
    ] {
        for kind in [Kind::Unspecified, Kind::Utc, Kind::Local] {
            let result = date(clock, kind).format(letter, &mut budget());
            assert_eq!(shown(result, |text| text), expected, "{letter} {kind:?}");
        }
    }
    for (kind, expected) in [
        (Kind::Unspecified, "2024-01-02T13:04:05.6780000"),
        (Kind::Utc, "2024-01-02T13:04:05.6780000Z"),
        (Kind::Local, "2024-01-02T13:04:05.6780000+00:00"),
    ] {
        assert_eq!(date(clock, kind).format("O", &mut budget()).unwrap(), expected);
    }
}
