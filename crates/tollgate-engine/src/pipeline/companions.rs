//! Policies that do their part only together, in different sections.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_diagnostics::{Code, Diagnostic, Span};

use super::Chain;
use crate::step::StepKind;
use crate::{Block, Companion, Section};

/// What a request of one chain meets.
#[derive(Default)]
struct Met {
    names: BTreeSet<(Section, &'static str)>,
    wanted: Vec<(&'static str, Companion)>,
}

/// Says which policies have no companion in any of the chains that they are part of. Chains are all that requests may run,
/// those with products included.
pub fn unpaired<'a>(chains: impl IntoIterator<Item = &'a Chain>) -> Vec<Diagnostic> {
    let mut alone: BTreeMap<Span, (&'static str, Companion)> = BTreeMap::new();
    let mut paired: BTreeSet<Span> = BTreeSet::new();
    for chain in chains {
        let met = Met::on(chain);
        for (name, companion) in met.wanted {
            let Companion { section, names, span } = companion;
            if names.iter().any(|name| met.names.contains(&(section, *name))) {
                paired.insert(span);
            } else {
                alone.insert(span, (name, companion));
            }
        }
    }
    let alone = alone.into_values().filter(|(_, companion)| !paired.contains(&companion.span));
    alone.map(|(name, companion)| finding(name, companion)).collect()
}

fn finding(name: &str, Companion { section, names, span }: Companion) -> Diagnostic {
    let other = names.first().copied().unwrap_or_default();
    let message = format!("`{name}` does nothing without `{other}` in `{section}`");
    Diagnostic::new(Code::MISSING_COMPANION, message, span)
        .label("no request that meets it meets the other one")
        .help(format!("add `{other}` to `{section}`, or to that of a wider scope"))
}

impl Met {
    fn on(chain: &Chain) -> Self {
        let mut met = Self::default();
        for section in Section::ALL {
            let mut depth = 0;
            while let Some(block) = chain.block(depth, section) {
                met.look(section, block);
                // It stands in a section and nowhere deeper.
                if !block.steps.iter().any(|step| matches!(step.kind, StepKind::Base)) {
                    break;
                }
                depth += 1;
            }
        }
        met
    }

    fn look(&mut self, section: Section, block: &Block) {
        for step in &block.steps {
            self.names.insert((section, step.name()));
            if let StepKind::Policy(policy) = &step.kind {
                self.wanted.extend(policy.companion().map(|wanted| (step.name(), wanted)));
            }
            step.blocks().iter().for_each(|inside| self.look(section, inside));
        }
    }
}
