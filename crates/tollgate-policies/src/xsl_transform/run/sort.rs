//! `xsl:sort`.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Result, World};
use crate::xsl_transform::style::{Avt, Sort};
use crate::xsl_transform::xpath::NodeRef;
use crate::xsl_transform::xpath::eval::Focus;
use crate::xsl_transform::xpath::value::number_of;

impl<'s> World<'s> {
    /// Nodes in the order of their keys.
    pub(super) fn sorted(
        &mut self,
        nodes: Arc<[NodeRef]>,
        sorts: &'s [Sort],
        focus: &Focus,
    ) -> Result<Arc<[NodeRef]>> {
        if sorts.is_empty() {
            return Ok(nodes);
        }
        let mut ways = Vec::new();
        for sort in sorts {
            let mut says = |avt: &Option<Avt>, word: &str| match avt {
                Some(avt) => self.avt(avt, focus).map(|text| &*text == word),
                None => Ok(false),
            };
            let is_descending = says(&sort.order, "descending")?;
            let is_number = says(&sort.data_type, "number")?;
            let upper_first = says(&sort.case_order, "upper-first")?;
            ways.push((is_descending, is_number, upper_first));
        }
        let size = nodes.len();
        let mut keyed = Vec::with_capacity(size);
        for (index, node) in nodes.iter().enumerate() {
            let mut keys = Vec::with_capacity(sorts.len());
            for (sort, (_, is_number, upper_first)) in sorts.iter().zip(&ways) {
                let text = self.text_at(&sort.select, &Focus::on(*node, index + 1, size))?;
                keys.push(SortKey::of(&text, *is_number, *upper_first));
            }
            keyed.push((keys, *node));
        }
        self.step(size as u64 * 4)?;
        keyed.sort_by(|(left, _), (right, _)| {
            let orders = left.iter().zip(right).zip(&ways).map(|((left, right), way)| {
                let order = left.order(right);
                if way.0 { order.reverse() } else { order }
            });
            orders.fold(Ordering::Equal, Ordering::then)
        });
        Ok(keyed.into_iter().map(|(_, node)| node).collect())
    }
}

/// What a node is sorted by.
enum SortKey {
    Number(f64),
    /// Letters without their case, then with it.
    Text(String, String),
}

impl SortKey {
    fn of(text: &str, is_number: bool, upper_first: bool) -> Self {
        if is_number {
            return Self::Number(number_of(text));
        }
        // Small letters come first unless capitals are asked for.
        let turned = |c: char| {
            if c.is_lowercase() {
                c.to_uppercase().next().unwrap_or(c)
            } else {
                c.to_lowercase().next().unwrap_or(c)
            }
        };
        let cased = if upper_first { text.to_owned() } else { text.chars().map(turned).collect() };
        Self::Text(text.to_lowercase(), cased)
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            // What is no number comes first.
            (Self::Number(left), Self::Number(right)) => {
                left.partial_cmp(right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
            }
            (Self::Text(left, left_cased), Self::Text(right, right_cased)) => {
                left.cmp(right).then_with(|| left_cased.cmp(right_cased))
            }
            _ => Ordering::Equal,
        }
    }
}
