//! Text of `TimeSpan`.

use super::calendar::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND};
use super::format::{bad_format, quoted};
use super::{TimeSpan, null};
use crate::number::push_whole;
use crate::{Budget, Exception, ExceptionKind};

/// The fields of a span without its sign.
struct Fields {
    negative: bool,
    days: u64,
    hours: u64,
    minutes: u64,
    seconds: u64,
    /// Ticks below a second.
    fraction: u64,
}

impl Fields {
    fn of(span: TimeSpan) -> Self {
        let ticks = span.ticks().unsigned_abs();
        let part = |unit: i64, wrap: u64| ticks / unit.unsigned_abs() % wrap;
        Self {
            negative: span.ticks() < 0,
            days: ticks / TICKS_PER_DAY.unsigned_abs(),
            hours: part(TICKS_PER_HOUR, 24),
            minutes: part(TICKS_PER_MINUTE, 60),
            seconds: part(TICKS_PER_SECOND, 60),
            fraction: ticks % TICKS_PER_SECOND.unsigned_abs(),
        }
    }
}

fn push(value: u64, width: usize, out: &mut String) {
    push_whole(value.into(), width, out);
}

/// `[-][d.]hh:mm:ss[.fffffff]`.
pub(super) fn constant(span: TimeSpan, out: &mut String) {
    let fields = Fields::of(span);
    if fields.negative {
        out.push('-');
    }
    if fields.days > 0 {
        push(fields.days, 1, out);
        out.push('.');
    }
    clock(&fields, 2, out);
    if fields.fraction > 0 {
        out.push('.');
        push(fields.fraction, 7, out);
    }
}

fn clock(fields: &Fields, hour_width: usize, out: &mut String) {
    push(fields.hours, hour_width, out);
    out.push(':');
    push(fields.minutes, 2, out);
    out.push(':');
    push(fields.seconds, 2, out);
}

/// `ToString(format)`.
pub(super) fn format(
    span: TimeSpan,
    format: &str,
    budget: &mut Budget,
) -> Result<String, Exception> {
    budget.step(1 + format.len() as u64 / 16)?;
    budget.memory(40 + 2 * format.len())?;
    let mut out = String::new();
    let fields = Fields::of(span);
    match format {
        "" | "c" | "t" | "T" => constant(span, &mut out),
        "g" | "G" => {
            let long = format == "G";
            if fields.negative {
                out.push('-');
            }
            if long || fields.days > 0 {
                push(fields.days, 1, &mut out);
                out.push(':');
            }
            clock(&fields, if long { 2 } else { 1 }, &mut out);
            if long || fields.fraction > 0 {
                let digits = format!(".{:07}", fields.fraction);
                out.push_str(if long { &digits } else { digits.trim_end_matches('0') });
            }
        }
        _ if format.chars().nth(1).is_none() => return Err(bad_format()),
        _ => custom(&fields, format, &mut out)?,
    }
    Ok(out)
}

fn custom(fields: &Fields, format: &str, out: &mut String) -> Result<(), Exception> {
    let mut rest = format;
    while let Some(letter) = rest.chars().next() {
        let tail = rest.trim_start_matches(letter);
        let run = (rest.len() - tail.len()) / letter.len_utf8();
        let after_one = rest.get(letter.len_utf8()..).unwrap_or("");
        let longest = match letter {
            'h' | 'm' | 's' => 2,
            'f' | 'F' => 7,
            'd' => 8,
            _ => usize::MAX,
        };
        if run > longest {
            return Err(bad_format());
        }
        rest = match letter {
            'h' => {
                push(fields.hours, run, out);
                tail
            }
            'm' => {
                push(fields.minutes, run, out);
                tail
            }
            's' => {
                push(fields.seconds, run, out);
                tail
            }
            'd' => {
                push(fields.days, run, out);
                tail
            }
            'f' | 'F' => {
                let digits = format!("{:07}", fields.fraction);
                let digits = digits.get(..run).unwrap_or("");
                out.push_str(if letter == 'f' { digits } else { digits.trim_end_matches('0') });
                tail
            }
            '\'' | '"' => quoted(after_one, letter, out)?,
            '%' => {
                let next = after_one.chars().next().filter(|&next| next != '%');
                let next = next.ok_or_else(bad_format)?;
                let (single, tail) =
                    after_one.split_at_checked(next.len_utf8()).unwrap_or((after_one, ""));
                custom(fields, single, out)?;
                tail
            }
            '\\' => {
                let mut chars = after_one.chars();
                out.push(chars.next().ok_or_else(bad_format)?);
                chars.as_str()
            }
            _ => return Err(bad_format()),
        };
    }
    Ok(())
}

/// Why text is not a span.
enum Fault {
    Format,
    Overflow,
    Pattern(Exception),
}

impl Fault {
    #[cold]
    fn exception(self, text: &str) -> Exception {
        match self {
            Self::Pattern(exception) => exception,
            Self::Format => Exception::new(
                ExceptionKind::Format,
                format!("String '{text}' was not recognized as a valid TimeSpan."),
            ),
            Self::Overflow => Exception::new(
                ExceptionKind::Overflow,
                format!(
                    "The TimeSpan string '{text}' could not be parsed because at least one of the numeric components is out of range or contains too many digits."
                ),
            ),
        }
    }
}

/// `TimeSpan.Parse`.
pub(super) fn parse(text: Option<&str>) -> Result<TimeSpan, Exception> {
    let text = text.ok_or_else(|| null("input"))?;
    read(text.trim(), Shape::Any).map_err(|fault| fault.exception(text))
}

/// Which texts are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Both of the following.
    Any,
    /// `d.hh:mm:ss.f`, days before a point.
    Constant,
    /// `d:hh:mm:ss.f`, days before a colon.
    General,
    /// The same, complete.
    GeneralLong,
}

/// A number and the separator behind it.
struct Part {
    digits: String,
    separator: Option<char>,
}

fn parts(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let tail = rest.trim_start_matches(|char: char| char.is_ascii_digit());
        let digits = rest.get(..rest.len() - tail.len())?;
        // At most days, hours, minutes, seconds and a fraction.
        if digits.is_empty() || parts.len() == 5 {
            return None;
        }
        let separator = tail.chars().next();
        parts.push(Part { digits: digits.to_owned(), separator });
        match separator {
            None => return Some(parts),
            Some(':' | '.') => rest = tail.get(1..)?,
            Some(_) => return None,
        }
    }
}

fn read(text: &str, shape: Shape) -> Result<TimeSpan, Fault> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    // .NET meets a number that is too long before it sees what is wrong with the shape.
    let runs = body.split(|char: char| !char.is_ascii_digit()).filter(|run| !run.is_empty());
    let fits = |run: &str| run.parse::<u64>().is_ok_and(|value| value < 1 << 28);
    if !runs.take(5).all(fits) {
        return Err(Fault::Overflow);
    }
    let parts = parts(body).ok_or(Fault::Format)?;
    let separators: String = parts.iter().filter_map(|part| part.separator).collect();
    // Which field each number is: day, hour, minute, second, fraction.
    let fields: &[usize] = match (separators.as_str(), shape) {
        (_, Shape::GeneralLong) if separators != ":::." => return Err(Fault::Format),
        ("", _) => &[0],
        (":", _) => &[1, 2],
        ("::", _) => &[1, 2, 3],
        ("::.", _) => &[1, 2, 3, 4],
        (":::", Shape::Any | Shape::General) | (".::", Shape::Any | Shape::Constant) => {
            &[0, 1, 2, 3]
        }
        (":::.", Shape::Any | Shape::General | Shape::GeneralLong)
        | (".::.", Shape::Any | Shape::Constant) => &[0, 1, 2, 3, 4],
        (".:", Shape::Any | Shape::Constant) => &[0, 1, 2],
        _ => return Err(Fault::Format),
    };
    let mut values = [0_i64; 5];
    for (part, &field) in parts.iter().zip(fields) {
        let value = if field == 4 {
            fraction(&part.digits).ok_or(Fault::Overflow)?
        } else {
            part.digits.parse::<i64>().map_err(|_| Fault::Overflow)?
        };
        if let Some(place) = values.get_mut(field) {
            *place = value;
        }
    }
    let [days, hours, minutes, seconds, fraction] = values;
    let span = assemble(negative, days, hours, minutes, seconds, fraction);
    if span.is_none() && separators == "::" && matches!(shape, Shape::Any | Shape::General) {
        // What are no hours may be days: `24:00:00` is twenty-four days.
        return assemble(negative, hours, minutes, seconds, 0, 0).ok_or(Fault::Overflow);
    }
    span.ok_or(Fault::Overflow)
}

/// Up to seven digits behind the point as ticks; zeros in front count as digits.
fn fraction(digits: &str) -> Option<i64> {
    if digits.len() > 7 {
        return None;
    }
    let ticks: i64 = format!("{digits:0<7}").parse().ok()?;
    Some(ticks)
}

fn assemble(
    negative: bool,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    fraction: i64,
) -> Option<TimeSpan> {
    const MAX_DAYS: i64 = 10_675_199;
    if days > MAX_DAYS || hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let ticks = i128::from(days) * i128::from(TICKS_PER_DAY)
        + i128::from(hours * TICKS_PER_HOUR + minutes * TICKS_PER_MINUTE)
        + i128::from(seconds * TICKS_PER_SECOND + fraction);
    let ticks = if negative { -ticks } else { ticks };
    i64::try_from(ticks).ok().map(TimeSpan::from_ticks)
}

/// `TimeSpan.ParseExact(text, format, invariant)`.
pub(super) fn parse_exact(text: Option<&str>, format: Option<&str>) -> Result<TimeSpan, Exception> {
    let text = text.ok_or_else(|| null("input"))?;
    let format = format.ok_or_else(|| null("format"))?;
    let shape = match format {
        "c" | "t" | "T" => Shape::Constant,
        "g" => Shape::General,
        "G" => Shape::GeneralLong,
        "" => {
            let message = "Format specifier '' was invalid.";
            return Err(Exception::new(ExceptionKind::Format, message));
        }
        _ if format.chars().nth(1).is_none() => {
            return Err(Exception::new(
                ExceptionKind::Format,
                format!("Format specifier '{format}' was invalid."),
            ));
        }
        _ => return read_custom(text, format).map_err(|fault| fault.exception(text)),
    };
    read(text.trim(), shape).map_err(|fault| fault.exception(text))
}

fn read_custom(text: &str, format: &str) -> Result<TimeSpan, Fault> {
    let mut text = text;
    let mut rest = format;
    let mut values = [None::<i64>; 5];
    while let Some(letter) = rest.chars().next() {
        let tail = rest.trim_start_matches(letter);
        let run = (rest.len() - tail.len()) / letter.len_utf8();
        let after_one = rest.get(letter.len_utf8()..).unwrap_or("");
        let field = match letter {
            'd' => Some(0),
            'h' => Some(1),
            'm' => Some(2),
            's' => Some(3),
            'f' | 'F' => Some(4),
            _ => None,
        };
        if let Some(field) = field {
            let place = values.get_mut(field).filter(|place| place.is_none());
            let (value, after) = read_field(text, letter, run)?;
            *place.ok_or_else(pattern_fault)? = Some(value);
            text = after;
            rest = tail;
            continue;
        }
        let mut literal = String::new();
        rest = match letter {
            '\'' | '"' => quoted(after_one, letter, &mut literal).map_err(Fault::Pattern)?,
            // What follows is a field by itself.
            '%' if !after_one.is_empty() && !after_one.starts_with('%') => after_one,
            '\\' => {
                let mut chars = after_one.chars();
                literal.push(chars.next().ok_or_else(pattern_fault)?);
                chars.as_str()
            }
            _ => return Err(pattern_fault()),
        };
        text = text.strip_prefix(literal.as_str()).ok_or_else(pattern_fault)?;
    }
    if !text.is_empty() {
        return Err(Fault::Format);
    }
    let [days, hours, minutes, seconds, fraction] = values.map(Option::unwrap_or_default);
    assemble(false, days, hours, minutes, seconds, fraction).ok_or(Fault::Overflow)
}

#[cold]
fn pattern_fault() -> Fault {
    Fault::Pattern(bad_format())
}

fn read_field(text: &str, letter: char, run: usize) -> Result<(i64, &str), Fault> {
    let (least, most) = match letter {
        'f' if run <= 7 => (run, run),
        'F' if run <= 7 => (0, run),
        'd' if run <= 8 => (run.max(1), if run < 2 { 8 } else { run }),
        'h' | 'm' | 's' if run <= 2 => (run, 2),
        _ => return Err(pattern_fault()),
    };
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return Err(pattern_fault());
    }
    let (digits, after) = text.split_at_checked(count).ok_or_else(pattern_fault)?;
    let value = if matches!(letter, 'f' | 'F') { fraction(digits) } else { digits.parse().ok() };
    Ok((value.ok_or_else(pattern_fault)?, after))
}
