//! The operations of an API, found by method and path.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use http::Method;
use smallvec::SmallVec;
use tollgate_engine::contract::Contract;
use tollgate_engine::{Chain, Operation};

use crate::template::{Part, Template, literal_part};

/// One operation.
#[derive(Debug)]
pub(crate) struct OperationRoute {
    pub(crate) operation: Arc<Operation>,
    pub(crate) contract: Arc<Contract>,
    pub(crate) method: Method,
    pub(crate) template: Template,
    pub(crate) chain: Chain,
}

/// All operations of an API. What a request costs does not depend on how many there are.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    /// The most specific template first.
    all: Vec<OperationRoute>,
    tree: Node,
}

/// Operations whose templates begin alike, as indices into `Operations::all`.
///
/// It narrows down whom to ask: what parameters may hold and what the query must say is for the templates themselves.
#[derive(Debug, Default)]
struct Node {
    /// What follows by a literal, in lower case.
    literals: BTreeMap<String, Node>,
    /// What follows by a parameter, whatever stands around it.
    parameter: Option<Box<Node>>,
    /// Those that take any rest.
    rest: Vec<usize>,
    /// Those that end here.
    end: Vec<usize>,
}

/// Indices of operations that a path may be for.
type Candidates = SmallVec<[usize; 8]>;

impl Operations {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn iter(&self) -> slice::Iter<'_, OperationRoute> {
        self.all.iter()
    }

    /// The operation that a request is for, with the parameters of its path and query.
    pub(crate) fn find(
        &self,
        method: &Method,
        path: &[Cow<'_, str>],
        query: &str,
    ) -> Option<(&OperationRoute, Vec<(String, String)>)> {
        let mut candidates = Candidates::new();
        // A trailing slash is not a segment.
        let significant = match path.split_last() {
            Some((last, before)) if last.is_empty() => before,
            _ => path,
        };
        self.tree.collect(significant, &mut candidates);
        candidates.sort_unstable();
        let mut candidates = candidates.iter().filter_map(|index| self.all.get(*index));
        candidates.find_map(|operation| {
            let matches = operation.method == *method;
            let parameters = matches.then(|| operation.template.matches(path, query))?;
            Some((operation, parameters?))
        })
    }
}

impl FromIterator<OperationRoute> for Operations {
    fn from_iter<I: IntoIterator<Item = OperationRoute>>(operations: I) -> Self {
        let mut all: Vec<_> = operations.into_iter().collect();
        all.sort_by_cached_key(|operation| operation.template.rank());
        let mut tree = Node::default();
        for (index, operation) in all.iter().enumerate() {
            tree.insert(operation.template.parts(), index);
        }
        Self { all, tree }
    }
}

impl Node {
    fn insert<'a>(&mut self, parts: impl Iterator<Item = Part<'a>>, index: usize) {
        let mut node = self;
        for part in parts {
            node = match part {
                Part::Literal(literal) => {
                    node.literals.entry(literal.to_ascii_lowercase()).or_default()
                }
                Part::Parameter => node.parameter.get_or_insert_default(),
                Part::Rest => return node.rest.push(index),
            };
        }
        node.end.push(index);
    }

    /// Adds those that a path of these segments may be for. No more nodes are visited than templates have parts.
    fn collect(&self, path: &[Cow<'_, str>], found: &mut Candidates) {
        found.extend_from_slice(&self.rest);
        let Some((segment, below)) = path.split_first() else {
            found.extend_from_slice(&self.end);
            return;
        };
        if let Some(node) = self.literals.get(&*in_lower_case(literal_part(segment))) {
            node.collect(below, found);
        }
        if let Some(node) = &self.parameter {
            node.collect(below, found);
        }
    }
}

fn in_lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations<'a>(templates: impl IntoIterator<Item = &'a str>) -> Operations {
        let route = |template: &str| OperationRoute {
            operation: Arc::new(Operation { id: template.to_owned(), ..Operation::default() }),
            contract: Arc::default(),
            method: Method::GET,
            template: Template::parse(template).unwrap(),
            chain: Chain::default(),
        };
        templates.into_iter().map(route).collect()
    }

    /// The template that a path is for, and how many were asked.
    fn check(operations: &Operations, path: &str, expected: Option<&str>) -> usize {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let segments: Vec<_> =
            path.strip_prefix('/').unwrap().split('/').map(Cow::Borrowed).collect();
        let found = operations.find(&Method::GET, &segments, query);
        assert_eq!(found.map(|(found, _)| found.operation.id.as_str()), expected, "{path}");
        // The tree leaves out nobody who would have answered.
        let mut all = operations.iter();
        let asked = all.find(|operation| operation.template.matches(&segments, query).is_some());
        assert_eq!(asked.map(|asked| asked.operation.id.as_str()), expected, "{path}");
        let mut candidates = Candidates::new();
        operations.tree.collect(&segments, &mut candidates);
        candidates.len()
    }

    #[test]
    fn the_most_specific_one_is_found() {
        let all = operations([
            "/*",
            "/{a}/x",
            "/a/*",
            "/a/{b}",
            "/a/b",
            "/a/b?c={d}",
            "/a/{b}.json",
            "/a/{b}/{c}",
        ]);
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("/A/B/", "/a/b"),
            ("/a;v=1/b;w", "/a/b"),
            ("/a/b?c=1", "/a/b?c={d}"),
            ("/a/c", "/a/{b}"),
            ("/a/c.json", "/a/{b}.json"),
            ("/a/.json", "/a/{b}"),
            ("/a/c/d", "/a/{b}/{c}"),
            ("/a/c/d/e", "/a/*"),
            ("/a/", "/a/*"),
            ("/b/x", "/{a}/x"),
            ("/b/y", "/*"),
            ("/", "/*"),
        ] {
            check(&all, path, Some(expected));
        }
        check(&operations(["/a", "/b/{c}"]), "/b", None);
        check(&operations([]), "/", None);
    }

    #[test]
    fn few_of_many_are_asked() {
        let templates: Vec<String> =
            (0..1_000).map(|n| format!("/deployments/{{deployment}}/kind-{n}")).collect();
        let all = operations(templates.iter().map(String::as_str));
        for template in &templates {
            let path = template.replace("{deployment}", "gpt-4o");
            assert_eq!(check(&all, &path, Some(template)), 1);
        }
        check(&all, "/deployments/gpt-4o/kind-1000", None);
    }
}
