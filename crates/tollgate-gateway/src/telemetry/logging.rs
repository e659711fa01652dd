//! Where log lines go and how they look.

use std::fmt;
use std::io;
use std::sync::Arc;

use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use super::SharedRedactor;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    #[default]
    Text,
}

/// `[telemetry]`: what is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// How lines look.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,tollgate_gateway=debug`.
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: "info".to_owned() }
    }
}

/// Libraries that say at info or debug what only their authors want to know. Directives of the settings come later and win.
const QUIET: &str = "azure_core=warn,azure_identity=warn,typespec_client_core=warn,h2=warn,hyper=warn,hyper_util=warn,\
                     pingora_core=warn,pingora_pool=warn,rustls=warn";

/// Changes what is logged while the gateway runs.
#[derive(Clone)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogControl")
    }
}

impl LogControl {
    /// Takes over a level. The format stays what it was at start.
    pub fn apply(&self, settings: &LogSettings) -> Result<(), String> {
        self.filter.reload(filter(&settings.level)?).map_err(|error| error.to_string())
    }
}

/// Makes the subscriber that the binary installs. Every line passes the redactor as a whole, so that a secret that slipped
/// into an error of some library is masked as well.
pub fn log_dispatch<W>(
    settings: &LogSettings,
    redactor: Arc<SharedRedactor>,
    writer: W,
) -> Result<(Dispatch, LogControl), String>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(&settings.level)?);
    let lines =
        tracing_subscriber::fmt::layer().with_writer(RedactingMaker { inner: writer, redactor });
    let lines = match settings.format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    let dispatch = Dispatch::new(Registry::default().with(filter).with(lines));
    Ok((dispatch, LogControl { filter: handle }))
}

/// Whether a level can be understood.
pub fn check_log_level(level: &str) -> Result<(), String> {
    filter(level).map(drop)
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder()
        .parse(format!("{QUIET},{level}"))
        .map_err(|error| format!("the log level `{level}` cannot be read: {error}"))
}

struct RedactingMaker<W> {
    inner: W,
    redactor: Arc<SharedRedactor>,
}

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for RedactingMaker<W> {
    type Writer = RedactingWriter<'w, W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        RedactingWriter { inner: self.inner.make_writer(), redactor: &self.redactor }
    }
}

/// Gets each line in one piece: that is how the formatting layer writes.
struct RedactingWriter<'w, W> {
    inner: W,
    redactor: &'w SharedRedactor,
}

impl<W: io::Write> io::Write for RedactingWriter<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.inner.write_all(self.redactor.load().redact(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Mutex;
    use uuid::Uuid;

    use super::super::{AccessError, AccessLog as _, AccessRecord, Redactor, TracingAccessLog};
    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(
        format: LogFormat,
        level: &str,
        act: impl FnOnce(&Arc<SharedRedactor>, &LogControl),
    ) -> String {
        let lines = Lines::default();
        let redactor = Arc::new(SharedRedactor::default());
        redactor.store(Redactor::new(["canary-value"]));
        let settings = LogSettings { format, level: level.to_owned() };
        let writer = lines.clone();
        let (dispatch, control) =
            log_dispatch(&settings, Arc::clone(&redactor), move || writer.clone()).unwrap();
        tracing::dispatcher::with_default(&dispatch, || act(&redactor, &control));
        String::from_utf8(lines.0.lock().clone()).unwrap()
    }

    fn record() -> AccessRecord {
        AccessRecord {
            request_id: Uuid::nil(),
            method: http::Method::POST,
            path: "/openai/chat\ncanary-value".to_owned(),
            api: Some("openai".into()),
            operation: None,
            subscription: Some("team".into()),
            status: 401,
            total: Duration::from_micros(1_500),
            backend: None,
            first_byte: Some(Duration::from_millis(1)),
            backend_id: None,
            backend_status: None,
            client_ip: [127, 0, 0, 1].into(),
            protocol: http::Version::HTTP_2,
            bytes_in: 12,
            bytes_out: 34,
            error: Some(AccessError {
                source: "validate-jwt".into(),
                reason: "TokenExpired".into(),
                message: "token canary-value expired".to_owned(),
            }),
        }
    }

    #[test]
    fn an_access_line_in_json_has_every_field_and_no_secret() {
        let text = logged(LogFormat::Json, "info", |redactor, _| {
            TracingAccessLog::new(Arc::clone(redactor)).record(&record());
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (name, expected) in [
            ("level", serde_json::json!("INFO")),
            ("target", "access".into()),
            ("request_id", "00000000-0000-0000-0000-000000000000".into()),
            ("method", "POST".into()),
            ("path", "/openai/chat\n***".into()),
            ("api", "openai".into()),
            ("operation", serde_json::Value::Null),
            ("subscription", "team".into()),
            ("status", 401.into()),
            ("total_ms", 1.5.into()),
            ("backend_ms", serde_json::Value::Null),
            ("first_byte_ms", 1.0.into()),
            ("client_ip", "127.0.0.1".into()),
            ("protocol", "HTTP/2".into()),
            ("bytes_in", 12.into()),
            ("bytes_out", 34.into()),
            ("error_source", "validate-jwt".into()),
            ("error_reason", "TokenExpired".into()),
            ("error_message", "token *** expired".into()),
        ] {
            assert_eq!(
                line.get(name).unwrap_or(&serde_json::Value::Null),
                &expected,
                "{name} in {text}"
            );
        }
    }

    #[test]
    fn a_line_stays_one_line_in_text() {
        let text = logged(LogFormat::Text, "info", |redactor, _| {
            TracingAccessLog::new(Arc::clone(redactor)).record(&record());
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("status=401") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn secrets_in_other_lines_are_masked() {
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = logged(format, "info", |_, _| {
                tracing::warn!(error = "refused canary-value", "the endpoint said canary-value");
            });
            assert!(text.contains("***") && !text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn the_level_holds_and_changes() {
        let text = logged(LogFormat::Text, "warn", |_, control| {
            tracing::info!("one");
            control
                .apply(&LogSettings { level: "info".to_owned(), ..LogSettings::default() })
                .unwrap();
            tracing::info!("two");
            tracing::info!(target: "hyper", "three");
        });
        assert!(!text.contains("one") && text.contains("two") && !text.contains("three"), "{text}");
        assert!(check_log_level("info,tollgate_gateway=debug").is_ok());
        assert!(check_log_level("loud=very").is_err());
    }
}
