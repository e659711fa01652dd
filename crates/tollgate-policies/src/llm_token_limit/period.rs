//! Minutes and the periods of quotas.

use tollgate_engine::ports::Window;
use tollgate_engine::{PolicyError, Typed};
use tollgate_expr::{EvalState, Target};

/// The window of a rate.
pub(super) const MINUTE: Window = Window::Sliding { ms: 60_000 };

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
const SECONDS_OF_A_DAY: i64 = 86_400;
/// 1970-01-05 was a Monday.
const FIRST_MONDAY: i64 = 4 * 86_400_000;

/// What a quota is for. It begins at the start of the unit that the time is in, by UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuotaPeriod {
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Typed for QuotaPeriod {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text.trim().to_ascii_lowercase().as_str() {
            "hourly" => Self::Hourly,
            "daily" => Self::Daily,
            "weekly" => Self::Weekly,
            "monthly" => Self::Monthly,
            "yearly" => Self::Yearly,
            _ => {
                return Err(
                    "expected `Hourly`, `Daily`, `Weekly`, `Monthly` or `Yearly`".to_owned()
                );
            }
        })
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <std::sync::Arc<str>>::from_value(value, state)?;
        Self::parse(&text)
            .map_err(|why| PolicyError::unfit_value(format!("The period does not fit: {why}.")))
    }
}

impl QuotaPeriod {
    /// The window that holds at a time, in seconds since 1970. Months and years differ in length, so each of them is a
    /// window of its own.
    pub(super) fn window(self, now: i64) -> Window {
        match self {
            Self::Hourly => Window::Fixed { ms: HOUR_MS, origin: 0 },
            Self::Daily => Window::Fixed { ms: DAY_MS, origin: 0 },
            Self::Weekly => Window::Fixed { ms: 7 * DAY_MS, origin: FIRST_MONDAY },
            Self::Monthly => {
                let (year, month) = year_and_month(now);
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                between(first_day(year, month), first_day(next.0, next.1))
            }
            Self::Yearly => {
                let (year, _) = year_and_month(now);
                between(first_day(year, 1), first_day(year + 1, 1))
            }
        }
    }
}

fn between(first: i64, next: i64) -> Window {
    let ms = u64::try_from(next - first).unwrap_or(1) * DAY_MS;
    Window::Fixed { ms, origin: first * SECONDS_OF_A_DAY * 1_000 }
}

/// The first day of a month in days since 1970-01-01, counted in years that begin in March so that the leap day is last.
fn first_day(year: i64, month: i64) -> i64 {
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (m * 153 + 2) / 5 - 719_468
}

/// The year and month of a time, by the Gregorian calendar.
fn year_and_month(now: i64) -> (i64, i64) {
    let day = now.div_euclid(SECONDS_OF_A_DAY);
    // Near enough by the mean length of a year, then exactly.
    let mut year = 1970 + (day * 400).div_euclid(146_097);
    if first_day(year, 1) > day {
        year -= 1;
    } else if first_day(year + 1, 1) <= day {
        year += 1;
    }
    let month = (2..=12).rev().find(|month| first_day(year, *month) <= day).unwrap_or(1);
    (year, month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(period: QuotaPeriod, now: i64, expected: (i64, i64)) {
        let Window::Fixed { ms, origin } = period.window(now) else { panic!("not a period") };
        let ms = i64::try_from(ms).unwrap();
        let number = (now * 1_000 - origin).div_euclid(ms);
        let start = origin + number * ms;
        assert_eq!((start / 1_000, (start + ms) / 1_000), expected, "{period:?} {now}");
    }

    #[test]
    fn periods_begin_with_their_unit() {
        // 2026-11-21T17:54:10Z, a Saturday.
        let now = 1_795_283_650;
        check(QuotaPeriod::Hourly, now, (1_795_280_400, 1_795_284_000));
        check(QuotaPeriod::Daily, now, (1_795_219_200, 1_795_305_600));
        check(QuotaPeriod::Weekly, now, (1_794_787_200, 1_795_392_000));
        check(QuotaPeriod::Monthly, now, (1_793_491_200, 1_796_083_200));
        check(QuotaPeriod::Yearly, now, (1_767_225_600, 1_798_761_600));
    }

    #[test]
    fn months_know_leap_years_and_the_turn_of_the_year() {
        // 2024-02-29T23:59:59Z and the second after.
        check(QuotaPeriod::Monthly, 1_709_251_199, (1_706_745_600, 1_709_251_200));
        check(QuotaPeriod::Monthly, 1_709_251_200, (1_709_251_200, 1_711_929_600));
        // 2026-12-31T23:59:59Z and the second after.
        check(QuotaPeriod::Monthly, 1_798_761_599, (1_796_083_200, 1_798_761_600));
        check(QuotaPeriod::Yearly, 1_798_761_599, (1_767_225_600, 1_798_761_600));
        check(QuotaPeriod::Yearly, 1_798_761_600, (1_798_761_600, 1_830_297_600));
    }

    #[test]
    fn each_day_is_in_its_month() {
        for day in -200_000..200_000 {
            let (year, month) = year_and_month(day * SECONDS_OF_A_DAY);
            let next =
                if month == 12 { first_day(year + 1, 1) } else { first_day(year, month + 1) };
            assert!(first_day(year, month) <= day && day < next, "{day}");
        }
    }
}
