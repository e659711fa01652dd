//! Expressions over the locals of a program.

use std::fmt::Write as _;

use tollgate_expr::reference::Shape;

use super::generate::{Generator, NUMERIC, takes_null};
use super::node::Node;
use super::pools::pool;
use super::table::{delegate, named};

const OPERATORS: &[&str] = &[
    "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "==", "!=", "<", ">", "<=", ">=", "&&",
    "||", "??",
];

impl Generator {
    /// A new name.
    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.n_names += 1;
        format!("{prefix}{}", self.n_names)
    }

    /// The name of a variable of a type.
    pub(super) fn in_scope(&mut self, ty: &Shape) -> Option<String> {
        let all: Vec<&String> =
            self.scope.iter().filter(|(_, own)| own == ty).map(|(name, _)| name).collect();
        self.rng.pick(&all).map(|name| (*name).clone())
    }

    /// Something that can be assigned to, of a type or of any.
    pub(super) fn place(&mut self, ty: Option<&Shape>) -> Option<Node> {
        let mut all: Vec<Node> = Vec::new();
        for (name, own) in &self.scope {
            if name.starts_with('v') || self.wrong > 0 && name.starts_with('k') {
                all.push(Node::leaf(own, name.clone()));
            }
            let leaf = || vec![Node::leaf(own, name.clone())];
            match own {
                Shape::Array(item) => all.push(Node::of(item, "$[0]", leaf())),
                Shape::Named("List" | "IList", args) => {
                    all.extend(args.first().map(|item| Node::of(item, "$[0]", leaf())));
                }
                Shape::Named("Dictionary", args) => {
                    all.extend(args.get(1).map(|item| Node::of(item, "$[\"a\"]", leaf())));
                }
                Shape::Named("StringBuilder", _) => {
                    all.push(Node::of(&named("int"), "$.Length", leaf()));
                    all.push(Node::of(&named("char"), "$[0]", leaf()));
                }
                Shape::Named("JObject", _) => {
                    all.push(Node::of(&named("JToken"), "$[\"a\"]", leaf()));
                }
                _ => {}
            }
        }
        all.retain(|node| delegate(&node.ty).is_none() && ty.is_none_or(|ty| node.ty == *ty));
        self.rng.pick(&all).cloned()
    }

    /// A value is put into a place: simple, compound, or by one.
    pub(super) fn assignment(&mut self, place: Node, depth: usize) -> Option<Node> {
        let ty = place.ty.clone();
        let number = match &ty {
            Shape::Named(name, _) => NUMERIC.contains(name),
            Shape::Nullable(inner) => {
                matches!(&**inner, Shape::Named(name, _) if NUMERIC.contains(name))
            }
            _ => false,
        };
        if number && self.rng.percent(25) {
            let form = *self.rng.pick(&["$++", "$--", "++$", "--$"])?;
            return Some(Node::of(&ty, form, vec![place]));
        }
        if number && self.rng.percent(40) {
            let operator =
                *self.rng.pick(&["+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="])?;
            let other = if self.rng.percent(70) { ty.clone() } else { self.number() };
            let value = self.term(&other, depth.saturating_sub(1))?;
            return Some(Node::of(&ty, &format!("$ {operator} $"), vec![place, value]));
        }
        if ty == named("string") && self.rng.percent(50) {
            let other = self.local_type();
            let value = self.term(&other, depth.saturating_sub(1))?;
            return Some(Node::of(&ty, "$ += $", vec![place, value]));
        }
        if ty == named("bool") && self.rng.percent(40) {
            let operator = *self.rng.pick(&["&=", "|=", "^="])?;
            let value = self.term(&ty, depth.saturating_sub(1))?;
            return Some(Node::of(&ty, &format!("$ {operator} $"), vec![place, value]));
        }
        let value = self.term(&ty, depth)?;
        Some(Node::of(&ty, "$ = $", vec![place, value]))
    }

    /// Two types of numbers that mostly have a common one.
    fn two_numbers(&mut self) -> (Shape, Shape) {
        let left = self.number();
        let fits: &[&str] = match &left {
            Shape::Named("decimal", _) => &["decimal", "int", "long", "ulong", "char", "byte"],
            Shape::Named("ulong", _) => &["ulong", "uint", "byte", "ushort", "char", "double"],
            _ => &["int", "byte", "short", "char", "sbyte", "ushort", "uint", "long"],
        };
        let right = if self.rng.percent(5) { NUMERIC } else { fits };
        (left, named(self.rng.pick(right).copied().unwrap_or("int")))
    }

    fn number(&mut self) -> Shape {
        named(self.rng.pick(NUMERIC).copied().unwrap_or("int"))
    }

    /// An expression of a type, of locals above all.
    pub(super) fn term(&mut self, ty: &Shape, depth: usize) -> Option<Node> {
        let other = if self.wrong > 0 && self.rng.percent(self.wrong) {
            self.local_type()
        } else {
            ty.clone()
        };
        let ty = &other;
        if let Some(name) = self.in_scope(ty)
            && self.rng.percent(if depth == 0 { 80 } else { 35 })
        {
            return Some(Node::leaf(ty, name));
        }
        if depth == 0 {
            return self.leaf(ty);
        }
        let below = depth - 1;
        if self.rng.percent(12)
            && let Some(node) = self.called(ty, below)
        {
            return Some(node);
        }
        if self.rng.percent(35)
            && let Some(node) = self.general(ty, below)
        {
            return Some(node);
        }
        if self.rng.percent(20)
            && let Some(node) = self.value(ty, 1)
        {
            return Some(node);
        }
        match ty {
            Shape::Named("int", _) => self.whole(below),
            Shape::Named("string", _) => self.text(below),
            Shape::Named("bool", _) => self.condition(below),
            Shape::Named("char", _) => self.character(below),
            Shape::Named("object", _) => {
                let inner = self.local_type();
                Some(Node::of(ty, "((object)$)", vec![self.term(&inner, below)?]))
            }
            Shape::Named(name, _) if NUMERIC.contains(name) => self.mixed(ty, below),
            Shape::Nullable(inner) => self.maybe(ty, inner, below),
            Shape::Array(_) | Shape::Named("List" | "IEnumerable", _) if self.rng.percent(60) => {
                self.sequence(ty, below)
            }
            _ => None,
        }
        .or_else(|| self.leaf(ty))
    }

    /// A call of a function in scope.
    fn called(&mut self, ty: &Shape, below: usize) -> Option<Node> {
        let all: Vec<(String, Vec<Shape>)> = self
            .scope
            .iter()
            .filter_map(|(name, own)| {
                let (params, result) = delegate(own)?;
                (result == *ty).then(|| (name.clone(), params))
            })
            .collect();
        let (name, params) = self.rng.pick(&all)?.clone();
        let args: Option<Vec<Node>> = params.iter().map(|param| self.term(param, below)).collect();
        Some(Node::of(ty, &format!("{name}({})", vec!["$"; params.len()].join(", ")), args?))
    }

    /// What there is of every type.
    fn general(&mut self, ty: &Shape, below: usize) -> Option<Node> {
        let boolean = named("bool");
        match self.rng.below(9) {
            0 | 1 => {
                let children =
                    vec![self.term(&boolean, below)?, self.term(ty, below)?, self.term(ty, below)?];
                Some(Node::of(ty, "($ ? $ : $)", children))
            }
            2 => {
                let place = self.place(Some(ty))?;
                let assignment = self.assignment(place, below)?;
                Some(Node::of(ty, "($)", vec![assignment]))
            }
            3 if takes_null(ty) => {
                let children = vec![self.term(ty, below)?, self.term(ty, below)?];
                Some(Node::of(ty, "($ ?? $)", children))
            }
            4 if takes_null(ty) => {
                let children = vec![self.term(ty, below)?];
                Some(Node::of(ty, "($ ?? throw new InvalidOperationException(\"none\"))", children))
            }
            5 if !matches!(ty, Shape::Nullable(_)) => {
                let name = self.fresh("v");
                let object = self.term(&named("object"), below)?;
                let inner = Node::leaf(ty, name.clone());
                let other = self.term(ty, below)?;
                Some(Node::of(
                    ty,
                    &format!("($ is {ty} {name} ? $ : $)"),
                    vec![object, inner, other],
                ))
            }
            6 => {
                let inner = self.term(ty, below)?;
                Some(Node::of(ty, &format!("new Func<{ty}>(() => $)()"), vec![inner]))
            }
            7 => {
                let from = self.local_type();
                let inner = self.term(&from, below)?;
                Some(Node::of(ty, &format!("(({ty})(object)$)"), vec![inner]))
            }
            8 => {
                let other = self.local_type();
                let (a, b) = (self.term(ty, below)?, self.term(&other, below)?);
                Some(match self.rng.below(3) {
                    0 => Node::of(ty, &format!("((({ty})$, $).Item1)"), vec![a, b]),
                    1 => Node::of(ty, &format!("new {{ A = ({ty})$, B = $ }}.A"), vec![a, b]),
                    _ => Node::of(ty, &format!("new {ty}[] {{ $, $ }}[1]"), vec![a.clone(), a]),
                })
            }
            _ => None,
        }
    }

    fn whole(&mut self, below: usize) -> Option<Node> {
        let int = named("int");
        let one = |from: &'static str| Shape::Named(from, Vec::new());
        let list = |name| Shape::Named(name, vec![named("int")]);
        let (text, types): (&str, Vec<Shape>) = match self.rng.below(16) {
            0 => ("$.Length", vec![one("string")]),
            1 => ("($?.Length ?? -1)", vec![one("string")]),
            2 => ("unchecked((int)$)", vec![self.number()]),
            3 => ("checked((int)$)", vec![self.number()]),
            4 => ("$[$]", vec![Shape::Array(Box::new(int.clone())), int.clone()]),
            5 => ("$[$ % 2]", vec![list("List"), int.clone()]),
            6 => ("$.Count", vec![list("List")]),
            7 => ("($ ?? $)", vec![Shape::Nullable(Box::new(int.clone())), int.clone()]),
            8 => (
                "$.GetValueOrDefault($)",
                vec![Shape::Nullable(Box::new(int.clone())), int.clone()],
            ),
            9 => ("($ + $)", vec![one("char"), int.clone()]),
            10 => ("$.Sum()", vec![list("IEnumerable")]),
            11 => {
                ("$[\"a\"]", vec![Shape::Named("Dictionary", vec![named("string"), int.clone()])])
            }
            _ => {
                let operator = *self.rng.pick(&[
                    "($ + $)",
                    "($ - $)",
                    "($ * $)",
                    "($ / $)",
                    "($ % $)",
                    "($ & $)",
                    "($ | $)",
                    "($ ^ $)",
                    "($ << $)",
                    "($ >> $)",
                    "checked($ * $)",
                ])?;
                let small = ["int", "int", "int", "byte", "short", "char", "sbyte", "ushort"];
                let (left, right) = (named(self.rng.pick(&small)?), named(self.rng.pick(&small)?));
                (operator, vec![left, right])
            }
        };
        self.filled(&int, text, &types, below)
    }

    fn text(&mut self, below: usize) -> Option<Node> {
        let string = named("string");
        let (a, b) = (self.local_type(), self.local_type());
        let error = named("Exception");
        let (text, types): (&str, Vec<Shape>) = match self.rng.below(14) {
            0 | 1 => ("($ + $)", vec![string.clone(), a]),
            2 => ("($ + $ + \"z\")", vec![a, string.clone()]),
            3 => ("¤\"{$}\"", vec![a]),
            4 => ("¤\"<{$}|{($),5}>{{}}\"", vec![a, b]),
            5 => ("¤@\"a\"\"{$:X2}\\\"", vec![named("int")]),
            6 => ("($)?.ToString()", vec![a]),
            7 => ("($).ToString()", vec![a]),
            8 => ("$.Substring($)", vec![string.clone(), named("int")]),
            9 => ("$?.ToUpper()?.Trim()", vec![string.clone()]),
            10 => ("string.Join(\",\", $)", vec![Shape::Named("IEnumerable", vec![named("int")])]),
            11 if self.in_scope(&error).is_some() => ("$.Message", vec![error]),
            12 => {
                return self.query(below);
            }
            _ => ("string.Concat($, $)", vec![a, b]),
        };
        self.filled(&string, text, &types, below)
    }

    fn condition(&mut self, below: usize) -> Option<Node> {
        let boolean = named("bool");
        let comparison =
            *self.rng.pick(&["$ == $", "$ != $", "$ < $", "$ > $", "$ <= $", "$ >= $"])?;
        let comparison = format!("({comparison})");
        let equalities = ["($).Equals($)", "Equals($, $)", "($ == $)", "($ != $)"];
        let any = self.local_type();
        // Objects are compared by value here, whatever their boxes; pairs have no operators; empty arrays that LINQ gives are
        // one and the same in .NET.
        let compared =
            !matches!(&any, Shape::Named("object" | "KeyValuePair", _) | Shape::Array(_));
        let n = if compared { equalities.len() } else { 2 };
        let equality = *self.rng.pick(equalities.get(..n)?)?;
        let string = named("string");
        let (text, types): (&str, Vec<Shape>) = match self.rng.below(12) {
            0 => ("!$", vec![boolean.clone()]),
            1 => ("($ && $)", vec![boolean.clone(), boolean.clone()]),
            2 => ("($ || $)", vec![boolean.clone(), boolean.clone()]),
            3 => ("($ ^ $)", vec![boolean.clone(), boolean.clone()]),
            4 => ("($ == null)", vec![any]),
            5 => ("($ is null)", vec![any]),
            6 => (equality, vec![string.clone(), string]),
            7 => (equality, vec![any.clone(), any]),
            8 => ("($ ?? $)", vec![Shape::Nullable(Box::new(boolean.clone())), boolean.clone()]),
            9 => {
                let (left, right) = self.two_numbers();
                (&comparison, vec![left, Shape::Nullable(Box::new(right))])
            }
            10 => (
                "$.Any(x => x > $)",
                vec![Shape::Named("IEnumerable", vec![named("int")]), named("int")],
            ),
            _ => {
                let (left, right) = self.two_numbers();
                (&comparison, vec![left, right])
            }
        };
        let text = text.to_owned();
        self.filled(&boolean, &text, &types, below)
    }

    fn character(&mut self, below: usize) -> Option<Node> {
        let char = named("char");
        let (text, types) = match self.rng.below(4) {
            0 => ("$[$]", vec![named("string"), named("int")]),
            1 => ("(char)($ + $)", vec![char.clone(), named("int")]),
            2 => ("unchecked((char)$)", vec![self.number()]),
            _ => ("char.ToUpperInvariant($)", vec![char.clone()]),
        };
        self.filled(&char, text, &types, below)
    }

    /// Arithmetic of other numbers.
    fn mixed(&mut self, ty: &Shape, below: usize) -> Option<Node> {
        let (left, right) =
            (ty.clone(), if self.rng.percent(60) { ty.clone() } else { named("int") });
        let form = *self.rng.pick(&[
            "($ + $)",
            "($ - $)",
            "($ * $)",
            "($ / $)",
            "($ % $)",
            "checked($ + $)",
            "checked($ - $)",
        ])?;
        let text = format!("({ty}){form}");
        self.filled(ty, &text, &[left, right], below)
    }

    /// What may be null.
    fn maybe(&mut self, ty: &Shape, inner: &Shape, below: usize) -> Option<Node> {
        let operator = *self.rng.pick(&["($ + $)", "($ - $)", "($ * $)", "($ & $)", "($ | $)"])?;
        let string = named("string");
        let int = named("int");
        let text = match self.rng.below(8) {
            0 => format!("({ty})null"),
            1 => "($)".to_owned(),
            2 if *inner == int => return self.filled(ty, "$?.Length", &[string], below),
            3 if *inner == named("char") => return self.filled(ty, "$?[0]", &[string], below),
            4 if *inner == int => {
                return self.filled(ty, "$?[0]", &[Shape::Array(Box::new(int))], below);
            }
            5 if *inner == int => {
                return self.filled(ty, "$?.Count", &[Shape::Named("List", vec![int])], below);
            }
            6 => format!("($ ? ({ty})$ : null)"),
            _ => {
                let (left, right) = if self.rng.percent(50) { (ty, ty) } else { (ty, inner) };
                return self.filled(
                    ty,
                    &format!("({ty}){operator}"),
                    &[left.clone(), right.clone()],
                    below,
                );
            }
        };
        let types = match text.matches('$').count() {
            0 => vec![],
            1 => vec![inner.clone()],
            _ => vec![named("bool"), inner.clone()],
        };
        self.filled(ty, &text, &types, below)
    }

    /// A sequence out of another.
    fn sequence(&mut self, ty: &Shape, below: usize) -> Option<Node> {
        let item = match ty {
            Shape::Array(item) => (**item).clone(),
            Shape::Named(_, args) => args.first()?.clone(),
            _ => return None,
        };
        let source = Shape::Named("IEnumerable", vec![named("int")]);
        let name = self.fresh("p");
        let from = self.term(&source, below)?;
        self.scope.push((name.clone(), named("int")));
        let selected = self.term(&item, below.max(1));
        let test = self.term(&named("bool"), below.max(1));
        self.scope.pop();
        let (selected, test) = (selected?, test?);
        let end = match ty {
            Shape::Array(_) => ".ToArray()",
            Shape::Named("List", _) => ".ToList()",
            _ => "",
        };
        Some(match self.rng.below(3) {
            0 => {
                Node::of(ty, &format!("$.Select({name} => ({item})($)){end}"), vec![from, selected])
            }
            1 => {
                let text = format!("$.Where({name} => $).Select({name} => ({item})($)){end}");
                Node::of(ty, &text, vec![from, test, selected])
            }
            _ => {
                let text = format!("(from {name} in $ where $ select ({item})($)){end}");
                Node::of(ty, &text, vec![from, test, selected])
            }
        })
    }

    /// A query, shown item by item.
    pub(super) fn query(&mut self, below: usize) -> Option<Node> {
        let before = self.scope.len();
        let node = self.query_in_scope(below.max(1));
        self.scope.truncate(before);
        node
    }

    fn query_in_scope(&mut self, below: usize) -> Option<Node> {
        let sources = [
            ("int[]", "int"),
            ("List<string>", "string"),
            ("string", "char"),
            ("List<int>", "int"),
        ];
        let source = |n: usize| {
            let item = named(sources.get(n).map_or("int", |(_, item)| *item));
            let list = match n {
                0 => Shape::Array(Box::new(item.clone())),
                2 => named("string"),
                _ => Shape::Named("List", vec![item.clone()]),
            };
            (list, item)
        };
        let first = self.fresh("r");
        let (list, item) = source(self.rng.below(4));
        let mut children = vec![self.term(&list, below)?];
        let typed = if self.rng.percent(8) { format!("{item} ") } else { String::new() };
        let mut text = format!("from {typed}{first} in $ ");
        self.scope.push((first, item));
        for _ in 0..self.rng.below(4) {
            let name = self.fresh("r");
            match self.rng.below(6) {
                0 | 1 => {
                    text.push_str("where $ ");
                    children.push(self.term(&named("bool"), below)?);
                }
                2 => {
                    let ty = self.local_type();
                    write!(text, "let {name} = ({ty})$ ").ok()?;
                    children.push(self.term(&ty, below)?);
                    self.scope.push((name, ty));
                }
                3 => {
                    let (list, item) = source(self.rng.below(4));
                    children.push(self.term(&list, below)?);
                    write!(text, "from {name} in $ ").ok()?;
                    self.scope.push((name, item));
                }
                4 => {
                    let direction = *self.rng.pick(&["", " descending", " ascending"])?;
                    let key = named(self.rng.pick(&["int", "string", "char", "bool"])?);
                    write!(text, "orderby $, $ {direction} ").ok()?;
                    children.push(self.term(&key, below)?);
                    children.push(self.term(&named("int"), below)?);
                }
                _ => {
                    let key = named("int");
                    let (list, item) = source(0);
                    children.push(self.term(&list, 0)?);
                    children.push(self.term(&key, below)?);
                    let into =
                        if self.rng.percent(40) { format!("into g{name} ") } else { String::new() };
                    write!(text, "join {name} in $ on $ equals {name} {into}").ok()?;
                    if into.is_empty() {
                        self.scope.push((name, item));
                    } else {
                        self.scope
                            .push((format!("g{name}"), Shape::Named("IEnumerable", vec![item])));
                    }
                }
            }
        }
        let string = named("string");
        let result = self.local_type();
        let selected = self.term(&result, below)?;
        match self.rng.below(5) {
            0 => {
                let key = named(self.rng.pick(&["int", "string", "char", "bool"])?);
                children.push(selected);
                children.push(self.term(&key, below)?);
                text.push_str(
                    "group $ by $ into g orderby g.Count() select g.Key + \":\" + g.Count()",
                );
            }
            1 => {
                children.push(selected);
                text.push_str("select $ into q select \"\" + q");
            }
            _ => {
                children.push(selected);
                text.push_str("select $");
            }
        }
        Some(Node::of(&string, &format!("string.Join(\"|\", {text})"), children))
    }

    /// Text with an expression of each of the types.
    fn filled(&mut self, ty: &Shape, text: &str, types: &[Shape], below: usize) -> Option<Node> {
        let children: Option<Vec<Node>> = types.iter().map(|own| self.term(own, below)).collect();
        Some(Node::of(ty, text, children?))
    }

    /// Operators, casts and calls with operands that may not fit them.
    pub(super) fn mash(&mut self, depth: usize) -> Option<Node> {
        let object = named("object");
        if depth == 0 || self.rng.percent(10) {
            return Some(Node::leaf(&object, *self.rng.pick(pool("operands"))?));
        }
        let below = if self.rng.percent(75) { 0 } else { depth - 1 };
        let text = match self.rng.below(10) {
            0..=2 => format!("($ {} $)", self.rng.pick(OPERATORS)?),
            3 => format!("(({})($))", self.rng.pick(pool("types to cast to"))?),
            4 => (*self.rng.pick(&[
                "($ ? $ : $)",
                "(true ? $ : $)",
                "(context == null ? $ : $)",
                "(context != null ? $ : $)",
            ])?)
            .to_owned(),
            5 => {
                let word = *self.rng.pick(&["is", "as"])?;
                format!("($ {word} {})", self.rng.pick(pool("types to cast to"))?)
            }
            6 => {
                let forms = [
                    "(\"\" + $)",
                    "¤\"{$}\"",
                    "($ is $)",
                    "¤\"{($),4}|{$:D2}\"",
                    "($ + $ + $)",
                    "$ ?? $ ?? $",
                    "($ is int v2 && v2 > $)",
                    "($ is string v3 ? v3 : $)",
                    "($).ToString()",
                ];
                (*self.rng.pick(&forms)?).to_owned()
            }
            _ => (*self.rng.pick(pool("calls"))?).to_owned(),
        };
        let n = text.matches('$').count();
        let children: Option<Vec<Node>> = (0..n).map(|_| self.mash(below)).collect();
        let node = Node::of(&object, &text, children?);
        // Objects are compared by value here, whatever their boxes.
        let written = node.text();
        let compared = written.contains("==") || written.contains("!=");
        Some(node).filter(|_| !compared || written.matches("object)").count() < 2)
    }

    /// A mash in a statement that says what it became.
    pub(super) fn mashed(&mut self) -> Option<Node> {
        let node = self.mash(2)?;
        let ty = self.local_type();
        let object = named("object");
        Some(match self.rng.below(8) {
            0 => Node::of(&object, &format!("{{ {ty} v = $; return v; }}"), vec![node]),
            1 => Node::of(&object, "{ var v = $; return v; }", vec![node]),
            2 => {
                let place = self.leaf(&ty)?;
                let operator =
                    *self.rng.pick(&["+=", "-=", "*=", "/=", "&=", "|=", "^=", "<<=", "="])?;
                Node::of(
                    &object,
                    &format!("{{ {ty} v = $; v {operator} $; return v; }}"),
                    vec![place, node],
                )
            }
            3 => {
                let cases = *self.rng.pick(&["case 1: return \"one\"; case 2: return 2", "case int i: return i + 1; case string s when s.Length > 0: return s; case null: return \"n\"", "case \"a\": return \"b\"", "case 'a': case 'b': return 1", "case 0L: return 1L; case null: return 0"])?;
                Node::of(
                    &object,
                    &format!("{{ switch ($) {{ {cases}; default: return \"other\"; }} }}"),
                    vec![node],
                )
            }
            4 => Node::of(
                &object,
                &format!("{{ {ty} F({ty} a) {{ return a; }} return F($); }}"),
                vec![node],
            ),
            5 => {
                Node::of(&object, "{ foreach (var i in $) { return i; } return null; }", vec![node])
            }
            _ => node,
        })
    }
}
