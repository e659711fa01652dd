//! The gateway's metrics for a collector: what Prometheus reads, and what policies define under its own names.
//!
//! What the gateway counts of itself is read from the text that Prometheus gets. So both always show the same, and a metric
//! is defined in one place. Sums and histograms count since the start of the process.

use std::fmt;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};

use super::attributes::{redact, text};
use super::span::now;
use crate::telemetry::{CustomSeries, Metrics, Redactor, TokenUsageSeries};

/// All metrics as they stand.
pub(super) fn metrics(metrics: &Metrics) -> Result<Vec<Metric>, fmt::Error> {
    let times = Times { start: metrics.began(), now: now() };
    let mut all = read(&metrics.encode_own()?, times);
    all.extend(metrics.custom().series().into_iter().map(|series| custom(series, times)));
    all.extend(token_usage(metrics.token_usage().series(), times));
    Ok(all)
}

/// Data points of a metric.
pub(super) fn n_points(metric: &Metric) -> u64 {
    let n_points = match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        _ => 0,
    };
    n_points as u64
}

/// Masks the secrets of the configuration in the attributes of a metric.
pub(super) fn redact_metric(metric: &mut Metric, redactor: &Redactor) {
    let attributes: Vec<&mut Vec<KeyValue>> = match &mut metric.data {
        Some(Data::Gauge(Gauge { data_points }) | Data::Sum(Sum { data_points, .. })) => {
            data_points.iter_mut().map(|point| &mut point.attributes).collect()
        }
        Some(Data::Histogram(Histogram { data_points, .. })) => {
            data_points.iter_mut().map(|point| &mut point.attributes).collect()
        }
        _ => Vec::new(),
    };
    for attributes in attributes {
        redact(attributes, redactor);
    }
}

/// Nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Times {
    start: u64,
    now: u64,
}

impl Times {
    fn number(self, attributes: Vec<KeyValue>, value: Value) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            value: Some(value),
            ..NumberDataPoint::default()
        }
    }

    fn histogram(self, attributes: Vec<KeyValue>) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            ..HistogramDataPoint::default()
        }
    }
}

fn sum(data_points: Vec<NumberDataPoint>) -> Data {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
}

fn histogram(data_points: Vec<HistogramDataPoint>) -> Data {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    Data::Histogram(Histogram { data_points, aggregation_temporality })
}

/// A metric that policies define, under the names that they give.
fn custom(series: CustomSeries, times: Times) -> Metric {
    let CustomSeries { name, rows } = series;
    let points = rows.into_iter().map(|(dimensions, value)| {
        let attributes = dimensions.iter().map(|(name, value)| text(&**name, value)).collect();
        times.number(attributes, Value::AsDouble(value))
    });
    Metric { name: name.to_string(), data: Some(sum(points.collect())), ..Metric::default() }
}

/// `gen_ai.client.token.usage`; nothing when no model was called.
fn token_usage(series: Vec<TokenUsageSeries>, times: Times) -> Option<Metric> {
    if series.is_empty() {
        return None;
    }
    let points = series.into_iter().map(|series| {
        let TokenUsageSeries { attributes, bounds, buckets, sum, count } = series;
        let attributes = attributes.iter().map(|(name, value)| text(&**name, value)).collect();
        HistogramDataPoint {
            count,
            sum: Some(sum),
            bucket_counts: buckets,
            explicit_bounds: bounds.to_vec(),
            ..times.histogram(attributes)
        }
    });
    Some(Metric {
        name: "gen_ai.client.token.usage".to_owned(),
        description: "Tokens of calls of models".to_owned(),
        unit: "{token}".to_owned(),
        data: Some(histogram(points.collect())),
        ..Metric::default()
    })
}

/// A family of the text in the making.
#[derive(Default)]
struct Family<'a> {
    name: &'a str,
    help: &'a str,
    unit: &'a str,
    kind: &'a str,
    numbers: Vec<NumberDataPoint>,
    histograms: Vec<(String, HistogramDataPoint)>,
}

/// Reads the `OpenMetrics` text that this gateway writes: a `TYPE` line begins a family, the samples of a series follow each
/// other.
fn read(exposed: &str, times: Times) -> Vec<Metric> {
    let mut all = Vec::new();
    let mut family = Family::default();
    for line in exposed.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            family.sample(line, times);
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        let (kind, name, rest) = (words.next(), words.next(), words.next());
        let (Some(kind), Some(name), Some(rest)) = (kind, name, rest) else { continue };
        if name != family.name {
            let whole = std::mem::replace(&mut family, Family { name, ..Family::default() });
            all.extend(whole.metric());
        }
        match kind {
            "HELP" => family.help = rest,
            "TYPE" => family.kind = rest,
            "UNIT" => family.unit = rest,
            _ => {}
        }
    }
    all.extend(family.metric());
    all
}

impl Family<'_> {
    fn sample(&mut self, line: &str, times: Times) {
        let Some((name, labels, value)) = sample(line) else { return };
        let Some(part) = name.strip_prefix(self.name) else { return };
        match self.kind {
            "gauge" | "counter" => {
                let value = match value.parse() {
                    Ok(whole) => Value::AsInt(whole),
                    Err(_) => Value::AsDouble(value.parse().unwrap_or(0.0)),
                };
                self.numbers.push(times.number(attributes(&labels), value));
            }
            "histogram" => self.histogram_sample(part, &labels, value, times),
            _ => {}
        }
    }

    fn histogram_sample(
        &mut self,
        part: &str,
        labels: &[(&str, String)],
        value: &str,
        times: Times,
    ) {
        let own: Vec<_> = labels.iter().filter(|(name, _)| *name != "le").cloned().collect();
        let key = format!("{own:?}");
        if self.histograms.last().is_none_or(|(known, _)| *known != key) {
            self.histograms.push((key, times.histogram(attributes(&own))));
        }
        let Some((_, point)) = self.histograms.last_mut() else { return };
        match part {
            "_sum" => point.sum = value.parse().ok(),
            "_count" => point.count = value.parse().unwrap_or(0),
            "_bucket" => {
                // The text counts up to each bound, the protocol between two.
                let below: u64 = point.bucket_counts.iter().sum();
                let up_to: u64 = value.parse().unwrap_or(below);
                point.bucket_counts.push(up_to.saturating_sub(below));
                let bound = labels.iter().find(|(name, _)| *name == "le");
                let bound = bound.and_then(|(_, bound)| bound.parse().ok());
                point.explicit_bounds.extend(bound.filter(|bound: &f64| bound.is_finite()));
            }
            _ => {}
        }
    }

    fn metric(self) -> Option<Metric> {
        let data = match self.kind {
            "gauge" => Data::Gauge(Gauge { data_points: self.numbers }),
            "counter" => sum(self.numbers),
            "histogram" => histogram(self.histograms.into_iter().map(|(_, point)| point).collect()),
            _ => return None,
        };
        let unit = match self.unit {
            "seconds" => "s",
            "bytes" => "By",
            unit => unit,
        };
        let metric = Metric {
            name: self.name.to_owned(),
            description: self.help.trim_end_matches('.').to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        };
        (n_points(&metric) > 0).then_some(metric)
    }
}

fn attributes(labels: &[(&str, String)]) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| text(*name, value)).collect()
}

/// Labels of a sample, as they are written, and their values.
type Labels<'a> = Vec<(&'a str, String)>;

/// Name, labels and value of a sample.
fn sample(line: &str) -> Option<(&str, Labels<'_>, &str)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at_checked(end)?;
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, behind) = rest.split_once("=\"")?;
            let (value, behind) = quoted(behind)?;
            labels.push((label, value));
            rest = behind.strip_prefix(',').unwrap_or(behind);
        }
        rest = rest.strip_prefix('}')?;
    }
    Some((name, labels, rest.trim()))
}

/// The value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::Duration;

    use opentelemetry_proto::tonic::common::v1::any_value;

    use super::*;

    fn labels(attributes: &[KeyValue]) -> String {
        let shown = |attribute: &KeyValue| {
            let value = attribute.value.clone().and_then(|value| value.value);
            let Some(any_value::Value::StringValue(text)) = value else { panic!("a text") };
            format!("{}={text:?}", attribute.key)
        };
        attributes.iter().map(shown).collect::<Vec<_>>().join(",")
    }

    /// The metrics whose name holds a text, one line for each point.
    fn shown(metrics: &[Metric], part: &str) -> String {
        let mut text = String::new();
        for metric in metrics.iter().filter(|metric| metric.name.contains(part)) {
            let (name, unit) = (&metric.name, &metric.unit);
            match metric.data.as_ref().unwrap() {
                Data::Gauge(Gauge { data_points }) | Data::Sum(Sum { data_points, .. }) => {
                    for point in data_points {
                        let value = point.value.unwrap();
                        let labels = labels(&point.attributes);
                        writeln!(text, "{name} [{unit}] {{{labels}}} {value:?}").unwrap();
                    }
                }
                Data::Histogram(Histogram { data_points, .. }) => {
                    for point in data_points {
                        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                        let counts: Vec<_> =
                            point.bucket_counts.iter().map(u64::to_string).collect();
                        let labels = labels(&point.attributes);
                        writeln!(
                            text,
                            "{name} [{unit}] {{{labels}}} n={} sum={:?} {}",
                            point.count,
                            point.sum.unwrap(),
                            counts.join(",")
                        )
                        .unwrap();
                    }
                }
                _ => panic!("another kind"),
            }
        }
        text
    }

    #[test]
    fn what_prometheus_reads_is_what_a_collector_gets() {
        let all = Metrics::new();
        let chat = all.operation("open\"ai\n", Some("chat"));
        chat.ended(200, Duration::from_millis(7), Some(Duration::from_millis(6)));
        chat.ended(429, Duration::from_secs(400), None);
        let orders = all.custom().metric("Shop", "Total Orders");
        orders.add(2.5, &[("API ID".into(), "a".into())]);
        let read = metrics(&all).unwrap();
        expect_test::expect![[r#"
            tollgate_requests [] {api="open\"ai\n",operation="chat",status="1xx"} AsInt(0)
            tollgate_requests [] {api="open\"ai\n",operation="chat",status="2xx"} AsInt(1)
            tollgate_requests [] {api="open\"ai\n",operation="chat",status="3xx"} AsInt(0)
            tollgate_requests [] {api="open\"ai\n",operation="chat",status="4xx"} AsInt(1)
            tollgate_requests [] {api="open\"ai\n",operation="chat",status="5xx"} AsInt(0)
            tollgate_requests [] {api="open\"ai\n",operation="chat",status="none"} AsInt(0)
            tollgate_requests_in_flight [] {} AsInt(0)
        "#]]
        .assert_eq(&sorted(&shown(&read, "tollgate_requests")));
        expect_test::expect![[r#"
            tollgate_request_duration_seconds [s] {api="open\"ai\n",operation="chat"} n=2 sum=400.007 0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,1
        "#]]
        .assert_eq(&shown(&read, "request_duration"));
        expect_test::expect![[r#"
            Total Orders [] {namespace="Shop",API ID="a"} AsDouble(2.5)
        "#]]
        .assert_eq(&shown(&read, "Total"));
        assert_eq!(shown(&read, "custom") + &shown(&read, "emitted"), "");
        assert_eq!(
            shown(&read, "tollgate_buffered_bytes"),
            "tollgate_buffered_bytes [By] {} AsInt(0)\n"
        );
        assert!(read.iter().all(|metric| n_points(metric) > 0));
    }

    fn sorted(text: &str) -> String {
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n") + "\n"
    }

    #[test]
    fn text_that_is_none_of_ours_is_left_out() {
        for line in ["", "x", "x{", "x{a", "x{a=\"b", "x{a=\"b\"", "x{a=\"b\\"] {
            assert_eq!(sample(line), None, "{line}");
        }
        let times = Times { start: 0, now: 1 };
        assert_eq!(read("# TYPE a summary\na 1\n# EOF\n# TYPE\nb 2\n", times).len(), 0);
    }
}
