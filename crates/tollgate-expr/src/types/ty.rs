//! Static types.

use std::fmt;
use std::sync::Arc;

use super::{TypeId, info};
use crate::ExceptionKind;

/// Type parameters of methods are numbered from here; those of classes from 0.
pub(crate) const METHOD_PARAM: u8 = 32;

/// A type of C#.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Ty {
    /// Something was wrong; suppresses errors that follow from it.
    Error,
    /// The type of `null`.
    Null,
    /// `void`.
    Void,
    /// A declared type without arguments.
    Named(TypeId),
    /// A declared type with arguments.
    Generic(TypeId, Arc<[Ty]>),
    /// `T[]`.
    Array(Arc<Ty>),
    /// An exception type.
    Thrown(ExceptionKind),
    /// An anonymous type or a tuple: its member names and types.
    Record(Arc<RecordTy>),
    /// A type parameter of a declaration.
    Param(u8),
    /// A type parameter of a local function, where only its constraints are known.
    Opaque(Arc<OpaqueTy>),
}

/// What is known of a type parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct OpaqueTy {
    pub(crate) name: Arc<str>,
    pub(crate) class: bool,
    pub(crate) value: bool,
    pub(crate) new: bool,
    pub(crate) bases: Vec<Ty>,
}

/// The shape of an anonymous type or tuple.
#[derive(Debug, Clone)]
pub(crate) struct RecordTy {
    pub(crate) tuple: bool,
    pub(crate) members: Vec<(Arc<str>, Ty)>,
}

/// The names of a tuple's members are no part of its type.
impl PartialEq for RecordTy {
    fn eq(&self, other: &Self) -> bool {
        self.tuple == other.tuple
            && self.members.len() == other.members.len()
            && self.members.iter().zip(&other.members).all(|((name, ty), (other, other_ty))| {
                ty == other_ty && (self.tuple || name == other)
            })
    }
}

impl Eq for RecordTy {}

impl std::hash::Hash for RecordTy {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.tuple.hash(state);
        for (_, ty) in &self.members {
            ty.hash(state);
        }
    }
}

macro_rules! short_names {
    ($($name:ident = $id:ident;)*) => {
        impl Ty { $(pub(crate) const $name: Ty = Ty::Named(TypeId::$id);)* }
    };
}

short_names! {
    OBJECT = Object; STRING = String; BOOL = Boolean; CHAR = Char; SBYTE = SByte; BYTE = Byte;
    SHORT = Int16; USHORT = UInt16; INT = Int32; UINT = UInt32; LONG = Int64; ULONG = UInt64;
    FLOAT = Single; DOUBLE = Double; DECIMAL = Decimal; JTOKEN = JToken; DATE_TIME = DateTime;
}

impl Ty {
    pub(crate) fn array(element: Ty) -> Ty {
        Ty::Array(Arc::new(element))
    }

    pub(crate) fn generic(id: TypeId, args: impl Into<Arc<[Ty]>>) -> Ty {
        Ty::Generic(id, args.into())
    }

    pub(crate) fn nullable(inner: Ty) -> Ty {
        Ty::generic(TypeId::Nullable, [inner])
    }

    pub(crate) fn enumerable(item: Ty) -> Ty {
        Ty::generic(TypeId::IEnumerable1, [item])
    }

    /// The declaration's id.
    pub(crate) fn id(&self) -> Option<TypeId> {
        match self {
            Ty::Named(id) | Ty::Generic(id, _) => Some(*id),
            Ty::Array(_) => Some(TypeId::Array),
            Ty::Thrown(_) => Some(TypeId::Exception),
            _ => None,
        }
    }

    pub(crate) fn args(&self) -> &[Ty] {
        match self {
            Ty::Generic(_, args) => args,
            Ty::Array(item) => std::slice::from_ref(item),
            _ => &[],
        }
    }

    pub(crate) fn is(&self, id: TypeId) -> bool {
        matches!(self, Ty::Named(own) | Ty::Generic(own, _) if *own == id)
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Ty::Error)
    }

    /// `T` of `T?`.
    pub(crate) fn nullable_inner(&self) -> Option<&Ty> {
        match self {
            Ty::Generic(TypeId::Nullable, args) => args.first(),
            _ => None,
        }
    }

    /// Whether a value has no type until a place gives it one: `null`, or a tuple with such a member.
    pub(crate) fn is_untyped(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Record(record) => record.members.iter().any(|(_, ty)| ty.is_untyped()),
            _ => false,
        }
    }

    /// `T` of `T?`, or the type itself.
    pub(crate) fn strip_nullable(&self) -> &Ty {
        self.nullable_inner().unwrap_or(self)
    }

    pub(crate) fn is_value_type(&self) -> bool {
        match self {
            Ty::Named(id) | Ty::Generic(id, _) => info(*id).is_value_type(),
            Ty::Record(record) => record.tuple,
            Ty::Opaque(opaque) => opaque.value,
            _ => false,
        }
    }

    pub(crate) fn is_reference(&self) -> bool {
        match self {
            Ty::Void | Ty::Error => false,
            Ty::Opaque(opaque) => opaque.class,
            _ => !self.is_value_type(),
        }
    }

    /// Whether it is, or holds, a type parameter of which only constraints are known.
    pub(crate) fn is_opaque(&self) -> bool {
        match self {
            Ty::Opaque(_) => true,
            Ty::Record(record) => record.members.iter().any(|(_, ty)| ty.is_opaque()),
            Ty::Array(item) => item.is_opaque(),
            Ty::Generic(_, args) => args.iter().any(Ty::is_opaque),
            _ => false,
        }
    }

    /// Whether `null` is a value of the type.
    pub(crate) fn takes_null(&self) -> bool {
        self.is_reference() || self.nullable_inner().is_some()
    }

    pub(crate) fn is_enum(&self) -> bool {
        matches!(self, Ty::Named(id) if info(*id).is_enum())
    }

    pub(crate) fn numeric(&self) -> Option<Numeric> {
        let Ty::Named(id) = self else { return None };
        Numeric::of(*id)
    }

    /// Parameter and result types of a delegate.
    pub(crate) fn delegate(&self) -> Option<(Vec<Ty>, Ty)> {
        match self {
            Ty::Named(TypeId::Action) => Some((Vec::new(), Ty::Void)),
            Ty::Named(TypeId::MatchEvaluator) => Some((vec![Ty::Named(TypeId::Match)], Ty::STRING)),
            Ty::Generic(TypeId::Func, args) => {
                let (result, parameters) = args.split_last()?;
                Some((parameters.to_vec(), result.clone()))
            }
            Ty::Generic(TypeId::Action, args) => Some((args.to_vec(), Ty::Void)),
            Ty::Generic(TypeId::Predicate, args) => Some((args.to_vec(), Ty::BOOL)),
            Ty::Generic(TypeId::Comparison, args) => {
                let item = args.first()?.clone();
                Some((vec![item.clone(), item], Ty::INT))
            }
            Ty::Generic(TypeId::Converter, args) => {
                let (from, to) = (args.first()?.clone(), args.get(1)?.clone());
                Some((vec![from], to))
            }
            _ => None,
        }
    }

    /// Replaces type parameters.
    #[must_use]
    pub(crate) fn substitute(&self, class: &[Ty], method: &[Ty]) -> Ty {
        match self {
            Ty::Param(n) if *n >= METHOD_PARAM => {
                method.get(usize::from(*n - METHOD_PARAM)).unwrap_or(self).clone()
            }
            Ty::Param(n) => class.get(usize::from(*n)).unwrap_or(self).clone(),
            Ty::Generic(id, args) => {
                let args: Vec<Ty> = args.iter().map(|arg| arg.substitute(class, method)).collect();
                Ty::Generic(*id, args.into())
            }
            Ty::Array(item) => Ty::array(item.substitute(class, method)),
            Ty::Record(record) if self.is_open() => {
                let members = record
                    .members
                    .iter()
                    .map(|(name, ty)| (name.clone(), ty.substitute(class, method)));
                let members = members.collect();
                Ty::Record(Arc::new(RecordTy { tuple: record.tuple, members }))
            }
            other => other.clone(),
        }
    }

    /// Whether a type parameter occurs in it.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Ty::Param(_) => true,
            Ty::Generic(_, args) => args.iter().any(Ty::is_open),
            Ty::Array(item) => item.is_open(),
            Ty::Record(record) => record.members.iter().any(|(_, ty)| ty.is_open()),
            _ => false,
        }
    }

    /// The item type when `foreach` walks over it.
    pub(crate) fn item(&self) -> Option<Ty> {
        if let Ty::Array(item) = self {
            return Some((**item).clone());
        }
        // They are walked over as they were before there were type parameters.
        let plain = [TypeId::MatchCollection, TypeId::GroupCollection, TypeId::CaptureCollection];
        if plain.into_iter().any(|id| self.is(id)) {
            return Some(Ty::OBJECT);
        }
        let found = self.as_instance_of(TypeId::IEnumerable1)?;
        found.args().first().cloned()
    }

    /// This type seen as the declared type `id`: itself, a base or an interface, with its arguments.
    pub(crate) fn as_instance_of(&self, id: TypeId) -> Option<Ty> {
        if id == TypeId::Object && !self.is(id) {
            return Some(Ty::OBJECT);
        }
        let mut found = None;
        self.any_instance_of(id, &mut |ty| {
            found = Some(ty.clone());
            true
        });
        found
    }

    /// The same where it is that in one way only: a `JObject` is a sequence of two types of items.
    pub(crate) fn as_only_instance_of(&self, id: TypeId) -> Option<Ty> {
        let mut only: Option<Ty> = None;
        let several =
            self.any_instance_of(id, &mut |ty| only.get_or_insert_with(|| ty.clone()) != ty);
        only.filter(|_| !several)
    }

    /// Whether this type, seen as the declared type `id` in any of the ways that it can be, passes a test.
    pub(crate) fn any_instance_of(&self, id: TypeId, fits: &mut dyn FnMut(&Ty) -> bool) -> bool {
        if self.is(id) {
            return fits(self);
        }
        if let Ty::Opaque(opaque) = self {
            return opaque.bases.iter().any(|base| base.any_instance_of(id, fits));
        }
        self.id().is_some_and(|own| {
            let mut bases = info(own).bases.iter();
            bases.any(|base| base.substitute(self.args(), &[]).any_instance_of(id, fits))
        })
    }

    /// The full .NET name.
    pub(crate) fn full_name(&self) -> String {
        match self {
            Ty::Error | Ty::Null | Ty::Param(_) | Ty::Opaque(_) => "System.Object".to_owned(),
            Ty::Void => "System.Void".to_owned(),
            Ty::Named(id) => info(*id).full.to_owned(),
            Ty::Generic(id, args) => {
                let names: Vec<String> = args.iter().map(Ty::full_name).collect();
                let (n, names) = (args.len(), names.join(","));
                match info(*id).full.split_once('+') {
                    Some((outer, inner)) => format!("{outer}`{n}+{inner}[{names}]"),
                    None => format!("{}`{n}[{names}]", info(*id).full),
                }
            }
            Ty::Array(item) => format!("{}[]", item.full_name()),
            Ty::Thrown(kind) => kind.full_name().to_owned(),
            Ty::Record(record) if record.tuple => {
                let names: Vec<String> =
                    record.members.iter().map(|(_, ty)| ty.full_name()).collect();
                format!("System.ValueTuple`{}[{}]", names.len(), names.join(","))
            }
            Ty::Record(record) => {
                let names: Vec<String> =
                    record.members.iter().map(|(_, ty)| ty.full_name()).collect();
                format!("<>f__AnonymousType0`{}[{}]", names.len(), names.join(","))
            }
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Error => f.write_str("?"),
            Ty::Null => f.write_str("null"),
            Ty::Void => f.write_str("void"),
            Ty::Named(id) => f.write_str(info(*id).shown()),
            Ty::Generic(TypeId::Nullable, args) => {
                args.iter().try_for_each(|arg| arg.fmt(f))?;
                f.write_str("?")
            }
            Ty::Generic(id, args) => {
                // The arguments of a type within another are those of the other.
                let short = info(*id).short;
                let (outer, inner) = short.split_once('+').unwrap_or((short, ""));
                write!(f, "{outer}<")?;
                for (index, arg) in args.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    arg.fmt(f)?;
                }
                f.write_str(if inner.is_empty() { ">" } else { ">." })?;
                f.write_str(inner)
            }
            Ty::Array(item) => write!(f, "{item}[]"),
            Ty::Thrown(kind) => {
                f.write_str(kind.full_name().rsplit('.').next().unwrap_or("Exception"))
            }
            Ty::Record(record) => {
                f.write_str(if record.tuple { "(" } else { "{ " })?;
                for (index, (name, ty)) in record.members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    if record.tuple && **name == *format!("Item{}", index + 1) {
                        write!(f, "{ty}")?;
                    } else {
                        write!(f, "{ty} {name}")?;
                    }
                }
                f.write_str(if record.tuple { ")" } else { " }" })
            }
            Ty::Param(n) => write!(f, "T{n}"),
            Ty::Opaque(opaque) => f.write_str(&opaque.name),
        }
    }
}

/// The numeric types, `char` included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Numeric {
    SByte,
    Byte,
    Short,
    UShort,
    Char,
    Int,
    UInt,
    Long,
    ULong,
    Float,
    Double,
    Decimal,
}

impl Numeric {
    pub(crate) fn of(id: TypeId) -> Option<Numeric> {
        Some(match id {
            TypeId::SByte => Numeric::SByte,
            TypeId::Byte => Numeric::Byte,
            TypeId::Int16 => Numeric::Short,
            TypeId::UInt16 => Numeric::UShort,
            TypeId::Char => Numeric::Char,
            TypeId::Int32 => Numeric::Int,
            TypeId::UInt32 => Numeric::UInt,
            TypeId::Int64 => Numeric::Long,
            TypeId::UInt64 => Numeric::ULong,
            TypeId::Single => Numeric::Float,
            TypeId::Double => Numeric::Double,
            TypeId::Decimal => Numeric::Decimal,
            _ => return None,
        })
    }

    pub(crate) fn ty(self) -> Ty {
        match self {
            Numeric::SByte => Ty::SBYTE,
            Numeric::Byte => Ty::BYTE,
            Numeric::Short => Ty::SHORT,
            Numeric::UShort => Ty::USHORT,
            Numeric::Char => Ty::CHAR,
            Numeric::Int => Ty::INT,
            Numeric::UInt => Ty::UINT,
            Numeric::Long => Ty::LONG,
            Numeric::ULong => Ty::ULONG,
            Numeric::Float => Ty::FLOAT,
            Numeric::Double => Ty::DOUBLE,
            Numeric::Decimal => Ty::DECIMAL,
        }
    }

    pub(crate) fn is_integral(self) -> bool {
        !matches!(self, Numeric::Float | Numeric::Double | Numeric::Decimal)
    }

    /// Whether there is an implicit conversion.
    pub(crate) fn widens_to(self, to: Numeric) -> bool {
        use Numeric::{
            Byte, Char, Decimal, Double, Float, Int, Long, SByte, Short, UInt, ULong, UShort,
        };
        let targets: &[Numeric] = match self {
            SByte => &[Short, Int, Long, Float, Double, Decimal],
            Byte => &[Short, UShort, Int, UInt, Long, ULong, Float, Double, Decimal],
            Short => &[Int, Long, Float, Double, Decimal],
            UShort => &[Int, UInt, Long, ULong, Float, Double, Decimal],
            Char => &[UShort, Int, UInt, Long, ULong, Float, Double, Decimal],
            Int => &[Long, Float, Double, Decimal],
            UInt => &[Long, ULong, Float, Double, Decimal],
            Long | ULong => &[Float, Double, Decimal],
            Float => &[Double],
            Double | Decimal => &[],
        };
        self == to || targets.contains(&to)
    }

    /// The type an operation on it alone works in.
    pub(crate) fn promoted(self) -> Numeric {
        use Numeric::{Byte, Char, Int, SByte, Short, UShort};
        match self {
            SByte | Byte | Short | UShort | Char => Int,
            other => other,
        }
    }

    /// The type a binary operation of the two works in.
    pub(crate) fn promote(self, other: Numeric) -> Option<Numeric> {
        use Numeric::{Decimal, Double, Float, Int, Long, SByte, Short, UInt, ULong};
        let either = |kind| self == kind || other == kind;
        if either(Decimal) {
            return (!either(Double) && !either(Float)).then_some(Decimal);
        }
        let signed = |kind: Numeric| matches!(kind, SByte | Short | Int | Long);
        Some(if either(Double) {
            Double
        } else if either(Float) {
            Float
        } else if either(ULong) {
            if signed(self) || signed(other) {
                return None;
            }
            ULong
        } else if either(Long) {
            Long
        } else if either(UInt) {
            if signed(self) || signed(other) { Long } else { UInt }
        } else {
            Int
        })
    }
}
