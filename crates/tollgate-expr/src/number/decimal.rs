//! Arithmetic of decimals as .NET does it, with the zeros at the end and the sign of zero that it gives.

use rust_decimal::{Decimal, RoundingStrategy};

/// The mantissa of a decimal has 96 bits.
const LIMIT: u128 = 1 << 96;
const MAX_SCALE: u32 = 28;
/// Products of two 32-bit factors lose at most so many digits; of more, nothing is left.
const MAX_CUT: u32 = 19;

/// A decimal of its parts. Zero has a sign too.
#[expect(clippy::cast_possible_truncation, reason = "the mantissa has 96 bits")]
pub(crate) fn decimal(mantissa: u128, scale: u32, negative: bool) -> Decimal {
    let (low, middle, high) = (mantissa as u32, (mantissa >> 32) as u32, (mantissa >> 64) as u32);
    signed(Decimal::from_parts(low, middle, high, false, scale), negative)
}

fn signed(mut value: Decimal, negative: bool) -> Decimal {
    value.set_sign_negative(negative);
    value
}

fn mantissa(value: Decimal) -> u128 {
    value.mantissa().unsigned_abs()
}

/// The sum; none when it is too large.
pub(crate) fn sum(left: Decimal, right: Decimal) -> Option<Decimal> {
    if !left.is_zero() && !right.is_zero() {
        let sum = left.checked_add(right)?;
        return Some(if sum.is_zero() { no_difference(left, right) } else { sum });
    }
    // The number with fewer digits after the point is the one that gets more, unless it is nothing.
    let (few, many) = if left.scale() <= right.scale() { (left, right) } else { (right, left) };
    Some(if few.scale() != many.scale() {
        if few.is_zero() {
            many
        } else {
            let mut sum = few;
            sum.rescale(many.scale());
            sum
        }
    } else if left.is_zero() && right.is_zero() {
        left
    } else if left.is_zero() {
        right
    } else {
        left
    })
}

/// The zero that is left of two opposite numbers: with the sign of the one that has fewer digits after the point.
#[cold]
fn no_difference(left: Decimal, right: Decimal) -> Decimal {
    let few = if left.scale() <= right.scale() { left } else { right };
    decimal(0, left.scale().max(right.scale()), few.is_sign_negative())
}

/// The product; none when it is too large.
pub(crate) fn product(left: Decimal, right: Decimal) -> Option<Decimal> {
    let scale = left.scale() + right.scale();
    let negative = left.is_sign_negative() != right.is_sign_negative();
    let narrow = mantissa(left).max(mantissa(right)) <= u128::from(u32::MAX);
    if left.is_zero() || right.is_zero() {
        let kept = narrow && scale <= MAX_SCALE + MAX_CUT;
        return Some(if kept { decimal(0, scale.min(MAX_SCALE), negative) } else { Decimal::ZERO });
    }
    let product = left.checked_mul(right)?;
    if !product.is_zero() {
        return Some(product);
    }
    let lost = narrow && scale > MAX_SCALE + MAX_CUT;
    Some(if lost { Decimal::ZERO } else { decimal(0, MAX_SCALE, negative) })
}

/// What a division leaves, with the sign of the first number and the digits of the one that has more. The divisor must not
/// be zero.
pub(crate) fn remainder(left: Decimal, right: Decimal) -> Decimal {
    let (of, by) = (mantissa(left), mantissa(right));
    let negative = left.is_sign_negative();
    let power = |exponent: u32| 10_u128.pow(exponent.min(MAX_SCALE));
    if of == 0 {
        return left;
    }
    if left.scale() >= right.scale() {
        // A divisor that is too large to be written with so many digits is larger than the first number.
        return match by.checked_mul(power(left.scale() - right.scale())) {
            Some(by) if by <= of => decimal(of % by, left.scale(), negative),
            _ => left,
        };
    }
    let wider = right.scale() - left.scale();
    if of.checked_mul(power(wider)).is_some_and(|of| of < by) {
        return left;
    }
    let mut rest = of % by;
    for _ in 0..wider {
        rest = rest * 10 % by;
    }
    decimal(rest, right.scale(), negative)
}

/// With at most so many digits after the point.
pub(crate) fn round(value: Decimal, digits: u32, strategy: RoundingStrategy) -> Decimal {
    signed(value.round_dp_with_strategy(digits, strategy), value.is_sign_negative())
}

/// The quotient to 28 digits, halves rounded to even; zeros at the end only as far as both numbers ask for them. None
/// when it is too large. The divisor must not be zero.
pub(crate) fn divide(left: Decimal, right: Decimal) -> Option<Decimal> {
    let (numerator, divisor) = (mantissa(left), mantissa(right));
    let negative = left.is_sign_negative() != right.is_sign_negative();
    let mut scale = i64::from(left.scale()) - i64::from(right.scale());
    let (mut quotient, mut rest) =
        (numerator.checked_div(divisor)?, numerator.checked_rem(divisor)?);
    // What is worked out further than both numbers ask for may not end with zeros.
    let extended = rest != 0;
    while scale < 0 || (rest != 0 && scale < i64::from(MAX_SCALE)) {
        let digit = rest * 10 / divisor;
        let longer = quotient * 10 + digit;
        if longer >= LIMIT {
            if scale < 0 {
                return None;
            }
            break;
        }
        quotient = longer;
        rest = rest * 10 % divisor;
        scale += 1;
    }
    let twice = rest * 2;
    if twice > divisor || twice == divisor && quotient % 2 == 1 {
        quotient += 1;
        if quotient == LIMIT {
            quotient = quotient / 10 + 1;
            scale -= 1;
        }
    }
    while extended && scale > 0 && quotient.is_multiple_of(10) {
        quotient /= 10;
        scale -= 1;
    }
    let scale = u32::try_from(scale).ok()?;
    Some(decimal(quotient, scale, negative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_have_the_digits_that_they_need() {
        for (left, right, expected) in [
            ("10", "4", "2.5"),
            ("1.00", "2", "0.50"),
            ("1", "3", "0.3333333333333333333333333333"),
            ("2", "3", "0.6666666666666666666666666667"),
            ("79228162514264337593543950335", "10", "7922816251426433759354395033.5"),
            ("-7", "0.5", "-14"),
            ("0.00", "7", "0.00"),
        ] {
            let (left, right) = (left.parse().unwrap(), right.parse().unwrap());
            assert_eq!(divide(left, right).unwrap().to_string(), expected);
        }
        assert_eq!(divide(Decimal::MAX, "0.1".parse().unwrap()), None);
    }
}
