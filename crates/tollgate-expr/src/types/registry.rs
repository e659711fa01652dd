//! The declarations, read once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use super::decl::{Kind, Member, Native, Prepare, TypeDecl};
use super::shortcut::{Run, shortcut};
use super::{ALL, METHOD_PARAM, RecordTy, Ty, TypeId};
use crate::syntax::ast::{Literal, Name, TypeKind, TypeRef};
use crate::syntax::{Signature, SignatureKind, parse_signature};
use crate::{ExceptionKind, Value};

/// A declared type with its members by name.
#[derive(Debug)]
pub(crate) struct TypeInfo {
    pub(crate) decl: &'static TypeDecl,
    /// The full name without type parameters.
    pub(crate) full: &'static str,
    /// The name without namespace and type parameters.
    pub(crate) short: &'static str,
    pub(crate) params: Vec<Arc<str>>,
    pub(crate) bases: Vec<Ty>,
    /// Properties, methods and constants, by name.
    pub(crate) members: HashMap<Arc<str>, Vec<&'static MemberInfo>>,
    pub(crate) constructors: Vec<&'static MemberInfo>,
    pub(crate) indexers: Vec<&'static MemberInfo>,
    pub(crate) conversions: Vec<&'static MemberInfo>,
    pub(crate) operators: Vec<&'static MemberInfo>,
    /// All of them, in the order of their declarations.
    pub(crate) all: Vec<&'static MemberInfo>,
}

impl TypeInfo {
    pub(crate) fn is_enum(&self) -> bool {
        matches!(self.decl.kind, Kind::Enum(_) | Kind::Flags(_))
    }

    pub(crate) fn is_value_type(&self) -> bool {
        matches!(self.decl.kind, Kind::Struct | Kind::Enum(_) | Kind::Flags(_))
    }

    pub(crate) fn is_interface(&self) -> bool {
        matches!(self.decl.kind, Kind::Interface)
    }

    /// The bases whose members are members of this type, too. Those of an interface are members of a class only when
    /// the class declares them itself: otherwise it must be seen as the interface.
    pub(crate) fn inherited(&self) -> impl Iterator<Item = &Ty> {
        let all = self.is_interface();
        self.bases
            .iter()
            .filter(move |base| all || !base.id().is_some_and(|id| info(id).is_interface()))
    }

    pub(crate) fn is_delegate(&self) -> bool {
        matches!(self.decl.kind, Kind::Delegate)
    }

    pub(crate) fn constants(&self) -> &'static [(&'static str, i32)] {
        match self.decl.kind {
            Kind::Enum(constants) | Kind::Flags(constants) => constants,
            _ => &[],
        }
    }

    /// The constants that policies may name.
    pub(crate) fn named_constants(&self) -> impl Iterator<Item = &'static (&'static str, i32)> {
        let refused = self.decl.refused;
        let named = self.constants().iter();
        named.filter(|(name, _)| refused.iter().all(|refused| refused.name() != *name))
    }

    /// The C# keyword, or the short name.
    pub(crate) fn shown(&self) -> &'static str {
        KEYWORDS.iter().find(|(_, full)| *full == self.full).map_or(self.short, |(word, _)| word)
    }
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// A property or constant.
    Property,
    /// A method.
    Method,
    /// A constructor.
    Constructor,
    /// `this[…]`.
    Indexer,
    /// An implicit conversion.
    Implicit,
    /// An explicit conversion.
    Explicit,
    /// An operator.
    Operator(&'static str),
}

/// How a parameter is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamMode {
    /// By value.
    Value,
    /// `out`.
    Out,
    /// `ref`.
    Ref,
    /// `params`.
    Params,
}

/// A parameter.
#[derive(Debug)]
pub(crate) struct ParamInfo {
    pub(crate) name: Arc<str>,
    pub(crate) ty: Ty,
    pub(crate) mode: ParamMode,
    pub(crate) default: Option<Value>,
}

/// What a type argument must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Constraint {
    /// `class`: a reference type.
    Class,
    /// `struct`: a value type that is not nullable.
    Struct,
    /// A type, or one that derives from it.
    Is(Ty),
}

impl Constraint {
    /// Whether a type meets it.
    pub(crate) fn holds(&self, ty: &Ty) -> bool {
        match self {
            _ if ty.is_error() => true,
            Self::Class => !ty.is_value_type(),
            Self::Struct => ty.is_value_type() && ty.nullable_inner().is_none(),
            Self::Is(base) => super::is_assignable(ty, base),
        }
    }

    /// What the type argument of a generic type must be.
    pub(crate) fn of_type(id: TypeId) -> Option<Constraint> {
        matches!(id, TypeId::JEnumerable | TypeId::IJEnumerable).then(|| Self::Is(Ty::JTOKEN))
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class => f.write_str("a reference type"),
            Self::Struct => f.write_str("a value type that is not nullable"),
            Self::Is(base) => write!(f, "a `{base}`"),
        }
    }
}

/// A member.
#[derive(Debug)]
pub(crate) struct MemberInfo {
    pub(crate) owner: TypeId,
    pub(crate) name: Arc<str>,
    pub(crate) kind: MemberKind,
    pub(crate) is_static: bool,
    /// The first parameter is the receiver of an extension method.
    pub(crate) extension: bool,
    pub(crate) n_types: usize,
    pub(crate) params: Vec<ParamInfo>,
    pub(crate) result: Ty,
    pub(crate) run: Run,
    pub(crate) set: Option<Native>,
    pub(crate) pure: bool,
    pub(crate) prepare: Option<Prepare>,
    /// What one of its type arguments must be: `where T : JContainer`.
    pub(crate) bound: Option<(Ty, Constraint)>,
    pub(crate) signature: &'static str,
    pub(crate) docs: &'static str,
}

/// C# keywords for types.
const KEYWORDS: &[(&str, &str)] = &[
    ("object", "System.Object"),
    ("string", "System.String"),
    ("bool", "System.Boolean"),
    ("char", "System.Char"),
    ("sbyte", "System.SByte"),
    ("byte", "System.Byte"),
    ("short", "System.Int16"),
    ("ushort", "System.UInt16"),
    ("int", "System.Int32"),
    ("uint", "System.UInt32"),
    ("long", "System.Int64"),
    ("ulong", "System.UInt64"),
    ("float", "System.Single"),
    ("double", "System.Double"),
    ("decimal", "System.Decimal"),
];

/// Types of .NET that authors try and that Azure does not allow.
const NOT_ALLOWED: &[&str] = &[
    "dynamic",
    "ValueTuple",
    "IComparable",
    "Expression",
    "File",
    "Path",
    "Environment",
    "Console",
    "Thread",
    "Task",
    "Type",
    "Activator",
    "Process",
    "HttpClient",
    "WebClient",
    "WebRequest",
    "Stopwatch",
    "XmlDocument",
    "XmlReader",
    "XmlWriter",
    "RSACng",
    "RSACryptoServiceProvider",
    "HttpUtility",
    "CultureInfo",
    "Dns",
    "MemoryStream",
    "StreamReader",
    "BigInteger",
    "JsonSerializer",
    "JsonDocument",
    "JsonSerializerSettings",
    "GC",
    "NumberStyles",
    "DateTimeStyles",
    "TimeSpanStyles",
];

/// Whether .NET has a type that policies may not use.
pub(crate) fn is_not_allowed(name: &str) -> bool {
    NOT_ALLOWED.contains(&name)
}

struct Registry {
    types: Vec<TypeInfo>,
    by_name: HashMap<&'static str, Vec<TypeId>>,
    extensions: HashMap<Arc<str>, Vec<&'static MemberInfo>>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::read);

/// A declared type.
pub(crate) fn info(id: TypeId) -> &'static TypeInfo {
    match REGISTRY.types.get(id as usize) {
        Some(info) => info,
        None => info(TypeId::Object),
    }
}

/// Types of a name, short or full, with so many arguments.
pub(crate) fn lookup(name: &str, n_args: usize) -> Option<TypeId> {
    let keyword = KEYWORDS.iter().find(|(word, _)| *word == name).map(|(_, full)| *full);
    let ids = REGISTRY.by_name.get(keyword.unwrap_or(name))?;
    ids.iter().copied().find(|id| {
        let any = matches!(id, TypeId::Func | TypeId::Action);
        info_of(&REGISTRY, *id).is_some_and(|info| info.params.len() == n_args)
            || (any && n_args > 0)
    })
}

/// All declared types.
pub(crate) fn all() -> impl Iterator<Item = &'static TypeInfo> {
    REGISTRY.types.iter()
}

/// The short names of all types, for suggestions.
pub(crate) fn short_names() -> impl Iterator<Item = &'static str> {
    REGISTRY.types.iter().map(TypeInfo::shown)
}

/// The extension methods of a name.
pub(crate) fn extensions(name: &str) -> &'static [&'static MemberInfo] {
    REGISTRY.extensions.get(name).map_or(&[], Vec::as_slice)
}

fn info_of(registry: &Registry, id: TypeId) -> Option<&TypeInfo> {
    registry.types.get(id as usize)
}

impl Registry {
    fn read() -> Registry {
        let mut by_name: HashMap<&'static str, Vec<TypeId>> = HashMap::new();
        let mut params_of = Vec::new();
        for (id, decl) in ALL {
            let (full, params) = split_name(decl.name);
            let short = full.rsplit('.').next().unwrap_or(full);
            params_of.push(params);
            if is_not_allowed(short) {
                continue;
            }
            by_name.entry(full).or_default().push(*id);
            if short != full {
                by_name.entry(short).or_default().push(*id);
            }
        }
        let mut registry = Registry { types: Vec::new(), by_name, extensions: HashMap::new() };
        let names = Names { registry: &registry, params: &params_of };
        let types: Vec<TypeInfo> =
            ALL.iter().map(|(id, decl)| names.read_type(*id, decl)).collect();
        registry.types = types;
        let extensions: Vec<&'static MemberInfo> = registry
            .types
            .iter()
            .flat_map(|info| info.members.values().flatten().copied())
            .filter(|member| member.extension)
            .collect();
        for member in extensions {
            registry.extensions.entry(member.name.clone()).or_default().push(member);
        }
        registry
    }
}

fn split_name(name: &'static str) -> (&'static str, Vec<Arc<str>>) {
    match name.split_once('<') {
        Some((full, params)) => {
            let params = params.trim_end_matches('>').split(',').map(|param| param.trim().into());
            (full, params.collect())
        }
        None => (name, Vec::new()),
    }
}

struct Names<'a> {
    registry: &'a Registry,
    params: &'a [Vec<Arc<str>>],
}

impl Names<'_> {
    fn read_type(&self, id: TypeId, decl: &'static TypeDecl) -> TypeInfo {
        let (full, params) = split_name(decl.name);
        let mut info = TypeInfo {
            decl,
            full,
            short: full.rsplit('.').next().unwrap_or(full),
            bases: self.bases(decl, &params),
            params,
            members: HashMap::new(),
            constructors: Vec::new(),
            indexers: Vec::new(),
            conversions: Vec::new(),
            operators: Vec::new(),
            all: Vec::new(),
        };
        for member in decl.members {
            let Some(read) = self.read_member(id, member, &info.params) else { continue };
            // Members live as long as the program: they are read once.
            let read: &'static MemberInfo = Box::leak(Box::new(read));
            info.all.push(read);
            match read.kind {
                MemberKind::Property | MemberKind::Method => {
                    info.members.entry(read.name.clone()).or_default().push(read);
                }
                MemberKind::Constructor => info.constructors.push(read),
                MemberKind::Indexer => info.indexers.push(read),
                MemberKind::Implicit | MemberKind::Explicit => info.conversions.push(read),
                MemberKind::Operator(_) => info.operators.push(read),
            }
        }
        info
    }

    /// Base class and interfaces; of enumerations it is `Enum`.
    fn bases(&self, decl: &TypeDecl, params: &[Arc<str>]) -> Vec<Ty> {
        let declared = decl.bases.iter().filter_map(|base| self.read_base(base, params));
        let is_enum = matches!(decl.kind, Kind::Enum(_) | Kind::Flags(_));
        declared.chain(is_enum.then_some(Ty::Named(TypeId::Enum))).collect()
    }

    fn read_base(&self, text: &str, params: &[Arc<str>]) -> Option<Ty> {
        let signature = parse_signature(&format!("{text} base")).ok()?;
        self.resolve(&signature.result?, params, &[])
    }

    fn read_member(
        &self,
        owner: TypeId,
        member: &'static Member,
        class: &[Arc<str>],
    ) -> Option<MemberInfo> {
        let (text, condition) = match member.signature.split_once(" where ") {
            Some((text, condition)) => (text, Some(condition)),
            None => (member.signature, None),
        };
        let signature: Signature = parse_signature(text).ok()?;
        let method = &signature.types;
        let bound = match condition {
            Some(condition) => Some(self.condition(condition, method)?),
            None => None,
        };
        let own = || {
            let args: Vec<Ty> = (0u8..).zip(class).map(|(n, _)| Ty::Param(n)).collect();
            if args.is_empty() { Ty::Named(owner) } else { Ty::Generic(owner, args.into()) }
        };
        let mut params = Vec::new();
        for param in signature.params {
            let mode = if param.is_out {
                ParamMode::Out
            } else if param.is_ref {
                ParamMode::Ref
            } else if param.is_params {
                ParamMode::Params
            } else {
                ParamMode::Value
            };
            params.push(ParamInfo {
                name: param.name,
                ty: self.resolve(&param.ty, class, method)?,
                mode,
                default: param.default.map(literal_value),
            });
        }
        let result = match &signature.result {
            Some(ty) => self.resolve(ty, class, method)?,
            None => own(),
        };
        Some(MemberInfo {
            owner,
            name: signature.name,
            kind: match signature.kind {
                SignatureKind::Property => MemberKind::Property,
                SignatureKind::Method => MemberKind::Method,
                SignatureKind::Constructor => MemberKind::Constructor,
                SignatureKind::Indexer => MemberKind::Indexer,
                SignatureKind::Implicit => MemberKind::Implicit,
                SignatureKind::Explicit => MemberKind::Explicit,
                SignatureKind::Operator(op) => MemberKind::Operator(op),
            },
            is_static: signature.is_static,
            extension: signature.is_extension,
            n_types: signature.types.len(),
            params,
            result,
            run: Run { code: member.run, shortcut: shortcut(owner, member.signature) },
            set: member.set,
            pure: member.pure,
            prepare: member.prepare,
            bound,
            signature: member.signature,
            docs: member.docs,
        })
    }

    /// `T : JContainer` of a generic method.
    fn condition(&self, text: &str, method: &[Arc<str>]) -> Option<(Ty, Constraint)> {
        let (name, what) = text.split_once(" : ")?;
        let n = method.iter().position(|own| **own == *name)?;
        let constraint = match what {
            "class" => Constraint::Class,
            "struct" => Constraint::Struct,
            base => Constraint::Is(self.named(base, Vec::new())?),
        };
        Some((Ty::Param(METHOD_PARAM + u8::try_from(n).ok()?), constraint))
    }

    fn resolve(&self, ty: &TypeRef, class: &[Arc<str>], method: &[Arc<str>]) -> Option<Ty> {
        match &ty.kind {
            TypeKind::Var => None,
            TypeKind::Tuple(items) => {
                let mut members = Vec::new();
                for (index, (item, _)) in items.iter().enumerate() {
                    let name = format!("Item{}", index + 1).into();
                    members.push((name, self.resolve(item, class, method)?));
                }
                Some(Ty::Record(RecordTy { tuple: true, members }.into()))
            }
            TypeKind::Array(item) => Some(Ty::array(self.resolve(item, class, method)?)),
            TypeKind::Nullable(inner) => Some(Ty::nullable(self.resolve(inner, class, method)?)),
            TypeKind::Named(path) => {
                let (names, args) = written(path);
                let name = names.last()?;
                if name == "void" {
                    return Some(Ty::Void);
                }
                let index = |names: &[Arc<str>]| names.iter().position(|own| **own == *name);
                if let Some(n) = index(method) {
                    return Some(Ty::Param(METHOD_PARAM + u8::try_from(n).ok()?));
                }
                if let Some(n) = index(class) {
                    return Some(Ty::Param(u8::try_from(n).ok()?));
                }
                let args: Option<Vec<Ty>> =
                    args.iter().map(|arg| self.resolve(arg, class, method)).collect();
                self.named(name, args?)
            }
        }
    }

    fn named(&self, name: &str, args: Vec<Ty>) -> Option<Ty> {
        if let Some(kind) = exception_kind(name) {
            return Some(Ty::Thrown(kind));
        }
        let keyword = KEYWORDS.iter().find(|(word, _)| *word == name).map(|(_, full)| *full);
        if name == "Array" && args.is_empty() {
            return Some(Ty::Named(TypeId::Array));
        }
        let ids = self.registry.by_name.get(keyword.unwrap_or(name))?;
        let fits = |id: &TypeId| {
            let any = matches!(id, TypeId::Func | TypeId::Action) && !args.is_empty();
            any || self.params.get(*id as usize).is_some_and(|params| params.len() == args.len())
        };
        let id = ids.iter().copied().find(fits)?;
        Some(if args.is_empty() { Ty::Named(id) } else { Ty::Generic(id, args.into()) })
    }
}

/// The names and the type arguments of a written type: a type within another stands under the names of both, and has
/// the arguments of the other.
pub(crate) fn written(path: &[(Name, Vec<TypeRef>)]) -> (Vec<Cow<'_, str>>, &[TypeRef]) {
    fn plain((name, _): &(Name, Vec<TypeRef>)) -> Cow<'_, str> {
        Cow::Borrowed(&*name.text)
    }
    match path {
        [before @ .., (outer, args), (inner, none)] if !args.is_empty() && none.is_empty() => {
            let mut names: Vec<Cow<'_, str>> = before.iter().map(plain).collect();
            names.push(Cow::Owned(format!("{}+{}", outer.text, inner.text)));
            (names, args)
        }
        all => {
            let args = all.last().map_or(&[][..], |(_, args)| args);
            (all.iter().map(plain).collect(), args)
        }
    }
}

/// The exception type of a name, short or full.
pub(crate) fn exception_kind(name: &str) -> Option<ExceptionKind> {
    // Asked for every name there is, and the types of exceptions are many.
    if !name.ends_with("Exception") {
        return None;
    }
    ExceptionKind::ALL.iter().copied().find(|kind| {
        let full = kind.full_name();
        full == name || full.rsplit('.').next() == Some(name)
    })
}

fn literal_value(literal: Literal) -> Value {
    match literal {
        Literal::Bool(value) => Value::Bool(value),
        Literal::Str(text) => Value::Str(text),
        Literal::Char(unit) => Value::Char(unit),
        Literal::Int { value, .. } => Value::Int(i32::try_from(value).unwrap_or(i32::MAX)),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_found_by_both_names() {
        for kind in ExceptionKind::ALL.iter().copied() {
            let full = kind.full_name();
            let short = full.rsplit('.').next().unwrap();
            assert_eq!(exception_kind(full), Some(kind));
            assert_eq!(exception_kind(short).map(ExceptionKind::full_name), Some(full), "{short}");
        }
        assert_eq!(exception_kind("String"), None);
        assert_eq!(exception_kind("NoSuchException"), None);
    }

    #[test]
    fn every_declaration_can_be_read() {
        for (id, decl) in ALL {
            let info = info(*id);
            let own = decl.bases.len() + usize::from(info.is_enum());
            assert_eq!(info.bases.len(), own, "bases of {}", decl.name);
            assert!(!decl.docs.is_empty(), "docs of {}", decl.name);
            let read = info.members.values().map(Vec::len).sum::<usize>()
                + info.constructors.len()
                + info.indexers.len()
                + info.conversions.len()
                + info.operators.len();
            let names = Names {
                registry: &REGISTRY,
                params: &ALL.iter().map(|(_, decl)| split_name(decl.name).1).collect::<Vec<_>>(),
            };
            for member in decl.members {
                assert!(
                    names.read_member(*id, member, &info.params).is_some(),
                    "{}: {}",
                    decl.name,
                    member.signature
                );
                assert!(!member.docs.is_empty(), "docs of {}: {}", decl.name, member.signature);
            }
            assert_eq!(read, decl.members.len());
        }
    }
}
