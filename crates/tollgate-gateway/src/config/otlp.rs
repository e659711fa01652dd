//! `[otlp]`.

use std::time::Duration;

use tollgate_diagnostics::Code;

use super::toml_file::Table;
use super::{Reader, duration, flag, ratio, text};
use crate::telemetry::OtlpSettings;

/// Metrics are not sent more often.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

impl Reader<'_> {
    /// The collector; none without an endpoint.
    pub(super) fn otlp(&mut self, table: Option<Table<'_>>) -> Option<OtlpSettings> {
        let table = table?;
        let headers = table.table("headers").map(Table::entries).unwrap_or_default();
        let headers = self.header_table(headers);
        let Some(item) = table.get("endpoint") else {
            let message = "`otlp` needs an `endpoint`".to_owned();
            self.report(Code::CONFIG_MISSING, message, table.span(), "`endpoint` is missing");
            return None;
        };
        let attributes = table.table("attributes").map(Table::entries).unwrap_or_default();
        let attributes = attributes.into_iter();
        let attributes = attributes
            .filter_map(|(key, _, value)| Some((key.to_owned(), value.text()?.to_owned())));
        let some = Some(table);
        Some(OtlpSettings {
            endpoint: item.text().unwrap_or_default().to_owned(),
            headers,
            service_name: text(some, "service-name").unwrap_or_else(|| "tollgate".to_owned()),
            attributes: attributes.collect(),
            traces: flag(some, "traces", true),
            metrics: flag(some, "metrics", true),
            sampling_ratio: ratio(some, "sampling-ratio", 1.0),
            interval: duration(some, "interval", Duration::from_mins(1)).max(SHORTEST_INTERVAL),
            timeout: duration(some, "timeout", Duration::from_secs(10)),
        })
    }
}
