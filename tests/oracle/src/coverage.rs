//! Which public members of .NET are declared, refused with a reason, or missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tollgate_expr::reference::{
    MemberKind, ParamMode, ParamReference, RefusedReference, Shape, TypeReference, types,
};

/// The API of .NET, as `tollgate-oracle members` lists it.
const MEMBERS: &str = include_str!("../members.txt");

/// Types outside the allow-list: a policy cannot name them nor come by a value, so no member that speaks of them can be used.
const UNREACHABLE: &[(&str, &str)] = &[
    ("Span", "spans"),
    ("ReadOnlySpan", "spans"),
    ("Memory", "memory"),
    ("ReadOnlyMemory", "memory"),
    ("SpanAction", "spans"),
    ("Rune", "runes"),
    ("StringRuneEnumerator", "runes"),
    ("Type", "reflection"),
    ("TypeCode", "reflection"),
    ("MethodBase", "reflection"),
    ("Assembly", "reflection"),
    ("SerializationInfo", "serialization"),
    ("StreamingContext", "serialization"),
    ("IFormatProvider", "cultures"),
    ("CultureInfo", "cultures"),
    ("CompareOptions", "cultures"),
    ("NumberStyles", "cultures"),
    ("DateTimeStyles", "cultures"),
    ("TimeSpanStyles", "cultures"),
    ("UnicodeCategory", "cultures"),
    ("NormalizationForm", "cultures"),
    ("Stream", "streams"),
    ("TextReader", "streams"),
    ("TextWriter", "streams"),
    ("Task", "tasks"),
    ("ValueTask", "tasks"),
    ("CancellationToken", "tasks"),
    ("SecureString", "handles"),
    ("IntPtr", "handles"),
    ("ObjRef", "remoting"),
    ("JsonReader", "readers and writers"),
    ("JsonWriter", "readers and writers"),
    ("XmlReader", "readers and writers"),
    ("XmlWriter", "readers and writers"),
    ("JsonConverter", "serializers"),
    ("JsonSerializer", "serializers"),
    ("JsonSerializerSettings", "serializers"),
    ("PropertyChangedEventHandler", "events"),
    ("NotifyCollectionChangedEventHandler", "events"),
];

/// Types whose operators and conversions are part of the language.
const BUILT_IN: &[&str] =
    &["decimal", "double", "float", "string", "char", "Nullable", "Guid", "DateTime"];

/// What became of the members of .NET.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) n_declared: usize,
    pub(crate) n_unreachable: usize,
    pub(crate) n_refused: usize,
    /// By type.
    pub(crate) missing: BTreeMap<String, Vec<String>>,
    /// Refused members that are declared, or that .NET does not have.
    pub(crate) invented: Vec<String>,
}

/// Compares the declarations with the API of .NET.
pub(crate) fn coverage() -> Coverage {
    let types = types();
    let known: HashMap<(&str, usize), &TypeReference> =
        types.iter().map(|ty| ((bare(ty.name), ty.n_types), ty)).collect();
    let mut coverage = Coverage::default();
    let mut used = BTreeSet::new();
    for line in MEMBERS.lines() {
        let Some((owner, signature)) = line.split_once(": ") else { continue };
        let params = arguments(owner);
        // The type of arrays is declared with their item type.
        let n_types = if owner == "System.Array" { 1 } else { params.len() };
        let found = known.get(&(bare(owner), n_types)).copied();
        let refused = found.and_then(|ty| refusal(ty, &params, signature));
        if found.is_some_and(|ty| declares(ty, &types, &params, signature, 0)) {
            coverage.n_declared += 1;
        } else if let Some(refused) = refused {
            coverage.n_refused += 1;
            used.insert((owner.to_owned(), refused.member));
        } else if signature.contains("* ")
            || signature.starts_with("ref ")
            || words(signature).any(|word| UNREACHABLE.iter().any(|(name, _)| *name == word))
        {
            coverage.n_unreachable += 1;
        } else {
            coverage.missing.entry(owner.to_owned()).or_default().push(signature.to_owned());
        }
    }
    let listed: BTreeSet<&str> =
        MEMBERS.lines().filter_map(|line| Some(bare(line.split_once(": ")?.0))).collect();
    for ty in types.iter().filter(|ty| listed.contains(bare(ty.name))) {
        for refused in &ty.refused {
            if !used
                .iter()
                .any(|(owner, member)| bare(owner) == bare(ty.name) && *member == refused.member)
            {
                coverage.invented.push(format!("{}: {}", ty.name, refused.member));
            }
        }
    }
    coverage
}

/// A name without type parameters.
fn bare(name: &str) -> &str {
    name.split('<').next().unwrap_or(name)
}

/// The type parameters of a name.
fn arguments(name: &str) -> Vec<String> {
    let inside = name.split_once('<').map(|(_, rest)| rest.trim_end_matches('>'));
    inside.map(split).unwrap_or_default()
}

/// The identifiers in a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Splits at commas outside brackets.
fn split(text: &str) -> Vec<String> {
    let (mut depth, mut parts, mut part) = (0, Vec::new(), String::new());
    for c in text.chars() {
        match c {
            '<' | '[' | '(' => depth += 1,
            '>' | ']' | ')' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(part.trim().to_owned());
            part = String::new();
        } else {
            part.push(c);
        }
    }
    if !part.trim().is_empty() {
        parts.push(part.trim().to_owned());
    }
    parts
}

/// The name and the parameter types of a member of .NET, type parameters by number: `Select(IEnumerable<M0>, Func<M0, M1>)`.
fn key(class: &[String], signature: &str) -> (String, Vec<String>) {
    let text = signature.strip_prefix("static ").unwrap_or(signature);
    let text = text.strip_suffix(" { get; set; }").unwrap_or(text);
    let text = text.split(" { set; }").next().unwrap_or(text);
    let (head, inside) = match (text.find("this["), text.find('(')) {
        (Some(at), _) => (text.get(..at + 4), text.get(at + 5..text.len() - 1)),
        (None, Some(at)) => (text.get(..at), text.get(at + 1..text.len() - 1)),
        (None, None) => (Some(text.split(" = ").next().unwrap_or(text)), None),
    };
    let head = head.unwrap_or_default();
    let own = if head.ends_with('>') && !head.starts_with("operator") && inside.is_some() {
        // The last `<` that opens the method's own parameters.
        head.rfind('<').and_then(|at| head.get(at..)).map(arguments).unwrap_or_default()
    } else {
        Vec::new()
    };
    let name = if let Some(operator) = head.strip_prefix("operator ") {
        operator.rsplit(' ').next().unwrap_or_default().to_owned()
    } else if head.starts_with("implicit ") || head.starts_with("explicit ") {
        numbered(head, class, &own)
    } else if own.is_empty() {
        head.rsplit(' ').next().unwrap_or_default().to_owned()
    } else {
        let plain = head.get(..head.rfind('<').unwrap_or(head.len())).unwrap_or_default();
        plain.rsplit(' ').next().unwrap_or_default().to_owned()
    };
    let params = split(inside.unwrap_or_default());
    let types = params.iter().map(|param| {
        let param = param.split(" = ").next().unwrap_or(param);
        let ty = param.rsplit_once(' ').map_or(param, |(ty, _)| ty);
        let ty =
            ["this ", "params "].iter().fold(ty, |ty, mode| ty.strip_prefix(mode).unwrap_or(ty));
        numbered(ty, class, &own)
    });
    (name, types.collect())
}

/// A type's text with type parameters by number.
fn numbered(text: &str, class: &[String], own: &[String]) -> String {
    let (mut out, mut word) = (String::new(), String::new());
    for c in text.chars().chain(['\0']) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if let Some(n) = own.iter().position(|name| *name == word) {
            out.extend(["M", &n.to_string()]);
        } else if let Some(n) = class.iter().position(|name| *name == word) {
            out.extend(["T", &n.to_string()]);
        } else {
            out.push_str(&word);
        }
        word.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

/// Whether a type, or one of its bases, declares a member.
fn declares(
    ty: &TypeReference,
    all: &[TypeReference],
    class: &[String],
    signature: &str,
    depth: usize,
) -> bool {
    let (name, params) = key(class, signature);
    if let Some((constant, number)) =
        signature.split_once(" = ").filter(|_| !signature.contains('('))
        && ty
            .constants
            .iter()
            .any(|(known, value)| *known == constant && value.to_string() == number)
    {
        return true;
    }
    let operator = signature.starts_with("operator ");
    let conversion = signature.starts_with("implicit ") || signature.starts_with("explicit ");
    if (operator || conversion) && BUILT_IN.contains(&ty.shown) {
        return true;
    }
    let own = ty.members.iter().any(|member| {
        let same_name = match member.kind {
            MemberKind::Constructor => name == "new",
            MemberKind::Indexer => name == "this",
            MemberKind::Implicit => name == format!("implicit {}", member.result),
            MemberKind::Explicit => name == format!("explicit {}", member.result),
            MemberKind::Operator(symbol) => operator && name == symbol,
            MemberKind::Property | MemberKind::Method => name == member.name,
        };
        let least = member.params.iter().take_while(|param| !param.optional).count();
        // `params object[]` takes what the overloads of one, two and three take.
        let last = member.params.last().filter(|param| param.mode == ParamMode::Params);
        let spread = match last.map(|param| &param.ty) {
            Some(Shape::Array(item)) if params.len() + 1 >= member.params.len() => Some(&**item),
            _ => None,
        };
        let enough = (least..=member.params.len()).contains(&params.len());
        let shown = |param: &ParamReference| match param.mode {
            ParamMode::Out => format!("out {}", param.ty),
            ParamMode::Ref => format!("ref {}", param.ty),
            ParamMode::Value | ParamMode::Params => param.ty.to_string(),
        };
        let plain = enough && member.params.iter().map(shown).zip(&params).all(|(a, b)| a == *b);
        let spread = spread.is_some_and(|item| {
            let items = std::iter::repeat_with(|| item.to_string());
            let fixed = member.params.iter().take(member.params.len() - 1).map(shown);
            fixed.chain(items).zip(&params).all(|(a, b)| a == *b)
        });
        same_name && (plain || spread)
    });
    own || depth < 6
        && !operator
        && name != "new"
        && ty.bases.iter().any(|base| {
            let Shape::Named(base, args) = base else { return false };
            let base = all.iter().find(|ty| ty.shown == *base && ty.n_types == args.len());
            base.is_some_and(|base| declares(base, all, class, signature, depth + 1))
        })
}

/// The refusal that speaks of a member: by its name, or by its signature.
fn refusal<'t>(
    ty: &'t TypeReference,
    class: &[String],
    signature: &str,
) -> Option<&'t RefusedReference> {
    let (name, params) = key(class, signature);
    ty.refused.iter().find(|refused| {
        if refused.member.contains(['(', '[']) {
            let own = arguments(ty.name);
            key(&own, refused.member) == (name.clone(), params.clone())
        } else {
            refused.member.rsplit(' ').next() == Some(name.as_str())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_dotnet_is_declared_or_refused() {
        let coverage = coverage();
        assert!(coverage.missing.is_empty(), "missing: {:#?}", coverage.missing);
    }
}
