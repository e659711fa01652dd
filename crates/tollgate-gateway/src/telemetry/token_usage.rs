//! `gen_ai.client.token.usage` of OpenTelemetry's conventions: how many tokens calls of models used.

use std::fmt;
use std::sync::{Arc, LazyLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use tollgate_engine::ports::TokenUsage;

use super::series::{Label, Labels, Series, SeriesCount, exposed, labels, named};

/// Upper bounds in tokens, as the conventions have them.
const BOUNDS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Labels of each series whose values are from a closed set.
const N_CLOSED: usize = 3;

/// How many tokens calls of models used. Clones count together.
#[derive(Clone)]
pub struct TokenUsageMetrics(Arc<Series<Distribution>>);

/// How often how much was used.
#[derive(Debug, Clone, Copy, Default)]
struct Distribution {
    buckets: [u64; BOUNDS.len() + 1],
    sum: f64,
    count: u64,
}

/// One series as it stands.
#[derive(Debug, Clone)]
pub struct TokenUsageSeries {
    /// Attributes by the names of the conventions, and dimensions by those of policies.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
    /// Upper bounds in tokens.
    pub bounds: &'static [f64],
    /// Calls up to each bound and above the one before, and above the last.
    pub buckets: Vec<u64>,
    /// Tokens of all calls.
    pub sum: f64,
    /// Calls.
    pub count: u64,
}

impl fmt::Debug for TokenUsageMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenUsageMetrics")
    }
}

impl TokenUsageMetrics {
    pub(super) fn new(count: &SeriesCount) -> Self {
        Self(Arc::new(Series::new(count)))
    }

    /// Counts a call.
    pub fn add(&self, usage: &TokenUsage<'_>) {
        for (kind, tokens) in [("input", usage.input), ("output", usage.output)] {
            if tokens > 0 {
                self.0.add(labels_of(usage, kind), N_CLOSED, |known| known.add(tokens));
            }
        }
    }

    /// All series as they stand.
    pub fn series(&self) -> Vec<TokenUsageSeries> {
        let series = |(labels, distribution): (Labels, Distribution)| TokenUsageSeries {
            attributes: named(&labels),
            bounds: &BOUNDS,
            buckets: distribution.buckets.to_vec(),
            sum: distribution.sum,
            count: distribution.count,
        };
        self.0.sorted().into_iter().map(series).collect()
    }
}

/// Attributes of the conventions.
static ATTRIBUTES: LazyLock<[Label; N_CLOSED + 2]> = LazyLock::new(|| {
    [
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.token.type",
        "gen_ai.request.model",
        "gen_ai.response.model",
    ]
    .map(|name| Label::new(name.into()))
});

fn labels_of(usage: &TokenUsage<'_>, kind: &str) -> Labels {
    let TokenUsage { operation, provider, request_model, response_model, dimensions, .. } = *usage;
    let values = [operation, provider, kind, request_model, response_model];
    let mut closed = Labels::with_capacity(values.len() + dimensions.len());
    let known = ATTRIBUTES.iter().zip(values).enumerate();
    // A model may be unknown.
    let known = known.filter(|(place, (_, value))| *place < N_CLOSED || !value.is_empty());
    closed.extend(known.map(|(_, (label, value))| (label.clone(), Arc::from(value))));
    labels(closed, dimensions)
}

impl Distribution {
    fn add(&mut self, tokens: u64) {
        // Tokens of one call are far below where this becomes inexact.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let tokens = tokens as f64;
        let bucket = BOUNDS.partition_point(|bound| *bound < tokens);
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            *bucket += 1;
        }
        self.sum += tokens;
        self.count += 1;
    }
}

impl Collector for TokenUsageMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let rows = self.0.sorted();
        if rows.is_empty() {
            return Ok(());
        }
        let help = "Tokens of calls of models, by OpenTelemetry's conventions.";
        let name = "gen_ai_client_token_usage";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, distribution) in &rows {
            let bounds = BOUNDS.into_iter().chain([f64::MAX]);
            let buckets: Vec<(f64, u64)> = bounds.zip(distribution.buckets).collect();
            let (sum, count) = (distribution.sum, distribution.count);
            let labels = exposed(labels);
            family
                .encode_family(&labels)?
                .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_how_much_they_used() {
        let metrics = TokenUsageMetrics::new(&SeriesCount::default());
        let dimensions = [(Arc::from("API ID"), Arc::from("a"))];
        let usage = TokenUsage {
            operation: "chat",
            provider: "openai",
            request_model: "gpt-4o",
            response_model: "",
            input: 4,
            output: 0,
            dimensions: &dimensions,
        };
        metrics.add(&usage);
        metrics.add(&TokenUsage { input: 5, output: u64::MAX, ..usage });
        let series = metrics.series();
        let shown: Vec<String> = series
            .iter()
            .map(|it| {
                let of: Vec<_> = it.attributes.iter().map(|(n, v)| format!("{n}={v}")).collect();
                format!("{} {} {} {:?}", of.join(","), it.count, it.sum, it.buckets)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "gen_ai.operation.name=chat,gen_ai.provider.name=openai,gen_ai.token.type=input,gen_ai.request.model=gpt-4o,API ID=a 2 9 [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]",
                "gen_ai.operation.name=chat,gen_ai.provider.name=openai,gen_ai.token.type=output,gen_ai.request.model=gpt-4o,API ID=a 1 18446744073709552000 [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]",
            ]
        );
    }
}
