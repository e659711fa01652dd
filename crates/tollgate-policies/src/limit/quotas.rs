//! Calls and bandwidth of a quota.

use smallvec::SmallVec;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{Charge, Counter, CounterKey, Verdict, Window};
use tollgate_engine::read::Element;
use tollgate_engine::{AttributeDef, AttributeType, CompileCx, PolicyError};

use super::exceeded::{QuotaKind, quota_exceeded};
use super::{Charges, Traffic};

pub(crate) const CALLS: AttributeDef = AttributeDef {
    name: "calls",
    ty: AttributeType::Int { min: 1, max: i64::MAX },
    doc: "Most calls in a period.",
    ..AttributeDef::DEFAULT
};
pub(crate) const BANDWIDTH: AttributeDef = AttributeDef {
    name: "bandwidth",
    ty: AttributeType::Int { min: 1, max: i64::MAX },
    doc: "Most kilobytes (1,024 bytes) of request and response bodies in a period.",
    ..AttributeDef::DEFAULT
};

/// What may be used up in a period; at least one of the two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quotas {
    calls: Option<u64>,
    /// In bytes.
    bandwidth: Option<u64>,
}

/// What is asked of the counters, with what each charge is of.
#[derive(Debug, Default)]
pub(crate) struct Asked(SmallVec<[QuotaKind; 4]>);

impl Quotas {
    /// From the attributes; `None` when they are wrong, which has been reported.
    pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        let [calls, bandwidth] = [CALLS.name, BANDWIDTH.name].map(|name| {
            let written = element.attribute(name).is_some();
            let number = cx.literal::<i64>(element, name).and_then(|n| u64::try_from(n).ok());
            if written && number.is_none() { Err(()) } else { Ok(number) }
        });
        if element.attribute(CALLS.name).is_none() && element.attribute(BANDWIDTH.name).is_none() {
            let message = format!("`{}` needs the attribute `calls` or `bandwidth`", element.name);
            cx.report(
                Diagnostic::new(Code::MISSING_ATTRIBUTE, message, element.name_span)
                    .label("nothing is limited"),
            );
            return None;
        }
        let bandwidth = bandwidth.ok()?.map(|kilobytes| kilobytes.saturating_mul(1_024));
        Some(Self { calls: calls.ok()?, bandwidth })
    }

    /// The counters of a key: of calls, and of bandwidth.
    pub(crate) fn counters(&self, key: CounterKey, window: Window) -> [Option<Counter>; 2] {
        let calls = self.calls.map(|_| Counter { key, window });
        let bandwidth = self.bandwidth.map(|_| Counter { key: key.part(BANDWIDTH.name), window });
        [calls, bandwidth]
    }

    /// Adds what to charge: calls as given, and of bandwidth that something is left.
    pub(crate) fn charge(
        &self,
        key: CounterKey,
        window: Window,
        (needed, amount): (u64, u64),
        charges: &mut Charges,
        asked: &mut Asked,
    ) {
        let [calls, bandwidth] = self.counters(key, window);
        if let (Some(counter), Some(limit)) = (calls, self.calls) {
            charges.push(Charge { counter, limit, needed, amount });
            asked.0.push(QuotaKind::Calls);
        }
        if let (Some(counter), Some(limit)) = (bandwidth, self.bandwidth) {
            charges.push(Charge { counter, limit, needed: 1, amount: 0 });
            asked.0.push(QuotaKind::Bandwidth);
        }
    }
}

impl Asked {
    /// Refuses the request when a quota is used up, naming the one that takes longest to be replenished.
    pub(crate) fn judge(&self, verdict: &Verdict) -> Result<(), PolicyError> {
        let used_up = self.0.iter().zip(&verdict.standings);
        let used_up = used_up.filter(|(_, standing)| !standing.fits);
        let longest = used_up.max_by_key(|(_, standing)| (standing.wait.is_none(), standing.wait));
        match longest {
            Some((kind, standing)) if !verdict.admitted => {
                Err(quota_exceeded(*kind, standing.wait))
            }
            _ => Ok(()),
        }
    }

    /// The counters of bandwidth among the charges.
    pub(crate) fn traffic(&self, charges: &Charges) -> Traffic {
        let all = self.0.iter().zip(charges);
        all.filter(|(kind, _)| **kind == QuotaKind::Bandwidth)
            .map(|(_, charge)| charge.counter)
            .collect()
    }
}
