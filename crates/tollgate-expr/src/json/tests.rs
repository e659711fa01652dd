//! What Json.NET 12 answers.

use std::sync::Arc;

use super::{
    DateParse, Formatting, JsonHeap, JsonId, JsonType, JsonWriter, Primitive, PrimitiveType,
    Scalar, format_guid, parse_guid,
};
use crate::number::Number;
use crate::time::{DateTime, DateTimeOffset, Kind, TimeSpan};
use crate::{Budget, Exception, Limits};

/// C# null.
const NONE: Option<Scalar> = None;

struct Bench {
    heap: JsonHeap,
    budget: Budget,
}

impl Bench {
    fn new() -> Self {
        Self { heap: JsonHeap::default(), budget: Budget::new(Limits::default()) }
    }

    fn parse(&mut self, text: &str) -> JsonId {
        self.heap.parse(text, DateParse::DateTime, &mut self.budget).unwrap()
    }

    fn json(&mut self, id: JsonId) -> String {
        self.heap.to_json(id, Formatting::None, &mut self.budget).unwrap()
    }

    fn value(&mut self, value: Scalar) -> JsonId {
        self.heap.value(value, &mut self.budget).unwrap()
    }

    fn property(&mut self, name: &str, value: Scalar) -> JsonId {
        let value = self.value(value);
        self.heap.property(name.into(), Some(value), &mut self.budget).unwrap()
    }
}

/// A JSON text in the disguise of a value: [`operand`] parses it.
#[expect(clippy::unnecessary_wraps, reason = "stands in tables beside C# null")]
fn parsed(text: &str) -> Option<Scalar> {
    Some(Scalar::Raw(format!("parse {text}").into()))
}

fn operand(bench: &mut Bench, value: Option<Scalar>) -> Option<JsonId> {
    match value? {
        Scalar::Raw(text) if text.starts_with("parse ") => {
            Some(bench.parse(text.strip_prefix("parse ").unwrap()))
        }
        value => Some(bench.value(value)),
    }
}

fn shown(result: Result<Primitive, Exception>) -> String {
    let number = |number: Number| format!("{:?}:{}", number.kind(), number.text());
    match result {
        Err(exception) => format!("!{}", exception.message()),
        Ok(value) => match value {
            Primitive::Null => "null".to_owned(),
            Primitive::Bool(value) => {
                format!("Boolean:{}", if value { "True" } else { "False" })
            }
            Primitive::Char(value) => {
                format!("Char:{}", char::from_u32(value.into()).unwrap())
            }
            Primitive::SByte(value) => number(Number::SByte(value)),
            Primitive::Byte(value) => number(Number::Byte(value)),
            Primitive::Int16(value) => number(Number::Int16(value)),
            Primitive::UInt16(value) => number(Number::UInt16(value)),
            Primitive::Int32(value) => number(Number::Int32(value)),
            Primitive::UInt32(value) => number(Number::UInt32(value)),
            Primitive::Int64(value) => number(Number::Int64(value)),
            Primitive::UInt64(value) => number(Number::UInt64(value)),
            Primitive::Single(value) => number(Number::Single(value)),
            Primitive::Double(value) => number(Number::Double(value)),
            Primitive::Decimal(value) => number(Number::Decimal(value)),
            Primitive::Str(text) => format!("s:{text}"),
            Primitive::DateTime(date) => {
                let mut budget = Budget::new(Limits::default());
                format!("dt:{}/{:?}", date.format("o", &mut budget).unwrap(), date.kind())
            }
            Primitive::DateTimeOffset(date) => format!("DateTimeOffset:{}", date.text()),
            Primitive::TimeSpan(span) => format!("TimeSpan:{}", span.text()),
            Primitive::Guid(guid) => format!("Guid:{}", format_guid(guid, None).unwrap()),
            Primitive::Uri(uri) => format!("Uri:{}", uri.original()),
            Primitive::Bytes(bytes) => {
                use base64::Engine as _;
                format!("b:{}", base64::engine::general_purpose::STANDARD.encode(bytes))
            }
        },
    }
}

#[test]
fn casts() {
    for (value, to, nullable, expected) in [
        (parsed("{}"), PrimitiveType::Str, false, "!Can not convert Object to String."),
        (parsed("[]"), PrimitiveType::Str, false, "!Can not convert Array to String."),
        (parsed("1.5"), PrimitiveType::Str, false, "s:1.5"),
        (parsed("1e20"), PrimitiveType::Str, false, "s:1E+20"),
        (parsed("true"), PrimitiveType::Str, false, "s:True"),
        (parsed("null"), PrimitiveType::Str, false, "null"),
        (NONE, PrimitiveType::Str, false, "null"),
        (parsed("'2024-01-01T00:00:00Z'"), PrimitiveType::Str, false, "s:01/01/2024 00:00:00"),
        (
            parsed("'2024-01-01T00:00:00.123+02:00'"),
            PrimitiveType::Str,
            false,
            "s:12/31/2023 22:00:00",
        ),
        (Some(Scalar::Bytes([1, 2].into())), PrimitiveType::Str, false, "s:AQI="),
        (
            Some(Scalar::Guid([0; 16])),
            PrimitiveType::Str,
            false,
            "s:00000000-0000-0000-0000-000000000000",
        ),
        (
            Some(Scalar::TimeSpan(TimeSpan::from_ticks(50_000_000))),
            PrimitiveType::Str,
            false,
            "s:00:00:05",
        ),
        (Some(Scalar::Uri("http://a/b".into())), PrimitiveType::Str, false, "s:http://a/b"),
        (Some(Scalar::Raw("{x}".into())), PrimitiveType::Str, false, "s:{x}"),
        (Some(Scalar::Comment("c".into())), PrimitiveType::Str, false, "s:c"),
        (Some(Scalar::Undefined), PrimitiveType::Str, false, "null"),
        (parsed("2.5"), PrimitiveType::Int32, false, "Int32:2"),
        (parsed("3.5"), PrimitiveType::Int32, false, "Int32:4"),
        (parsed("'12'"), PrimitiveType::Int32, false, "Int32:12"),
        (
            parsed("'12.5'"),
            PrimitiveType::Int32,
            false,
            "!Input string was not in a correct format.",
        ),
        (parsed("''"), PrimitiveType::Int32, false, "!Input string was not in a correct format."),
        (parsed("true"), PrimitiveType::Int32, false, "Int32:1"),
        (parsed("null"), PrimitiveType::Int32, false, "!Can not convert Null to Int32."),
        (NONE, PrimitiveType::Int32, false, "!Value cannot be null. (Parameter 'value')"),
        (parsed("null"), PrimitiveType::Int32, true, "null"),
        (NONE, PrimitiveType::Int32, true, "null"),
        (
            parsed("5000000000"),
            PrimitiveType::Int32,
            false,
            "!Value was either too large or too small for an Int32.",
        ),
        (parsed("{}"), PrimitiveType::Int32, false, "!Can not convert Object to Int32."),
        (parsed("{}"), PrimitiveType::Int32, true, "!Can not convert Object to Int32."),
        (
            parsed("'2024-01-01T00:00:00Z'"),
            PrimitiveType::Int32,
            false,
            "!Can not convert Date to Int32.",
        ),
        (
            parsed("1e19"),
            PrimitiveType::Int64,
            false,
            "!Arithmetic operation resulted in an overflow.",
        ),
        (parsed("'1'"), PrimitiveType::Int64, false, "Int64:1"),
        (parsed("'1.5'"), PrimitiveType::Double, false, "Double:1.5"),
        (parsed("true"), PrimitiveType::Double, false, "Double:1"),
        (parsed("1.5"), PrimitiveType::Decimal, false, "Decimal:1.5"),
        (parsed("'1.50'"), PrimitiveType::Decimal, false, "Decimal:1.50"),
        (
            parsed("1e30"),
            PrimitiveType::Decimal,
            false,
            "!Value was either too large or too small for a Decimal.",
        ),
        (parsed("1.1"), PrimitiveType::Single, false, "Single:1.1"),
        (parsed("'true'"), PrimitiveType::Bool, false, "Boolean:True"),
        (
            parsed("'yes'"),
            PrimitiveType::Bool,
            false,
            "!String 'yes' was not recognized as a valid Boolean.",
        ),
        (parsed("2"), PrimitiveType::Bool, false, "Boolean:True"),
        (parsed("0.0"), PrimitiveType::Bool, false, "Boolean:False"),
        (parsed("null"), PrimitiveType::Bool, false, "!Can not convert Null to Boolean."),
        (parsed("null"), PrimitiveType::Bool, true, "null"),
        (parsed("undefined"), PrimitiveType::Bool, true, "null"),
        (
            parsed("300"),
            PrimitiveType::Byte,
            false,
            "!Value was either too large or too small for an unsigned byte.",
        ),
        (parsed("'ab'"), PrimitiveType::Char, false, "!String must be exactly one character long."),
        (parsed("'a'"), PrimitiveType::Char, false, "Char:a"),
        (parsed("65"), PrimitiveType::Char, false, "Char:A"),
        (parsed("1.5"), PrimitiveType::Char, false, "!Invalid cast from 'Double' to 'Char'."),
        (
            parsed("70000"),
            PrimitiveType::Char,
            false,
            "!Value was either too large or too small for a character.",
        ),
        (
            parsed("'2024-01-01T00:00:00Z'"),
            PrimitiveType::DateTime,
            false,
            "dt:2024-01-01T00:00:00.0000000Z/Utc",
        ),
        (
            Some(Scalar::from("2024-01-01")),
            PrimitiveType::DateTime,
            false,
            "dt:2024-01-01T00:00:00.0000000/Unspecified",
        ),
        (
            Some(Scalar::from("x")),
            PrimitiveType::DateTime,
            false,
            "!The string 'x' was not recognized as a valid DateTime. There is an unknown word starting at index '0'.",
        ),
        (parsed("1"), PrimitiveType::DateTime, false, "!Can not convert Integer to DateTime."),
        (
            parsed("'2024-01-01T00:00:00Z'"),
            PrimitiveType::DateTimeOffset,
            false,
            "DateTimeOffset:01/01/2024 00:00:00 +00:00",
        ),
        (
            Some(Scalar::from("2024-01-01T00:00:00+02:00")),
            PrimitiveType::DateTimeOffset,
            false,
            "DateTimeOffset:01/01/2024 00:00:00 +02:00",
        ),
        (parsed("null"), PrimitiveType::DateTime, true, "null"),
        (
            Some(Scalar::from("x")),
            PrimitiveType::Guid,
            false,
            "!Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).",
        ),
        (
            Some(Scalar::from("00000000-0000-0000-0000-000000000001")),
            PrimitiveType::Guid,
            false,
            "Guid:00000000-0000-0000-0000-000000000001",
        ),
        (parsed("1"), PrimitiveType::Guid, false, "!Can not convert Integer to Guid."),
        (parsed("null"), PrimitiveType::Guid, true, "null"),
        (Some(Scalar::from("00:00:05")), PrimitiveType::TimeSpan, false, "TimeSpan:00:00:05"),
        (
            Some(Scalar::from("x")),
            PrimitiveType::TimeSpan,
            false,
            "!String 'x' was not recognized as a valid TimeSpan.",
        ),
        (Some(Scalar::from("http://a/b")), PrimitiveType::Uri, false, "Uri:http://a/b"),
        (Some(Scalar::from("AQI=")), PrimitiveType::Bytes, false, "b:AQI="),
        (
            Some(Scalar::from("x")),
            PrimitiveType::Bytes,
            false,
            "!The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.",
        ),
        (parsed("1"), PrimitiveType::Bytes, false, "!Can not convert Integer to byte array."),
        (parsed("null"), PrimitiveType::Bytes, false, "!Can not convert Null to byte array."),
        (parsed("{}"), PrimitiveType::Bytes, false, "!Can not convert Object to byte array."),
        (
            parsed("-200"),
            PrimitiveType::SByte,
            false,
            "!Value was either too large or too small for a signed byte.",
        ),
        (
            parsed("-1"),
            PrimitiveType::UInt64,
            false,
            "!Value was either too large or too small for a UInt64.",
        ),
        (
            parsed("-1"),
            PrimitiveType::UInt32,
            false,
            "!Value was either too large or too small for a UInt32.",
        ),
        (
            parsed("1e6"),
            PrimitiveType::Int16,
            false,
            "!Value was either too large or too small for an Int16.",
        ),
        (parsed("{}"), PrimitiveType::DateTime, false, "!Can not convert Object to DateTime."),
        (parsed("{}"), PrimitiveType::Guid, false, "!Can not convert Object to Guid."),
        (parsed("{}"), PrimitiveType::Uri, false, "!Can not convert Object to Uri."),
        (parsed("{}"), PrimitiveType::TimeSpan, false, "!Can not convert Object to TimeSpan."),
        (
            parsed("{}"),
            PrimitiveType::DateTimeOffset,
            false,
            "!Can not convert Object to DateTimeOffset.",
        ),
        (parsed("{}"), PrimitiveType::Char, false, "!Can not convert Object to Char."),
        (parsed("{}"), PrimitiveType::SByte, false, "!Can not convert Object to SByte."),
        (parsed("{}"), PrimitiveType::Single, false, "!Can not convert Object to Single."),
        (parsed("{}"), PrimitiveType::Double, false, "!Can not convert Object to Double."),
        (parsed("{}"), PrimitiveType::Decimal, false, "!Can not convert Object to Decimal."),
        (Some(Scalar::Single(1.0)), PrimitiveType::Str, false, "s:1"),
        (Some(Scalar::Decimal("1.10".parse().unwrap())), PrimitiveType::Str, false, "s:1.10"),
        (Some(Scalar::UInt(u64::MAX)), PrimitiveType::Str, false, "s:18446744073709551615"),
        (
            Some(Scalar::UInt(u64::MAX)),
            PrimitiveType::Int32,
            false,
            "!Value was either too large or too small for an Int32.",
        ),
    ] {
        let mut bench = Bench::new();
        let id = operand(&mut bench, value.clone());
        let result = bench.heap.cast(id, to, nullable, &mut bench.budget);
        assert_eq!(shown(result), expected, "{value:?} {to:?}");
    }
}

#[test]
fn values() {
    for (value, to, nullable, expected) in [
        (parsed("1"), PrimitiveType::Int32, false, "Int32:1"),
        (NONE, PrimitiveType::Int32, false, "Int32:0"),
        (NONE, PrimitiveType::Int32, true, "null"),
        (
            parsed("null"),
            PrimitiveType::Int32,
            false,
            "!Null object cannot be converted to a value type.",
        ),
        (parsed("null"), PrimitiveType::Int32, true, "null"),
        (parsed("null"), PrimitiveType::Str, false, "null"),
        (parsed("1"), PrimitiveType::Str, false, "s:1"),
        (parsed("1.5"), PrimitiveType::Str, false, "s:1.5"),
        (parsed("true"), PrimitiveType::Str, false, "s:True"),
        (parsed("true"), PrimitiveType::Int32, false, "Int32:1"),
        (parsed("'true'"), PrimitiveType::Bool, false, "Boolean:True"),
        (parsed("'5'"), PrimitiveType::Int32, false, "Int32:5"),
        (parsed("'x'"), PrimitiveType::Int32, false, "!Input string was not in a correct format."),
        (
            parsed("{}"),
            PrimitiveType::Int32,
            false,
            "!Cannot cast Newtonsoft.Json.Linq.JObject to Newtonsoft.Json.Linq.JToken.",
        ),
        (
            parsed("{}"),
            PrimitiveType::Str,
            false,
            "!Cannot cast Newtonsoft.Json.Linq.JObject to Newtonsoft.Json.Linq.JToken.",
        ),
        (parsed("1"), PrimitiveType::DateTime, false, "!Invalid cast from 'Int64' to 'DateTime'."),
        (parsed("'2024-01-01T00:00:00Z'"), PrimitiveType::Str, false, "s:01/01/2024 00:00:00"),
        (
            parsed("'2024-01-01T00:00:00Z'"),
            PrimitiveType::Int32,
            false,
            "!Invalid cast from 'DateTime' to 'Int32'.",
        ),
        (
            parsed("'x'"),
            PrimitiveType::Guid,
            false,
            "!Invalid cast from 'System.String' to 'System.Guid'.",
        ),
        (
            parsed("'x'"),
            PrimitiveType::TimeSpan,
            false,
            "!Invalid cast from 'System.String' to 'System.TimeSpan'.",
        ),
        (
            parsed("'x'"),
            PrimitiveType::Uri,
            false,
            "!Invalid cast from 'System.String' to 'System.Uri'.",
        ),
        (
            parsed("'x'"),
            PrimitiveType::Bytes,
            false,
            "!Invalid cast from 'System.String' to 'System.Byte[]'.",
        ),
        (
            parsed("'x'"),
            PrimitiveType::DateTimeOffset,
            false,
            "!Invalid cast from 'System.String' to 'System.DateTimeOffset'.",
        ),
        (parsed("'xy'"), PrimitiveType::Char, false, "!String must be exactly one character long."),
        (parsed("true"), PrimitiveType::Char, false, "!Invalid cast from 'Boolean' to 'Char'."),
        (parsed("1.5"), PrimitiveType::Char, false, "!Invalid cast from 'Double' to 'Char'."),
        (
            parsed("1.5"),
            PrimitiveType::DateTime,
            false,
            "!Invalid cast from 'Double' to 'DateTime'.",
        ),
        (parsed("1.5"), PrimitiveType::Int64, false, "Int64:2"),
        (parsed("1.5"), PrimitiveType::Decimal, false, "Decimal:1.5"),
        (
            Some(Scalar::Bytes([1].into())),
            PrimitiveType::Str,
            false,
            "!Object must implement IConvertible.",
        ),
        (
            Some(Scalar::Guid([0; 16])),
            PrimitiveType::Str,
            false,
            "!Object must implement IConvertible.",
        ),
        (
            Some(Scalar::TimeSpan(TimeSpan::ZERO)),
            PrimitiveType::Str,
            false,
            "!Object must implement IConvertible.",
        ),
        (
            Some(Scalar::Guid([0; 16])),
            PrimitiveType::Int32,
            false,
            "!Object must implement IConvertible.",
        ),
        (
            Some(Scalar::Date(DateTime::MIN)),
            PrimitiveType::Bool,
            false,
            "!Invalid cast from 'DateTime' to 'Boolean'.",
        ),
        (
            Some(Scalar::Bool(true)),
            PrimitiveType::DateTime,
            false,
            "!Invalid cast from 'Boolean' to 'DateTime'.",
        ),
        (
            Some(Scalar::Decimal("1".parse().unwrap())),
            PrimitiveType::Char,
            false,
            "!Invalid cast from 'Decimal' to 'Char'.",
        ),
        (
            Some(Scalar::Decimal("1".parse().unwrap())),
            PrimitiveType::DateTime,
            false,
            "!Invalid cast from 'Decimal' to 'DateTime'.",
        ),
        (
            Some(Scalar::Single(1.0)),
            PrimitiveType::DateTime,
            false,
            "!Invalid cast from 'Single' to 'DateTime'.",
        ),
        (
            Some(Scalar::from("2024-01-01")),
            PrimitiveType::DateTime,
            false,
            "dt:2024-01-01T00:00:00.0000000/Unspecified",
        ),
        (Some(Scalar::Undefined), PrimitiveType::Str, false, "null"),
        (
            Some(Scalar::Undefined),
            PrimitiveType::Int32,
            false,
            "!Null object cannot be converted to a value type.",
        ),
    ] {
        let mut bench = Bench::new();
        let id = operand(&mut bench, value.clone());
        let result = bench.heap.value_of(id, to, nullable, &mut bench.budget);
        assert_eq!(shown(result), expected, "{value:?} {to:?}");
    }
}

#[test]
fn objects() {
    for (value, to, nullable, expected) in [
        (parsed("5"), PrimitiveType::Str, false, "s:5"),
        (parsed("null"), PrimitiveType::Int32, false, "!Can not convert Null to Int32."),
        (parsed("null"), PrimitiveType::Int32, true, "null"),
        (parsed("null"), PrimitiveType::Str, false, "null"),
        (parsed("{}"), PrimitiveType::Str, false, "!Can not convert Object to String."),
        (parsed("{}"), PrimitiveType::Int32, false, "!Can not convert Object to Int32."),
        (parsed("'2024-01-01T00:00:00Z'"), PrimitiveType::Str, false, "s:01/01/2024 00:00:00"),
    ] {
        let mut bench = Bench::new();
        let id = operand(&mut bench, value.clone()).unwrap();
        let result = bench.heap.cast(Some(id), to, nullable, &mut bench.budget);
        assert_eq!(shown(result), expected, "{value:?} {to:?}");
    }
}

#[test]
fn texts() {
    for (text, compact, expected) in [
        ("'2024-01-01T00:00:00Z'", false, "01/01/2024 00:00:00"),
        ("1e20", false, "1E+20"),
        ("100.0", false, "100"),
        (
            "{a:100.0,b:1e20,c:1.5,d:1e-7,e:-0.0,f:123456789012345678.0}",
            false,
            "{\n  \"a\": 100.0,\n  \"b\": 1E+20,\n  \"c\": 1.5,\n  \"d\": 1E-07,\n  \"e\": -0.0,\n  \"f\": 1.2345678901234568E+17\n}",
        ),
        ("[1e15,1e16,1e17]", true, "[1000000000000000.0,10000000000000000.0,1E+17]"),
        (
            "{a:[],b:{},c:[1,[2,{}]],d:new X(1),e:new Y()}",
            false,
            "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    [\n      2,\n      {}\n    ]\n  ],\n  \"d\": new X(\n    1\n  ),\n  \"e\": new Y(\n  )\n}",
        ),
        ("''", true, "\"\""),
        (
            "['/Date(0)/','/Date(1234656000000+0200)/','/Date(x)/','2024-01-01T24:00:00','2024-01-01T23:59:60','2024-02-30T00:00:00','2024-01-01T00:00:00.1234567','2024-01-01T00:00:00.12345678','2024-01-01T00:00:00+0530','2024-01-01T00:00:00-05','2024-01-01 00:00:00Z','2024-01-01T00:00:00z','2024-01-01T00:00:00.','2024-01-01T00:00:00.Z','0001-01-01T00:00:00+05:00','9999-12-31T23:59:59-05:00','2024-1-01T00:00:00Z','2024-01-01T00:00Z','2024-01-01T00:00:00.1234567890Z','2024-01-01T00:00:00 Z']",
            true,
            "[\"1970-01-01T00:00:00Z\",\"2009-02-15T00:00:00+00:00\",\"/Date(x)/\",\"2024-01-02T00:00:00\",\"2024-01-01T23:59:60\",\"2024-02-30T00:00:00\",\"2024-01-01T00:00:00.1234567\",\"2024-01-01T00:00:00.12345678\",\"2023-12-31T18:30:00+00:00\",\"2024-01-01T05:00:00+00:00\",\"2024-01-01 00:00:00Z\",\"2024-01-01T00:00:00Z\",\"2024-01-01T00:00:00.\",\"2024-01-01T00:00:00.Z\",\"0001-01-01T00:00:00+00:00\",\"9999-12-31T23:59:59.9999999+00:00\",\"2024-1-01T00:00:00Z\",\"2024-01-01T00:00Z\",\"2024-01-01T00:00:00.1234567890Z\",\"2024-01-01T00:00:00 Z\"]",
        ),
    ] {
        let mut bench = Bench::new();
        let id = bench.parse(text);
        let found = if compact {
            bench.json(id)
        } else {
            bench.heap.to_text(id, &mut bench.budget).unwrap().as_ref().to_owned()
        };
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn scalars_as_json() {
    let date = |kind| DateTime::from_parts(2024, 1, 2, 3, 4, 5, 120, kind).unwrap();
    let clock = date(Kind::Unspecified);
    let west = DateTimeOffset::with_offset(clock, TimeSpan::from_hours(-5.5).unwrap()).unwrap();
    for (value, json, text) in [
        (Scalar::Decimal("1.5".parse().unwrap()), "1.5", "1.5"),
        (Scalar::Decimal("1".parse().unwrap()), "1.0", "1"),
        (Scalar::Decimal("100.00".parse().unwrap()), "100.00", "100.00"),
        (Scalar::Single(1.5), "1.5", "1.5"),
        (Scalar::Single(1e10), "1E+10", "1E+10"),
        (Scalar::Double(f64::NAN), "\"NaN\"", "NaN"),
        (Scalar::Double(f64::NEG_INFINITY), "\"-Infinity\"", "-Infinity"),
        (Scalar::Double(-0.0), "-0.0", "-0"),
        (Scalar::UInt(u64::MAX), "18446744073709551615", "18446744073709551615"),
        (Scalar::Date(clock), "\"2024-01-02T03:04:05.12\"", "01/02/2024 03:04:05"),
        (Scalar::Date(date(Kind::Utc)), "\"2024-01-02T03:04:05.12Z\"", "01/02/2024 03:04:05"),
        (
            Scalar::Date(date(Kind::Local)),
            "\"2024-01-02T03:04:05.12+00:00\"",
            "01/02/2024 03:04:05",
        ),
        (
            Scalar::DateOffset(west),
            "\"2024-01-02T03:04:05.12-05:30\"",
            "01/02/2024 03:04:05 -05:30",
        ),
        (Scalar::TimeSpan(TimeSpan::from_days(1.5).unwrap()), "\"1.12:00:00\"", "1.12:00:00"),
        (
            Scalar::Guid(1_u128.to_be_bytes()),
            "\"00000000-0000-0000-0000-000000000001\"",
            "00000000-0000-0000-0000-000000000001",
        ),
        (Scalar::Uri("http://a/ b".into()), "\"http://a/ b\"", "http://a/ b"),
        (Scalar::Bytes([1].into()), "\"AQ==\"", "System.Byte[]"),
        (Scalar::Raw("{x:1}".into()), "{x:1}", "{x:1}"),
        (Scalar::Comment("c".into()), "/*c*/", "c"),
        (Scalar::Null, "null", ""),
        (Scalar::Undefined, "undefined", ""),
        (Scalar::Bool(true), "true", "True"),
        (
            Scalar::from("a\"b\\c/d\u{8}\t\n\u{c}\r\u{1}\u{7f}\u{80}\u{85}\u{2028}\u{2029}é'<"),
            "\"a\\\"b\\\\c/d\\b\\t\\n\\f\\r\\u0001\u{7f}\u{80}\\u0085\\u2028\\u2029é'<\"",
            "a\"b\\c/d\u{8}\t\n\u{c}\r\u{1}\u{7f}\u{80}\u{85}\u{2028}\u{2029}é'<",
        ),
    ] {
        let mut bench = Bench::new();
        let id = bench.value(value);
        assert_eq!(bench.json(id), json);
        assert_eq!(&*bench.heap.to_text(id, &mut bench.budget).unwrap(), text);
    }
}

#[test]
fn values_with_a_format() {
    for (text, format, expected) in [
        ("1.5", Some("F2"), "1.50"),
        ("1.5", None, "1.5"),
        ("'x'", Some("F2"), "x"),
        ("'2024-01-01T00:00:00Z'", Some("o"), "2024-01-01T00:00:00.0000000Z"),
        ("{}", Some("F2"), "{}"),
    ] {
        let mut bench = Bench::new();
        let id = bench.parse(text);
        assert_eq!(bench.heap.value_format(id, format, &mut bench.budget).unwrap(), expected);
    }
}

#[test]
fn odd_documents_as_json() {
    let mut bench = Bench::new();
    let array = bench.heap.array(&mut bench.budget).unwrap();
    for value in [Scalar::Comment("c".into()), Scalar::Int(1), Scalar::Comment("d".into())] {
        let item = bench.value(value);
        bench.heap.add(array, Some(item), &mut bench.budget).unwrap();
    }
    let text = bench.heap.to_text(array, &mut bench.budget).unwrap();
    assert_eq!(&*text, "[\n  /*c*/\n  1\n  /*d*/\n]");
    let property = bench.property("a", Scalar::Int(1));
    let text = bench.heap.to_text(property, &mut bench.budget).unwrap();
    assert_eq!(&*text, "\"a\": 1");
    assert_eq!(bench.json(property), "\"a\":1");
    let property = bench.property("a", Scalar::Comment("c".into()));
    let text = bench.heap.to_text(property, &mut bench.budget).unwrap();
    assert_eq!(&*text, "\"a\": null");
}

#[test]
fn streaming() {
    let mut budget = Budget::new(Limits::default());
    let budget = &mut budget;
    let mut writer = JsonWriter::new(Formatting::Indented);
    writer.start_object(budget).unwrap();
    writer.name("a", budget).unwrap();
    writer.value(&Scalar::Int(1), budget).unwrap();
    writer.name("b", budget).unwrap();
    writer.start_array(budget).unwrap();
    writer.string("x", budget).unwrap();
    writer.start_array(budget).unwrap();
    writer.end_array(budget).unwrap();
    writer.end_array(budget).unwrap();
    writer.name("c", budget).unwrap();
    writer.start_object(budget).unwrap();
    writer.end_object(budget).unwrap();
    writer.end_object(budget).unwrap();
    assert_eq!(
        writer.finish(),
        "{\n  \"a\": 1,\n  \"b\": [\n    \"x\",\n    []\n  ],\n  \"c\": {}\n}"
    );
}

type Change = fn(&mut Bench, JsonId) -> Result<(), Exception>;

/// A document, a change, and the document or the fault after it.
fn check_change(cases: &[(&str, Change, &str)]) {
    for (document, change, expected) in cases {
        let mut bench = Bench::new();
        let root = bench.parse(document);
        let found = match change(&mut bench, root) {
            Ok(()) => bench.json(root),
            Err(exception) => format!("!{}", exception.message()),
        };
        assert_eq!(found, *expected, "{document}");
    }
}

#[expect(clippy::unnecessary_wraps, reason = "arguments may be C# null")]
fn int(bench: &mut Bench, value: i64) -> Option<JsonId> {
    Some(bench.value(Scalar::Int(value)))
}

#[expect(clippy::unnecessary_wraps, reason = "arguments may be C# null")]
fn name(name: &str) -> Option<Arc<str>> {
    Some(name.into())
}

#[test]
fn adding() {
    check_change(&[
        (
            "{a:1}",
            |b, o| {
                let two = int(b, 2);
                b.heap.add_property(o, name("a"), two, &mut b.budget)
            },
            "!Can not add property a to Newtonsoft.Json.Linq.JObject. Property with the same name already exists on object.",
        ),
        (
            "{a:1}",
            |b, o| {
                let two = int(b, 2);
                b.heap.add(o, two, &mut b.budget)
            },
            "!Can not add Newtonsoft.Json.Linq.JValue to Newtonsoft.Json.Linq.JObject.",
        ),
        (
            "{a:1}",
            |b, o| b.heap.add(o, None, &mut b.budget),
            "!Can not add Newtonsoft.Json.Linq.JValue to Newtonsoft.Json.Linq.JObject.",
        ),
        (
            "[]",
            |b, a| {
                let property = b.property("x", Scalar::Int(1));
                b.heap.add(a, Some(property), &mut b.budget)
            },
            "!Can not add Newtonsoft.Json.Linq.JProperty to Newtonsoft.Json.Linq.JArray.",
        ),
        (
            "{}",
            |b, o| b.heap.add_property(o, None, None, &mut b.budget),
            "!Value cannot be null. (Parameter 'name')",
        ),
        (
            "{a:{b:1}}",
            |b, o| {
                let inner = b.heap.get(o, "a");
                b.heap.set_name(o, name("c"), inner, &mut b.budget)?;
                let copy = b.heap.get(o, "c").unwrap();
                assert_ne!(Some(copy), inner);
                let five = int(b, 5);
                b.heap.set_name(copy, name("b"), five, &mut b.budget)
            },
            r#"{"a":{"b":1},"c":{"b":5}}"#,
        ),
        (
            "{a:1}",
            |b, o| b.heap.set_name(o, name("self"), Some(o), &mut b.budget),
            r#"{"a":1,"self":{"a":1}}"#,
        ),
        ("[1,[2]]", |b, a| b.heap.add(a, Some(a), &mut b.budget), "[1,[2],[1,[2]]]"),
        (
            "[1,[2]]",
            |b, a| {
                let inner = b.heap.child(a, 1).unwrap();
                b.heap.add(inner, Some(a), &mut b.budget)
            },
            "[1,[2,[1,[2]]]]",
        ),
        ("[1]", |b, a| b.heap.add(a, None, &mut b.budget), "[1,null]"),
        (
            "{a:1,b:2}",
            |b, o| {
                let property = b.property("c", Scalar::Int(1));
                b.heap.insert_item(o, 0, Some(property), &mut b.budget)
            },
            r#"{"c":1,"a":1,"b":2}"#,
        ),
        (
            "{a:1,b:2}",
            |b, o| {
                let new = b.property("c", Scalar::Int(1));
                let a = b.heap.property_named(o, "a").unwrap();
                beside(b, a, 1, Some(new))
            },
            r#"{"a":1,"c":1,"b":2}"#,
        ),
        (
            "{a:1,b:2}",
            |b, o| {
                let new = b.property("c", Scalar::Int(1));
                let last = b.heap.property_named(o, "b").unwrap();
                beside(b, last, 0, Some(new))
            },
            r#"{"a":1,"c":1,"b":2}"#,
        ),
        (
            "{a:1}",
            |b, o| {
                let value = b.heap.get(o, "a").unwrap();
                let five = int(b, 5);
                beside(b, value, 1, five)
            },
            "!Newtonsoft.Json.Linq.JProperty cannot have multiple values.",
        ),
        ("{}", |b, o| beside(b, o, 1, None), "!The parent is missing."),
        (
            "{}",
            |b, o| {
                let comment = b.value(Scalar::Comment("c".into()));
                b.heap.add(o, Some(comment), &mut b.budget)
            },
            "{}",
        ),
    ]);
}

/// Puts a token beside another.
fn beside(
    bench: &mut Bench,
    token: JsonId,
    offset: usize,
    item: Option<JsonId>,
) -> Result<(), Exception> {
    let (parent, slot) = bench.heap.place_in_parent(token)?;
    bench.heap.insert_item(parent, slot + offset, item, &mut bench.budget)
}

#[test]
fn arrays() {
    const RANGE: &str = "!Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')";
    check_change(&[
        ("[1,2]", |b, a| b.heap.insert(a, 2, None, &mut b.budget), "[1,2,null]"),
        (
            "[1,2]",
            |b, a| b.heap.insert(a, 5, None, &mut b.budget),
            "!Index must be within the bounds of the List. (Parameter 'index')",
        ),
        ("[1,2]", |b, a| b.heap.insert(a, -1, None, &mut b.budget), RANGE),
        ("[1,2]", |b, a| b.heap.remove_at(a, 0, &mut b.budget), "[2]"),
        (
            "[1,2]",
            |b, a| b.heap.remove_at(a, 2, &mut b.budget),
            "!Index is equal to or greater than Count. (Parameter 'index')",
        ),
        (
            "[1,2]",
            |b, a| b.heap.remove_at(a, -1, &mut b.budget),
            "!Index is less than 0. (Parameter 'index')",
        ),
        (
            "[1,2]",
            |b, a| b.heap.set_number(a, 5, None, &mut b.budget),
            "!Index is equal to or greater than Count. (Parameter 'index')",
        ),
        ("[1,2]", |b, a| b.heap.set_number(a, 1, None, &mut b.budget), "[1,null]"),
        ("[1]", |b, a| b.heap.index_number(a, 3).map(drop), RANGE),
        ("[1]", |b, a| b.heap.index_number(a, -1).map(drop), RANGE),
        (
            "[1]",
            |b, a| b.heap.index_name(a, Some("x")).map(drop),
            "!Accessed JArray values with invalid key value: \"x\". Int32 array index expected.",
        ),
        (
            "[1]",
            |b, a| b.heap.set_name(a, name("x"), None, &mut b.budget),
            "!Set JArray values with invalid key value: \"x\". Int32 array index expected.",
        ),
        (
            "[1,2,3]",
            |b, a| {
                let last = b.heap.child(a, 2);
                assert_eq!(b.heap.index_of(a, last, &mut b.budget)?, 2);
                let equal = int(b, 3);
                assert_eq!(b.heap.index_of(a, equal, &mut b.budget)?, -1);
                assert!(!b.heap.remove_item(a, equal, &mut b.budget)?);
                assert!(b.heap.remove_item(a, last, &mut b.budget)?);
                b.heap.add(a, last, &mut b.budget)?;
                assert_eq!(b.heap.child(a, 2), last);
                b.heap.remove(last.unwrap(), &mut b.budget)
            },
            "[1,2]",
        ),
        ("[1,2]", |b, a| b.heap.remove_all(a, &mut b.budget), "[]"),
        (
            "new X(1,2)",
            |b, c| {
                assert_eq!(b.heap.index_number(c, 1)?, b.heap.child(c, 1));
                b.heap.index_name(c, Some("x")).map(drop)
            },
            "!Accessed JConstructor values with invalid key value: \"x\". Argument position index expected.",
        ),
    ]);
}

#[test]
fn objects_change() {
    check_change(&[
        (
            "{a:1}",
            |b, o| b.heap.index_number(o, 0).map(drop),
            "!Accessed JObject values with invalid key value: 0. Object property name expected.",
        ),
        (
            "{a:1}",
            |b, o| b.heap.set_number(o, 0, None, &mut b.budget),
            "!Set JObject values with invalid key value: 0. Object property name expected.",
        ),
        (
            "1",
            |b, v| b.heap.index_name(v, Some("x")).map(drop),
            "!Cannot access child value on Newtonsoft.Json.Linq.JValue.",
        ),
        (
            "1",
            |b, v| b.heap.set_name(v, name("x"), None, &mut b.budget),
            "!Cannot set child value on Newtonsoft.Json.Linq.JValue.",
        ),
        (
            "1",
            |b, v| b.heap.first(v).map(drop),
            "!Cannot access child value on Newtonsoft.Json.Linq.JValue.",
        ),
        (
            "{a:1}",
            |b, o| {
                let property = b.heap.property_named(o, "a").unwrap();
                b.heap.index_number(property, 0).map(drop)
            },
            "!Cannot access child value on Newtonsoft.Json.Linq.JProperty.",
        ),
        (
            "{}",
            |b, o| b.heap.index_name(o, None).map(drop),
            "!Value cannot be null. (Parameter 'key')",
        ),
        (
            "{a:1}",
            |b, o| {
                let value = b.heap.get(o, "a");
                let equal = int(b, 1);
                b.heap.set_name(o, name("a"), equal, &mut b.budget)?;
                assert_eq!(b.heap.get(o, "a"), value, "an equal value changes nothing");
                let two = int(b, 2);
                b.heap.set_name(o, name("a"), two, &mut b.budget)?;
                assert_eq!(b.heap.parent(value.unwrap()), None);
                Ok(())
            },
            r#"{"a":2}"#,
        ),
        (
            "{a:{b:1}}",
            |b, o| {
                let value = b.heap.get(o, "a").unwrap();
                b.heap.remove(value, &mut b.budget)
            },
            "!Cannot add or remove items from Newtonsoft.Json.Linq.JProperty.",
        ),
        (
            "{a:{b:1}}",
            |b, o| {
                let value = b.heap.get(o, "a").unwrap();
                let property = b.heap.parent(value).unwrap();
                b.heap.remove(property, &mut b.budget)
            },
            "{}",
        ),
        ("{}", |b, o| b.heap.remove(o, &mut b.budget), "!The parent is missing."),
        ("{}", |b, o| b.heap.replace(o, None, &mut b.budget), "!The parent is missing."),
        (
            "{a:{b:1}}",
            |b, o| {
                let value = b.heap.get(o, "a").unwrap();
                b.heap.replace(value, None, &mut b.budget)
            },
            r#"{"a":null}"#,
        ),
        (
            "{a:1,b:2}",
            |b, o| {
                let new = b.property("b", Scalar::Int(1));
                let a = b.heap.property_named(o, "a").unwrap();
                b.heap.replace(a, Some(new), &mut b.budget)
            },
            "!Can not add property b to Newtonsoft.Json.Linq.JObject. Property with the same name already exists on object.",
        ),
        (
            "{a:1,b:2}",
            |b, o| {
                let new = b.property("c", Scalar::Int(1));
                let a = b.heap.property_named(o, "a").unwrap();
                b.heap.replace(a, Some(new), &mut b.budget)
            },
            r#"{"c":1,"b":2}"#,
        ),
        (
            "{a:1,b:2}",
            |b, o| {
                assert!(b.heap.remove_name(o, Some("a"), &mut b.budget)?);
                assert!(!b.heap.remove_name(o, Some("a"), &mut b.budget)?);
                assert!(!b.heap.remove_name(o, None, &mut b.budget)?);
                Ok(())
            },
            r#"{"b":2}"#,
        ),
        (
            "{a:1}",
            |b, o| {
                let property = b.heap.property_named(o, "a").unwrap();
                b.heap.remove_all(property, &mut b.budget)
            },
            "!Cannot add or remove items from Newtonsoft.Json.Linq.JProperty.",
        ),
        (
            "{Abc:1}",
            |b, o| {
                let found = b.heap.property_any_case(o, "aBC", &mut b.budget)?;
                assert_eq!(found, b.heap.property_named(o, "Abc"));
                let value = b.heap.get(o, "Abc").unwrap();
                b.heap.set_scalar(value, Scalar::from("x"), &mut b.budget)
            },
            r#"{"Abc":"x"}"#,
        ),
    ]);
}

#[test]
fn large_objects_find_their_properties() {
    let mut bench = Bench::new();
    let object = bench.heap.object(&mut bench.budget).unwrap();
    let numbered = |index: i64| format!("p{index}");
    for index in 0..1000 {
        let value = int(&mut bench, index);
        let name = Some(numbered(index).into());
        bench.heap.add_property(object, name, value, &mut bench.budget).unwrap();
    }
    for index in (0..1000).step_by(3) {
        let removed =
            bench.heap.remove_name(object, Some(&numbered(index)), &mut bench.budget).unwrap();
        assert!(removed);
    }
    let replaced = bench.heap.property_named(object, "p1").unwrap();
    let new = bench.property("q", Scalar::Int(-1));
    bench.heap.replace(replaced, Some(new), &mut bench.budget).unwrap();
    assert_eq!(bench.heap.get(object, "p1"), None);
    assert_eq!(bench.heap.property_named(object, "q"), Some(new));
    for index in 2..1000_i64 {
        let found = bench.heap.get(object, &numbered(index));
        let expected = (index % 3 != 0).then_some(Scalar::Int(index));
        assert_eq!(found.and_then(|id| bench.heap.scalar(id)).cloned(), expected);
    }
    assert_eq!(bench.heap.count(object), 666);
    let second = bench.heap.child(object, 1).unwrap();
    assert_eq!(bench.heap.previous(second), Some(new));
    assert_eq!(bench.heap.previous(new), None);
    bench.heap.remove_all(object, &mut bench.budget).unwrap();
    assert_eq!(bench.heap.get(object, "q"), None);
}

#[test]
fn walking() {
    let mut bench = Bench::new();
    let text = r"{a:1,b:{c:[2,{'d e':3}]},'f.g':4,'c\'d':5,'':6,'g\\h':7,'é':8,'q\u0022r':9}";
    let root = bench.parse(text);
    let all = bench.heap.descendants(root, &mut bench.budget).unwrap();
    let kinds: Vec<&str> =
        all.iter().take(10).map(|&id| bench.heap.token_type(id).name()).collect();
    assert_eq!(
        kinds.join(" "),
        "Property Integer Property Object Property Array Integer Object Property Integer"
    );
    let paths: Vec<String> =
        all.iter().map(|&id| bench.heap.path(id, &mut bench.budget).unwrap()).collect();
    assert_eq!(
        paths.join("|"),
        r#"a|a|b|b|b.c|b.c|b.c[0]|b.c[1]|b.c[1]['d e']|b.c[1]['d e']|['f.g']|['f.g']|['c\'d']|['c\'d']|||['g\\h']|['g\\h']|é|é|['q"r']|['q"r']"#
    );
    let deepest = all[9];
    assert_eq!(bench.heap.root(deepest, &mut bench.budget).unwrap(), root);
    let ancestors = bench.heap.ancestors(deepest, &mut bench.budget).unwrap();
    assert_eq!(ancestors, [all[8], all[7], all[5], all[4], all[3], all[2], root]);
    assert_eq!(bench.heap.next(all[6]), Some(all[7]));
    assert_eq!(bench.heap.previous(all[7]), Some(all[6]));
    assert_eq!(bench.heap.next(all[7]), None);
    assert_eq!(bench.heap.first(root).unwrap(), Some(all[0]));
    assert_eq!(bench.heap.last(all[5]).unwrap(), Some(all[7]));
    assert_eq!(bench.heap.children(all[5], &mut bench.budget).unwrap(), [all[6], all[7]]);
    assert!(bench.heap.has_values(root) && !bench.heap.has_values(deepest));
    assert_eq!(bench.heap.path(root, &mut bench.budget).unwrap(), "");
    assert_eq!(bench.heap.class_name(all[5]), "Newtonsoft.Json.Linq.JArray");
}

#[test]
fn deep_trees_need_no_stack() {
    let mut bench = Bench::new();
    bench.budget = Budget::new(Limits { steps: u64::MAX, memory: u64::MAX, depth: 1 });
    let mut inner = bench.heap.array(&mut bench.budget).unwrap();
    for _ in 0..100_000 {
        let outer = bench.heap.array(&mut bench.budget).unwrap();
        bench.heap.add(outer, Some(inner), &mut bench.budget).unwrap();
        inner = outer;
    }
    let copy = bench.heap.deep_clone(inner, &mut bench.budget).unwrap();
    assert!(bench.heap.deep_equals(Some(inner), Some(copy), &mut bench.budget).unwrap());
    assert_eq!(bench.json(copy).len(), 200_002);
    let all = bench.heap.descendants(inner, &mut bench.budget).unwrap();
    assert_eq!(all.len(), 100_000);
    assert_eq!(bench.heap.path(all[99_999], &mut bench.budget).unwrap().len(), 300_000);
}

#[test]
fn equality_and_order() {
    for (left, right, expected) in [
        ("{a:1,b:2}", "{b:2,a:1}", true),
        ("{a:1,b:2}", "{a:1}", false),
        ("{a:1,b:2}", "{a:1,c:2}", false),
        ("1", "1.0", false),
        ("[1,2]", "[2,1]", false),
        ("[1,{a:[null,'x']}]", "[1,{a:[null,'x']}]", true),
        ("new X(1)", "new X(1)", true),
        ("new X(1)", "new Y(1)", false),
        ("123456789012345678901", "123456789012345678901", true),
        ("[]", "{}", false),
    ] {
        let mut bench = Bench::new();
        let (left_id, right_id) = (bench.parse(left), bench.parse(right));
        let equal = bench.heap.deep_equals(Some(left_id), Some(right_id), &mut bench.budget);
        assert_eq!(equal.unwrap(), expected, "{left} {right}");
        if bench.heap.token_equals(left_id, right_id).unwrap_or_default() {
            assert_eq!(bench.heap.hash_code(left_id), bench.heap.hash_code(right_id));
        }
    }
    for (left, right, expected) in [
        ("1", "1.5", "Less"),
        ("1", "'2'", "Less"),
        ("'2'", "1", "Greater"),
        ("'a'", "'B'", "Greater"),
        ("1", "'x'", "!Input string was not in a correct format."),
        ("1", "null", "Greater"),
        ("null", "1", "Less"),
        ("true", "'false'", "Greater"),
        ("0.30000000000000004", "0.3", "Equal"),
        ("12345678901234567890123", "1", "Greater"),
        ("-12345678901234567890123", "-12345678901234567890124", "Greater"),
        ("'2024-01-01T00:00:00Z'", "'2024-01-02T00:00:00Z'", "Less"),
        ("'2024-01-01T00:00:00Z'", "'2024-01-01'", "Equal"),
        ("'2024-01-01T00:00:00Z'", "1", "!Invalid cast from 'Int64' to 'DateTime'."),
        ("[]", "1", "!Object must be of type Newtonsoft.Json.Linq.JValue."),
    ] {
        let mut bench = Bench::new();
        let (left_id, right_id) = (bench.parse(left), bench.parse(right));
        let found = match bench.heap.compare_values(left_id, Some(right_id)) {
            Ok(order) => format!("{order:?}"),
            Err(exception) => format!("!{}", exception.message()),
        };
        assert_eq!(found, expected, "{left} {right}");
    }
    let mut bench = Bench::new();
    let bytes = bench.value(Scalar::Bytes([1].into()));
    let text = bench.value(Scalar::from("x"));
    let fault = bench.heap.compare_values(bytes, Some(text)).unwrap_err();
    assert_eq!(fault.message(), "Object must be of type byte[].");
    assert!(bench.heap.deep_equals(None, None, &mut bench.budget).unwrap());
    assert!(!bench.heap.deep_equals(None, Some(text), &mut bench.budget).unwrap());
}

#[test]
fn merging() {
    for (target, source, expected) in [
        (
            "{a:1,b:{c:1,d:2},e:[1,2]}",
            "{a:2,b:{c:3,f:4},e:[2,3],g:null}",
            r#"{"a":2,"b":{"c":3,"d":2,"f":4},"e":[1,2,2,3],"g":null}"#,
        ),
        ("{a:1,b:{c:1}}", "{a:null,b:null}", r#"{"a":1,"b":{"c":1}}"#),
        ("{e:[1,2]}", "[1]", r#"{"e":[1,2]}"#),
        ("[1,2]", "{a:1}", "[1,2]"),
        ("{a:[1]}", "{a:{b:1}}", r#"{"a":{"b":1}}"#),
    ] {
        let mut bench = Bench::new();
        let (into, from) = (bench.parse(target), bench.parse(source));
        bench.heap.merge(into, Some(from), &mut bench.budget).unwrap();
        assert_eq!(bench.json(into), expected);
        let mut again = Bench::new();
        let unchanged = again.parse(source);
        assert_eq!(bench.json(from), again.json(unchanged), "the source stays as it was");
    }
    let mut bench = Bench::new();
    let itself = bench.parse("{e:[1,2]}");
    let fault = bench.heap.merge(itself, Some(itself), &mut bench.budget).unwrap_err();
    assert_eq!(fault.message(), "Collection was modified; enumeration operation may not execute.");
}

#[test]
fn guids() {
    let guid = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff;
    for (format, expected) in [
        ("D", "00112233-4455-6677-8899-aabbccddeeff"),
        ("", "00112233-4455-6677-8899-aabbccddeeff"),
        ("N", "00112233445566778899aabbccddeeff"),
        ("B", "{00112233-4455-6677-8899-aabbccddeeff}"),
        ("P", "(00112233-4455-6677-8899-aabbccddeeff)"),
        ("X", "{0x00112233,0x4455,0x6677,{0x88,0x99,0xaa,0xbb,0xcc,0xdd,0xee,0xff}}"),
    ] {
        let text = format_guid(guid, Some(format)).unwrap();
        assert_eq!(text, expected);
        assert_eq!(
            parse_guid(Some(&format!(" {} ", text.to_uppercase().replace("0X", "0x")))),
            Ok(guid)
        );
    }
    for text in ["+0112233-4455-6677-8899-aabbccddeeff", "0x112233-4455-6677-8899-aabbccddeeff"] {
        assert_eq!(parse_guid(Some(text)), Ok(guid));
    }
    let dashes =
        "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).";
    let not_hex = "Guid string should only contain hexadecimal characters.";
    for (text, expected) in [
        ("x", dashes),
        ("", "Unrecognized Guid format."),
        ("0011223344556677-8899-aabb-ccdd-eeffff", dashes),
        ("0011223g-4455-6677-8899-aabbccddeeff", not_hex),
        ("+0112233445566778899aabbccddeeff", not_hex),
        ("(00112233-4455-6677-8899-aabbccddeeff", dashes),
        ("é0112233-4455-6677-8899-aabbccddeeff", not_hex),
        ("{00112233445566778899aabbccddeeff}", "Expected 0x prefix."),
        (
            "{0x00112233}",
            "Could not find a comma, or the length between the previous token and the comma was zero (i.e., '0x,'etc.).",
        ),
    ] {
        assert_eq!(parse_guid(Some(text)).unwrap_err().message(), expected, "{text}");
    }
    let fault = format_guid(guid, Some("Z")).unwrap_err();
    assert_eq!(
        fault.message(),
        r#"Format string can be only "D", "d", "N", "n", "P", "p", "B", "b", "X" or "x"."#
    );
    assert_eq!(
        parse_guid(None).unwrap_err().message(),
        "Value cannot be null. (Parameter 'input')"
    );
    assert_eq!(JsonType::TimeSpan.name(), "TimeSpan");
}
