//! How types are declared.

use crate::Exception;
use crate::Value;
use crate::eval::{Args, Cx};

/// The code of a member.
pub(crate) type Native = fn(&mut Cx<'_>, &mut Args<'_>) -> Result<Value, Exception>;

/// What kind of type it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Class,
    Interface,
    Struct,
    /// Only static members.
    Static,
    Delegate,
    /// Constants with their numbers.
    Enum(&'static [(&'static str, i32)]),
    /// As [`Kind::Enum`], with `[Flags]`.
    Flags(&'static [(&'static str, i32)]),
}

/// The declaration of a type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TypeDecl {
    /// The full name, with type parameters: `System.Collections.Generic.List<T>`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Base class and interfaces.
    pub(crate) bases: &'static [&'static str],
    /// What it is, in one line.
    pub(crate) docs: &'static str,
    pub(crate) members: &'static [Member],
    /// Public members of .NET that are not declared, with why.
    pub(crate) refused: &'static [Refused],
}

/// A member of .NET that policies cannot use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    /// Its name; or the signature of one overload, when others are declared.
    pub(crate) member: &'static str,
    /// Whether Azure allows it all the same.
    pub(crate) allowed: bool,
    /// Why, for authors.
    pub(crate) why: &'static str,
}

impl Refused {
    /// The name without parameters.
    pub(crate) fn name(&self) -> &'static str {
        let name = self.member.split('(').next().unwrap_or_default();
        name.rsplit(' ').next().unwrap_or_default()
    }

    /// How many parameters the overload has; none when all overloads are meant.
    pub(crate) fn n_parameters(&self) -> Option<usize> {
        let (_, parameters) = self.member.split_once('(')?;
        let is_empty = parameters.starts_with(')');
        Some(if is_empty { 0 } else { parameters.split(", ").count() })
    }
}

/// A member that Azure's allow-list leaves out.
pub(crate) const fn not_allowed(member: &'static str, why: &'static str) -> Refused {
    Refused { member, allowed: false, why }
}

/// A member that Azure allows and that cannot be here.
pub(crate) const fn refused(member: &'static str, why: &'static str) -> Refused {
    Refused { member, allowed: true, why }
}

/// The declaration of a member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// As in C#: `int Length`, `string Trim(params char[] trimChars)`, `char this[int index]`, `new(string text)`,
    /// `static bool IsNullOrEmpty(string value)`, `implicit JToken(string value)`, `operator TimeSpan -(DateTime a, DateTime b)`.
    pub(crate) signature: &'static str,
    /// What it is, in one line.
    pub(crate) docs: &'static str,
    pub(crate) run: Native,
    /// The setter of a property or indexer: its last argument is the value.
    pub(crate) set: Option<Native>,
    /// Whether the result depends on nothing but the arguments and can be computed at load.
    pub(crate) pure: bool,
    /// What is done with constant arguments at load.
    pub(crate) prepare: Option<Prepare>,
}

/// Looks at the arguments of a call that are constant, the receiver first: replaces them by what is worked out of them
/// (a pattern by its compiled form), or says what is wrong with them.
pub(crate) type Prepare = fn(&mut [Option<Value>]) -> Result<(), String>;

impl Member {
    /// The member, with constant arguments prepared at load.
    pub(crate) const fn prepared(mut self, prepare: Prepare) -> Member {
        self.prepare = Some(prepare);
        self
    }
}

/// Two lists of members as one.
#[expect(
    clippy::indexing_slicing,
    reason = "computed at compile time, where a fault is a compile error"
)]
pub(crate) const fn joined<const N: usize>(first: &[Member], second: &[Member]) -> [Member; N] {
    let mut out = [first[0]; N];
    let mut n = 0;
    while n < N {
        out[n] = if n < first.len() { first[n] } else { second[n - first.len()] };
        n += 1;
    }
    out
}

/// A member.
pub(crate) const fn m(signature: &'static str, docs: &'static str, run: Native) -> Member {
    Member { signature, docs, run, set: None, pure: false, prepare: None }
}

/// A member whose result depends on nothing but its arguments.
pub(crate) const fn p(signature: &'static str, docs: &'static str, run: Native) -> Member {
    Member { signature, docs, run, set: None, pure: true, prepare: None }
}

/// A property or indexer that can be set.
pub(crate) const fn rw(
    signature: &'static str,
    docs: &'static str,
    run: Native,
    set: Native,
) -> Member {
    Member { signature, docs, run, set: Some(set), pure: false, prepare: None }
}
