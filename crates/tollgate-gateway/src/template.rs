//! URL templates of operations.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use smallvec::SmallVec;
use tollgate_engine::contract::{Contract, Location, Parameter};

/// The segments of a path, decoded.
pub(crate) type Segments<'a> = SmallVec<[Cow<'a, str>; 8]>;

/// A template such as `/deployments/{id}/chat/completions?api-version={version}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    segments: Vec<Segment>,
    query: Vec<QueryPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Compared without regard to case, as Azure's router does.
    Literal(String),
    /// `{name}`, possibly with text around it.
    Parameter { before: String, name: String, after: String },
    /// `*`, or `{*name}`: the rest of the path, with the parameter's name.
    Rest(String),
}

/// A query parameter that must be present.
#[derive(Debug, Clone, PartialEq, Eq)]
struct QueryPart {
    key: String,
    value: QueryValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum QueryValue {
    Literal(String),
    Parameter(String),
}

/// What a segment of a template can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// This text, without regard to case.
    Literal(&'a str),
    /// One segment.
    Parameter,
    /// The rest of the path.
    Rest,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("a template begins with `/`")]
    NoSlash,
    #[error("`*` must be the last segment")]
    RestNotLast,
    #[error("the braces of `{0}` do not match")]
    Braces(String),
    #[error("the parameter `{0}` appears twice")]
    Repeated(String),
}

impl Template {
    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = path.strip_prefix('/').ok_or(TemplateError::NoSlash)?;
        let mut segments = Vec::new();
        for part in path.split('/') {
            if matches!(segments.last(), Some(Segment::Rest(_))) {
                return Err(TemplateError::RestNotLast);
            }
            segments.push(segment(part)?);
        }
        // `/a/` and `/a` are one template, and `/` has no segments at all.
        if segments.last() == Some(&Segment::Literal(String::new())) {
            segments.pop();
        }
        let mut parts = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = match value.strip_prefix('{').and_then(|value| value.strip_suffix('}')) {
                Some(name) => QueryValue::Parameter(name.to_owned()),
                None => QueryValue::Literal(value.to_owned()),
            };
            parts.push(QueryPart { key: key.to_owned(), value });
        }
        let template = Self { segments, query: parts };
        let names = template.parameters();
        for (index, name) in names.iter().enumerate() {
            if names.iter().skip(index + 1).any(|other| other == name) {
                return Err(TemplateError::Repeated((*name).to_owned()));
            }
        }
        Ok(template)
    }

    /// Names of the parameters, path first. The rest of a path is `*`.
    pub(crate) fn parameters(&self) -> Vec<&str> {
        let path = self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter { name, .. } | Segment::Rest(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        });
        let query = self.query.iter().filter_map(|part| match &part.value {
            QueryValue::Parameter(name) => Some(name.as_str()),
            QueryValue::Literal(_) => None,
        });
        path.chain(query).collect()
    }

    /// Its path, segment by segment.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.segments.iter().map(|segment| match segment {
            Segment::Literal(literal) => Part::Literal(literal),
            Segment::Parameter { .. } => Part::Parameter,
            Segment::Rest(_) => Part::Rest,
        })
    }

    /// What the template says of an operation that nothing else describes: its parameters, with any value.
    pub(crate) fn contract(&self) -> Contract {
        let path = self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter { name, .. } | Segment::Rest(name) => {
                Some(Parameter::any(name, Location::Path))
            }
            Segment::Literal(_) => None,
        });
        let query = self.query.iter().map(|part| Parameter::any(&part.key, Location::Query));
        Contract { parameters: path.chain(query).collect(), ..Contract::default() }
    }

    /// Sorts templates so that the first one that matches is the most specific: literal before parameter before rest,
    /// segment by segment, then more query parameters.
    pub(crate) fn rank(&self) -> (Vec<u8>, std::cmp::Reverse<usize>) {
        let kinds = self.segments.iter().map(|segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Parameter { before, after, .. } if !before.is_empty() || !after.is_empty() => {
                1
            }
            Segment::Parameter { .. } => 2,
            Segment::Rest(_) => 3,
        });
        (kinds.collect(), std::cmp::Reverse(self.query.len()))
    }

    /// Matches decoded segments and a raw query; gives the parameters.
    pub(crate) fn matches(
        &self,
        path: &[Cow<'_, str>],
        query: &str,
    ) -> Option<Vec<(String, String)>> {
        // A trailing slash is not a segment.
        let path = match path.split_last() {
            Some((last, rest)) if last.is_empty() => rest,
            _ => path,
        };
        let mut parameters = Vec::new();
        let mut segments = path.iter();
        for expected in &self.segments {
            match expected {
                Segment::Rest(name) => {
                    let rest: Vec<&str> = segments.by_ref().map(|segment| &**segment).collect();
                    parameters.push((name.clone(), rest.join("/")));
                }
                Segment::Literal(literal) => {
                    if !literal_part(segments.next()?).eq_ignore_ascii_case(literal) {
                        return None;
                    }
                }
                Segment::Parameter { before, name, after } => {
                    let inner = segments
                        .next()?
                        .strip_prefix(before.as_str())?
                        .strip_suffix(after.as_str())?;
                    if inner.is_empty() {
                        return None;
                    }
                    parameters.push((name.clone(), inner.to_owned()));
                }
            }
        }
        if segments.next().is_some() {
            return None;
        }
        for part in &self.query {
            let value = query_value(query, &part.key)?;
            match &part.value {
                QueryValue::Literal(literal) if *literal == value => {}
                QueryValue::Literal(_) => return None,
                QueryValue::Parameter(name) => parameters.push((name.clone(), value)),
            }
        }
        Some(parameters)
    }
}

/// A segment without its parameters (`;…`), which some backends cut off before they look at it.
pub(crate) fn literal_part(segment: &str) -> &str {
    segment.split(';').next().unwrap_or(segment)
}

fn segment(text: &str) -> Result<Segment, TemplateError> {
    if text == "*" || text == "{*}" {
        return Ok(Segment::Rest("*".to_owned()));
    }
    let named = text.strip_prefix("{*").and_then(|rest| rest.strip_suffix('}'));
    if let Some(name) = named.filter(|name| !name.contains(['{', '}'])) {
        return Ok(Segment::Rest(name.to_owned()));
    }
    let braces = || TemplateError::Braces(text.to_owned());
    let Some((before, rest)) = text.split_once('{') else {
        return if text.contains('}') {
            Err(braces())
        } else {
            Ok(Segment::Literal(text.to_owned()))
        };
    };
    let (name, after) = rest.split_once('}').ok_or_else(braces)?;
    if name.is_empty() || name.contains('{') || before.contains('}') || after.contains(['{', '}']) {
        return Err(braces());
    }
    Ok(Segment::Parameter {
        before: before.to_owned(),
        name: name.to_owned(),
        after: after.to_owned(),
    })
}

/// The first value of a query parameter, decoded; names compare without regard to case.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        decode_query(key).eq_ignore_ascii_case(name).then(|| decode_query(value).into_owned())
    })
}

/// A query component, decoded.
pub(crate) fn decode_query(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let text = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&text).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, path: &str, expected: Option<&[(&str, &str)]>) {
        let template = Template::parse(template).unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let segments: Vec<Cow<'_, str>> =
            path.trim_start_matches('/').split('/').map(Cow::Borrowed).collect();
        let found = template.matches(&segments, query);
        let expected = expected.map(|pairs| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        });
        assert_eq!(found, expected, "{template:?} {path}");
    }

    #[test]
    fn templates_match_segment_by_segment() {
        check("/", "/", Some(&[]));
        check("/a", "/A/", Some(&[]));
        check("/a", "/a/b", None);
        check("/deployments/{id}/chat", "/deployments/gpt/chat", Some(&[("id", "gpt")]));
        check("/deployments/{id}/chat", "/deployments//chat", None);
        check("/items/{id}.json", "/items/7.json", Some(&[("id", "7")]));
        check("/files/*", "/files/a/b", Some(&[("*", "a/b")]));
        check("/*", "/", Some(&[("*", "")]));
        check("/files/{*path}", "/files/a/b", Some(&[("path", "a/b")]));
        check("/u?include={what}", "/u?x=1&INCLUDE=all%20of", Some(&[("what", "all of")]));
        check("/u?include={what}", "/u?x=1", None);
        check("/u?kind=a", "/u?kind=b", None);
    }

    #[test]
    fn the_most_specific_template_comes_first() {
        let mut all = ["/*", "/{a}/x", "/a/*", "/a/{b}", "/a/b", "/a/b?c={d}"];
        all.sort_by_key(|text| Template::parse(text).unwrap().rank());
        assert_eq!(all, ["/a/b?c={d}", "/a/b", "/a/{b}", "/a/*", "/{a}/x", "/*"]);
    }

    #[test]
    fn broken_templates_are_refused() {
        for text in ["a", "/*/a", "/{a", "/a}", "/{a}/{a}", "/{a}{b}", "/{}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
