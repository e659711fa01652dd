//! Random expressions out of the declarations.

use tollgate_expr::reference::{MemberKind, ParamMode, ParamReference, Shape, TypeKind};

use super::collections::{comparers, written};
use super::node::Node;
use super::pools::{SMALL, constants, sized, texts};
use super::rng::Rng;
use super::shown::PRINTABLE;
use super::table::{Binding, Place, Table, close, delegate, named};

/// How deep members are nested.
const DEEPEST: usize = 3;
/// Begins each expression with operators and statements instead of a member.
const LANGUAGE: &str = "language";
/// Types that stand for type parameters that nothing binds.
pub(super) const ITEMS: &[&str] = &[
    "int", "string", "double", "bool", "char", "long", "decimal", "JToken", "DateTime", "object",
    "byte",
];
pub(super) const NUMERIC: &[&str] = &[
    "int", "long", "double", "decimal", "uint", "ulong", "float", "byte", "sbyte", "short",
    "ushort", "char",
];
/// Types that are asked of JSON, bodies and variables.
const FROM_JSON: &[&str] = &[
    "string",
    "int",
    "long",
    "bool",
    "double",
    "decimal",
    "DateTime",
    "int?",
    "bool?",
    "JObject",
    "JArray",
    "JToken",
    "string[]",
    "List<int>",
    "object",
    "byte[]",
    "byte",
    "DateTimeOffset",
    "TimeSpan",
    "Guid",
    "JValue",
    "object[]",
    "List<string>",
    "Dictionary<string, int>",
    "Dictionary<string, object>",
    "HashSet<int>",
    "StringComparison",
    "KeyValuePair<int, string>",
    "Tuple<int, string>",
];

#[derive(Debug)]
pub(super) struct Generator {
    pub(super) rng: Rng,
    pub(super) table: Table,
    /// The members that expressions begin with.
    roots: Vec<Place>,
    /// Whether expressions begin with operators and statements only.
    language_only: bool,
    /// Parameters of the lambdas around the place, and the locals of a program.
    pub(super) scope: Vec<(String, Shape)>,
    pub(super) n_names: usize,
    /// In how many of a hundred places something ill-typed is made.
    pub(super) wrong: usize,
}

impl Generator {
    pub(super) fn new(seed: u64, only: Option<&str>) -> Generator {
        let table = Table::new();
        let wanted = |place: &&Place| {
            only.is_none_or(|only| {
                place.ty.name.contains(only) || place.member.signature.contains(only)
            })
        };
        let roots = table.places.iter().filter(wanted).copied().collect();
        let language_only = only == Some(LANGUAGE);
        let (scope, n_names, wrong) = (Vec::new(), 0, 0);
        Generator { rng: Rng(seed), table, roots, language_only, scope, n_names, wrong }
    }

    /// An expression that has not been seen: a member of the declarations, or an operator, and what its text shows.
    pub(super) fn expression(&mut self) -> Option<Node> {
        self.scope.clear();
        self.n_names = 0;
        self.wrong = 0;
        let anything = self.roots.len() == self.table.places.len();
        if self.language_only || anything && self.rng.percent(30) {
            match self.rng.below(20) {
                0..=7 => return self.program(),
                8..=12 => return self.mashed(),
                13 => return self.edge(),
                _ => {}
            }
            let name = *self.rng.pick(PRINTABLE.get(..14).unwrap_or_default())?;
            let ty = named(name);
            let node = self.language(&ty, DEEPEST)?;
            return Some(self.wrapped(node));
        }
        let place = *self.rng.pick(&self.roots)?;
        let binding = place.binding();
        if place.member.params.iter().any(|param| param.mode == ParamMode::Out) {
            return self.with_out(place, binding);
        }
        if place.member.result == Shape::Void || (place.member.settable && self.rng.percent(50)) {
            return self.statement(place, binding);
        }
        let node = self.apply(place, binding, DEEPEST)?;
        let shown = self.shown(node, 2)?;
        Some(self.wrapped(shown))
    }

    /// A call with an `out` argument, and both of its results.
    fn with_out(&mut self, place: Place, binding: Binding) -> Option<Node> {
        let string = named("string");
        let call = self.apply(place, binding, DEEPEST)?;
        Some(Node::of(&string, "{ var ok = $; return ok + \"|\" + found; }", vec![call]))
    }

    /// Something that is done to a value, and what the value is then.
    fn statement(&mut self, place: Place, binding: Binding) -> Option<Node> {
        if place.member.is_static {
            return None;
        }
        let string = named("string");
        let binding = self.bound(place, binding);
        let class: Vec<Shape> = binding.class.iter().flatten().cloned().collect();
        let method: Vec<Shape> = binding.method.iter().flatten().cloned().collect();
        let receiver = self.value(&close(&place.receiver(), &class, &method), 1)?;
        let ty = receiver.ty.clone();
        let it = Node::leaf(&ty, "it");
        let mut done = self.call(place, binding, Some(it.clone()), DEEPEST - 1)?;
        if place.member.settable {
            let value = self.value(&close(&place.member.result, &class, &method), 1)?;
            let operator = if self.rng.percent(80) { "=" } else { "+=" };
            let member = done.member;
            done = Node::of(&string, &format!("$ {operator} $"), vec![done, value]);
            done.member = member;
        }
        let shown = self.shown(it, 1)?;
        Some(Node::of(&string, "{ var it = $; $; return $; }", vec![receiver, done, shown]))
    }

    /// A member with arguments, its type parameters chosen where they are free.
    fn apply(&mut self, place: Place, binding: Binding, depth: usize) -> Option<Node> {
        let binding = self.bound(place, binding);
        let receiver = if place.member.is_static || place.member.kind == MemberKind::Constructor {
            None
        } else {
            let class: Vec<Shape> = binding.class.iter().flatten().cloned().collect();
            Some(self.value(&close(&place.receiver(), &class, &[]), depth.saturating_sub(1))?)
        };
        self.call(place, binding, receiver, depth)
    }

    pub(super) fn bound(&mut self, place: Place, mut binding: Binding) -> Binding {
        let key = matches!(place.ty.shown, "Dictionary" | "IDictionary" | "IReadOnlyDictionary");
        for (n, slot) in binding.class.iter_mut().enumerate() {
            if slot.is_none() {
                let name = if key && n == 0 {
                    "string"
                } else {
                    ITEMS.get(self.rng.below(ITEMS.len())).copied().unwrap_or("int")
                };
                *slot = Some(named(name));
            }
        }
        let body = place.member.name == "As";
        for slot in &mut binding.method {
            if slot.is_none() && body {
                *slot = Some(named(
                    self.rng
                        .pick(&["string", "JObject", "JToken", "JArray"])
                        .copied()
                        .unwrap_or("string"),
                ));
            }
            if slot.is_none() {
                let n = if self.rng.percent(60) {
                    self.rng.below(3)
                } else {
                    self.rng.below(ITEMS.len())
                };
                *slot = Some(named(ITEMS.get(n).copied().unwrap_or("int")));
            }
        }
        binding
    }

    pub(super) fn call(
        &mut self,
        place: Place,
        binding: Binding,
        receiver: Option<Node>,
        depth: usize,
    ) -> Option<Node> {
        let binding = self.bound(place, binding);
        let class: Vec<Shape> = binding.class.into_iter().flatten().collect();
        let method: Vec<Shape> = binding.method.into_iter().flatten().collect();
        let member = place.member;
        let result = close(&member.result, &class, &method);
        let (mut texts, mut children) = (Vec::new(), Vec::new());
        for (index, param) in member.params.iter().enumerate() {
            if param.optional && self.rng.percent(50) {
                break;
            }
            let ty = close(&param.ty, &class, &method);
            self.argument(place, param, &ty, depth, index, (&mut texts, &mut children))?;
        }
        let arguments = |texts: &[String]| texts.join(", ");
        let owner = Shape::Named(place.ty.shown, class.clone());
        let generic = || {
            let open = member.n_types > 0 && !inferable(member.params.as_slice(), member.n_types);
            let args: Vec<String> = method.iter().map(ToString::to_string).collect();
            if open { format!("<{}>", args.join(", ")) } else { String::new() }
        };
        let text = match member.kind {
            MemberKind::Constructor => format!("new {owner}({})", arguments(&texts)),
            MemberKind::Indexer => format!("$[{}]", arguments(&texts)),
            MemberKind::Implicit | MemberKind::Explicit => {
                if place.ty.shown == "JToken" && self.rng.percent(20) {
                    return None;
                }
                format!("(({result})$)")
            }
            MemberKind::Operator(symbol) => match texts.len() {
                1 => format!("({symbol}$)"),
                _ => format!("($ {symbol} $)"),
            },
            MemberKind::Property if member.is_static => {
                format!("{}.{}", owner_text(&owner), member.name)
            }
            MemberKind::Property => format!("$.{}", member.name),
            MemberKind::Method if member.is_extension => {
                let rest = texts.get(1..).unwrap_or_default();
                format!("$.{}{}({})", member.name, generic(), rest.join(", "))
            }
            MemberKind::Method if member.is_static => {
                format!(
                    "{}.{}{}({})",
                    owner_text(&owner),
                    member.name,
                    generic(),
                    arguments(&texts)
                )
            }
            MemberKind::Method => format!("$.{}{}({})", member.name, generic(), arguments(&texts)),
        };
        if let Some(receiver) = receiver {
            children.insert(0, receiver);
        }
        let mut node = Node::of(&result, &text, children);
        node.member = Some(member.signature);
        Some(node)
    }

    /// One argument, or several for `params`: its text with `$` for each expression, and the expressions.
    fn argument(
        &mut self,
        place: Place,
        param: &ParamReference,
        ty: &Shape,
        depth: usize,
        index: usize,
        (out, children): (&mut Vec<String>, &mut Vec<Node>),
    ) -> Option<()> {
        // Now and then an argument of another type, which some other overload may take.
        let other = if self.rng.percent(1) { named(self.rng.pick(ITEMS)?) } else { ty.clone() };
        let ty = &other;
        let name = if place.member.kind == MemberKind::Constructor {
            "new"
        } else {
            place.member.name.as_str()
        };
        match (param.mode, ty) {
            (ParamMode::Out, _) => out.push("out var found".to_owned()),
            (ParamMode::Params, Shape::Array(item)) if self.rng.percent(80) => {
                for _ in 0..self.rng.below(4) {
                    out.push("$".to_owned());
                    children.push(self.value(item, depth.saturating_sub(1))?);
                }
            }
            _ => {
                let pool = texts(place.ty.shown, name, &param.name);
                let number = matches!(ty, Shape::Named("int", _));
                let near =
                    matches!(&*param.name, "startIndex" | "index" | "count" | "length" | "offset");
                let node = if *ty == named("string") && !pool.is_empty() && self.rng.percent(85) {
                    Node::leaf(ty, *self.rng.pick(pool)?)
                } else if number && (sized(place.ty.shown, name) || near && self.rng.percent(80)) {
                    Node::leaf(ty, *self.rng.pick(SMALL)?)
                } else {
                    self.value(ty, depth.saturating_sub(1))?
                };
                let named_argument = place.member.kind == MemberKind::Method
                    && !(place.member.is_extension && index == 0)
                    && index + 1 == place.member.params.len()
                    && self.rng.percent(4);
                out.push(if named_argument {
                    format!("{}: $", param.name)
                } else {
                    "$".to_owned()
                });
                children.push(node);
            }
        }
        Some(())
    }

    /// An expression of a type.
    pub(super) fn value(&mut self, ty: &Shape, depth: usize) -> Option<Node> {
        let in_scope: Vec<String> =
            self.scope.iter().filter(|(_, own)| own == ty).map(|(name, _)| name.clone()).collect();
        if !in_scope.is_empty() && self.rng.percent(45) {
            return Some(Node::leaf(ty, self.rng.pick(&in_scope)?.clone()));
        }
        if let Some((params, result)) = delegate(ty) {
            return self.lambda(ty, &params, &result, depth);
        }
        if (depth == 0 || self.rng.percent(25))
            && let Some(leaf) = self.leaf(ty)
        {
            return Some(leaf);
        }
        if depth > 0
            && self.rng.percent(35)
            && let Some(node) = self.language(ty, depth)
        {
            return Some(node);
        }
        for _ in 0..12 {
            let producers = self.table.producers(ty);
            let n = producers.len();
            let Some((place, binding)) = producers.get(self.rng.below(n)).cloned() else { break };
            let member = place.member;
            let out = member.params.iter().any(|param| param.mode == ParamMode::Out);
            // What gives any type would otherwise be nearly all there is.
            let anything =
                matches!(member.result, Shape::MethodParameter(_) | Shape::TypeParameter(_));
            let asked = anything && !inferable(&member.params, member.n_types);
            if out
                || depth == 0 && !member.params.is_empty()
                || anything && self.rng.percent(70)
                || asked && (!FROM_JSON.contains(&ty.to_string().as_str()) || self.rng.percent(50))
            {
                continue;
            }
            if let Some(node) = self.apply(place, binding, depth.saturating_sub(1)) {
                return Some(node);
            }
        }
        self.leaf(ty)
    }

    /// A constant, or what is made of constants.
    pub(super) fn leaf(&mut self, ty: &Shape) -> Option<Node> {
        let pool = constants(ty);
        if !pool.is_empty() {
            return Some(Node::leaf(ty, *self.rng.pick(pool)?));
        }
        match ty {
            Shape::Nullable(inner) => {
                if self.rng.percent(30) {
                    return Some(Node::leaf(ty, format!("({ty})null")));
                }
                Some(Node::of(ty, &format!("(({ty})$)"), vec![self.leaf(inner)?]))
            }
            Shape::Array(item) => self.items(ty, &format!("new {ty} {{ "), item, " }"),
            Shape::Named(name, args) => self.made(ty, name, args),
            _ => None,
        }
    }

    fn made(&mut self, ty: &Shape, name: &'static str, args: &[Shape]) -> Option<Node> {
        let declared = self.table.find(name, args.len());
        if let Some(declared) =
            declared.filter(|declared| matches!(declared.kind, TypeKind::Enum(_)))
        {
            let (constant, _) = self.rng.pick(&declared.constants)?;
            return Some(Node::leaf(ty, format!("{name}.{constant}")));
        }
        if let [item] = args
            && let Some((open, close)) = self.rng.pick(written(name))
        {
            if self.rng.percent(3) {
                return Some(Node::leaf(ty, format!("(({ty})null)")));
            }
            let typed = |text: &str| text.replace('@', &item.to_string());
            return self.items(ty, &typed(open), item, &typed(close));
        }
        match (name, args) {
            ("IEnumerable", []) => Some(Node::leaf(ty, "new[] { 1, 2 }")),
            ("Dictionary" | "IDictionary" | "IReadOnlyDictionary", [key, value]) => {
                let mut children = Vec::new();
                let any_case = *key == named("string") && self.rng.percent(10);
                let how = if any_case { "(StringComparer.OrdinalIgnoreCase)" } else { "" };
                let mut text = format!("new Dictionary<{key}, {value}>{how} {{ ");
                for (n, fixed) in ["\"a\"", "\"b\""].into_iter().enumerate().take(self.rng.below(3))
                {
                    let key = if *key == named("string") {
                        Node::leaf(key, fixed)
                    } else {
                        self.leaf(key)?
                    };
                    children.push(key);
                    children.push(self.leaf(value)?);
                    text.push_str(if n == 0 { "[$] = $" } else { ", [$] = $" });
                }
                Some(Node::of(ty, &format!("{text} }}"), children))
            }
            ("IOrderedEnumerable", [item]) => {
                let inner = self.leaf(&Shape::Array(Box::new(item.clone())))?;
                Some(Node::of(ty, "$.OrderBy(k => k)", vec![inner]))
            }
            ("IEqualityComparer" | "IComparer", [item]) if !comparers(name, item).is_empty() => {
                Some(Node::leaf(ty, *self.rng.pick(comparers(name, item))?))
            }
            ("IEqualityComparer" | "IComparer", _) => Some(Node::leaf(ty, format!("({ty})null"))),
            ("IGrouping", [key, item]) => {
                let inner = self.leaf(&Shape::Array(Box::new(item.clone())))?;
                let key = self.leaf(key)?;
                Some(Node::of(ty, "$.GroupBy(k => $).First()", vec![inner, key]))
            }
            _ => None,
        }
    }

    fn items(&mut self, ty: &Shape, open: &str, item: &Shape, close: &str) -> Option<Node> {
        let n = self.rng.below(4);
        let items: Option<Vec<Node>> = (0..n).map(|_| self.value(item, 0)).collect();
        let text = format!("{open}{}{close}", vec!["$"; n].join(", "));
        Some(Node::of(ty, &text, items?))
    }

    fn lambda(
        &mut self,
        ty: &Shape,
        params: &[Shape],
        result: &Shape,
        depth: usize,
    ) -> Option<Node> {
        let before = self.scope.len();
        let mut names = Vec::new();
        for param in params {
            self.n_names += 1;
            let name = format!("p{}", self.n_names);
            names.push(name.clone());
            self.scope.push((name, param.clone()));
        }
        let body = if *result == Shape::Void {
            Some(Node::leaf(result, "{ }"))
        } else {
            self.value(result, depth.min(1))
        };
        self.scope.truncate(before);
        let head = match names.as_slice() {
            [one] => one.clone(),
            many => format!("({})", many.join(", ")),
        };
        Some(Node::of(ty, &format!("{head} => $"), vec![body?]))
    }
}

/// The name before a static member.
fn owner_text(owner: &Shape) -> String {
    match owner {
        Shape::Named("Array", _) => "Array".to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn takes_null(ty: &Shape) -> bool {
    matches!(
        ty,
        Shape::Nullable(_)
            | Shape::Array(_)
            | Shape::Named(
                "string"
                    | "object"
                    | "JToken"
                    | "JObject"
                    | "JArray"
                    | "Uri"
                    | "IEnumerable"
                    | "List",
                _
            )
    )
}

/// Whether the arguments tell the type parameters of a method.
fn inferable(params: &[ParamReference], n_types: usize) -> bool {
    fn mentions(ty: &Shape, n: usize) -> bool {
        match ty {
            Shape::MethodParameter(own) => *own == n,
            Shape::Named(_, args) => args.iter().any(|arg| mentions(arg, n)),
            Shape::Array(item) | Shape::Nullable(item) => mentions(item, n),
            _ => false,
        }
    }
    (0..n_types).all(|n| params.iter().any(|param| !param.optional && mentions(&param.ty, n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::table::unify;

    #[test]
    fn every_expression_of_a_seed_is_the_same_again() {
        let mut texts = Vec::new();
        for _ in 0..2 {
            let mut generator = Generator::new(7, None);
            let made: Vec<String> =
                (0..200).filter_map(|_| generator.expression()).map(|node| node.text()).collect();
            texts.push(made);
        }
        assert!(texts[0].len() > 120, "{}", texts[0].len());
        assert_eq!(texts[0], texts[1]);
    }

    #[test]
    fn type_parameters_are_bound() {
        let mut binding = Binding { class: vec![None], method: vec![] };
        let declared = Shape::Named("List", vec![Shape::TypeParameter(0)]);
        assert!(unify(&declared, &Shape::Named("List", vec![named("int")]), &mut binding));
        assert_eq!(binding.class, [Some(named("int"))]);
    }
}
