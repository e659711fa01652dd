//! Metrics that policies define.
//!
//! INVARIANT: their number is bounded, whatever a request puts into a dimension.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use tollgate_engine::ports::CustomMetric;

/// Metrics with names of their own; further ones are not kept.
const MAX_METRICS: usize = 200;

/// Series of all metrics together. Beyond that, the values of dimensions are counted as [`OTHER`].
const MAX_SERIES: usize = 5_000;

/// Series with such values: names of dimensions may come from requests as well. Beyond that, a metric is counted without them.
const MAX_OTHERS: usize = 200;

const OTHER: &str = "other";

const NAMESPACE: &str = "namespace";

/// The metrics of policies, by name. Clones share them.
#[derive(Clone, Default)]
pub struct CustomMetrics(Arc<Shared>);

#[derive(Default)]
struct Shared {
    metrics: Mutex<HashMap<Arc<str>, Arc<Named>>>,
    series: Arc<AtomicUsize>,
}

impl fmt::Debug for CustomMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomMetrics")
    }
}

/// Labels and their values, without the namespace.
type Labels = Vec<(Arc<str>, Arc<str>)>;

/// All series of one name.
#[derive(Default)]
struct Named {
    series: Mutex<HashMap<Labels, Sum>>,
    /// Series of all metrics.
    n_series: Arc<AtomicUsize>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    value: f64,
    emissions: u64,
}

/// One name in one namespace.
struct Emitter {
    namespace: Arc<str>,
    named: Option<Arc<Named>>,
}

impl CustomMetrics {
    /// The metric of this namespace and name.
    pub fn metric(&self, namespace: &str, name: &str) -> Arc<dyn CustomMetric> {
        let name = label(name);
        let mut metrics = self.0.metrics.lock();
        let full = metrics.len() >= MAX_METRICS && !metrics.contains_key(&name);
        let named = (!full).then(|| {
            let n_series = Arc::clone(&self.0.series);
            let named = metrics
                .entry(name)
                .or_insert_with(|| Arc::new(Named { series: Mutex::default(), n_series }));
            Arc::clone(named)
        });
        drop(metrics);
        if full {
            tracing::warn!(
                limit = MAX_METRICS,
                "policies define more metrics than are kept; the rest is not counted"
            );
        }
        Arc::new(Emitter { namespace: namespace.into(), named })
    }
}

impl CustomMetric for Emitter {
    fn add(&self, value: f64, dimensions: &[(Arc<str>, Arc<str>)]) {
        let Some(named) = &self.named else { return };
        let mut labels = Labels::with_capacity(dimensions.len() + 1);
        for (name, value) in dimensions {
            let name = label(name);
            // The same label twice is not Prometheus' format; the first stands.
            if &*name != NAMESPACE && labels.iter().all(|(known, _)| *known != name) {
                labels.push((name, Arc::clone(value)));
            }
        }
        // To Prometheus the same labels in another order are the same series.
        labels.sort();
        labels.insert(0, (NAMESPACE.into(), Arc::clone(&self.namespace)));
        let mut series = named.series.lock();
        named.bound(&series, &mut labels);
        let sum = series.entry(labels).or_default();
        sum.emissions += 1;
        if value.is_finite() && value > 0.0 {
            sum.value += value;
        }
    }
}

impl Named {
    /// Makes a new series one of those that there is still room for.
    fn bound(&self, series: &HashMap<Labels, Sum>, labels: &mut Labels) {
        let fits = |labels: &Labels, most: usize| {
            let known = series.contains_key(labels);
            if known || self.n_series.fetch_add(1, Ordering::Relaxed) < most {
                return true;
            }
            self.n_series.fetch_sub(1, Ordering::Relaxed);
            false
        };
        if fits(labels, MAX_SERIES) {
            return;
        }
        for (_, value) in labels.iter_mut().skip(1) {
            *value = OTHER.into();
        }
        if !fits(labels, MAX_SERIES + MAX_OTHERS) {
            labels.truncate(1);
        }
    }
}

/// A name as Prometheus takes it.
fn label(name: &str) -> Arc<str> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let text: String = name.chars().map(plain).collect();
    // Labels that begin with two are Prometheus' own.
    let text = text.trim_start_matches('_');
    if text.starts_with(|c: char| c.is_ascii_digit()) || text.is_empty() {
        format!("_{text}").into()
    } else {
        text.into()
    }
}

impl Collector for CustomMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let metrics = self.0.metrics.lock();
        let mut sorted: Vec<_> =
            metrics.iter().map(|(n, m)| (Arc::clone(n), Arc::clone(m))).collect();
        drop(metrics);
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, named) in sorted {
            let series = named.series.lock();
            if series.is_empty() {
                continue;
            }
            let mut rows: Vec<_> =
                series.iter().map(|(labels, sum)| (labels.clone(), *sum)).collect();
            drop(series);
            rows.sort_by(|(a, _), (b, _)| a.cmp(b));
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
        let metrics = CustomMetrics::default();
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
        let metrics = CustomMetrics::default();
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
        let metrics = CustomMetrics::default();
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
        let metrics = CustomMetrics::default();
        let orders = metrics.metric("n", "orders");
        orders.add(1.0, &[pair("a", "1"), pair("b", "2"), pair("Namespace", "x")]);
        orders.add(1.0, &[pair("b", "2"), pair("a", "1")]);
        let text = text(&metrics);
        let line = r#"tollgate_emitted_orders_total{namespace="n",a="1",b="2"} 2"#;
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn metrics_are_bounded() {
        let metrics = CustomMetrics::default();
        for n in 0..MAX_METRICS + 5 {
            metrics.metric("n", &format!("m{n}")).add(1.0, &[]);
        }
        assert_eq!(text(&metrics).matches("tollgate_emitted_m").count(), 3 * MAX_METRICS);
    }
}
