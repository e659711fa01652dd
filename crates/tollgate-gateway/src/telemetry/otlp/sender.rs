//! One endpoint of a collector, by the rules of OTLP/HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use tokio::sync::watch;
use tollgate_engine::Clock as _;
use uuid::Uuid;

use super::OtlpSettings;
use crate::SystemClock;
use crate::breaker::retry_after;
use crate::fetch::{FetchError, FetchOptions, Fetcher, Guard};

/// How often one request is sent at most.
const MAX_TRIES: u32 = 5;

/// The pause before the second try; each one after that is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause, also when the collector asks for more: what waits meanwhile is bounded.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;

/// Sends to one path.
pub(super) struct Sender {
    fetcher: Arc<Fetcher>,
    url: Option<Uri>,
    headers: HeaderMap,
    timeout: Duration,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The collector took it, but for so many items.
    Taken {
        /// How many it refused.
        rejected: u64,
        /// Why, in its words.
        why: String,
    },
    /// It did not, for this reason.
    Lost(String),
}

/// One try.
enum Tried {
    Over(Sent),
    /// Another one makes sense, after the pause that the collector asks for.
    Again {
        why: String,
        pause: Option<Duration>,
    },
}

impl Sender {
    pub(super) fn new(settings: &OtlpSettings, fetcher: &Arc<Fetcher>, path: &str) -> Self {
        let url = format!("{}/{path}", settings.endpoint.trim_end_matches('/')).parse().ok();
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            headers.append(name.clone(), value.clone());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Self { fetcher: Arc::clone(fetcher), url, headers, timeout: settings.timeout }
    }

    /// Sends a message until the collector has taken it, or has refused it, or enough was tried. Once all is to end there is
    /// one more try and no pause.
    pub(super) async fn send(&self, body: Bytes, ending: &mut watch::Receiver<bool>) -> Sent {
        let mut pause = FIRST_PAUSE;
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            let is_last = n_tries == MAX_TRIES || *ending.borrow();
            match self.try_once(body.clone()).await {
                Tried::Over(sent) => return sent,
                Tried::Again { why, .. } if is_last => return Sent::Lost(why),
                Tried::Again { pause: asked, .. } => {
                    let wait = asked.unwrap_or_else(|| jittered(pause)).min(LONGEST_PAUSE);
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = ending.wait_for(|ending| *ending) => {}
                    }
                    pause *= 2;
                }
            }
        }
    }

    async fn try_once(&self, body: Bytes) -> Tried {
        let Some(url) = self.url.clone() else {
            return Tried::Over(Sent::Lost("the endpoint is no URL".to_owned()));
        };
        let mut request = Request::post(url).body(body).unwrap_or_default();
        request.headers_mut().clone_from(&self.headers);
        let options =
            FetchOptions { guard: Guard::Configured, timeout: self.timeout, max_bytes: MAX_ANSWER };
        match self.fetcher.send(request, options).await {
            Ok(answer) => judged(&answer),
            Err(error @ FetchError::Refused(_)) => Tried::Over(Sent::Lost(error.to_string())),
            Err(error) => Tried::Again { why: error.to_string(), pause: None },
        }
    }
}

/// Between half of it and all: gateways that lost their collector together must not come back together.
fn jittered(pause: Duration) -> Duration {
    let (_, random) = Uuid::new_v4().as_u64_pair();
    let part = u32::try_from(random % 512).unwrap_or_default();
    pause / 2 + pause / 1_024 * part
}

/// What an answer means (<https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>).
fn judged(answer: &Response<Bytes>) -> Tried {
    let status = answer.status();
    if status.is_success() {
        return Tried::Over(taken(answer));
    }
    let why = format!("the collector answered with status {}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            let pause = retry_after(answer.headers(), || SystemClock.unix_seconds());
            Tried::Again { why, pause }
        }
        _ => Tried::Over(Sent::Lost(why)),
    }
}

/// The messages of a partial success have the same shape for every signal.
fn taken(answer: &Response<Bytes>) -> Sent {
    let message = ExportTraceServiceResponse::decode(answer.body().clone()).unwrap_or_default();
    let partial = message.partial_success.unwrap_or_default();
    let rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
    Sent::Taken { rejected, why: partial.error_message.chars().take(500).collect() }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: Vec<u8>) -> String {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        match judged(&answer.body(body.into()).unwrap()) {
            Tried::Over(sent) => format!("{sent:?}"),
            Tried::Again { pause, .. } => format!("again after {pause:?}"),
        }
    }

    #[test]
    fn answers_by_the_rules_of_the_protocol() {
        assert_eq!(answer(200, &[], vec![]), "Taken { rejected: 0, why: \"\" }");
        // An answer in JSON says nothing that is read.
        assert_eq!(answer(200, &[], b"{}".to_vec()), "Taken { rejected: 0, why: \"\" }");
        assert_eq!(answer(429, &[("retry-after", "7")], vec![]), "again after Some(7s)");
        assert_eq!(answer(503, &[], vec![]), "again after None");
        assert_eq!(answer(502, &[("retry-after", "soon")], vec![]), "again after None");
        for status in [400, 401, 404, 500, 301] {
            assert!(
                answer(status, &[("retry-after", "1")], vec![]).starts_with("Lost"),
                "{status}"
            );
        }
        let error_message = "too old".to_owned();
        let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message };
        let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        assert_eq!(answer(200, &[], body), "Taken { rejected: 3, why: \"too old\" }");
    }

    #[test]
    fn pauses_differ_and_are_bounded() {
        for _ in 0..100 {
            let pause = jittered(Duration::from_secs(2));
            assert!((Duration::from_secs(1)..=Duration::from_secs(2)).contains(&pause));
        }
    }
}
