//! Metrics that policies define.
//!
//! INVARIANT: their number is bounded, whatever a request puts into a dimension.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use tollgate_engine::ports::CustomMetric;

use super::series::{Label, Series, SeriesCount, exposed, labels, named, plain};

/// Metrics with names of their own; further ones are not kept.
const MAX_METRICS: usize = 200;

const NAMESPACE: &str = "namespace";

/// The metrics of policies, by name. Clones share them.
#[derive(Clone)]
pub struct CustomMetrics(Arc<Shared>);

struct Shared {
    metrics: Mutex<HashMap<Arc<str>, Arc<Named>>>,
    count: SeriesCount,
}

impl fmt::Debug for CustomMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomMetrics")
    }
}

/// A metric with all its series.
struct Named {
    /// As the first policy calls it.
    name: Arc<str>,
    series: Series<Sum>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    value: f64,
    emissions: u64,
}

/// One name in one namespace.
struct Emitter {
    namespace: (Label, Arc<str>),
    named: Option<Arc<Named>>,
}

/// Names and values, as policies give them.
pub type Dimensions = Vec<(Arc<str>, Arc<str>)>;

/// A metric as it stands, under the names that policies give.
#[derive(Debug, Clone)]
pub struct CustomSeries {
    /// Its name.
    pub name: Arc<str>,
    /// Dimensions, the namespace first, and the sum of the values.
    pub rows: Vec<(Dimensions, f64)>,
}

impl CustomMetrics {
    /// No metrics yet; `count` is that of the series of all metrics with labels of policies.
    pub(super) fn new(count: &SeriesCount) -> Self {
        Self(Arc::new(Shared { metrics: Mutex::default(), count: count.clone() }))
    }

    /// The metric of this namespace and name.
    pub fn metric(&self, namespace: &str, name: &str) -> Arc<dyn CustomMetric> {
        let key = plain(name);
        let mut metrics = self.0.metrics.lock();
        let full = metrics.len() >= MAX_METRICS && !metrics.contains_key(&key);
        let named = (!full).then(|| {
            let make = || Named { name: name.into(), series: Series::new(&self.0.count) };
            Arc::clone(metrics.entry(key).or_insert_with(|| Arc::new(make())))
        });
        drop(metrics);
        if full {
            tracing::warn!(
                limit = MAX_METRICS,
                "policies define more metrics than are kept; the rest is not counted"
            );
        }
        let namespace = (Label::new(NAMESPACE.into()), namespace.into());
        Arc::new(Emitter { namespace, named })
    }

    /// All metrics that were emitted, as they stand.
    pub fn series(&self) -> Vec<CustomSeries> {
        let series = |metric: &Arc<Named>| {
            let rows = metric.series.sorted().into_iter();
            let rows: Vec<_> = rows.map(|(labels, sum)| (named(&labels), sum.value)).collect();
            CustomSeries { name: Arc::clone(&metric.name), rows }
        };
        let all = self.sorted();
        all.iter().map(|(_, metric)| series(metric)).filter(|it| !it.rows.is_empty()).collect()
    }

    fn sorted(&self) -> Vec<(Arc<str>, Arc<Named>)> {
        let metrics = self.0.metrics.lock();
        let mut sorted: Vec<_> =
            metrics.iter().map(|(n, m)| (Arc::clone(n), Arc::clone(m))).collect();
        drop(metrics);
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        sorted
    }
}

impl CustomMetric for Emitter {
    fn add(&self, value: f64, dimensions: &[(Arc<str>, Arc<str>)]) {
        let Some(named) = &self.named else { return };
        named.series.add(labels(vec![self.namespace.clone()], dimensions), 1, |sum| {
            sum.emissions += 1;
            if value.is_finite() && value > 0.0 {
                sum.value += value;
            }
        });
    }
}

impl Collector for CustomMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (name, named) in self.sorted() {
            let rows = named.series.sorted();
            if rows.is_empty() {
                continue;
            }
            let rows: Vec<_> = rows.iter().map(|(labels, sum)| (exposed(labels), sum)).collect();
            let help = "Emitted by policies.";
            let counter = MetricType::Counter;
            let sums = format!("custom_{name}");
            let mut family = encoder.encode_descriptor(&sums, help, None, counter)?;
            for (labels, sum) in &rows {
                ConstCounter::new(sum.value).encode(family.encode_family(labels)?)?;
            }
            let emissions = format!("emitted_{name}");
            let help = "How often policies emitted it.";
            let mut family = encoder.encode_descriptor(&emissions, help, None, counter)?;
            for (labels, sum) in &rows {
                ConstCounter::new(sum.emissions).encode(family.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::super::series::{MAX_OTHERS, MAX_SERIES};
    use super::*;

    fn pair(name: &str, value: &str) -> (Arc<str>, Arc<str>) {
        (name.into(), value.into())
    }

    fn text(metrics: &CustomMetrics) -> String {
        let mut registry = Registry::with_prefix("tollgate");
        registry.register_collector(Box::new(metrics.clone()));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn values_are_summed_by_dimensions() {
        let metrics = CustomMetrics::new(&SeriesCount::default());
        let orders = metrics.metric("Shop", "Orders (all)");
        orders.add(1.5, &[pair("API ID", "a"), pair("Tenant", "x\"y\n")]);
        orders.add(2.0, &[pair("API ID", "a"), pair("Tenant", "x\"y\n")]);
        orders.add(-1.0, &[pair("API ID", "b"), pair("api id", "ignored"), pair("__own", "o")]);
        metrics.metric("Other", "Orders (all)").add(1.0, &[pair("API ID", "a")]);
        drop(metrics.metric("Shop", "never emitted"));
        expect_test::expect![[r#"
            # HELP tollgate_custom_orders__all_ Emitted by policies.
            # TYPE tollgate_custom_orders__all_ counter
            tollgate_custom_orders__all__total{namespace="Other",api_id="a"} 1.0
            tollgate_custom_orders__all__total{namespace="Shop",api_id="a",tenant="x\"y\n"} 3.5
            tollgate_custom_orders__all__total{namespace="Shop",api_id="b",own="o"} 0.0
            # HELP tollgate_emitted_orders__all_ How often policies emitted it.
            # TYPE tollgate_emitted_orders__all_ counter
            tollgate_emitted_orders__all__total{namespace="Other",api_id="a"} 1
            tollgate_emitted_orders__all__total{namespace="Shop",api_id="a",tenant="x\"y\n"} 2
            tollgate_emitted_orders__all__total{namespace="Shop",api_id="b",own="o"} 1
            # EOF
        "#]]
        .assert_eq(&text(&metrics));
    }

    #[test]
    fn series_are_bounded() {
        let metrics = CustomMetrics::new(&SeriesCount::default());
        let many = metrics.metric("n", "many");
        for n in 0..MAX_SERIES + 70 {
            many.add(1.0, &[pair("d", &n.to_string())]);
        }
        let text = text(&metrics);
        assert!(text.contains(r#"tollgate_custom_many_total{namespace="n",d="other"} 70.0"#));
        assert_eq!(
            text.lines().filter(|line| line.contains("custom_many_total{")).count(),
            MAX_SERIES + 1
        );
    }

    #[test]
    fn names_of_dimensions_are_bounded() {
        let metrics = CustomMetrics::new(&SeriesCount::default());
        let many = metrics.metric("n", "many");
        for n in 0..MAX_SERIES + MAX_OTHERS + 30 {
            many.add(1.0, &[pair(&format!("d{n}"), "v")]);
        }
        let text = text(&metrics);
        assert!(text.contains(r#"tollgate_custom_many_total{namespace="n"} 30.0"#), "{text}");
        assert_eq!(
            text.lines().filter(|line| line.contains("custom_many_total{")).count(),
            MAX_SERIES + MAX_OTHERS + 1
        );
    }

    #[test]
    fn the_order_of_dimensions_does_not_matter() {
        let metrics = CustomMetrics::new(&SeriesCount::default());
        let orders = metrics.metric("n", "orders");
        orders.add(1.0, &[pair("a", "1"), pair("b", "2"), pair("Namespace", "x")]);
        orders.add(1.0, &[pair("b", "2"), pair("a", "1")]);
        let text = text(&metrics);
        let line = r#"tollgate_emitted_orders_total{namespace="n",a="1",b="2"} 2"#;
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn metrics_are_bounded() {
        let metrics = CustomMetrics::new(&SeriesCount::default());
        for n in 0..MAX_METRICS + 5 {
            metrics.metric("n", &format!("m{n}")).add(1.0, &[]);
        }
        assert_eq!(text(&metrics).matches("tollgate_emitted_m").count(), 3 * MAX_METRICS);
    }
}
