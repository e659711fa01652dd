//! Parameters, bodies and responses of an operation.

use std::sync::Arc;

use serde_json::Value;
use tollgate_engine::contract::{
    Contract, DescribedResponse, Encoding, Example, Location, MediaType, Parameter, RequestBody,
    Statuses, Style,
};
use tollgate_engine::json_schema::{Schema, SchemaDocument};

/// A value of the document and where it stands; references have been followed.
#[derive(Clone)]
pub(super) struct Node<'a> {
    document: &'a Arc<SchemaDocument>,
    pointer: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn root(document: &'a Arc<SchemaDocument>) -> Self {
        Self { document, pointer: String::new(), value: document.root() }
    }

    /// The member of this name; `None` when there is none. The error says which reference cannot be followed.
    pub(super) fn child(&self, key: &str) -> Result<Option<Node<'a>>, String> {
        self.value.get(key).map(|value| self.at(key, value)).transpose()
    }

    /// All members of the member of this name.
    pub(super) fn members(&self, key: &str) -> Result<Vec<(String, Node<'a>)>, String> {
        let Some(holder) = self.child(key)? else { return Ok(Vec::new()) };
        let members = holder.value.as_object().into_iter().flatten();
        let members = members.filter(|(name, _)| !name.starts_with("x-"));
        members.map(|(name, value)| Ok((name.clone(), holder.at(name, value)?))).collect()
    }

    /// All items of the member of this name.
    fn items(&self, key: &str) -> Result<Vec<Node<'a>>, String> {
        let Some(holder) = self.child(key)? else { return Ok(Vec::new()) };
        let items = holder.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| holder.at(&index.to_string(), value)).collect()
    }

    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.value.get(key).and_then(Value::as_str)
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.value.get(key).and_then(Value::as_bool)
    }

    fn schema(&self) -> Option<Schema> {
        self.value.get("schema")?;
        self.document.schema(&format!("{}/schema", self.pointer))
    }

    fn at(&self, key: &str, value: &'a Value) -> Result<Node<'a>, String> {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        let mut node =
            Node { document: self.document, pointer: format!("{}/{escaped}", self.pointer), value };
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(node) };
        let Some((pointer, target)) = self.document.follow(value) else {
            return Err(format!(
                "`$ref` `{reference}` does not lead to a place in the document: references to other files and addresses are not followed, so bundle the document first"
            ));
        };
        node.pointer = pointer;
        node.value = target;
        Ok(node)
    }
}

/// What the document says of an operation. `item` is the path it belongs to.
pub(super) fn describe(item: &Node<'_>, operation: &Node<'_>) -> Result<Contract, String> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for node in operation.items("parameters")?.iter().chain(&item.items("parameters")?) {
        let Some(parameter) = parameter(node)? else { continue };
        // A parameter of the operation replaces the path's of the same name and place.
        let known = |it: &Parameter| it.name == parameter.name && it.location == parameter.location;
        if !parameters.iter().any(known) {
            parameters.push(parameter);
        }
    }
    let request = match operation.child("requestBody")? {
        Some(body) => Some(RequestBody {
            required: body.flag("required").unwrap_or(false),
            content: content(&body)?,
        }),
        None => None,
    };
    let mut responses = Vec::new();
    for (status, node) in operation.members("responses")? {
        let Some(status) = statuses(&status) else { continue };
        let mut headers = Vec::new();
        for (name, header) in node.members("headers")? {
            headers.push(value_of(name, Location::Header, &header)?);
        }
        responses.push(DescribedResponse { status, headers, content: content(&node)? });
    }
    Ok(Contract { parameters, request, responses })
}

fn parameter(node: &Node<'_>) -> Result<Option<Parameter>, String> {
    let location = match node.text("in") {
        Some("path") => Location::Path,
        Some("query") => Location::Query,
        Some("header") => Location::Header,
        Some("cookie") => Location::Cookie,
        _ => return Ok(None),
    };
    let Some(name) = node.text("name") else { return Ok(None) };
    value_of(name.to_owned(), location, node).map(Some)
}

fn value_of(name: String, location: Location, node: &Node<'_>) -> Result<Parameter, String> {
    let style = match node.text("style") {
        Some("simple") => Style::Simple,
        Some("form") => Style::Form,
        Some("spaceDelimited") => Style::SpaceDelimited,
        Some("pipeDelimited") => Style::PipeDelimited,
        Some("tabDelimited") => Style::TabDelimited,
        Some("deepObject") => Style::DeepObject,
        Some("label") => Style::Label,
        Some("matrix") => Style::Matrix,
        _ => match location {
            Location::Path | Location::Header => Style::Simple,
            Location::Query | Location::Cookie => Style::Form,
        },
    };
    let described = content(node)?.into_iter().next();
    let is_json = described.as_ref().is_some_and(|it| it.content_type.contains("json"));
    let encoding = if is_json { Encoding::Json } else { Encoding::Styled };
    let (schema, more) = match described {
        Some(body) => (body.schema, body.examples),
        None => (node.schema(), Vec::new()),
    };
    Ok(Parameter {
        name,
        location,
        required: node.flag("required").unwrap_or(false) || location == Location::Path,
        allow_empty: node.flag("allowEmptyValue").unwrap_or(false),
        style,
        explode: node.flag("explode").unwrap_or(style == Style::Form),
        schema,
        encoding,
        examples: examples(node)?.into_iter().chain(more).collect(),
    })
}

fn content(node: &Node<'_>) -> Result<Vec<MediaType>, String> {
    let all = node.members("content")?.into_iter();
    all.map(|(content_type, body)| {
        Ok(MediaType { content_type, schema: body.schema(), examples: examples(&body)? })
    })
    .collect()
}

/// `example` first, then `examples` in their order.
fn examples(node: &Node<'_>) -> Result<Vec<Example>, String> {
    let one = node.value.get("example");
    let mut all: Vec<Example> = one
        .map(|value| Example { name: String::new(), value: Arc::new(value.clone()) })
        .into_iter()
        .collect();
    for (name, example) in node.members("examples")? {
        if let Some(value) = example.value.get("value") {
            all.push(Example { name, value: Arc::new(value.clone()) });
        }
    }
    Ok(all)
}

fn statuses(text: &str) -> Option<Statuses> {
    if text == "default" {
        return Some(Statuses::Default);
    }
    let class = text.strip_suffix("XX").or_else(|| text.strip_suffix("xx"));
    match class {
        Some(class) => class.parse().ok().map(Statuses::Class),
        None => text.parse().ok().map(Statuses::Code),
    }
}
