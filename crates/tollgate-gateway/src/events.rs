//! The engine's port for log lines, metrics and events of policies.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_engine::ports::{CustomMetric, EventLogger, Events, Severity, TokenUsage, TraceLine};

use crate::telemetry::Metrics;

/// Target of the lines in the log, for filters such as `info,tollgate::policy=debug`.
const TARGET: &str = "tollgate::policy";

/// Log, metrics, and the loggers of one configuration.
pub(crate) struct PolicyEvents {
    metrics: Arc<Metrics>,
    loggers: HashMap<String, Arc<dyn EventLogger>>,
}

impl fmt::Debug for PolicyEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PolicyEvents")
    }
}

impl PolicyEvents {
    pub(crate) fn new(
        metrics: Arc<Metrics>,
        loggers: HashMap<String, Arc<dyn EventLogger>>,
    ) -> Self {
        Self { metrics, loggers }
    }
}

impl Events for PolicyEvents {
    fn writes(&self, severity: Severity) -> bool {
        match severity {
            Severity::Verbose => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
            Severity::Information => tracing::enabled!(target: TARGET, tracing::Level::INFO),
            Severity::Error => tracing::enabled!(target: TARGET, tracing::Level::ERROR),
        }
    }

    fn write(&self, line: &TraceLine<'_>) {
        let TraceLine { request_id, api, operation, source, severity, message, metadata } = *line;
        let properties: Map<String, Value> = metadata
            .iter()
            .map(|(name, value)| (name.to_string(), Value::from(&**value)))
            .collect();
        let metadata = (!properties.is_empty()).then(|| Value::from(properties).to_string());
        // The level of an event must be known at compile time.
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET, %request_id, api, operation, source, metadata, "{message}"
                )
            };
        }
        match severity {
            Severity::Verbose => log!(debug),
            Severity::Information => log!(info),
            Severity::Error => log!(error),
        }
    }

    fn metric(&self, namespace: &str, name: &str) -> Arc<dyn CustomMetric> {
        self.metrics.custom().metric(namespace, name)
    }

    fn token_usage(&self, usage: &TokenUsage<'_>) {
        self.metrics.token_usage().add(usage);
    }

    fn logger(&self, id: &str) -> Option<Arc<dyn EventLogger>> {
        self.loggers.get(id).map(Arc::clone)
    }
}
