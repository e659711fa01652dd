//! A receiver of OTLP over HTTP, as strict as the protocol.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;

use crate::harness::until;

/// What has come, and what is to be answered.
#[derive(Default)]
struct State {
    traces: Vec<ExportTraceServiceRequest>,
    metrics: Vec<ExportMetricsServiceRequest>,
    headers: Vec<HeaderMap>,
    replies: VecDeque<Reply>,
}

/// An answer to one request about traces.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    status: u16,
    header: Option<(&'static str, &'static str)>,
    body: Vec<u8>,
    delay: Duration,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// Takes all but some.
    pub(crate) fn rejecting(rejected_spans: i64, why: &str) -> Self {
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: why.to_owned() };
        let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        Self { status: 200, body, ..Self::default() }
    }

    /// Takes its time.
    pub(crate) fn after(delay: Duration) -> Self {
        Self { status: 200, delay, ..Self::default() }
    }
}

pub(crate) struct Collector {
    url: String,
    state: Arc<Mutex<State>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| take(Arc::clone(&state), request));
                let server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }

    /// Answers the next requests about traces so.
    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state().replies.extend(replies);
    }

    /// The requests about traces.
    pub(crate) fn traces(&self) -> Vec<ExportTraceServiceRequest> {
        self.state().traces.clone()
    }

    /// The headers of all requests.
    pub(crate) fn headers(&self) -> Vec<HeaderMap> {
        self.state().headers.clone()
    }

    /// All that has come, in words: one text for each request.
    pub(crate) fn said(&self) -> Vec<String> {
        let state = self.state();
        let traces = state.traces.iter().map(|request| format!("{request:?}"));
        traces.chain(state.metrics.iter().map(|request| format!("{request:?}"))).collect()
    }

    /// All spans that have come.
    pub(crate) fn all_spans(&self) -> Vec<Span> {
        let requests = self.traces().into_iter().flat_map(|request| request.resource_spans);
        requests.flat_map(|it| it.scope_spans).flat_map(|it| it.spans).collect()
    }

    /// All spans, once there are as many.
    pub(crate) async fn spans(&self, n_spans: usize) -> Vec<Span> {
        let enough = || Some(self.all_spans()).filter(|spans| spans.len() >= n_spans);
        let spans = until("spans", async || enough()).await;
        assert_eq!(spans.len(), n_spans, "{spans:#?}");
        spans
    }

    /// The points of a metric in the last request about metrics, one line each.
    pub(crate) fn points(&self, name: &str) -> Vec<String> {
        let last = self.state().metrics.last().cloned().unwrap_or_default();
        let scopes = last.resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
        let metrics = scopes.flat_map(|it| it.metrics).filter(|metric| metric.name == name);
        let mut lines = Vec::new();
        for metric in metrics {
            match metric.data.expect("data") {
                Data::Gauge(gauge) => lines.extend(gauge.data_points.iter().map(number)),
                Data::Sum(sum) => {
                    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
                    lines.extend(sum.data_points.iter().map(number));
                }
                Data::Histogram(histogram) => {
                    lines.extend(histogram.data_points.iter().map(|point| {
                        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                        let labels = labels(&point.attributes);
                        format!("{labels} n={} {}", point.count, point.sum.expect("a sum"))
                    }));
                }
                other => panic!("{other:?}"),
            }
        }
        lines
    }
}

fn number(point: &opentelemetry_proto::tonic::metrics::v1::NumberDataPoint) -> String {
    assert!(point.start_time_unix_nano > 0 && point.start_time_unix_nano <= point.time_unix_nano);
    let labels = labels(&point.attributes);
    match point.value.expect("a value") {
        number_data_point::Value::AsDouble(value) => format!("{labels} {value}"),
        number_data_point::Value::AsInt(value) => format!("{labels} {value}"),
    }
}

fn labels(attributes: &[KeyValue]) -> String {
    let mut text = String::new();
    for it in attributes {
        write!(text, "{}={},", it.key, attribute(attributes, &it.key)).expect("text");
    }
    text
}

async fn take(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    assert_eq!(head.method, Method::POST);
    let path = head.uri.path().to_owned();
    let reply = {
        let mut state = state.lock().expect("the state");
        state.headers.push(head.headers);
        match path.as_str() {
            "/v1/traces" => {
                let request = ExportTraceServiceRequest::decode(body).expect("traces in protobuf");
                state.traces.push(request);
                let taken = ExportTraceServiceResponse::default().encode_to_vec();
                let taken = Reply { status: 200, body: taken, ..Reply::default() };
                state.replies.pop_front().unwrap_or(taken)
            }
            "/v1/metrics" => {
                let request = ExportMetricsServiceRequest::decode(body);
                state.metrics.push(request.expect("metrics in protobuf"));
                let taken = ExportMetricsServiceResponse::default().encode_to_vec();
                Reply { status: 200, body: taken, ..Reply::default() }
            }
            _ => Reply::status(404),
        }
    };
    tokio::time::sleep(reply.delay).await;
    let mut answer = Response::builder().status(reply.status);
    if let Some((name, value)) = reply.header {
        answer = answer.header(name, value);
    }
    Ok(answer.body(Full::from(reply.body)).expect("an answer"))
}

/// An identifier as `traceparent` has it.
pub(crate) fn shown(id: &[u8]) -> String {
    id.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text");
        text
    })
}

/// The spans below one.
pub(crate) fn children(spans: &[Span], parent: &str) -> Vec<Span> {
    spans.iter().filter(|span| shown(&span.parent_span_id) == parent).cloned().collect()
}

/// The value of an attribute as text; empty when there is none.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    let value = found.and_then(|attribute| attribute.value.clone()?.value);
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::ArrayValue(list)) => {
            let texts = list.values.into_iter().map(|value| match value.value {
                Some(Value::StringValue(text)) => text,
                other => panic!("{other:?}"),
            });
            texts.collect::<Vec<_>>().join(",")
        }
        Some(other) => panic!("{other:?}"),
        None => String::new(),
    }
}
