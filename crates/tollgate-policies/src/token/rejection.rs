//! Why a token is refused.

use std::fmt;
use std::sync::Arc;

use tollgate_engine::jose::JoseError;

/// Why a token is refused. Variants carry facts; reasons and texts are APIM's where they are known.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("JWT not present.")]
    NotPresent,
    #[error("The authorization scheme is not the required one. Access denied.")]
    Scheme,
    #[error("JWT is not well formed: {0}. Access denied.")]
    NotWellFormed(&'static str),
    #[error("JWT is not well formed: {0}. Access denied.")]
    Jose(JoseError),
    #[error("Decryption failed. Access denied.")]
    Decryption,
    #[error("Signature validation failed. The token is not signed. Access denied.")]
    Unsigned,
    #[error("Signature validation failed. No key made the signature. Access denied.")]
    Signature,
    #[error("Signature validation failed. Unable to match key. Access denied.")]
    KeyNotFound,
    #[error("Signature validation failed. {0}. Access denied.")]
    KeysUnavailable(String),
    #[error("Lifetime validation failed. The token is missing an expiration time. Access denied.")]
    NoExpiration,
    #[error(
        "Lifetime validation failed. The token is expired. ValidTo (UTC): '{at}', Current time (UTC): '{now}'. Access denied."
    )]
    Expired { at: UtcTime, now: UtcTime },
    #[error(
        "Lifetime validation failed. The token is not yet valid. ValidFrom (UTC): '{from}', Current time (UTC): '{now}'. Access denied."
    )]
    NotYetValid { from: UtcTime, now: UtcTime },
    #[error(
        "Lifetime validation failed. ValidFrom (UTC): '{from}' is after ValidTo (UTC): '{to}'. Access denied."
    )]
    Lifetime { from: UtcTime, to: UtcTime },
    #[error("Issuer validation failed. Issuer: '{}' did not match. Access denied.", Shown(.0))]
    Issuer(String),
    #[error("Audience validation failed. Audiences: '{}' did not match. Access denied.", Shown(.0))]
    Audience(String),
    #[error("JWT is missing the following claims: {0}. Access denied.")]
    ClaimsMissing(String),
    #[error("Claim value mismatch: {name}={expected}.")]
    ClaimMismatch { name: Arc<str>, expected: String },
}

impl Rejection {
    /// `context.LastError.Reason`.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NotPresent => "TokenNotPresent",
            Self::Unsigned | Self::Signature => "TokenSignatureInvalid",
            Self::KeyNotFound | Self::KeysUnavailable(_) => "TokenSignatureKeyNotFound",
            Self::Expired { .. } => "TokenExpired",
            Self::Issuer(_) => "TokenIssuerNotAllowed",
            Self::Audience(_) => "TokenAudienceNotAllowed",
            Self::ClaimsMissing(_) => "TokenClaimNotFound",
            // Azure documents TokenClaimValueNotAllowed; real gateways say this.
            Self::ClaimMismatch { .. } => "TokenClaimValueMismatch",
            Self::Scheme
            | Self::NotWellFormed(_)
            | Self::Jose(_)
            | Self::Decryption
            | Self::NoExpiration
            | Self::NotYetValid { .. }
            | Self::Lifetime { .. } => "JwtInvalid",
        }
    }
}

impl From<JoseError> for Rejection {
    fn from(error: JoseError) -> Self {
        match error {
            JoseError::NoKey => Self::KeyNotFound,
            JoseError::Signature => Self::Signature,
            JoseError::Unsigned => Self::Unsigned,
            JoseError::Decryption => Self::Decryption,
            JoseError::Malformed(why) => Self::NotWellFormed(why),
            other => Self::Jose(other),
        }
    }
}

/// Text of a token in a message: of bounded length and without control characters.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 200;
        for c in self.0.chars().take(LONGEST) {
            write!(f, "{}", if c.is_control() { '?' } else { c })?;
        }
        if self.0.chars().nth(LONGEST).is_some() { f.write_str("…") } else { Ok(()) }
    }
}

/// Seconds since 1970, as .NET prints a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UtcTime(pub(crate) i64);

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// 9999-12-31T23:59:59Z, the last second .NET has.
        const LAST: i64 = 253_402_300_799;
        let seconds = self.0.clamp(0, LAST);
        let (days, time) = (seconds / 86_400, seconds % 86_400);
        // Civil date from days, counting years from March (Howard Hinnant's algorithm for the Gregorian calendar).
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        write!(f, "{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}:{second:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_dot_net_prints_them() {
        for (seconds, text) in [
            (0, "01/01/1970 00:00:00"),
            (-5, "01/01/1970 00:00:00"),
            (951_782_400, "02/29/2000 00:00:00"),
            (1_700_000_000, "11/14/2023 22:13:20"),
            (i64::MAX, "12/31/9999 23:59:59"),
        ] {
            assert_eq!(UtcTime(seconds).to_string(), text);
        }
    }

    #[test]
    fn text_of_tokens_is_tamed() {
        assert_eq!(Rejection::Issuer("a\r\nb".into()).to_string().matches("a??b").count(), 1);
        assert!(Rejection::Audience("x".repeat(100_000)).to_string().len() < 300);
    }
}
