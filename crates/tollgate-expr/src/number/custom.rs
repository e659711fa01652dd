//! Custom numeric format strings: `#,##0.00;(0);zero`.

use super::digits::{Digits, Source};
use super::standard::write_exponent;

/// What a section of the format string asks for.
#[derive(Debug, Default)]
struct Layout {
    /// Digit places.
    n_places: i32,
    /// Places before the point.
    point: i32,
    /// Places before the first `0`, and before and with the last.
    first_zero: Option<i32>,
    last_zero: i32,
    scientific: bool,
    groups: bool,
    /// Powers of ten by `%`, `‰` and trailing commas.
    shift: i32,
}

/// Appends the number as the format string says.
pub(super) fn format(mut digits: Digits, format: &str, out: &mut String) {
    let chars: Vec<char> = format.chars().collect();
    let mut section =
        find_section(&chars, if digits.is_zero() { 2 } else { usize::from(digits.negative) });
    let layout = loop {
        let layout = scan(&chars, section);
        if digits.is_zero() {
            if digits.source != Source::Float {
                digits.negative = false;
            }
            digits.scale = 0;
            break layout;
        }
        digits.scale += layout.shift;
        let count = if layout.scientific {
            layout.n_places
        } else {
            digits.scale + layout.n_places - layout.point
        };
        digits.round(count, false);
        if digits.is_zero() {
            let zero = find_section(&chars, 2);
            if zero != section {
                section = zero;
                continue;
            }
        }
        break layout;
    };
    let start = out.len();
    let in_first = section == 0 && digits.negative;
    if in_first && digits.scale != 0 {
        out.push('-');
    }
    Emitter::new(&digits, &layout).run(&chars, section, out);
    if in_first && digits.scale == 0 && out.len() > start {
        out.insert(start, '-');
    }
}

/// The place behind the `n`-th semicolon; 0 when that section is missing or empty.
fn find_section(chars: &[char], n: usize) -> usize {
    if n == 0 {
        return 0;
    }
    let mut left = n;
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        at += 1;
        match char {
            '\'' | '"' => at = skip_quoted(chars, at, char),
            '\\' => at += 1,
            ';' => {
                left -= 1;
                if left == 0 {
                    return match chars.get(at) {
                        None | Some('\0' | ';') => 0,
                        Some(_) => at,
                    };
                }
            }
            '\0' => return 0,
            _ => {}
        }
    }
    0
}

/// The place behind a quoted text.
fn skip_quoted(chars: &[char], mut at: usize, quote: char) -> usize {
    while let Some(&char) = chars.get(at) {
        if char == '\0' {
            break;
        }
        at += 1;
        if char == quote {
            break;
        }
    }
    at
}

/// Whether an exponent stands at `at`, behind its `E`.
fn is_exponent(chars: &[char], at: usize) -> bool {
    match chars.get(at) {
        Some('0') => true,
        Some('+' | '-') => chars.get(at + 1) == Some(&'0'),
        _ => false,
    }
}

fn scan(chars: &[char], section: usize) -> Layout {
    let mut layout = Layout { point: -1, ..Layout::default() };
    let mut at = section;
    // Where the last run of commas stands, and how many.
    let mut commas: Option<(i32, i32)> = None;
    while let Some(&char) = chars.get(at) {
        at += 1;
        match char {
            '\0' | ';' => break,
            '#' => layout.n_places += 1,
            '0' => {
                layout.first_zero = layout.first_zero.or(Some(layout.n_places));
                layout.n_places += 1;
                layout.last_zero = layout.n_places;
            }
            '.' if layout.point < 0 => layout.point = layout.n_places,
            ',' if layout.n_places > 0 && layout.point < 0 => {
                commas = match commas {
                    Some((place, count)) if place == layout.n_places => Some((place, count + 1)),
                    Some(_) => {
                        layout.groups = true;
                        Some((layout.n_places, 1))
                    }
                    None => Some((layout.n_places, 1)),
                };
            }
            '%' => layout.shift += 2,
            '\u{2030}' => layout.shift += 3,
            '\'' | '"' => at = skip_quoted(chars, at, char),
            '\\' if chars.get(at).is_some_and(|&next| next != '\0') => at += 1,
            'E' | 'e' if is_exponent(chars, at) => {
                at += 1;
                while chars.get(at) == Some(&'0') {
                    at += 1;
                }
                layout.scientific = true;
            }
            _ => {}
        }
    }
    if layout.point < 0 {
        layout.point = layout.n_places;
    }
    if let Some((place, count)) = commas {
        if place == layout.point {
            layout.shift -= 3 * count;
        } else {
            layout.groups = true;
        }
    }
    layout
}

/// Writes the digits into the places of a section.
struct Emitter<'a> {
    digits: &'a Digits,
    layout: &'a Layout,
    /// Digits written.
    next: usize,
    /// Places left before the point; negative after it.
    place: i32,
    /// Digits more than places when positive, places more than digits when negative.
    adjust: i32,
    /// Zeros from here on to the point.
    first: i32,
    /// Zeros up to here behind the point, negative.
    last: i32,
    point_written: bool,
    scientific: bool,
}

impl<'a> Emitter<'a> {
    fn new(digits: &'a Digits, layout: &'a Layout) -> Self {
        let point = layout.point;
        let first = layout.first_zero.map_or(0, |zero| (point - zero).max(0));
        let last = (point - layout.last_zero).min(0);
        let (place, adjust) = if layout.scientific {
            (point, 0)
        } else {
            (digits.scale.max(point), digits.scale - point)
        };
        let scientific = layout.scientific;
        Self {
            digits,
            layout,
            next: 0,
            place,
            adjust,
            first,
            last,
            point_written: false,
            scientific,
        }
    }

    fn run(&mut self, chars: &[char], section: usize, out: &mut String) {
        let mut at = section;
        while let Some(&char) = chars.get(at) {
            at += 1;
            if matches!(char, '#' | '0' | '.') {
                while self.adjust > 0 {
                    let digit = self.take().unwrap_or('0');
                    self.put(digit, out);
                    self.adjust -= 1;
                }
            }
            match char {
                '\0' | ';' => break,
                '#' | '0' => self.digit(out),
                '.' => self.decimal_point(out),
                ',' => {}
                '\'' | '"' => {
                    let end = skip_quoted(chars, at, char);
                    let closed = chars.get(end.wrapping_sub(1)) == Some(&char) && end > at;
                    let inner = if closed { end - 1 } else { end };
                    out.extend(chars.iter().take(inner).skip(at));
                    at = end;
                }
                '\\' => {
                    if let Some(&next) = chars.get(at).filter(|&&next| next != '\0') {
                        out.push(next);
                        at += 1;
                    }
                }
                'E' | 'e' => at = self.exponent(chars, at, char, out),
                _ => out.push(char),
            }
        }
    }

    fn take(&mut self) -> Option<char> {
        let digit = self.digits.places.get(self.next)?;
        self.next += 1;
        Some(char::from(*digit))
    }

    /// Writes a digit at the current place, and a comma behind it where groups end.
    fn put(&mut self, digit: char, out: &mut String) {
        out.push(digit);
        if self.layout.groups && self.place > 1 && (self.place - 1) % 3 == 0 {
            out.push(',');
        }
        self.place -= 1;
    }

    fn digit(&mut self, out: &mut String) {
        let digit = if self.adjust < 0 {
            self.adjust += 1;
            (self.place <= self.first).then_some('0')
        } else {
            self.take().or_else(|| (self.place > self.last).then_some('0'))
        };
        match digit {
            Some(digit) => self.put(digit, out),
            None => self.place -= 1,
        }
    }

    fn decimal_point(&mut self, out: &mut String) {
        if self.place != 0 || self.point_written {
            return;
        }
        let more = self.layout.point < self.layout.n_places && self.next < self.digits.places.len();
        if self.last < 0 || more {
            out.push('.');
            self.point_written = true;
        }
    }

    fn exponent(&mut self, chars: &[char], mut at: usize, letter: char, out: &mut String) -> usize {
        if !self.scientific {
            out.push(letter);
            if let Some(&sign) = chars.get(at).filter(|sign| matches!(sign, '+' | '-')) {
                out.push(sign);
                at += 1;
            }
            while chars.get(at) == Some(&'0') {
                out.push('0');
                at += 1;
            }
            return at;
        }
        if !is_exponent(chars, at) {
            out.push(letter);
            return at;
        }
        let plus = chars.get(at) == Some(&'+');
        let mut width = usize::from(chars.get(at) == Some(&'0'));
        at += 1;
        while chars.get(at) == Some(&'0') {
            at += 1;
            width += 1;
        }
        let value = if self.digits.is_zero() { 0 } else { self.digits.scale - self.layout.point };
        write_exponent(value, letter, width.min(10), plus, out);
        self.scientific = false;
        at
    }
}
