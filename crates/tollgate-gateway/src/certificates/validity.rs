//! When certificates begin and end.

use std::time::{Duration, UNIX_EPOCH};

use tollgate_engine::jose::Certificate;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::telemetry::Timestamp;

const DAY: i64 = 86_400;

/// A certificate that ends within this many days is worth a word, and so is one with less than a third of its life left,
/// whichever is less: those of a week are renewed in their last days.
const SOON: i64 = 30;

/// The time that a certificate is good for, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    /// First second.
    pub(crate) begins: i64,
    /// Last second.
    pub(crate) ends: i64,
}

/// What is the matter with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concern {
    /// It begins later.
    Early,
    /// It has so many whole days left.
    Soon(i64),
    /// It is over.
    Over,
}

impl Validity {
    /// Of the certificate itself: others of its chain may well be over, where clients know another way to a root.
    pub(crate) fn of(certificate: &Certificate) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate.der()).ok()?;
        let validity = parsed.validity();
        Some(Self { begins: validity.not_before.timestamp(), ends: validity.not_after.timestamp() })
    }

    /// Whole days that are left, less than 0 when it is over.
    pub(crate) fn days_left(self, now: i64) -> i64 {
        self.ends.saturating_sub(now).div_euclid(DAY)
    }

    /// What is the matter with it.
    pub(crate) fn concern(self, now: i64) -> Option<Concern> {
        let left = self.ends.saturating_sub(now);
        let life = self.ends.saturating_sub(self.begins);
        if left < 0 {
            return Some(Concern::Over);
        }
        if now < self.begins {
            return Some(Concern::Early);
        }
        (left < (SOON * DAY).min(life / 3)).then(|| Concern::Soon(self.days_left(now)))
    }
}

/// A moment as people read it.
pub(crate) fn shown(unix_seconds: i64) -> String {
    let seconds = Duration::from_secs(u64::try_from(unix_seconds).unwrap_or(0));
    let text = Timestamp(UNIX_EPOCH + seconds).to_string();
    let (seconds, _) = text.split_once('.').unwrap_or((&text, ""));
    format!("{seconds}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_of_concern_near_their_end() {
        let check = |life: i64, age: i64, expected: Option<Concern>, left: i64| {
            let validity = Validity { begins: 1_000_000_000, ends: 1_000_000_000 + life };
            let now = 1_000_000_000 + age;
            assert_eq!((validity.concern(now), validity.days_left(now)), (expected, left), "{age}");
        };
        let year = 365 * DAY;
        check(year, -1, Some(Concern::Early), 365);
        check(year, 0, None, 365);
        check(year, year - 30 * DAY, None, 30);
        check(year, year - 30 * DAY + 1, Some(Concern::Soon(29)), 29);
        check(year, year, Some(Concern::Soon(0)), 0);
        check(year, year + 1, Some(Concern::Over), -1);
        check(6 * DAY, 4 * DAY, None, 2);
        check(6 * DAY, 4 * DAY + 1, Some(Concern::Soon(1)), 1);
        assert_eq!(shown(1_000_000_000), "2001-09-09T01:46:40Z");
        assert_eq!(shown(-1), "1970-01-01T00:00:00Z");
    }
}
