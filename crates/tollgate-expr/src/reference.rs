//! The declared types and their members as data: for generated pages, for coverage against .NET, and for generators of
//! expressions.

use std::fmt;

use tollgate_diagnostics::{MappedText, Sources};

use crate::types::{self, Kind, METHOD_PARAM, MemberInfo, Ty, TypeId, TypeInfo};
pub use crate::types::{MemberKind, ParamMode};

/// What kind of type it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// A class.
    Class,
    /// An interface.
    Interface,
    /// A struct.
    Struct,
    /// A class of static members.
    Static,
    /// A delegate.
    Delegate,
    /// An enumeration; with whether its constants combine.
    Enum(bool),
}

/// A declared type.
#[derive(Debug)]
pub struct TypeReference {
    /// The full name, with type parameters.
    pub name: &'static str,
    /// As written in C#: the keyword or the short name, without type parameters.
    pub shown: &'static str,
    /// What kind of type it is.
    pub kind: TypeKind,
    /// How many type parameters it has.
    pub n_types: usize,
    /// What it is, in one line.
    pub docs: &'static str,
    /// Base class and interfaces.
    pub bases: Vec<Shape>,
    /// The constants of an enumeration.
    pub constants: Vec<(&'static str, i32)>,
    /// The members, in the order of their declarations.
    pub members: Vec<MemberReference>,
    /// Members of .NET that cannot be used, with why.
    pub refused: Vec<RefusedReference>,
}

/// A declared member.
#[derive(Debug)]
pub struct MemberReference {
    /// As declared.
    pub signature: &'static str,
    /// What it is, in one line.
    pub docs: &'static str,
    /// What kind of member it is.
    pub kind: MemberKind,
    /// Its name; empty for constructors, indexers, conversions and operators.
    pub name: String,
    /// Whether it belongs to the type, not to a value.
    pub is_static: bool,
    /// Whether it is an extension method.
    pub is_extension: bool,
    /// How many type parameters it has of its own.
    pub n_types: usize,
    /// Its parameters.
    pub params: Vec<ParamReference>,
    /// Its type.
    pub result: Shape,
    /// Whether it can be assigned to.
    pub settable: bool,
}

/// A parameter.
#[derive(Debug)]
pub struct ParamReference {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Shape,
    /// How it is passed.
    pub mode: ParamMode,
    /// Whether it may be left out.
    pub optional: bool,
}

/// A member of .NET that cannot be used.
#[derive(Debug)]
pub struct RefusedReference {
    /// Its name; or the signature of one overload, when others are declared.
    pub member: &'static str,
    /// Whether Azure allows it all the same.
    pub allowed: bool,
    /// Why.
    pub why: &'static str,
}

/// A type as a declaration writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// `void`.
    Void,
    /// A type with its arguments, by the name that is shown.
    Named(&'static str, Vec<Shape>),
    /// `T[]`.
    Array(Box<Shape>),
    /// `T?`.
    Nullable(Box<Shape>),
    /// A type parameter of the type.
    TypeParameter(usize),
    /// A type parameter of the method.
    MethodParameter(usize),
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Void => f.write_str("void"),
            Shape::Named(name, args) => {
                let (outer, inner) = name.split_once('+').unwrap_or((name, ""));
                f.write_str(outer)?;
                for (index, arg) in args.iter().enumerate() {
                    write!(f, "{}{arg}", if index == 0 { "<" } else { ", " })?;
                }
                f.write_str(if args.is_empty() { "" } else { ">" })?;
                f.write_str(if inner.is_empty() { "" } else { "." })?;
                f.write_str(inner)
            }
            Shape::Array(item) => write!(f, "{item}[]"),
            Shape::Nullable(inner) => write!(f, "{inner}?"),
            Shape::TypeParameter(n) => write!(f, "T{n}"),
            Shape::MethodParameter(n) => write!(f, "M{n}"),
        }
    }
}

/// All declared types that policies may name, in the order of their declarations.
pub fn types() -> Vec<TypeReference> {
    types::all().filter(|info| !types::is_not_allowed(info.short)).map(type_reference).collect()
}

/// The declared members that an expression uses, each by its type's full name and its signature; none when the expression
/// does not compile.
pub fn used(expression: &str) -> Vec<(&'static str, &'static str)> {
    let mut sources = Sources::default();
    let file = sources.add("expression", expression);
    let source = MappedText::verbatim(expression, file.span(0..expression.len()));
    let used = crate::program::used(&source);
    used.iter().map(|member| (types::info(member.owner).decl.name, member.signature)).collect()
}

fn type_reference(info: &'static TypeInfo) -> TypeReference {
    TypeReference {
        name: info.decl.name,
        shown: info.shown(),
        kind: match info.decl.kind {
            Kind::Class => TypeKind::Class,
            Kind::Interface => TypeKind::Interface,
            Kind::Struct => TypeKind::Struct,
            Kind::Static => TypeKind::Static,
            Kind::Delegate => TypeKind::Delegate,
            Kind::Enum(_) => TypeKind::Enum(false),
            Kind::Flags(_) => TypeKind::Enum(true),
        },
        n_types: info.params.len(),
        docs: info.decl.docs,
        bases: info.bases.iter().map(shape).collect(),
        constants: info.named_constants().copied().collect(),
        members: info.all.iter().map(|member| member_reference(member)).collect(),
        refused: info
            .decl
            .refused
            .iter()
            .map(|it| RefusedReference { member: it.member, allowed: it.allowed, why: it.why })
            .collect(),
    }
}

fn member_reference(member: &'static MemberInfo) -> MemberReference {
    let params = member.params.iter().map(|param| ParamReference {
        name: param.name.to_string(),
        ty: shape(&param.ty),
        mode: param.mode,
        optional: param.default.is_some(),
    });
    MemberReference {
        signature: member.signature,
        docs: member.docs,
        kind: member.kind,
        name: member.name.to_string(),
        is_static: member.is_static,
        is_extension: member.extension,
        n_types: member.n_types,
        params: params.collect(),
        result: shape(&member.result),
        settable: member.set.is_some(),
    }
}

fn shape(ty: &Ty) -> Shape {
    match ty {
        Ty::Void => Shape::Void,
        Ty::Generic(TypeId::Nullable, args) if args.len() == 1 => {
            let inner = args.first().map_or(Shape::Void, shape);
            Shape::Nullable(Box::new(inner))
        }
        Ty::Named(id) => Shape::Named(types::info(*id).shown(), Vec::new()),
        Ty::Generic(id, args) => {
            Shape::Named(types::info(*id).shown(), args.iter().map(shape).collect())
        }
        Ty::Array(item) => Shape::Array(Box::new(shape(item))),
        Ty::Thrown(kind) => {
            Shape::Named(kind.full_name().rsplit('.').next().unwrap_or_default(), Vec::new())
        }
        Ty::Param(n) if *n >= METHOD_PARAM => {
            Shape::MethodParameter(usize::from(*n - METHOD_PARAM))
        }
        Ty::Param(n) => Shape::TypeParameter(usize::from(*n)),
        Ty::Error | Ty::Null | Ty::Record(_) | Ty::Opaque(_) => Shape::Named("object", Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_shown_as_declared() {
        let all = types();
        let list = all.iter().find(|ty| ty.shown == "List").unwrap();
        assert_eq!((list.n_types, list.kind), (1, TypeKind::Class));
        let convert = list.members.iter().find(|member| member.name == "ConvertAll").unwrap();
        let shown: Vec<String> = convert.params.iter().map(|param| param.ty.to_string()).collect();
        assert_eq!(
            (shown, convert.result.to_string()),
            (vec!["Converter<T0, M0>".into()], "List<M0>".into())
        );
    }
}
