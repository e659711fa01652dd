//! The lossless tree of a policy document.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use tollgate_diagnostics::{MappedText, Span};

use super::value;

/// A policy document, fragment or snippet as its author wrote it.
#[derive(Debug, Clone)]
pub struct Document {
    /// The outermost element. When the text is a row of elements without one around them (a snippet as documentation
    /// prints them), this is an element without a name that holds them all.
    pub root: Element,
}

impl Document {
    /// Whether the text is a row of elements without one around them.
    pub fn is_snippet(&self) -> bool {
        self.root.name.is_empty()
    }
}

/// One element.
#[derive(Debug, Clone)]
pub struct Element {
    /// The name as written, with its prefix if it has one.
    pub name: String,
    /// The name in the start tag.
    pub name_span: Span,
    /// From the `<` of the start tag to the `>` of the end tag.
    pub span: Span,
    /// The attributes in the order written. No two have the same name.
    pub attributes: Vec<Attribute>,
    /// What stands between the tags, white space and comments included.
    pub children: Vec<Node>,
    /// Whether the inner markup of a raw element was kept as text: `children` then is one [`TextKind::Raw`] node.
    pub is_raw: bool,
    pub(super) content: Content,
}

/// Where the content of an element stands in the text after named values were substituted.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) text: Arc<MappedText>,
    pub(super) range: Range<usize>,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every element refers to the whole document, so printing its text would print it once per element.
        self.range.fmt(f)
    }
}

impl Element {
    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The child elements in order.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Comment(_) => None,
        })
    }

    /// The child elements of this name in order.
    pub fn elements_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |element| element.name == name)
    }

    /// The text directly inside, without comments, trimmed; `None` when there is only white space.
    ///
    /// Text inside CDATA counts as written there. For a raw element with inner markup it is that markup.
    pub fn text(&self) -> Option<Value> {
        value::of_content(self)
    }

    /// As [`text`](Self::text), but with the white space at both ends: what a body made of it holds.
    pub fn untrimmed_text(&self) -> MappedText {
        value::joined_text(self)
    }

    /// Everything between the tags as written: entities, comments and CDATA sections stay, named values are
    /// substituted, line ends are `\n`.
    pub fn raw_content(&self) -> MappedText {
        value::raw(&self.content.text, self.content.range.clone())
    }

    /// Text that is not white space and stands beside child elements, for elements that take only elements.
    pub fn stray_text(&self) -> Option<&Text> {
        self.children.iter().find_map(|child| match child {
            Node::Text(text) if !text.value.as_str().trim().is_empty() => Some(text),
            Node::Element(_) | Node::Text(_) | Node::Comment(_) => None,
        })
    }
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// The name as written.
    pub name: String,
    /// The name.
    pub name_span: Span,
    /// The value without its quotes.
    pub value_span: Span,
    /// The value.
    pub value: Value,
}

impl Attribute {
    /// Name and value.
    pub fn span(&self) -> Span {
        self.name_span.to(self.value_span)
    }
}

/// The value of an attribute or the text of an element.
#[derive(Debug, Clone)]
pub struct Value {
    /// The text after named values were substituted and entities decoded. An expression is trimmed and begins with
    /// `@(` or `@{` and ends with the closer of that bracket.
    pub text: MappedText,
    /// Whether all of it is one expression.
    pub is_expression: bool,
    /// Whether part of it is not known: it holds an unresolved named value or a placeholder, or was cut off by a mistake
    /// already reported. Judging it further would report what is not there.
    pub is_opaque: bool,
}

impl Value {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// Where the author wrote it.
    pub fn span(&self) -> Span {
        self.text.whole()
    }
}

/// What may stand inside an element.
#[derive(Debug, Clone)]
pub enum Node {
    /// An element.
    Element(Element),
    /// A run of text.
    Text(Text),
    /// A comment.
    Comment(Comment),
}

impl Node {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Node::Element(element) => element.span,
            Node::Text(text) => text.span,
            Node::Comment(comment) => comment.span,
        }
    }
}

/// A run of text between markup.
#[derive(Debug, Clone)]
pub struct Text {
    /// The text after named values were substituted and entities decoded.
    pub value: MappedText,
    /// Where it stands, with the brackets of CDATA.
    pub span: Span,
    /// How it is written.
    pub kind: TextKind,
    pub(super) is_opaque: bool,
}

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// Between tags, with entities.
    Plain,
    /// In `<![CDATA[…]]>`.
    CData,
    /// Markup kept as it is inside a raw element.
    Raw,
}

/// A comment.
#[derive(Debug, Clone)]
pub struct Comment {
    /// What stands between `<!--` and `-->`.
    pub value: MappedText,
    /// From `<!--` to `-->`.
    pub span: Span,
}
