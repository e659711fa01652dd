//! Division of decimals as .NET does it.

use rust_decimal::Decimal;

use super::parse::decimal;

/// The mantissa of a decimal has 96 bits.
const LIMIT: u128 = 1 << 96;
const MAX_SCALE: i64 = 28;

/// The quotient to 28 digits, halves rounded to even; zeros at the end only as far as both numbers ask for them. None
/// when it is too large. The divisor must not be zero.
pub(crate) fn divide(left: Decimal, right: Decimal) -> Option<Decimal> {
    let (numerator, divisor) = (left.mantissa().unsigned_abs(), right.mantissa().unsigned_abs());
    let negative = left.is_sign_negative() != right.is_sign_negative();
    let mut scale = i64::from(left.scale()) - i64::from(right.scale());
    let (mut quotient, mut rest) =
        (numerator.checked_div(divisor)?, numerator.checked_rem(divisor)?);
    // What is worked out further than both numbers ask for may not end with zeros.
    let extended = rest != 0;
    while scale < 0 || (rest != 0 && scale < MAX_SCALE) {
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
