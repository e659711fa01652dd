//! The declarations, by what they produce.

use std::collections::HashMap;

use tollgate_expr::reference::{
    MemberKind, MemberReference, ParamMode, Shape, TypeKind, TypeReference, types,
};

use super::pools::left_out;

/// Declared types that are not of .NET, or whose values are made by the language.
const NOT_OWNERS: &[&str] =
    &["Func", "Action", "Predicate", "Comparison", "Converter", "IDisposable"];

/// How deep types of expressions are nested.
const DEEPEST: usize = 2;

/// A member with its type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) ty: &'static TypeReference,
    pub(super) member: &'static MemberReference,
}

/// What type parameters stand for, as far as known.
#[derive(Debug, Clone, Default)]
pub(super) struct Binding {
    pub(super) class: Vec<Option<Shape>>,
    pub(super) method: Vec<Option<Shape>>,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) types: &'static [TypeReference],
    pub(super) places: Vec<Place>,
    producers: HashMap<Shape, Vec<(Place, Binding)>>,
}

pub(super) fn named(name: &'static str) -> Shape {
    Shape::Named(name, Vec::new())
}

impl Table {
    pub(super) fn new() -> Table {
        // Read once and kept as long as the program.
        let types: &'static [TypeReference] = Vec::leak(types());
        let mut places = Vec::new();
        for ty in types.iter().filter(|ty| !NOT_OWNERS.contains(&ty.shown)) {
            for member in ty.members.iter().filter(|member| usable(ty, member)) {
                places.push(Place { ty, member });
            }
        }
        Table { types, places, producers: HashMap::new() }
    }

    pub(super) fn find(&self, name: &str, n_types: usize) -> Option<&'static TypeReference> {
        self.types.iter().find(|ty| ty.shown == name && ty.n_types == n_types)
    }

    /// The members that produce a type; none for one that is nested deep, of which there is no end.
    pub(super) fn producers(&mut self, wanted: &Shape) -> &[(Place, Binding)] {
        if nested(wanted) > DEEPEST {
            return &[];
        }
        if !self.producers.contains_key(wanted) {
            let found: Vec<(Place, Binding)> = self
                .places
                .iter()
                .filter_map(|place| {
                    let mut binding = place.binding();
                    unify(&place.member.result, wanted, &mut binding).then_some((*place, binding))
                })
                .collect();
            self.producers.insert(wanted.clone(), found);
        }
        self.producers.get(wanted).map_or(&[], Vec::as_slice)
    }
}

impl Place {
    pub(super) fn binding(&self) -> Binding {
        Binding { class: vec![None; self.ty.n_types], method: vec![None; self.member.n_types] }
    }

    /// The type of the receiver, with the type's own parameters.
    pub(super) fn receiver(&self) -> Shape {
        let mut args: Vec<Shape> = (0..self.ty.n_types).map(Shape::TypeParameter).collect();
        match (self.ty.shown, args.len()) {
            ("Array", 1) => Shape::Array(Box::new(args.remove(0))),
            ("Nullable", 1) => Shape::Nullable(Box::new(args.remove(0))),
            _ => Shape::Named(self.ty.shown, args),
        }
    }
}

fn usable(ty: &TypeReference, member: &MemberReference) -> bool {
    let name = if member.kind == MemberKind::Constructor { "new" } else { &member.name };
    let n = |mode| member.params.iter().filter(|param| param.mode == mode).count();
    let few = n(ParamMode::Out) <= 1 && n(ParamMode::Ref) == 0;
    !left_out(ty.shown, name, member.signature) && few && !matches!(ty.kind, TypeKind::Delegate)
}

fn nested(ty: &Shape) -> usize {
    match ty {
        Shape::Named(_, args) => args.iter().map(|arg| 1 + nested(arg)).max().unwrap_or(0),
        Shape::Array(item) | Shape::Nullable(item) => 1 + nested(item),
        Shape::Void | Shape::TypeParameter(_) | Shape::MethodParameter(_) => 0,
    }
}

/// Binds type parameters so that a declared type is the wanted one.
pub(super) fn unify(declared: &Shape, wanted: &Shape, binding: &mut Binding) -> bool {
    let bound = match declared {
        Shape::TypeParameter(n) => binding.class.get_mut(*n),
        Shape::MethodParameter(n) => binding.method.get_mut(*n),
        _ => {
            return match (declared, wanted) {
                (Shape::Named(a, a_args), Shape::Named(b, b_args)) => {
                    a == b
                        && a_args.len() == b_args.len()
                        && a_args.iter().zip(b_args).all(|(a, b)| unify(a, b, binding))
                }
                (Shape::Array(a), Shape::Array(b)) | (Shape::Nullable(a), Shape::Nullable(b)) => {
                    unify(a, b, binding)
                }
                _ => false,
            };
        }
    };
    match bound {
        Some(Some(known)) => known == wanted,
        Some(place) => {
            *place = Some(wanted.clone());
            true
        }
        None => false,
    }
}

/// A declared type with its parameters replaced.
pub(super) fn close(declared: &Shape, class: &[Shape], method: &[Shape]) -> Shape {
    match declared {
        Shape::TypeParameter(n) => class.get(*n).cloned().unwrap_or(Shape::Void),
        Shape::MethodParameter(n) => method.get(*n).cloned().unwrap_or(Shape::Void),
        Shape::Named(name, args) => {
            Shape::Named(name, args.iter().map(|arg| close(arg, class, method)).collect())
        }
        Shape::Array(item) => Shape::Array(Box::new(close(item, class, method))),
        Shape::Nullable(inner) => match close(inner, class, method) {
            nested @ Shape::Nullable(_) => nested,
            inner => Shape::Nullable(Box::new(inner)),
        },
        Shape::Void => Shape::Void,
    }
}

/// Parameters and result of a delegate type.
pub(super) fn delegate(ty: &Shape) -> Option<(Vec<Shape>, Shape)> {
    let Shape::Named(name, args) = ty else { return None };
    let first = args.first().cloned();
    match *name {
        "Func" => {
            let (result, params) = args.split_last()?;
            Some((params.to_vec(), result.clone()))
        }
        "Action" => Some((args.clone(), Shape::Void)),
        "Predicate" => Some((vec![first?], named("bool"))),
        "Comparison" => Some((vec![first.clone()?, first?], named("int"))),
        "Converter" => Some((vec![first?], args.get(1)?.clone())),
        _ => None,
    }
}
