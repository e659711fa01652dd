//! A compiled stylesheet.

use std::sync::Arc;

use super::format_number::DecimalFormat;
use super::pattern::Pattern;
use super::tree::Name;
use super::xpath::{Expr, Test};

/// Prefixes and namespaces, innermost last.
pub(super) type Scope = Arc<[(Arc<str>, Arc<str>)]>;

#[derive(Debug, Default)]
pub(super) struct Stylesheet {
    pub(super) templates: Vec<Vec<Instr>>,
    /// Those with a pattern, the one that wins first.
    pub(super) rules: Vec<Rule>,
    pub(super) globals: Vec<Global>,
    pub(super) keys: Vec<Key>,
    pub(super) formats: Vec<(Name, DecimalFormat)>,
    pub(super) attribute_sets: Vec<AttributeSet>,
    pub(super) output: Output,
    /// Elements whose white space is kept or stripped, the one that wins first.
    pub(super) spaces: Vec<Space>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    pub(super) mode: Option<Name>,
    pub(super) priority: f64,
    pub(super) template: usize,
}

#[derive(Debug)]
pub(super) struct Global {
    pub(super) binding: Binding,
    pub(super) is_parameter: bool,
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: Name,
    pub(super) patterns: Vec<Pattern>,
    pub(super) by: Expr,
}

#[derive(Debug)]
pub(super) struct AttributeSet {
    pub(super) name: Name,
    pub(super) uses: Vec<Name>,
    pub(super) attributes: Vec<Instr>,
}

#[derive(Debug)]
pub(super) struct Space {
    pub(super) test: Test,
    pub(super) keeps: bool,
}

/// `xsl:output`.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) method: Option<Method>,
    pub(super) version: Option<Arc<str>>,
    pub(super) omits_declaration: Option<bool>,
    pub(super) standalone: Option<bool>,
    pub(super) doctype_public: Option<Arc<str>>,
    pub(super) doctype_system: Option<Arc<str>>,
    pub(super) cdata: Vec<Name>,
    pub(super) indent: Option<bool>,
    pub(super) media_type: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Xml,
    Html,
    Text,
}

/// A name with its value.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) name: Name,
    pub(super) value: Bound,
}

#[derive(Debug)]
pub(super) enum Bound {
    Nothing,
    Select(Expr),
    Body(Vec<Instr>),
}

/// Text with expressions in it.
#[derive(Debug)]
pub(super) struct Avt(pub(super) Vec<AvtPart>);

#[derive(Debug)]
pub(super) enum AvtPart {
    Text(Arc<str>),
    Expr(Expr),
}

#[derive(Debug)]
pub(super) struct Sort {
    pub(super) select: Expr,
    pub(super) order: Option<Avt>,
    pub(super) data_type: Option<Avt>,
    pub(super) case_order: Option<Avt>,
}

/// An instruction.
#[derive(Debug)]
pub(super) enum Instr {
    Text {
        text: Arc<str>,
        is_raw: bool,
    },
    ValueOf {
        select: Expr,
        is_raw: bool,
    },
    Literal(Box<Literal>),
    Element(Box<MadeElement>),
    Attribute(Box<MadeAttribute>),
    Comment(Vec<Instr>),
    Instruction(Avt, Vec<Instr>),
    Copy(Vec<Name>, Vec<Instr>),
    CopyOf(Expr),
    Apply(Box<Apply>),
    Call(usize, Vec<Binding>),
    ForEach(Expr, Vec<Sort>, Vec<Instr>),
    If(Expr, Vec<Instr>),
    /// A branch without a condition is the last one.
    Choose(Vec<(Option<Expr>, Vec<Instr>)>),
    Variable(Binding),
    Parameter(Binding),
    Number(Box<Numbering>),
    Message {
        body: Vec<Instr>,
        terminates: bool,
    },
}

#[derive(Debug)]
pub(super) struct Literal {
    pub(super) prefix: Arc<str>,
    pub(super) name: Name,
    pub(super) namespaces: Vec<(Arc<str>, Arc<str>)>,
    pub(super) attributes: Vec<(Arc<str>, Name, Avt)>,
    pub(super) sets: Vec<Name>,
    pub(super) body: Vec<Instr>,
}

#[derive(Debug)]
pub(super) struct MadeElement {
    pub(super) name: Avt,
    pub(super) namespace: Option<Avt>,
    pub(super) scope: Scope,
    pub(super) sets: Vec<Name>,
    pub(super) body: Vec<Instr>,
}

#[derive(Debug)]
pub(super) struct MadeAttribute {
    pub(super) name: Avt,
    pub(super) namespace: Option<Avt>,
    pub(super) scope: Scope,
    pub(super) body: Vec<Instr>,
}

#[derive(Debug)]
pub(super) struct Apply {
    pub(super) select: Option<Expr>,
    pub(super) mode: Option<Name>,
    pub(super) sorts: Vec<Sort>,
    pub(super) parameters: Vec<Binding>,
}

/// `xsl:number`.
#[derive(Debug)]
pub(super) struct Numbering {
    pub(super) value: Option<Expr>,
    pub(super) level: Level,
    pub(super) count: Option<Vec<Pattern>>,
    pub(super) from: Option<Vec<Pattern>>,
    pub(super) format: Option<Avt>,
    pub(super) separator: Option<Avt>,
    pub(super) group: Option<Avt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Single,
    Multiple,
    Any,
}
