//! Where log lines go and how they look.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;

use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use super::{AccessLines, AccessLog, LogQueue, SharedRedactor};

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

/// A gateway's hand on its log.
#[derive(Clone)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
    access: AccessLines,
    queue: LogQueue,
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

    /// Where access lines go: between the other lines.
    pub fn access_log(&self) -> Arc<dyn AccessLog> {
        Arc::new(self.access.clone())
    }

    /// Waits until the lines so far are written, for a moment at most.
    pub fn flush(&self) {
        self.queue.flush();
    }
}

/// Makes the subscriber that the binary installs. Every line passes the redactor as a whole, so that a secret that slipped
/// into an error of some library is masked as well.
pub fn log_dispatch(
    settings: &LogSettings,
    redactor: Arc<SharedRedactor>,
    queue: LogQueue,
) -> Result<(Dispatch, LogControl), String> {
    let (filter, handle) = reload::Layer::new(filter(&settings.level)?);
    let access = AccessLines::new(queue.clone(), settings.format, Arc::clone(&redactor));
    let control = LogControl { filter: handle, access, queue: queue.clone() };
    let lines = tracing_subscriber::fmt::layer().with_writer(RedactingMaker { queue, redactor });
    let lines = match settings.format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    let dispatch = Dispatch::new(Registry::default().with(filter).with(lines));
    Ok((dispatch, control))
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

struct RedactingMaker {
    queue: LogQueue,
    redactor: Arc<SharedRedactor>,
}

impl<'w> MakeWriter<'w> for RedactingMaker {
    type Writer = RedactingWriter<'w>;

    fn make_writer(&'w self) -> Self::Writer {
        RedactingWriter(self)
    }
}

/// Gets each line in one piece: that is how the formatting layer writes.
struct RedactingWriter<'w>(&'w RedactingMaker);

impl io::Write for RedactingWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        // A secret may have several lines, so it is masked first.
        self.0.queue.push(indented(&self.0.redactor.load().redact(&text)).as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message of several lines may be a client's (`trace`), who must not be able to write what looks like a line of ours: all
/// but the first are indented. In JSON there is only one.
fn indented(line: &str) -> Cow<'_, str> {
    let text = line.strip_suffix('\n').unwrap_or(line);
    if !text.contains(['\n', '\r']) {
        return Cow::Borrowed(line);
    }
    Cow::Owned(text.replace('\r', "\\r").replace('\n', "\n    ") + "\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Mutex;
    use tollgate_engine::ports::CacheStatus;
    use tollgate_engine::{Api, Product, RouteInfo};
    use uuid::Uuid;

    use super::super::{AccessError, AccessRecord, Metrics};
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

    fn logged(format: LogFormat, level: &str, act: impl FnOnce(&LogControl)) -> String {
        let lines = Lines::default();
        let redactor = Arc::new(SharedRedactor::default());
        redactor.know(["canary-value"]);
        let settings = LogSettings { format, level: level.to_owned() };
        let queue = LogQueue::start(lines.clone(), &Metrics::new()).unwrap();
        let (dispatch, control) = log_dispatch(&settings, Arc::clone(&redactor), queue).unwrap();
        tracing::dispatcher::with_default(&dispatch, || act(&control));
        control.flush();
        String::from_utf8(lines.0.lock().clone()).unwrap()
    }

    fn record() -> AccessRecord {
        AccessRecord {
            request_id: Uuid::nil(),
            method: http::Method::POST,
            path: "/openai/chat\ncanary-value".to_owned(),
            route: RouteInfo {
                api: Some(Arc::new(Api { id: "openai".to_owned(), ..Api::default() })),
                product: Some(Arc::new(Product { id: "starter".to_owned(), ..Product::default() })),
                ..RouteInfo::default()
            },
            status: 401,
            total: Duration::from_micros(1_500),
            backend: None,
            first_byte: Some(Duration::from_millis(1)),
            cache: Some(CacheStatus::Hit),
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
                detail: None,
            }),
        }
    }

    #[test]
    fn an_access_line_in_json_has_every_field_and_no_secret() {
        let text = logged(LogFormat::Json, "info", |control| {
            control.access_log().record(&record());
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
            ("product", "starter".into()),
            ("status", 401.into()),
            ("total_ms", 1.5.into()),
            ("backend_ms", serde_json::Value::Null),
            ("first_byte_ms", 1.into()),
            ("cache", "hit".into()),
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
        let text = logged(LogFormat::Text, "info", |control| {
            control.access_log().record(&record());
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains("canary"), "{text}");
        let expected = "  INFO access: request_id=00000000-0000-0000-0000-000000000000 method=\"POST\" \
                        path=\"/openai/chat\\n***\" api=\"openai\" product=\"starter\" status=401 total_ms=1.5 \
                        first_byte_ms=1 cache=\"hit\" client_ip=127.0.0.1 protocol=\"HTTP/2\" bytes_in=12 bytes_out=34 \
                        error_source=\"validate-jwt\" error_reason=\"TokenExpired\" error_message=\"token *** expired\"\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn nobody_writes_a_line_of_another() {
        let forged = "one\n2026-01-01T00:00:00Z ERROR two\rthree";
        let text = logged(LogFormat::Text, "info", |_| tracing::info!("{forged}"));
        assert!(text.ends_with("one\n    2026-01-01T00:00:00Z ERROR two\\rthree\n"), "{text}");
        let text = logged(LogFormat::Json, "info", |_| tracing::info!("{forged}"));
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn access_lines_obey_the_level() {
        for (level, expected) in [("warn", 0), ("info,access=off", 0), ("warn,access=info", 1)] {
            let text =
                logged(LogFormat::Json, level, |control| control.access_log().record(&record()));
            assert_eq!(text.lines().count(), expected, "{level}");
        }
    }

    #[test]
    fn secrets_in_other_lines_are_masked() {
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = logged(format, "info", |_| {
                tracing::warn!(error = "refused canary-value", "the endpoint said canary-value");
            });
            assert!(text.contains("***") && !text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn the_level_holds_and_changes() {
        let text = logged(LogFormat::Text, "warn", |control| {
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
