//! Random identifiers and the few time formats that Azure's answers carry.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;

/// Lower-case hexadecimal of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

/// `N` random bytes.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    // The random source of the process cannot fail once it is seeded; were it to, identifiers repeat and nothing else.
    rand::fill(&mut bytes).ok();
    bytes
}

/// A random version 4 GUID.
pub(crate) fn guid() -> String {
    let mut bytes: [u8; 16] = random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(&bytes);
    let mut out = String::with_capacity(36);
    for (position, digit) in digits.chars().enumerate() {
        if matches!(position, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}

/// Seconds since the Unix epoch.
pub(crate) fn unix_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// `2026-05-04 10:11:12Z`, the form of `timestamp` in Entra's errors.
pub(crate) fn entra_timestamp(unix: i64) -> String {
    let (days, seconds) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    // Civil date from days since 1970-01-01, counted in 400-year eras that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::{entra_timestamp, guid, hex};

    #[test]
    fn guids_are_of_version_4_and_differ() {
        let first = guid();
        let dashes: Vec<usize> = first.match_indices('-').map(|(at, _)| at).collect();
        assert_eq!((first.len(), dashes), (36, vec![8, 13, 18, 23]), "{first}");
        assert_eq!(first.as_bytes()[14], b'4');
        assert_ne!(first, guid());
        assert_eq!(hex(&[0, 15, 255]), "000fff");
    }

    #[test]
    fn timestamps_are_utc() {
        for (unix, want) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_399, "2000-02-28 23:59:59Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (1_735_689_599, "2024-12-31 23:59:59Z"),
            (1_772_323_200, "2026-03-01 00:00:00Z"),
        ] {
            assert_eq!(entra_timestamp(unix), want);
        }
    }
}
