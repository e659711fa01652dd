//! How a policy declares itself.

use crate::read::Element;
use crate::{CompileCx, Scope, Section, Step};

/// Everything the engine, the reference page and editors need to know of one policy.
#[derive(Debug)]
pub struct PolicyDef {
    /// Element name.
    pub name: &'static str,
    /// Sections in which Microsoft's documents allow it.
    pub sections: &'static [Section],
    /// Sections in which only the policy toolkit allows it: accepted with a warning.
    pub toolkit_sections: &'static [Section],
    /// Scopes in which it is allowed.
    pub scopes: &'static [Scope],
    /// How often it may appear.
    pub limit: Limit,
    /// Attributes besides `id`, which every policy takes.
    pub attributes: &'static [AttributeDef],
    /// What stands inside the element.
    pub content: Content,
    /// Reference text in Markdown: what it does, an example, "Differences from Azure".
    pub docs: &'static str,
    /// Builds the step. Attributes and children have been checked against the declaration, and problems reported; a
    /// compile function reports what only it can know and answers `None` when it cannot build a step.
    pub compile: fn(&Element, &mut CompileCx<'_>) -> Option<Box<dyn Step>>,
}

/// How often a policy may appear, wherever it stands: nested in other policies and in fragments counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Any number of times.
    Any,
    /// Once in each section of a document.
    OncePerSection,
    /// Once in a document.
    OncePerDocument,
}

/// One attribute.
#[derive(Debug)]
pub struct AttributeDef {
    /// Attribute name.
    pub name: &'static str,
    /// What its literal form must be.
    pub ty: AttributeType,
    /// Whether it must be present.
    pub required: bool,
    /// Whether it may be a policy expression.
    pub expression: bool,
    /// The value when it is absent, as an author would write it.
    pub default: Option<&'static str>,
    /// One line for the reference page.
    pub doc: &'static str,
    /// Whether it does here what it does in Azure.
    pub support: Support,
}

/// Whether an attribute does what it does in Azure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It does; where it differs, the policy's "Differences from Azure" say how.
    Done,
    /// It is accepted with a warning and does nothing, for this reason.
    NoEffect(&'static str),
    /// It is refused at load, for this reason.
    Refused(&'static str),
}

/// What a literal must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// Any text.
    Text,
    /// Text that is not empty.
    Filled,
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both inclusive.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// Seconds, or `hh:mm:ss`.
    Seconds,
    /// An absolute `http` or `https` URL.
    Url,
}

/// What stands inside an element.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// Nothing.
    Empty,
    /// Text.
    Text(TextDef),
    /// Whatever is there, as text: markup inside is not read as policies.
    Raw(TextDef),
    /// Markup of another language: neither its attributes nor what is inside are looked at.
    Foreign,
    /// These elements.
    Children(&'static [ChildDef]),
    /// These elements, or text alone.
    ChildrenOrText(&'static [ChildDef], TextDef),
    /// Any policies that the section allows.
    Policies,
    /// These policies only, at least one of them.
    Only(&'static [&'static str]),
    /// These policies only; they work on a response of their own.
    Response {
        /// May appear once.
        once: &'static [&'static str],
        /// May appear any number of times.
        many: &'static [&'static str],
    },
    /// These elements, and these policies, which work on a call of their own.
    Call {
        /// Elements that are no policies.
        children: &'static [ChildDef],
        /// Policies that may appear once.
        once: &'static [&'static str],
        /// Policies that may appear any number of times.
        many: &'static [&'static str],
    },
}

impl Content {
    /// The elements inside that are no policies.
    pub fn children(&self) -> &'static [ChildDef] {
        match self {
            Self::Children(children)
            | Self::ChildrenOrText(children, _)
            | Self::Call { children, .. } => children,
            Self::Empty
            | Self::Text(_)
            | Self::Raw(_)
            | Self::Foreign
            | Self::Policies
            | Self::Only(_)
            | Self::Response { .. } => &[],
        }
    }
}

/// The text of an element.
#[derive(Debug, Clone, Copy)]
pub struct TextDef {
    /// What its literal form must be.
    pub ty: AttributeType,
    /// Whether it must be present.
    pub required: bool,
    /// Whether it may be a policy expression.
    pub expression: bool,
}

/// A child element that is not itself a policy.
#[derive(Debug)]
pub struct ChildDef {
    /// Element name.
    pub name: &'static str,
    /// Its attributes.
    pub attributes: &'static [AttributeDef],
    /// What stands inside it.
    pub content: Content,
    /// Fewest occurrences.
    pub min: usize,
    /// Most occurrences.
    pub max: usize,
    /// One line for the reference page.
    pub doc: &'static str,
}

impl AttributeDef {
    /// An optional text attribute without an expression; the base of struct-update declarations.
    pub const DEFAULT: AttributeDef = AttributeDef {
        name: "",
        ty: AttributeType::Text,
        required: false,
        expression: false,
        default: None,
        doc: "",
        support: Support::Done,
    };
}

impl ChildDef {
    /// Any number of empty elements; the base of struct-update declarations.
    pub const DEFAULT: ChildDef = ChildDef {
        name: "",
        attributes: &[],
        content: Content::Empty,
        min: 0,
        max: usize::MAX,
        doc: "",
    };
}

impl PolicyDef {
    /// The declaration of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&'static AttributeDef> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}
