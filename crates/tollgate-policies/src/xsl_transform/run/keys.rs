//! Keys and decimal formats.

use std::sync::Arc;

use super::{Index, Result, World};
use crate::xsl_transform::format_number::DecimalFormat;
use crate::xsl_transform::style::Key;
use crate::xsl_transform::xpath::eval::Focus;
use crate::xsl_transform::xpath::{NodeRef, Value};

impl<'s> World<'s> {
    /// The nodes of a tree that a key finds by a value.
    pub(in crate::xsl_transform) fn keyed(
        &mut self,
        tree: u32,
        name: &str,
        value: &str,
    ) -> Result<Vec<NodeRef>> {
        let style = self.style;
        let local = name.rsplit(':').next().unwrap_or(name);
        let mut found = Vec::new();
        let mut is_known = false;
        for (index, key) in style.keys.iter().enumerate().filter(|(_, it)| &*it.name.local == local)
        {
            is_known = true;
            let nodes = self.index(index, key, tree)?;
            let nodes = nodes.get(value).map_or(&[][..], Vec::as_slice);
            self.step(1 + nodes.len() as u64)?;
            found.extend_from_slice(nodes);
        }
        if is_known { Ok(found) } else { Err(self.fault(format!("there is no key `{name}`"))) }
    }

    fn index(&mut self, number: usize, key: &'s Key, tree: u32) -> Result<Arc<Index>> {
        if let Some(index) = self.keys.get(&(number, tree)) {
            return Ok(index.clone());
        }
        // A key whose expression uses the key finds nothing there.
        self.keys.insert((number, tree), Arc::default());
        let nodes = self.tree(tree)?.len();
        let mut index = Index::new();
        for id in 0..nodes {
            let node = NodeRef { tree, node: id };
            if !self.fits(&key.patterns, node)? {
                continue;
            }
            let values = match self.eval(&key.by, &Focus::on(node, 1, 1))? {
                Value::Nodes(nodes) => {
                    nodes.iter().map(|node| self.node_text(*node)).collect::<Result<Vec<_>>>()?
                }
                other => vec![self.text(&other)?],
            };
            for value in values {
                index.entry(value).or_default().push(node);
            }
        }
        let index = Arc::new(index);
        self.keys.insert((number, tree), index.clone());
        Ok(index)
    }

    pub(in crate::xsl_transform) fn decimal_format(
        &mut self,
        name: &str,
    ) -> Result<&'s DecimalFormat> {
        static DEFAULT: std::sync::LazyLock<DecimalFormat> =
            std::sync::LazyLock::new(DecimalFormat::default);
        let style = self.style;
        let local = name.rsplit(':').next().unwrap_or(name);
        match style.formats.iter().find(|(own, _)| &*own.local == local) {
            Some((_, format)) => Ok(format),
            None if name.is_empty() => Ok(&DEFAULT),
            None => Err(self.fault(format!("there is no decimal format `{name}`"))),
        }
    }
}
