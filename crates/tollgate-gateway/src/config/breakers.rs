//! When backends are left alone.

use std::time::Duration;

use tollgate_diagnostics::{Code, Span};

use super::toml_file::{Item, Table};
use super::{Reader, count, duration, flag, list};
use crate::breaker::{ErrorReason, Rule, Threshold};

/// Fewer requests than this are no proportion, unless the rule says otherwise.
pub(super) const MINIMUM_REQUESTS: usize = 10;

/// Interval and open time when a rule does not say, as in Azure's portal.
const HOUR: Duration = Duration::from_hours(1);

impl Reader<'_> {
    /// The rules of a backend's circuit breaker.
    pub(super) fn breaker_rules(&mut self, table: Option<Table<'_>>) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (name, span, item) in table.map(Table::entries).unwrap_or_default() {
            rules.extend(item.table().and_then(|table| self.breaker_rule(name, span, table)));
        }
        rules
    }

    fn breaker_rule(&mut self, name: &str, span: Span, table: Table<'_>) -> Option<Rule> {
        let threshold = self.threshold(name, span, table);
        let statuses = self.statuses(table);
        let reasons = self.error_reasons(table);
        if table.get("status-codes").is_none() && table.get("error-reasons").is_none() {
            let message = format!("nothing is a failure to the circuit breaker rule `{name}`");
            let label = "needs `status-codes`, `error-reasons` or both";
            self.report(Code::CONFIG_MISSING, message, span, label);
        }
        let (interval, trip) = (self.time(table, "interval"), self.time(table, "trip-duration"));
        Some(Rule {
            name: name.to_owned(),
            threshold: threshold?,
            interval,
            statuses,
            reasons,
            trip,
            accept_retry_after: flag(Some(table), "accept-retry-after", false),
        })
    }

    fn threshold(&mut self, name: &str, span: Span, table: Table<'_>) -> Option<Threshold> {
        let minimum = count(Some(table), "minimum-requests", MINIMUM_REQUESTS);
        let number = |item: Item<'_>| item.count().and_then(|n| u32::try_from(n).ok());
        match (table.get("count"), table.get("percentage")) {
            (Some(item), None) => {
                if item.count() == Some(0) {
                    self.unfit("count", item, "expected 1 or more failures");
                }
                number(item).map(Threshold::Count)
            }
            (None, Some(item)) => {
                if item.count().is_some_and(|percentage| !(1..=100).contains(&percentage)) {
                    self.unfit("percentage", item, "expected 1 to 100");
                }
                let minimum_requests = u32::try_from(minimum).unwrap_or(u32::MAX);
                number(item)
                    .map(|percentage| Threshold::Percentage { percentage, minimum_requests })
            }
            (Some(_), Some(item)) => {
                let message =
                    format!("the circuit breaker rule `{name}` has both `count` and `percentage`");
                self.report(
                    Code::CONFIG_CONFLICT,
                    message,
                    item.span(),
                    "one of the two is enough",
                );
                None
            }
            (None, None) => {
                let message = format!("the circuit breaker rule `{name}` never opens");
                let label = "needs `count` or `percentage`";
                self.report(Code::CONFIG_MISSING, message, span, label);
                None
            }
        }
    }

    fn time(&mut self, table: Table<'_>, key: &str) -> Duration {
        let time = duration(Some(table), key, HOUR);
        if let Some(item) = table.get(key).filter(|_| time.is_zero()) {
            self.unfit(key, item, "expected more than nothing");
        }
        time
    }

    fn statuses(&mut self, table: Table<'_>) -> Vec<(u16, u16)> {
        let mut ranges = Vec::new();
        for (written, span) in list(Some(table), "status-codes").unwrap_or_default() {
            let range = status_range(&written);
            if range.is_none() {
                let message = format!("`{written}` is not a range of status codes");
                let label = "expected 200 to 599, such as `429` or `500-599`";
                self.report(Code::CONFIG_VALUE, message, span, label);
            }
            ranges.extend(range);
        }
        ranges
    }

    fn error_reasons(&mut self, table: Table<'_>) -> Vec<ErrorReason> {
        let mut reasons = Vec::new();
        for (written, span) in list(Some(table), "error-reasons").unwrap_or_default() {
            let known = ErrorReason::named(&written);
            if known.is_none() {
                let message = format!("`{written}` is not an error reason of circuit breakers");
                let label = "expected `Timeout`, `BackendConnectionFailure` or `Server errors`";
                self.report(Code::CONFIG_VALUE, message, span, label);
            }
            reasons.extend(known.into_iter().flatten());
        }
        reasons
    }

    fn unfit(&mut self, key: &str, item: Item<'_>, expected: &str) {
        let message = format!("the value of `{key}` does not fit");
        self.report(Code::CONFIG_VALUE, message, item.span(), expected);
    }
}

fn status_range(written: &str) -> Option<(u16, u16)> {
    let (min, max) = written.split_once('-').unwrap_or((written, written));
    let (min, max) = (min.trim().parse().ok()?, max.trim().parse().ok()?);
    (200 <= min && min <= max && max <= 599).then_some((min, max))
}
