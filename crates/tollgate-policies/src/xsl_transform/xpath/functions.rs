//! The functions of `XPath` and XSLT.

use std::sync::Arc;

use super::Expr;
use super::eval::{Focus, float, truth_of};
use super::value::{NodeRef, Value, number_of, round};
use crate::xsl_transform::format_number;
use crate::xsl_transform::run::{Result, World};
use crate::xsl_transform::tree::{Kind, Name};

/// A function.
#[derive(Debug, Clone, Copy)]
pub(in crate::xsl_transform) struct Function(&'static Def);

#[derive(Debug)]
struct Def {
    name: &'static str,
    arguments: (usize, usize),
    id: Id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id {
    Last,
    Position,
    Count,
    Identified,
    LocalName,
    NamespaceUri,
    Name,
    String,
    Concat,
    StartsWith,
    Contains,
    SubstringBefore,
    SubstringAfter,
    Substring,
    StringLength,
    NormalizeSpace,
    Translate,
    Boolean,
    Not,
    True,
    False,
    Lang,
    Number,
    Sum,
    Floor,
    Ceiling,
    Round,
    Key,
    FormatNumber,
    Current,
    UnparsedEntityUri,
    Generate,
    SystemProperty,
    ElementAvailable,
    FunctionAvailable,
    NodeSet,
}

const fn def(name: &'static str, least: usize, most: usize, id: Id) -> Def {
    Def { name, arguments: (least, most), id }
}

const MANY: usize = usize::MAX;

static ALL: [Def; 35] = [
    def("last", 0, 0, Id::Last),
    def("position", 0, 0, Id::Position),
    def("count", 1, 1, Id::Count),
    def("id", 1, 1, Id::Identified),
    def("local-name", 0, 1, Id::LocalName),
    def("namespace-uri", 0, 1, Id::NamespaceUri),
    def("name", 0, 1, Id::Name),
    def("string", 0, 1, Id::String),
    def("concat", 2, MANY, Id::Concat),
    def("starts-with", 2, 2, Id::StartsWith),
    def("contains", 2, 2, Id::Contains),
    def("substring-before", 2, 2, Id::SubstringBefore),
    def("substring-after", 2, 2, Id::SubstringAfter),
    def("substring", 2, 3, Id::Substring),
    def("string-length", 0, 1, Id::StringLength),
    def("normalize-space", 0, 1, Id::NormalizeSpace),
    def("translate", 3, 3, Id::Translate),
    def("boolean", 1, 1, Id::Boolean),
    def("not", 1, 1, Id::Not),
    def("true", 0, 0, Id::True),
    def("false", 0, 0, Id::False),
    def("lang", 1, 1, Id::Lang),
    def("number", 0, 1, Id::Number),
    def("sum", 1, 1, Id::Sum),
    def("floor", 1, 1, Id::Floor),
    def("ceiling", 1, 1, Id::Ceiling),
    def("round", 1, 1, Id::Round),
    def("key", 2, 2, Id::Key),
    def("format-number", 2, 3, Id::FormatNumber),
    def("current", 0, 0, Id::Current),
    def("unparsed-entity-uri", 1, 1, Id::UnparsedEntityUri),
    def("generate-id", 0, 1, Id::Generate),
    def("system-property", 1, 1, Id::SystemProperty),
    def("element-available", 1, 1, Id::ElementAvailable),
    def("function-available", 1, 1, Id::FunctionAvailable),
];

/// `node-set()` of Microsoft's and of EXSLT's extensions.
static NODE_SET: Def = def("node-set", 1, 1, Id::NodeSet);
const EXTENSIONS: [&str; 2] = ["urn:schemas-microsoft-com:xslt", "http://exslt.org/common"];

/// A function whose name is much like this one.
pub(super) fn closest(name: &str) -> Option<&'static str> {
    tollgate_diagnostics::closest(name, ALL.iter().map(|def| def.name))
}

impl Function {
    pub(super) fn find(name: &Name) -> Option<Self> {
        if EXTENSIONS.contains(&&*name.namespace) && &*name.local == NODE_SET.name {
            return Some(Self(&NODE_SET));
        }
        if !name.namespace.is_empty() {
            return None;
        }
        ALL.iter().find(|def| def.name == &*name.local).map(Self)
    }

    /// What is wrong with so many arguments.
    pub(super) fn misfit(self, count: usize) -> Option<String> {
        let (least, most) = self.0.arguments;
        if (least..=most).contains(&count) {
            return None;
        }
        let wanted = match (least, most) {
            (least, MANY) => format!("{least} arguments or more"),
            (0, 0) => "no argument".to_owned(),
            (1, 1) => "one argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        Some(format!("function `{}` takes {wanted}", self.0.name))
    }

    /// Whether it selects nodes by key, which patterns may do.
    pub(in crate::xsl_transform) fn is_key(self) -> bool {
        matches!(self.0.id, Id::Key | Id::Identified)
    }
}

impl World<'_> {
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: &[Expr],
        focus: &Focus,
    ) -> Result<Value> {
        match function.0.id {
            Id::Last => Ok(Value::Number(float(focus.size))),
            Id::Position => Ok(Value::Number(float(focus.position))),
            Id::True => Ok(Value::Bool(true)),
            Id::False => Ok(Value::Bool(false)),
            Id::Current => Ok(Value::nodes(vec![focus.current])),
            Id::Count | Id::Sum | Id::Identified | Id::Key | Id::NodeSet => {
                self.call_on_nodes(function.0.id, arguments, focus)
            }
            Id::LocalName | Id::NamespaceUri | Id::Name | Id::Generate => {
                self.call_on_node(function.0.id, arguments, focus)
            }
            Id::Number | Id::Floor | Id::Ceiling | Id::Round => {
                let number = if let Some(argument) = arguments.first() {
                    self.number_at(argument, focus)?
                } else {
                    number_of(&self.node_text(focus.node)?)
                };
                Ok(Value::Number(match function.0.id {
                    Id::Floor => number.floor(),
                    Id::Ceiling => number.ceil(),
                    Id::Round => round(number),
                    _ => number,
                }))
            }
            Id::Boolean | Id::Not => {
                let Some(argument) = arguments.first() else { return Ok(Value::Bool(false)) };
                let value = self.eval(argument, focus)?;
                Ok(Value::Bool(truth_of(&value) == (function.0.id == Id::Boolean)))
            }
            id => self.call_on_text(id, arguments, focus),
        }
    }

    /// The argument as text; the text of the node when it is left out.
    fn text_argument(
        &mut self,
        arguments: &[Expr],
        index: usize,
        focus: &Focus,
    ) -> Result<Arc<str>> {
        match arguments.get(index) {
            Some(argument) => self.text_at(argument, focus),
            None => self.node_text(focus.node),
        }
    }

    /// The argument as text; nothing when it is left out.
    fn optional(&mut self, arguments: &[Expr], index: usize, focus: &Focus) -> Result<Arc<str>> {
        arguments.get(index).map_or_else(|| Ok(Arc::default()), |own| self.text_at(own, focus))
    }

    fn call_on_nodes(&mut self, id: Id, arguments: &[Expr], focus: &Focus) -> Result<Value> {
        let Some(argument) = arguments.first() else { return Ok(Value::nodes(Vec::new())) };
        match id {
            Id::Count => {
                let nodes = self.nodes_at(argument, focus)?;
                Ok(Value::Number(float(nodes.len())))
            }
            Id::Sum => {
                let mut sum = 0.0;
                for node in self.nodes_at(argument, focus)?.iter() {
                    let text = Value::Text(self.node_text(*node)?);
                    sum += self.number(&text)?;
                }
                Ok(Value::Number(sum))
            }
            Id::NodeSet => Ok(match self.eval(argument, focus)? {
                Value::Fragment(tree) => Value::nodes(vec![NodeRef { tree, node: 0 }]),
                nodes @ Value::Nodes(_) => nodes,
                _ => return Err(self.fault("node-set() takes a tree or nodes")),
            }),
            Id::Key => {
                let name = self.text_at(argument, focus)?;
                let Some(value) = arguments.get(1) else { return Ok(Value::nodes(Vec::new())) };
                let value = self.eval(value, focus)?;
                let values = match value {
                    Value::Nodes(nodes) => nodes
                        .iter()
                        .map(|node| self.node_text(*node))
                        .collect::<Result<Vec<_>>>()?,
                    other => vec![self.text(&other)?],
                };
                let mut found = Vec::new();
                for value in values {
                    found.extend(self.keyed(focus.node.tree, &name, &value)?);
                }
                Ok(Value::nodes(self.ordered(found)?))
            }
            // Without a document type no attribute is an identifier.
            _ => {
                self.eval(argument, focus)?;
                Ok(Value::nodes(Vec::new()))
            }
        }
    }

    fn call_on_node(&mut self, id: Id, arguments: &[Expr], focus: &Focus) -> Result<Value> {
        let node = match arguments.first() {
            Some(argument) => self.nodes_at(argument, focus)?.first().copied(),
            None => Some(focus.node),
        };
        let Some(node) = node else { return Ok(Value::text("")) };
        if id == Id::Generate {
            return Ok(Value::text(format!("id{}n{}", node.tree, node.node)));
        }
        let tree = self.tree(node.tree)?;
        let Some(found) = tree.node(node.node) else { return Ok(Value::text("")) };
        Ok(match id {
            Id::NamespaceUri => Value::Text(found.name.namespace.clone()),
            Id::Name if !found.prefix.is_empty() => {
                Value::text(format!("{}:{}", found.prefix, found.name.local))
            }
            _ => Value::Text(found.name.local.clone()),
        })
    }

    fn call_on_text(&mut self, id: Id, arguments: &[Expr], focus: &Focus) -> Result<Value> {
        let first = self.text_argument(arguments, 0, focus)?;
        let mut second = || self.optional(arguments, 1, focus);
        Ok(match id {
            Id::StartsWith => Value::Bool(first.starts_with(&*second()?)),
            Id::Contains => Value::Bool(first.contains(&*second()?)),
            Id::SubstringBefore => {
                Value::text(first.split_once(&*second()?).map_or("", |(before, _)| before))
            }
            Id::SubstringAfter => {
                Value::text(first.split_once(&*second()?).map_or("", |(_, after)| after))
            }
            Id::Concat => {
                let mut joined = first.to_string();
                for argument in arguments.iter().skip(1) {
                    joined.push_str(&self.text_at(argument, focus)?);
                    self.charge(joined.len())?;
                }
                Value::text(joined)
            }
            Id::Substring => self.substring(&first, arguments, focus)?,
            Id::StringLength => Value::Number(float(first.chars().count())),
            Id::NormalizeSpace => {
                let words = first.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
                Value::text(words.collect::<Vec<_>>().join(" "))
            }
            Id::Translate => self.translate(&first, arguments, focus)?,
            Id::Lang => Value::Bool(self.is_language(&first, focus)?),
            Id::FormatNumber => self.formatted_number(arguments, focus)?,
            Id::SystemProperty => Value::text(match &*first {
                name if name.ends_with(":version") => "1.0",
                name if name.ends_with(":vendor") => "Tollgate",
                _ => "",
            }),
            Id::ElementAvailable => {
                let local = first.rsplit(':').next().unwrap_or("");
                Value::Bool(crate::xsl_transform::compile::is_instruction(local))
            }
            Id::FunctionAvailable => {
                let local = first.rsplit(':').next().unwrap_or("");
                Value::Bool(ALL.iter().chain([&NODE_SET]).any(|def| def.name == local))
            }
            Id::UnparsedEntityUri => Value::text(""),
            _ => Value::Text(first),
        })
    }

    fn substring(&mut self, text: &str, arguments: &[Expr], focus: &Focus) -> Result<Value> {
        let start = match arguments.get(1) {
            Some(argument) => round(self.number_at(argument, focus)?),
            None => 1.0,
        };
        let end = match arguments.get(2) {
            Some(argument) => start + round(self.number_at(argument, focus)?),
            None => f64::INFINITY,
        };
        self.charge(text.len())?;
        let kept = text.chars().enumerate().filter(|(index, _)| {
            let position = float(index + 1);
            position >= start && position < end
        });
        Ok(Value::text(kept.map(|(_, c)| c).collect::<String>()))
    }

    fn translate(&mut self, text: &str, arguments: &[Expr], focus: &Focus) -> Result<Value> {
        let (from, to) = (self.optional(arguments, 1, focus)?, self.optional(arguments, 2, focus)?);
        self.step(text.len() as u64 * (1 + from.len() as u64 / 16))?;
        let to: Vec<char> = to.chars().collect();
        let changed = text.chars().filter_map(|c| match from.chars().position(|it| it == c) {
            Some(place) => to.get(place).copied(),
            None => Some(c),
        });
        Ok(Value::text(changed.collect::<String>()))
    }

    fn formatted_number(&mut self, arguments: &[Expr], focus: &Focus) -> Result<Value> {
        let number = match arguments.first() {
            Some(argument) => self.number_at(argument, focus)?,
            None => f64::NAN,
        };
        let (pattern, name) =
            (self.optional(arguments, 1, focus)?, self.optional(arguments, 2, focus)?);
        let format = self.decimal_format(&name)?;
        match format_number::format(number, &pattern, format) {
            Some(text) => Ok(Value::text(text)),
            None => Err(self.fault("a pattern of format-number() is malformed")),
        }
    }

    fn is_language(&mut self, wanted: &str, focus: &Focus) -> Result<bool> {
        let tree = self.tree(focus.node.tree)?;
        let mut at = Some(focus.node.node);
        while let Some(id) = at {
            let mut attached = tree.attached(id);
            let language = attached.find(|(_, node)| {
                node.kind == Kind::Attribute
                    && &*node.prefix == "xml"
                    && &*node.name.local == "lang"
            });
            if let Some((_, node)) = language {
                let (own, wanted) = (node.value.to_lowercase(), wanted.to_lowercase());
                let rest = own.strip_prefix(&wanted);
                return Ok(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-')));
            }
            at = tree.parent(id);
        }
        Ok(false)
    }
}
