//! Types as written.

use tollgate_diagnostics::{Code as ErrorCode, Diagnostic, closest};

use super::Checker;
use crate::syntax::At;
use crate::syntax::ast::{Name, TypeKind, TypeRef};
use crate::types::{
    Constraint, Kind, RecordTy, Ty, TypeId, exception_kind, info, is_not_allowed, lookup,
    short_names, written,
};

/// Namespaces that names of types may begin with.
const NAMESPACES: &[&str] = &[
    "System",
    "System.Collections",
    "System.Collections.Generic",
    "System.Linq",
    "System.Net",
    "System.Text",
    "System.Text.RegularExpressions",
    "System.Security",
    "System.Security.Cryptography",
    "System.Security.Cryptography.X509Certificates",
    "System.Globalization",
    "System.IO",
    "System.Xml",
    "System.Xml.Linq",
    "Newtonsoft",
    "Newtonsoft.Json",
    "Newtonsoft.Json.Linq",
];

impl Checker<'_> {
    /// The type of a name that values have; an error when there is none.
    pub(super) fn ty(&mut self, ty: &TypeRef) -> Ty {
        let found = self.any_ty(ty);
        if matches!(found, Ty::Named(id) if matches!(info(id).decl.kind, Kind::Static)) {
            let message = "the type has static members only: there are no values of it";
            self.error(ErrorCode::EXPR_TYPE, ty.at, message);
            return Ty::Error;
        }
        found
    }

    /// The type of a name, of which there need not be values; an error when there is none.
    pub(super) fn any_ty(&mut self, ty: &TypeRef) -> Ty {
        match &ty.kind {
            TypeKind::Var => {
                self.error(ErrorCode::EXPR_TYPE, ty.at, "`var` is not a type here");
                Ty::Error
            }
            TypeKind::Array(item) => {
                let item = self.ty(item);
                if item == Ty::Void {
                    self.error(ErrorCode::EXPR_TYPE, ty.at, "there are no arrays of `void`");
                    return Ty::Error;
                }
                if item.is_error() { Ty::Error } else { Ty::array(item) }
            }
            TypeKind::Nullable(inner) => {
                let found = self.ty(inner);
                if !found.is_error() && !found.is_value_type() {
                    let message = format!("`{found}` is a reference type and cannot be nullable");
                    self.error(ErrorCode::EXPR_TYPE, ty.at, message);
                    return Ty::Error;
                }
                if found.is_error() { Ty::Error } else { Ty::nullable(found) }
            }
            TypeKind::Tuple(items) => {
                let mut members: Vec<(std::sync::Arc<str>, Ty)> = Vec::new();
                for (index, (item, name)) in items.iter().enumerate() {
                    let item = self.ty(item);
                    if item.is_error() {
                        return Ty::Error;
                    }
                    if let Some(name) = name {
                        self.tuple_name(name, index, &members);
                    }
                    let own = name.as_ref().map(|name| name.text.clone());
                    let name = own.unwrap_or_else(|| format!("Item{}", index + 1).into());
                    members.push((name, item));
                }
                Ty::Record(RecordTy { tuple: true, members }.into())
            }
            TypeKind::Named(path) => self.named_type(path, ty.at),
        }
    }

    fn named_type(&mut self, path: &[(Name, Vec<TypeRef>)], at: At) -> Ty {
        let Some((name, _)) = path.last() else { return Ty::Error };
        let (full, args) = written(path);
        let full: Vec<&str> = full.iter().map(|name| &**name).collect();
        let args: Vec<Ty> = args.iter().map(|arg| self.ty(arg)).collect();
        if args.iter().any(Ty::is_error) {
            return Ty::Error;
        }
        if let [(only, _)] = path
            && args.is_empty()
            && let Some(ty) = self.type_parameter(&only.text)
        {
            return ty;
        }
        if let Some(found) = Self::find_type(&full, &args) {
            let misfit = found.nullable_inner().is_some_and(|inner| !inner.is_value_type());
            if misfit || args.contains(&Ty::Void) {
                let message = format!("`{found}` is not a type");
                self.error(ErrorCode::EXPR_TYPE, at, message);
                return Ty::Error;
            }
            return found;
        }
        let unmet = lookup(&full.join("."), args.len()).and_then(Constraint::of_type);
        if let (Some(constraint), Some(arg)) = (unmet, args.first()) {
            let shown = self.shown(name.at, &name.text);
            let message =
                format!("the type argument of `{shown}` must be {constraint}, not `{arg}`");
            self.error(ErrorCode::EXPR_TYPE, at, message);
            return Ty::Error;
        }
        self.no_such_type(name, args.len(), at)
    }

    /// The type of a path of names.
    pub(super) fn find_type(path: &[&str], args: &[Ty]) -> Option<Ty> {
        let (short, namespace) = path.split_last()?;
        if *short == "void" && path.len() == 1 {
            return Some(Ty::Void);
        }
        let full = path.join(".");
        if args.is_empty()
            && let Some(kind) = exception_kind(short)
                .filter(|kind| namespace.is_empty() || kind.full_name() == full)
        {
            return Some(Ty::Thrown(kind));
        }
        if args.is_empty() && matches!(full.as_str(), "Array" | "System.Array") {
            return Some(Ty::Named(TypeId::Array));
        }
        let id = lookup(&full, args.len())?;
        if let (Some(constraint), Some(arg)) = (Constraint::of_type(id), args.first())
            && !constraint.holds(arg)
        {
            return None;
        }
        Some(match (id, args) {
            (_, []) => Ty::Named(id),
            (id, args) => Ty::Generic(id, args.into()),
        })
    }

    fn no_such_type(&mut self, name: &Name, n_args: usize, at: At) -> Ty {
        let shown = self.shown(name.at, &name.text);
        if let Some(diagnostic) = self.absent_type(&name.text, at) {
            self.report(diagnostic);
            return Ty::Error;
        }
        let other = (0..4).find(|n| *n != n_args && lookup(&name.text, *n).is_some());
        let diagnostic = match other {
            Some(n) => {
                let message = format!("the type `{shown}` takes {n} type arguments");
                self.diagnostic(ErrorCode::EXPR_TYPE, at, message)
            }
            None => self
                .diagnostic(ErrorCode::EXPR_UNKNOWN_NAME, at, format!("unknown type `{shown}`"))
                .suggest(closest(&name.text, short_names())),
        };
        self.report(diagnostic);
        Ty::Error
    }

    /// What is said of a type of .NET that is not declared.
    pub(super) fn absent_type(&self, name: &str, at: At) -> Option<Diagnostic> {
        if !is_not_allowed(name) {
            return None;
        }
        let shown = self.shown(at, name);
        let message = format!("the type `{shown}` is not allowed in policy expressions");
        Some(self.diagnostic(ErrorCode::EXPR_NOT_ALLOWED, at, message))
    }

    /// Whether a path of names begins a namespace of a declared type.
    pub(super) fn is_namespace(path: &[&str]) -> bool {
        NAMESPACES.contains(&path.join(".").as_str())
    }

    /// The declaration's words for a type in messages.
    pub(super) fn type_words(ty: &Ty) -> String {
        match ty {
            Ty::Named(id) if info(*id).is_enum() => format!("`{ty}`"),
            other => format!("`{other}`"),
        }
    }
}
