//! What .NET Core 3.1 answers.

use super::{
    Number, NumberType, Piece, Styles, convert, pad, parse, parse_bool, pieces, try_parse,
    try_parse_bool,
};
use crate::{Budget, Exception, Limits};

fn dec(text: &str) -> Number {
    parse(NumberType::Decimal, Some(text), Styles::NUMBER).unwrap()
}

fn shown(result: Result<String, Exception>) -> String {
    result.unwrap_or_else(|exception| format!("!{}", exception.message()))
}

fn check_format(cases: &[(Number, &str, &str)]) {
    for (number, format, expected) in cases {
        let mut budget = Budget::new(Limits::default());
        let text = shown(number.format(format, &mut budget));
        assert_eq!(text, *expected, "{number:?} {format:?}");
        if format.is_empty() {
            assert_eq!(number.text(), *expected, "{number:?}");
        }
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "numbers of all sizes")]
fn quick_text_is_the_text() {
    let mut seed = 1_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut values = vec![0.1, 0.7, 0.0001, 0.00011, 1e14, 1e15, 999_999_999_999_999.9, 0.1 + 0.2];
    for places in [1.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e9] {
        for bits in [8, 20, 40, 52] {
            values.extend((0..200).map(|_| (random() >> (64 - bits)) as f64 / places));
        }
    }
    values.extend((0..2000).map(|_| f64::from_bits(random())).filter(|value| value.is_finite()));
    for value in values.into_iter().flat_map(|value| [value, -value, value.next_up()]) {
        let mut plain = String::new();
        super::standard::general(Number::Double(value), &mut plain);
        assert_eq!(Number::Double(value).text(), plain, "{value:?}");
    }
    for whole in [0, 1, 9, 10, 1234, i64::MAX, i64::MIN, -1] {
        assert_eq!(Number::Int64(whole).text(), whole.to_string());
    }
    assert_eq!(Number::UInt64(u64::MAX).text(), u64::MAX.to_string());
}

#[test]
fn formats() {
    check_format(&[
        (Number::Double(0.5), "F0", "0"),
        (Number::Double(1.5), "F0", "2"),
        (Number::Double(2.5), "F0", "2"),
        (Number::Double(3.5), "F0", "4"),
        (Number::Double(0.05), "F1", "0.1"),
        (Number::Double(0.25), "F1", "0.2"),
        (Number::Double(0.001), "F2", "0.00"),
        (Number::Double(0.006), "F2", "0.01"),
        (Number::Double(0.125), "F2", "0.12"),
        (Number::Double(-0.4), "F0", "-0"),
        (Number::Double(-0.0), "", "-0"),
        (Number::Double(2.5), "E0", "2E+000"),
        (Number::Double(1.5), "E0", "2E+000"),
        (Number::Double(12345.6789), "E2", "1.23E+004"),
        (Number::Double(5e-324), "", "5E-324"),
        (Number::Double(f64::MAX), "", "1.7976931348623157E+308"),
        (Number::Double(2_f64.powi(-44)), "", "5.684341886080802E-14"),
        (Number::Double(2_f64.powi(-1022)), "", "2.2250738585072014E-308"),
        (Number::Double(2_f64.powi(100)), "", "1.2676506002282294E+30"),
        (Number::Double(9007199254740993.0), "", "9007199254740992"),
        (Number::Double(1e15), "", "1000000000000000"),
        (Number::Double(1e14), "", "100000000000000"),
        (Number::Double(123456789012345678.0), "", "1.2345678901234568E+17"),
        (Number::Double(0.0001), "", "0.0001"),
        (Number::Double(0.00001), "", "1E-05"),
        (Number::Double(-0.5), "0.0", "-0.5"),
        (Number::Double(-0.05), "0.0", "-0.1"),
        (Number::Double(-0.04), "0.0", "-0.0"),
        (Number::Double(-1234.5), "#,##0.00", "-1,234.50"),
        (Number::Double(1234567.891), "#,#.##;(#);zero", "1,234,567.89"),
        (Number::Int32(0), "#,#.##;(#);zero", "zero"),
        (Number::Int32(1234567), "0,,.0", "1.2"),
        (Number::Double(0.123), "0.0%", "12.3%"),
        (Number::Int32(1234), "0.00E+00", "1.23E+03"),
        (Number::Int32(1234), "00-00-00", "00-12-34"),
        (Number::Int32(1234), "N100", "N11234"),
        (Number::Double(1234.5), "N100", "N11235"),
        (Number::Int32(255), "X4", "00FF"),
        (Number::Int32(-1), "X", "FFFFFFFF"),
        (Number::Int32(-1), "x2", "ffffffff"),
        (Number::SByte(-1), "X", "FF"),
        (Number::Int32(1234567), "N0", "1,234,567"),
        (Number::Double(-1234567.5), "C", "(¤1,234,567.50)"),
        (dec("1234.5"), "G", "1234.5"),
        (dec("1.50"), "", "1.50"),
        (dec("0.00"), "", "0.00"),
        (dec("-0.00"), "", "0.00"),
        (dec("1.50"), "G2", "1.5"),
        (dec("1.55"), "F1", "1.6"),
        (dec("1.45"), "F1", "1.5"),
        (Number::Int32(123), "G2", "1.2E+02"),
        (Number::Int32(125), "G2", "1.3E+02"),
        (Number::Int32(123), "E1", "1.2E+002"),
        (Number::Int32(12), "D5", "00012"),
        (Number::Int32(-12), "D5", "-00012"),
        (Number::Double(1.5), "D", "!Format specifier was invalid."),
        (dec("1.5"), "X", "!Format specifier was invalid."),
        (Number::Double(1.5), "Q", "!Format specifier was invalid."),
        (Number::Int32(12), "R", "!Format specifier was invalid."),
        (Number::Double(1.5), "G17", "1.5"),
        (Number::Double(0.1), "G17", "0.10000000000000001"),
        (Number::Double(0.1), "R", "0.1"),
        (Number::Single(0.1), "", "0.1"),
        (Number::Single(16777216.0), "", "16777216"),
        (Number::Single(1e10), "", "1E+10"),
        (Number::Single(3.4028235e38), "", "3.4028235E+38"),
        (Number::Single(0.1), "N10", "0.1000000015"),
        (Number::Double(f64::NAN), "N2", "NaN"),
        (Number::Double(f64::NEG_INFINITY), "0.0", "-Infinity"),
        (Number::Double(0.5), "P", "50.00 %"),
        (Number::Double(-0.5), "P1", "-50.0 %"),
        (Number::Int32(i32::MIN), "N", "-2,147,483,648.00"),
        (Number::Double(1e21), "F3", "1000000000000000000000.000"),
        (
            Number::Double(1e300),
            "N0",
            "1,000,000,000,000,000,052,504,760,255,204,420,248,704,468,581,108,159,154,915,854,115,511,802,457,988,908,195,786,371,375,080,447,864,043,704,443,832,883,878,176,942,523,235,360,430,575,644,792,184,786,706,982,848,387,200,926,575,803,737,830,233,794,788,090,059,368,953,234,970,799,945,081,119,038,967,640,880,074,652,742,780,142,494,579,258,788,820,056,842,838,115,669,472,196,386,865,459,400,540,160",
        ),
        (Number::Double(1e16), "0", "10000000000000000"),
        (Number::Double(123_456_789.123_456_79), "0.0000000000000", "123456789.1234570000000"),
        (Number::Double(1.0), "#.##", "1"),
        (Number::Double(0.0), "#.##", ""),
        (Number::Int32(0), "'a'0\"b\"\\c", "a0bc"),
        (Number::Int32(12), "0;", "12"),
        (Number::Int32(-12), "0;;z", "-12"),
        (Number::Int32(-12), "0;-;z", "-"),
        (Number::Int64(i64::MAX), "E", "9.223372E+018"),
        (Number::UInt64(u64::MAX), "N0", "18,446,744,073,709,551,615"),
        (Number::Double(1234.5678), "e3", "1.235e+003"),
        (Number::Double(0.0), "E", "0.000000E+000"),
        (Number::Int32(1), "0.0.0", "1.00"),
        (Number::Int32(12345), "0.", "12345"),
        (Number::Double(12.34), "#%", "1234%"),
        (Number::Int32(12), "abc", "abc"),
        (Number::Int32(12), "E+", "E+"),
        (Number::Int32(12), "#e0", "1e1"),
        (Number::Double(0.0000123), "G3", "1.23E-05"),
        (dec("79228162514264337593543950335"), "N2", "79,228,162,514,264,337,593,543,950,335.00"),
        (dec("0.3333333333333333333333333333"), "", "0.3333333333333333333333333333"),
        (Number::Double(1e-7), "F10", "0.0000001000"),
        (Number::Double(1e15), "", "1000000000000000"),
        (Number::Double(1e16), "", "10000000000000000"),
        (Number::Double(1e17), "", "1E+17"),
        (Number::Double(1e18), "", "1E+18"),
        (Number::Double(1.5e16), "", "15000000000000000"),
        (Number::Double(12345678901234567.0), "", "12345678901234568"),
        (Number::Single(1e7), "", "10000000"),
        (Number::Single(1e8), "", "100000000"),
        (Number::Single(1e9), "", "1E+09"),
        (Number::Single(1e10), "", "1E+10"),
        (Number::Single(123456789.0), "", "123456790"),
        (Number::Double(1e15), "R", "1000000000000000"),
        (Number::Double(1e16), "G", "10000000000000000"),
        (Number::Double(1e15), "G15", "1E+15"),
        (Number::Double(1e16), "G0", "10000000000000000"),
        (Number::Double(1e-5), "G17", "1.0000000000000001E-05"),
        (Number::Double(1e16), "E", "1.000000E+016"),
    ]);
}

#[test]
fn parses() {
    for (kind, text, styles, expected) in [
        (NumberType::Int32, "12", Styles::of(NumberType::Int32), "12"),
        (NumberType::Int32, " -12 ", Styles::of(NumberType::Int32), "-12"),
        (
            NumberType::Int32,
            "1,000",
            Styles::of(NumberType::Int32),
            "!Input string was not in a correct format.",
        ),
        (
            NumberType::Int32,
            "1.0",
            Styles::of(NumberType::Int32),
            "!Input string was not in a correct format.",
        ),
        (
            NumberType::Int32,
            "",
            Styles::of(NumberType::Int32),
            "!Input string was not in a correct format.",
        ),
        (NumberType::Int32, "+5", Styles::of(NumberType::Int32), "5"),
        (
            NumberType::Int32,
            "- 5",
            Styles::of(NumberType::Int32),
            "!Input string was not in a correct format.",
        ),
        (
            NumberType::Int32,
            "5-",
            Styles::of(NumberType::Int32),
            "!Input string was not in a correct format.",
        ),
        (
            NumberType::UInt32,
            "-1",
            Styles::of(NumberType::UInt32),
            "!Value was either too large or too small for a UInt32.",
        ),
        (NumberType::UInt32, "-0", Styles::of(NumberType::UInt32), "0"),
        (
            NumberType::Byte,
            "256",
            Styles::of(NumberType::Byte),
            "!Value was either too large or too small for an unsigned byte.",
        ),
        (
            NumberType::SByte,
            "-129",
            Styles::of(NumberType::SByte),
            "!Value was either too large or too small for a signed byte.",
        ),
        (
            NumberType::Int16,
            "40000",
            Styles::of(NumberType::Int16),
            "!Value was either too large or too small for an Int16.",
        ),
        (
            NumberType::UInt16,
            "70000",
            Styles::of(NumberType::UInt16),
            "!Value was either too large or too small for a UInt16.",
        ),
        (
            NumberType::Int64,
            "9223372036854775808",
            Styles::of(NumberType::Int64),
            "!Value was either too large or too small for an Int64.",
        ),
        (
            NumberType::UInt64,
            "18446744073709551616",
            Styles::of(NumberType::UInt64),
            "!Value was either too large or too small for a UInt64.",
        ),
        (NumberType::Int32, "FF", Styles::HEX_NUMBER, "255"),
        (NumberType::Int32, "FFFFFFFF", Styles::HEX_NUMBER, "-1"),
        (
            NumberType::Int32,
            "1FFFFFFFF",
            Styles::HEX_NUMBER,
            "!Value was either too large or too small for an Int32.",
        ),
        (NumberType::Int32, "1.0", Styles::NUMBER, "1"),
        (
            NumberType::Int32,
            "1.5",
            Styles::NUMBER,
            "!Value was either too large or too small for an Int32.",
        ),
        (NumberType::Double, "1e400", Styles::of(NumberType::Double), "Infinity"),
        (NumberType::Double, "-1e400", Styles::of(NumberType::Double), "-Infinity"),
        (NumberType::Double, "1,234.5", Styles::of(NumberType::Double), "1234.5"),
        (
            NumberType::Double,
            ",1",
            Styles::of(NumberType::Double),
            "!Input string was not in a correct format.",
        ),
        (NumberType::Double, "1,,2", Styles::of(NumberType::Double), "12"),
        (NumberType::Double, ".5", Styles::of(NumberType::Double), "0.5"),
        (NumberType::Double, "5.", Styles::of(NumberType::Double), "5"),
        (
            NumberType::Double,
            ".",
            Styles::of(NumberType::Double),
            "!Input string was not in a correct format.",
        ),
        (NumberType::Double, "nan", Styles::of(NumberType::Double), "NaN"),
        (NumberType::Double, "-Infinity", Styles::of(NumberType::Double), "-Infinity"),
        (NumberType::Double, "+infinity", Styles::of(NumberType::Double), "Infinity"),
        (NumberType::Double, "-NaN", Styles::of(NumberType::Double), "NaN"),
        (
            NumberType::Double,
            "∞",
            Styles::of(NumberType::Double),
            "!Input string was not in a correct format.",
        ),
        (
            NumberType::Double,
            "1e",
            Styles::of(NumberType::Double),
            "!Input string was not in a correct format.",
        ),
        (NumberType::Double, "1e+5", Styles::of(NumberType::Double), "100000"),
        (NumberType::Double, " 1.5 ", Styles::of(NumberType::Double), "1.5"),
        (NumberType::Double, "-0", Styles::of(NumberType::Double), "-0"),
        (NumberType::Single, "0.1", Styles::of(NumberType::Single), "0.1"),
        (NumberType::Single, "1e39", Styles::of(NumberType::Single), "Infinity"),
        (NumberType::Decimal, "1.50", Styles::of(NumberType::Decimal), "1.50"),
        (NumberType::Decimal, "1,234.5", Styles::of(NumberType::Decimal), "1234.5"),
        (
            NumberType::Decimal,
            "1e3",
            Styles::of(NumberType::Decimal),
            "!Input string was not in a correct format.",
        ),
        (NumberType::Decimal, "0.00", Styles::of(NumberType::Decimal), "0.00"),
        (NumberType::Decimal, "-0.00", Styles::of(NumberType::Decimal), "0.00"),
        (
            NumberType::Decimal,
            "79228162514264337593543950335",
            Styles::of(NumberType::Decimal),
            "79228162514264337593543950335",
        ),
        (
            NumberType::Decimal,
            "79228162514264337593543950336",
            Styles::of(NumberType::Decimal),
            "!Value was either too large or too small for a Decimal.",
        ),
        (
            NumberType::Decimal,
            "79228162514264337593543950335.4",
            Styles::of(NumberType::Decimal),
            "79228162514264337593543950335",
        ),
        (
            NumberType::Decimal,
            "79228162514264337593543950335.5",
            Styles::of(NumberType::Decimal),
            "!Value was either too large or too small for a Decimal.",
        ),
        (
            NumberType::Decimal,
            "0.12345678901234567890123456789012345",
            Styles::of(NumberType::Decimal),
            "0.1234567890123456789012345679",
        ),
        (
            NumberType::Decimal,
            "0.00000000000000000000000000005",
            Styles::of(NumberType::Decimal),
            "0.0000000000000000000000000000",
        ),
        (
            NumberType::Decimal,
            "0.00000000000000000000000000015",
            Styles::of(NumberType::Decimal),
            "0.0000000000000000000000000002",
        ),
        (
            NumberType::Decimal,
            "0.00000000000000000000000000000000001",
            Styles::of(NumberType::Decimal),
            "0.0000000000000000000000000000",
        ),
        (
            NumberType::Decimal,
            "1.23456789012345678901234567885",
            Styles::of(NumberType::Decimal),
            "1.2345678901234567890123456788",
        ),
        (
            NumberType::Decimal,
            "7922816251426433759354395033.55",
            Styles::of(NumberType::Decimal),
            "7922816251426433759354395034",
        ),
        (NumberType::Int32, "1\0\0", Styles::of(NumberType::Int32), "1"),
        (
            NumberType::Int32,
            "1\0 ",
            Styles::of(NumberType::Int32),
            "!Input string was not in a correct format.",
        ),
        (
            NumberType::Int32,
            "\u{a0}1",
            Styles::of(NumberType::Int32),
            "!Input string was not in a correct format.",
        ),
        (
            NumberType::Int32,
            "١",
            Styles::of(NumberType::Int32),
            "!Input string was not in a correct format.",
        ),
    ] {
        let result = parse(kind, Some(text), styles);
        assert_eq!(try_parse(kind, Some(text), styles).is_some(), result.is_ok());
        assert_eq!(shown(result.map(Number::text)), expected, "{kind:?} {text:?} {styles:?}");
    }
    let null = parse(NumberType::Int32, None, Styles::INTEGER).unwrap_err();
    assert_eq!(null.message(), "Value cannot be null. (Parameter 's')");
}

#[test]
fn parses_booleans() {
    for (text, expected) in [
        (" TRUE ", "true"),
        ("\0false", "false"),
        ("yes", "!String 'yes' was not recognized as a valid Boolean."),
        ("", "!String '' was not recognized as a valid Boolean."),
    ] {
        let result = parse_bool(Some(text));
        assert_eq!(try_parse_bool(Some(text)), result.as_ref().ok().copied());
        assert_eq!(shown(result.map(|value| value.to_string())), expected, "{text:?}");
    }
    assert_eq!(
        parse_bool(None).unwrap_err().message(),
        "Value cannot be null. (Parameter 'value')"
    );
}

#[test]
fn converts() {
    for (number, to, expected) in [
        (Number::Double(2.5), NumberType::Int32, "2"),
        (Number::Double(3.5), NumberType::Int32, "4"),
        (Number::Double(-2.5), NumberType::Int32, "-2"),
        (
            Number::Double(2147483647.5),
            NumberType::Int32,
            "!Value was either too large or too small for an Int32.",
        ),
        (Number::Double(2147483647.4), NumberType::Int32, "2147483647"),
        (Number::Double(-2147483648.5), NumberType::Int32, "-2147483648"),
        (
            Number::Double(f64::NAN),
            NumberType::Int32,
            "!Value was either too large or too small for an Int32.",
        ),
        (Number::Double(1e19), NumberType::Int64, "!Arithmetic operation resulted in an overflow."),
        (
            Number::Double(9.3e18),
            NumberType::Int64,
            "!Arithmetic operation resulted in an overflow.",
        ),
        (
            Number::Double(-1.0),
            NumberType::UInt64,
            "!Arithmetic operation resulted in an overflow.",
        ),
        (Number::Double(1e19), NumberType::UInt64, "10000000000000000000"),
        (
            Number::Double(9223372036854775807.0),
            NumberType::Int64,
            "!Arithmetic operation resulted in an overflow.",
        ),
        (Number::Double(-9223372036854775808.0), NumberType::Int64, "-9223372036854775808"),
        (
            Number::Double(300.0),
            NumberType::Byte,
            "!Value was either too large or too small for an unsigned byte.",
        ),
        (
            Number::Double(1e10),
            NumberType::Byte,
            "!Value was either too large or too small for an Int32.",
        ),
        (Number::Double(-0.5), NumberType::UInt32, "0"),
        (
            Number::Double(-0.6),
            NumberType::UInt32,
            "!Value was either too large or too small for a UInt32.",
        ),
        (
            Number::Double(4294967295.5),
            NumberType::UInt32,
            "!Value was either too large or too small for a UInt32.",
        ),
        (dec("2.5"), NumberType::Int32, "2"),
        (
            dec("10000000000"),
            NumberType::Int32,
            "!Value was either too large or too small for an Int32.",
        ),
        (
            dec("100000000000000000000"),
            NumberType::Int64,
            "!Value was either too large or too small for an Int64.",
        ),
        (
            Number::Int32(-1),
            NumberType::Byte,
            "!Value was either too large or too small for an unsigned byte.",
        ),
        (
            Number::Int32(200),
            NumberType::SByte,
            "!Value was either too large or too small for a signed byte.",
        ),
        (
            Number::Int64(5000000000),
            NumberType::Int32,
            "!Value was either too large or too small for an Int32.",
        ),
        (
            Number::Int32(-1),
            NumberType::UInt64,
            "!Value was either too large or too small for a UInt64.",
        ),
        (Number::Double(0.1), NumberType::Decimal, "0.1"),
        (
            Number::Double(1e30),
            NumberType::Decimal,
            "!Value was either too large or too small for a Decimal.",
        ),
        (Number::Double(1e28), NumberType::Decimal, "10000000000000000000000000000"),
        (Number::Double(123_456_789.123_456_79), NumberType::Decimal, "123456789.123457"),
        (Number::Double(1e-30), NumberType::Decimal, "0"),
        (Number::Single(0.1), NumberType::Decimal, "0.1"),
        (Number::Double(1.0 / 3.0), NumberType::Decimal, "0.333333333333333"),
        (Number::Double(100.0), NumberType::Decimal, "100"),
        (Number::Double(-1.5e-10), NumberType::Decimal, "-0.00000000015"),
        (dec("0.1"), NumberType::Double, "0.1"),
        (dec("79228162514264337593543950335"), NumberType::Double, "7.922816251426434E+28"),
        (dec("123456789012345678.9"), NumberType::Double, "1.2345678901234568E+17"),
        (Number::Double(0.1), NumberType::Single, "0.1"),
        (Number::Double(1e300), NumberType::Single, "Infinity"),
    ] {
        let result = convert(number, to);
        assert_eq!(shown(result.map(Number::text)), expected, "{number:?} {to:?}");
    }
}

fn composed(format: &str) -> Result<String, Exception> {
    let mut budget = Budget::new(Limits::default());
    let mut out = String::new();
    for piece in pieces(format, 1, &mut budget)? {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Hole { align, format, .. } => {
                let text = Number::Int32(1).format(format.unwrap_or(""), &mut budget)?;
                pad(&text, align, &mut out, &mut budget)?;
            }
        }
    }
    Ok(out)
}

#[test]
fn composite_formats() {
    for (format, expected) in [
        ("{0}", "1"),
        ("{0,5}|{0,-5}|", "    1|1    |"),
        ("{{{0}}}", "{1}"),
        (
            "{1}",
            "!Index (zero based) must be greater than or equal to zero and less than the size of the argument list.",
        ),
        ("{", "!Input string was not in a correct format."),
        ("}", "!Input string was not in a correct format."),
        ("{0", "!Input string was not in a correct format."),
        ("{a}", "!Input string was not in a correct format."),
        ("{0 , 5 }", "    1"),
        ("{ 0}", "!Input string was not in a correct format."),
        ("{0,}", "!Input string was not in a correct format."),
        ("{0,-}", "!Input string was not in a correct format."),
        ("{0}}}", "1}"),
        ("{-1}", "!Input string was not in a correct format."),
        ("}}{{", "}{"),
        ("{0:N2}|{0:}}}", "1.00|1}"),
        ("{{{0:000}}}", "{001}"),
        ("{0:{{x}}}", "!Input string was not in a correct format."),
        ("{0:x}}y}", "!Input string was not in a correct format."),
        ("{0:", "!Input string was not in a correct format."),
        (
            "{9999999}",
            "!Index (zero based) must be greater than or equal to zero and less than the size of the argument list.",
        ),
        ("é{0,-3}é", "é1  é"),
    ] {
        assert_eq!(shown(composed(format)), expected, "{format:?}");
    }
    assert!(composed("{0,999999}{0,999999}").is_ok());
    let bomb = "{0,9999999}".repeat(4);
    assert!(composed(&bomb).unwrap_err().is_bound());
}
