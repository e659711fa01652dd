//! Which types are which.

use super::{Ty, TypeId};

/// Whether every value of `from` is a value of `to` without being changed: identity, inheritance, variance, `null`.
pub(crate) fn is_assignable(from: &Ty, to: &Ty) -> bool {
    if from == to || from.is_error() || to.is_error() {
        return true;
    }
    match (from, to) {
        (Ty::Null, to) => to.takes_null(),
        (Ty::Void, _) | (_, Ty::Void) => false,
        (_, Ty::Named(TypeId::Object)) | (Ty::Array(_), Ty::Named(TypeId::Array)) => true,
        (Ty::Thrown(from), Ty::Thrown(to)) => from.is(*to),
        (Ty::Array(from), Ty::Array(to)) => is_varied(from, to),
        (Ty::Array(item), Ty::Generic(id, args)) => {
            let list = matches!(
                id,
                TypeId::IEnumerable1
                    | TypeId::ICollection
                    | TypeId::IList
                    | TypeId::IReadOnlyCollection
                    | TypeId::IReadOnlyList
            );
            list && args.first().is_some_and(|arg| is_varied(item, arg))
        }
        (from, to) => {
            let Some(id) = to.id() else { return false };
            from.any_instance_of(id, &mut |found| {
                found == to || args_vary(id, found.args(), to.args())
            })
        }
    }
}

fn is_varied(from: &Ty, to: &Ty) -> bool {
    from == to || (from.is_reference() && to.is_reference() && is_assignable(from, to))
}

/// Whether the type arguments of an interface may be of derived types.
pub(crate) fn is_covariant(id: TypeId) -> bool {
    matches!(
        id,
        TypeId::IEnumerable1
            | TypeId::IReadOnlyCollection
            | TypeId::IReadOnlyList
            | TypeId::IGrouping
            | TypeId::IOrderedEnumerable
            | TypeId::IEnumerator1
            | TypeId::IJEnumerable
    )
}

fn args_vary(id: TypeId, from: &[Ty], to: &[Ty]) -> bool {
    let covariant = is_covariant(id);
    let delegate = id == TypeId::Func;
    let contravariant = matches!(id, TypeId::IEqualityComparer | TypeId::IComparer);
    if from.len() != to.len() {
        return false;
    }
    let last = from.len().saturating_sub(1);
    (covariant || delegate || contravariant)
        && from.iter().zip(to).enumerate().all(|(index, (from, to))| {
            if contravariant || delegate && index != last {
                is_varied(to, from)
            } else {
                is_varied(from, to)
            }
        })
}
