//! Programs: blocks of statements over locals of many types.

use std::fmt::Write as _;

use tollgate_expr::reference::Shape;

use super::generate::Generator;
use super::node::Node;
use super::pools::pool;
use super::table::{delegate, named};

/// Types of locals; those that stand several times are made more often.
const LOCALS: &[&str] = &[
    "int",
    "int",
    "int",
    "int",
    "string",
    "string",
    "string",
    "bool",
    "char",
    "long",
    "double",
    "decimal",
    "object",
    "object",
    "byte",
    "short",
    "uint",
    "ulong",
    "float",
    "sbyte",
    "ushort",
    "int?",
    "int?",
    "bool?",
    "char?",
    "double?",
    "long?",
    "decimal?",
    "byte?",
    "int[]",
    "string[]",
    "List<int>",
    "List<string>",
    "Dictionary<string, int>",
    "IEnumerable<int>",
    "StringBuilder",
    "DateTime",
    "TimeSpan",
    "JToken",
    "JObject",
    "List<object>",
    "char[]",
    "object[]",
    "DateTime?",
    "HashSet<int>",
    "KeyValuePair<string, int>",
    "Tuple<int, string>",
    "IList<int>",
    "Exception",
];
/// Types of functions.
const FUNCTIONS: &[&str] = &[
    "Func<int>",
    "Func<int, int>",
    "Func<string, string>",
    "Func<int, string>",
    "Func<object, bool>",
    "Func<int, int, int>",
    "Func<int?, int?>",
    "Func<char, int>",
    "Func<int, long>",
];

/// A type that is written in the notation of C#.
fn shape(text: &'static str) -> Shape {
    if let Some(item) = text.strip_suffix("[]") {
        return Shape::Array(Box::new(shape(item)));
    }
    if let Some(inner) = text.strip_suffix('?') {
        return Shape::Nullable(Box::new(shape(inner)));
    }
    match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, args)) => Shape::Named(name, args.split(", ").map(shape).collect()),
        None => named(text),
    }
}

/// What surrounds a statement.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// How deep statements may still be nested.
    depth: usize,
    in_loop: bool,
    in_catch: bool,
    /// What the function around returns.
    result: Shape,
}

impl Generator {
    /// A type of locals.
    pub(super) fn local_type(&mut self) -> Shape {
        shape(self.rng.pick(LOCALS).copied().unwrap_or("int"))
    }

    /// A block that declares and changes locals, and tells what became of them.
    pub(super) fn program(&mut self) -> Option<Node> {
        self.wrong = if self.rng.percent(25) { 2 } else { 0 };
        let result = named("object");
        let around = Around { depth: 2, in_loop: false, in_catch: false, result };
        let n = 2 + self.rng.below(5);
        let mut statements = self.statements(n, &around)?;
        statements.push(self.ending()?);
        self.wrong = 0;
        Some(Node::of(
            &named("string"),
            &format!("{{ {}}}", "$".repeat(statements.len())),
            statements,
        ))
    }

    /// One statement that is wrong or nearly so, in a program of its own.
    pub(super) fn edge(&mut self) -> Option<Node> {
        let wrong = self.wrong_statement()?;
        Some(Node::of(&named("string"), "{ $return 1; }", vec![wrong]))
    }

    /// The return of what is in scope.
    fn ending(&mut self) -> Option<Node> {
        let string = named("string");
        if self.rng.percent(15) {
            let ty = self.local_type();
            let value = self.term(&ty, 2)?;
            let shown = self.shown(value, 1)?;
            return Some(Node::of(&Shape::Void, "return $;", vec![shown]));
        }
        let mut children = vec![Node::leaf(&string, "\"\"")];
        for (name, ty) in self.scope.clone() {
            if delegate(&ty).is_some() || children.len() > 8 {
                continue;
            }
            children.extend(self.shown(Node::leaf(&ty, name), 1));
        }
        let holes = vec!["$"; children.len()].join(", ");
        let text = format!("string.Join(\"|\", {holes})");
        let joined = Node::of(&string, &text, children);
        Some(Node::of(&Shape::Void, "return $;", vec![joined]))
    }

    fn statements(&mut self, n: usize, around: &Around) -> Option<Vec<Node>> {
        (0..n).map(|_| self.statement_in(around)).collect()
    }

    /// Statements in braces; what they declare is forgotten behind them.
    fn body(&mut self, n: usize, around: &Around) -> Option<Node> {
        let before = self.scope.len();
        let inner = Around { depth: around.depth.saturating_sub(1), ..around.clone() };
        let n = 1 + self.rng.below(n);
        let statements = self.statements(n, &inner);
        self.scope.truncate(before);
        let statements = statements?;
        Some(Node::of(&Shape::Void, &format!("{{ {}}} ", "$".repeat(n)), statements))
    }

    fn wrong_statement(&mut self) -> Option<Node> {
        let name = self.fresh("w");
        let text = self.rng.pick(pool("statements at the edge"))?.replace('$', &name);
        Some(Node::leaf(&Shape::Void, format!("{text} ")))
    }

    fn statement_in(&mut self, around: &Around) -> Option<Node> {
        if self.wrong > 0 && self.rng.percent(self.wrong) {
            return self.wrong_statement();
        }
        if around.depth == 0 || self.rng.percent(50) {
            return match self.rng.below(10) {
                0..=3 => self.declaration(),
                4..=6 => self.change(),
                7 => self.step(around),
                8 => self.named_function(),
                _ => self.taken_apart(),
            };
        }
        match self.rng.below(13) {
            0 | 1 => {
                let (test, n_known) = self.test_with_pattern()?;
                let then = self.body(2, around);
                self.scope.truncate(n_known);
                if self.rng.percent(50) {
                    return Some(void("if ($) $", vec![test, then?]));
                }
                let children = vec![test, then?, self.body(2, around)?];
                Some(void("if ($) $else $", children))
            }
            2 => self.assigned_on_paths(around),
            3 | 4 => self.repeated(around),
            5 | 6 => self.selection(around),
            7 | 8 => self.tried(around),
            9 => self.function(),
            10 => self.used(around),
            11 => {
                let word = *self.rng.pick(&["checked ", "unchecked ", ""])?;
                Some(void(&format!("{word}$"), vec![self.body(2, around)?]))
            }
            _ => self.tried_out(around),
        }
    }

    fn declaration(&mut self) -> Option<Node> {
        let ty = self.local_type();
        let value = self.term(&ty, 2)?;
        let name = self.fresh("v");
        let constant =
            matches!(ty, Shape::Named("int" | "string" | "char", _)) && self.rng.percent(8);
        if constant {
            let leaf = self.leaf(&ty)?;
            let name = name.replace('v', "k");
            self.scope.push((name.clone(), ty.clone()));
            return Some(void(&format!("const {ty} {name} = $; "), vec![leaf]));
        }
        self.scope.push((name.clone(), ty.clone()));
        let written = if self.rng.percent(55) { ty.to_string() } else { "var".to_owned() };
        let cast = if written == "var" && !self.rng.percent(8) {
            format!("({ty})")
        } else {
            String::new()
        };
        let value =
            if cast.is_empty() { value } else { Node::of(&ty, &format!("{cast}($)"), vec![value]) };
        Some(void(&format!("{written} {name} = $; "), vec![value]))
    }

    /// A value is put into a variable or an item.
    fn change(&mut self) -> Option<Node> {
        let Some(place) = self.place(None) else { return self.declaration() };
        let change = self.assignment(place, 2)?;
        Some(void("$; ", vec![change]))
    }

    /// A jump, a call or another statement without anything inside.
    fn step(&mut self, around: &Around) -> Option<Node> {
        let boolean = named("bool");
        match self.rng.below(6) {
            0 if around.in_loop => {
                let word = *self.rng.pick(&["break", "continue"])?;
                Some(void(&format!("if ($) {word}; "), vec![self.term(&boolean, 1)?]))
            }
            1 => {
                if around.result == Shape::Void {
                    return Some(void("if ($) return; ", vec![self.term(&boolean, 1)?]));
                }
                let result = if around.result == named("object") {
                    self.local_type()
                } else {
                    around.result.clone()
                };
                let children = vec![self.term(&boolean, 1)?, self.term(&result, 1)?];
                Some(void("if ($) return $; ", children))
            }
            2 => {
                let error = *self.rng.pick(&[
                    "ArgumentException",
                    "FormatException",
                    "InvalidOperationException",
                    "Exception",
                ])?;
                let children = vec![self.term(&boolean, 1)?, self.term(&named("string"), 1)?];
                Some(void(&format!("if ($) throw new {error}($); "), children))
            }
            3 if around.in_catch => Some(void("if ($) throw; ", vec![self.term(&boolean, 1)?])),
            _ => {
                let lists =
                    [("List<int>", "int"), ("List<string>", "string"), ("StringBuilder", "object")];
                let (list, item) = *self.rng.pick(&lists)?;
                let Some(name) = self.in_scope(&shape(list)) else { return self.declaration() };
                let method = if list == "StringBuilder" { "Append" } else { "Add" };
                let leaf = Node::leaf(&shape(list), name);
                Some(void(&format!("$.{method}($); "), vec![leaf, self.term(&named(item), 1)?]))
            }
        }
    }

    /// A delegate in a variable, a lambda or a method group.
    fn named_function(&mut self) -> Option<Node> {
        let ty = shape(self.rng.pick(FUNCTIONS)?);
        let (params, result) = delegate(&ty)?;
        let name = self.fresh("f");
        let before = self.scope.len();
        let names: Vec<String> = params.iter().map(|_| self.fresh("v")).collect();
        self.scope.extend(names.iter().cloned().zip(params));
        let whole = self.rng.percent(40);
        let body = if whole {
            let around =
                Around { depth: 1, in_loop: false, in_catch: false, result: result.clone() };
            let first = self.statement_in(&around);
            let last = self.term(&result, 2);
            first
                .zip(last)
                .map(|(first, last)| Node::of(&result, "{ $return $; }", vec![first, last]))
        } else {
            self.term(&result, 2)
        };
        self.scope.truncate(before);
        self.scope.push((name.clone(), ty.clone()));
        Some(void(&format!("{ty} {name} = ({}) => $; ", names.join(", ")), vec![body?]))
    }

    /// Tuples, taken apart and swapped.
    fn taken_apart(&mut self) -> Option<Node> {
        let (a, b) = (self.local_type(), self.local_type());
        let (x, y) = (self.fresh("v"), self.fresh("v"));
        match self.rng.below(4) {
            0 => {
                let children = vec![self.term(&a, 1)?, self.term(&b, 1)?];
                let text = format!("({a} {x}, {b} {y}) = ($, $); ");
                self.scope.extend([(x, a), (y, b)]);
                Some(void(&text, children))
            }
            1 => {
                let children = vec![self.term(&a, 1)?, self.term(&b, 1)?];
                let text = format!("var {x} = (a: ({a})$, b: ({b})$); ");
                self.scope.extend([(format!("{x}.a"), a), (format!("{x}.Item2"), b)]);
                Some(void(&text, children))
            }
            2 => {
                let first = self.place(None)?;
                let ty = first.ty.clone();
                let second = self.place(Some(&ty))?;
                let children = vec![first, second, self.term(&ty, 1)?, self.term(&ty, 1)?];
                Some(void("($, $) = ($, $); ", children))
            }
            _ => {
                let children = vec![self.term(&named("int"), 1)?, self.term(&named("string"), 1)?];
                let text = format!("var ({x}, {y}) = (0 + $, \"\" + $); ");
                self.scope.extend([(x, named("int")), (y, named("string"))]);
                Some(void(&text, children))
            }
        }
    }

    /// A variable that some or all ways assign.
    fn assigned_on_paths(&mut self, around: &Around) -> Option<Node> {
        let ty = self.local_type();
        let name = self.fresh("v");
        let mut children =
            vec![self.term(&named("bool"), 1)?, self.term(&ty, 1)?, self.term(&ty, 1)?];
        let form = match self.rng.below(9) {
            0 | 1 => "if ($) { @ = $; } else @ = $; ",
            // Empty arrays that LINQ gives are one and the same in .NET.
            2 if !matches!(ty, Shape::Array(_)) => {
                "if (!($) || (@ = $) != (@ = $)) @ = default(#); "
            }
            3 => "switch ($) { case true: @ = $; break; default: @ = $; break; } ",
            4 => "try { if ($) @ = $; else throw new Exception(); } catch (Exception) { @ = $; } ",
            5 => "do { @ = $ ? $ : $; } while (false); ",
            6 => "while (true) { if ($) { @ = $; break; } @ = $; break; } ",
            7 => "try { } finally { @ = ($) ? $ : $; } ",
            _ => {
                let before = self.scope.len();
                let body = self.body(2, around)?;
                self.scope.truncate(before);
                children.insert(1, body);
                "if ($) { $@ = $; } else { @ = $; } "
            }
        };
        self.scope.push((name.clone(), ty.clone()));
        let form = form.replace('@', &name).replace('#', &ty.to_string());
        Some(void(&format!("{ty} {name}; {form}"), children))
    }

    fn repeated(&mut self, around: &Around) -> Option<Node> {
        let counter = self.fresh("r");
        let inner = Around { in_loop: true, ..around.clone() };
        let before = self.scope.len();
        let int = named("int");
        let node = match self.rng.below(5) {
            0 => {
                self.scope.push((counter.clone(), int));
                let n = 1 + self.rng.below(4);
                let body = self.body(3, &inner);
                let head = match self.rng.below(3) {
                    0 => format!("for (var {counter} = 0; {counter} < {n}; {counter}++) $"),
                    1 => format!(
                        "for (int {counter} = {n}, n{counter} = 0; {counter} > n{counter}; --{counter}) $"
                    ),
                    _ => format!(
                        "for (var {counter} = 1; ; {counter} += 2) {{ if ({counter} > {n}) break; $}} "
                    ),
                };
                body.map(|body| void(&head, vec![body]))
            }
            1 | 2 => {
                let items = [
                    "int[]",
                    "string[]",
                    "List<int>",
                    "List<string>",
                    "IEnumerable<int>",
                    "char[]",
                    "string",
                    "List<object>",
                    "int?[]",
                ];
                let list = shape(self.rng.pick(&items)?);
                let item = match &list {
                    Shape::Array(item) => (**item).clone(),
                    Shape::Named(_, args) => args.first().cloned().unwrap_or_else(|| named("char")),
                    _ => int,
                };
                let source = self.term(&list, 1)?;
                self.scope.push((counter.clone(), item.clone()));
                let body = self.body(3, &inner);
                let ty = if self.rng.percent(30) { item.to_string() } else { "var".to_owned() };
                body.map(|body| {
                    void(&format!("foreach ({ty} {counter} in $) $"), vec![source, body])
                })
            }
            3 => {
                self.scope.push((counter.clone(), int));
                let test = self.term(&named("bool"), 1);
                let body = self.body(3, &inner);
                let text = format!("var {counter} = 0; while ({counter}++ < 3 && $) $");
                test.zip(body).map(|(test, body)| void(&text, vec![test, body]))
            }
            _ => {
                self.scope.push((counter.clone(), int));
                let body = self.body(3, &inner);
                let test = self.term(&named("bool"), 1);
                let text = format!("var {counter} = 3; do $while (--{counter} > 0 && $); ");
                body.zip(test).map(|(body, test)| void(&text, vec![body, test]))
            }
        };
        self.scope.truncate(before);
        node
    }

    /// `switch` over constants and patterns.
    fn selection(&mut self, around: &Around) -> Option<Node> {
        let kinds = ["int", "string", "char", "object", "object", "int?", "bool", "long", "JToken"];
        let ty = shape(self.rng.pick(&kinds)?);
        let value = self.term(&ty, 2)?;
        let mut children = vec![value];
        let mut text = String::from("switch ($) { ");
        let constants: &[&str] = match &ty {
            Shape::Named("int" | "long", _) => &["0", "1", "-1", "7 - 5", "3"],
            Shape::Named("string", _) => &["\"a\"", "\"\"", "null", "\"abc\"", "\"b\" + \"c\""],
            Shape::Named("char", _) => &["'a'", "'Z'", "'0'", "(char)32"],
            Shape::Named("bool", _) => &["true", "false"],
            Shape::Named("JToken", _) => &["null"],
            Shape::Named(..) => &["1", "\"a\"", "null", "'c'", "2.5", "true", "5L"],
            _ => &["0", "null", "1", "2"],
        };
        let patterns: &[&str] = match &ty {
            Shape::Named("object", _) => {
                &["int", "string", "char", "double", "bool", "int[]", "decimal", "long"]
            }
            Shape::Named("JToken", _) => &["JObject", "JValue", "JArray", "JToken"],
            Shape::Nullable(_) => &["int"],
            _ => &[],
        };
        let n = 1 + self.rng.below(3);
        let mut used = Vec::new();
        for _ in 0..n {
            let before = self.scope.len();
            let constant = *self.rng.pick(constants)?;
            if !patterns.is_empty() && self.rng.percent(50) {
                let tested = shape(self.rng.pick(patterns)?);
                let name = self.fresh("v");
                self.scope.push((name.clone(), tested.clone()));
                write!(text, "case {tested} {name}").ok()?;
                if self.rng.percent(60) {
                    text.push_str(" when $");
                    children.push(self.term(&named("bool"), 1)?);
                }
                text.push_str(": ");
            } else if !used.contains(&constant) || self.rng.percent(4) {
                used.push(constant);
                write!(text, "case {constant}").ok()?;
                if self.rng.percent(15) {
                    text.push_str(" when $");
                    children.push(self.term(&named("bool"), 1)?);
                }
                text.push_str(": ");
            } else {
                continue;
            }
            let body = self.body(2, around);
            self.scope.truncate(before);
            children.push(body?);
            text.push_str("$break; ");
        }
        if self.rng.percent(70) {
            children.push(self.body(2, around)?);
            let jump = if used.len() > 1 && self.rng.percent(8) {
                "throw new Exception(\"d\")"
            } else {
                "break"
            };
            write!(text, "default: ${jump}; ").ok()?;
        }
        text.push_str("} ");
        Some(void(&text, children))
    }

    fn tried(&mut self, around: &Around) -> Option<Node> {
        let mut children = vec![self.body(3, around)?];
        let mut text = String::from("try $");
        let kinds = [
            "Exception",
            "FormatException",
            "ArgumentException",
            "NullReferenceException",
            "InvalidCastException",
            "OverflowException",
            "DivideByZeroException",
        ];
        let inner = Around { in_catch: true, ..around.clone() };
        let n = 1 + self.rng.below(2);
        for index in 0..n {
            let last = index + 1 == n;
            let kind =
                if last && self.rng.percent(60) { "Exception" } else { *self.rng.pick(&kinds)? };
            let before = self.scope.len();
            let name = self.fresh("r");
            self.scope.push((name.clone(), named("Exception")));
            write!(text, "catch ({kind} {name}) ").ok()?;
            if self.rng.percent(30) {
                text.push_str("when ($) ");
                children.push(self.term(&named("bool"), 1)?);
            }
            let body = self.body(2, &inner);
            self.scope.truncate(before);
            children.push(body?);
            text.push('$');
        }
        if self.rng.percent(40) {
            let statement = self.change();
            text.push_str("finally { $} ");
            children.push(statement?);
        }
        Some(void(&text, children))
    }

    /// A local function, some of which call themselves.
    fn function(&mut self) -> Option<Node> {
        let name = self.fresh("F");
        let (n, other) = (self.fresh("v"), self.fresh("v"));
        let (extra, result) = (self.local_type(), self.local_type());
        let before = self.scope.len();
        self.scope.extend([(n.clone(), named("int")), (other.clone(), extra.clone())]);
        let around = Around { depth: 1, in_loop: false, in_catch: false, result: result.clone() };
        let stop = self.term(&result, 1);
        let body = self.statements(1 + n.len() % 2, &around);
        let rest = self.term(&result, 1);
        let handed = self.term(&extra, 1);
        self.scope.truncate(before);
        let (stop, mut body, rest, handed) = (stop?, body?, rest?, handed?);
        let again = Node::of(&result, &format!("{name}({n} - 1, $)"), vec![handed]);
        let default =
            if self.rng.percent(40) { format!(" = default({extra})") } else { String::new() };
        let mut children = vec![stop];
        let holes = "$".repeat(body.len());
        children.append(&mut body);
        let optional = !default.is_empty();
        let text = format!(
            "{result} {name}(int {n}, {extra} {other}{default}) {{ if ({n} <= 0 || {n} > 4) return $; {holes}return {}; }} ",
            if self.rng.percent(60) { "$" } else { "$ + $" }
        );
        children.push(again);
        if text.contains("$ + $") {
            children.push(rest);
        }
        let declared = void(&text, children);
        let function = Shape::Named("Func", vec![named("int"), extra.clone(), result.clone()]);
        self.scope.push((name.clone(), function));
        let variable = self.fresh("v");
        let count = 1 + self.rng.below(3);
        let handed = self.term(&extra, 1)?;
        let call = match self.rng.below(4) {
            0 if optional => Node::leaf(&result, format!("{name}({count})")),
            1 => Node::of(&result, &format!("{name}({other}: $, {n}: {count})"), vec![handed]),
            2 if optional => Node::leaf(&result, format!("{name}({n}: {count})")),
            _ => Node::of(&result, &format!("{name}({count}, $)"), vec![handed]),
        };
        self.scope.push((variable.clone(), result));
        Some(void(&format!("$var {variable} = $; "), vec![declared, call]))
    }

    fn used(&mut self, around: &Around) -> Option<Node> {
        let name = self.fresh("r");
        let Some(place) = self.place(Some(&named("string"))) else { return self.declaration() };
        let written = self.local_type();
        let before = self.scope.len();
        let value = self.term(&written, 1)?;
        let body = self.body(2, around);
        self.scope.truncate(before);
        let text = format!(
            "using (var {name} = new StringWriter()) {{ {name}.Write($); $$ += {name}; }} "
        );
        Some(void(&text, vec![value, body?, place]))
    }

    /// A method with an `out` argument.
    fn tried_out(&mut self, around: &Around) -> Option<Node> {
        let name = self.fresh("v");
        let string = named("string");
        let int = named("int");
        let (test, ty) = match self.rng.below(5) {
            0 | 1 => {
                let ty = *self
                    .rng
                    .pick(&["int", "double", "bool", "decimal", "long", "TimeSpan", "byte"])?;
                let test = format!("{ty}.TryParse($, out var {name})");
                (Node::of(&named("bool"), &test, vec![self.term(&string, 1)?]), named(ty))
            }
            2 | 3 => {
                let ty = Shape::Named("Dictionary", vec![string.clone(), int.clone()]);
                let children = vec![self.term(&ty, 1)?, self.term(&string, 1)?];
                (
                    Node::of(
                        &named("bool"),
                        &format!("$.TryGetValue($, out int {name})"),
                        children,
                    ),
                    int,
                )
            }
            _ => {
                let children = vec![self.term(&named("JObject"), 1)?, self.term(&string, 1)?];
                let test = format!("$.TryGetValue($, out var {name})");
                (Node::of(&named("bool"), &test, children), named("JToken"))
            }
        };
        self.scope.push((name, ty));
        let then = self.body(2, around)?;
        Some(void("if ($) $", vec![test, then]))
    }

    /// A condition that may bind a variable, which is known where it holds; and how much was in scope before.
    fn test_with_pattern(&mut self) -> Option<(Node, usize)> {
        let known = self.scope.len();
        let boolean = named("bool");
        if self.rng.percent(60) {
            return Some((self.term(&boolean, 2)?, known));
        }
        let value = self.term(&named("object"), 1)?;
        let tested = shape(self.rng.pick(&[
            "int",
            "string",
            "char",
            "long",
            "double",
            "bool",
            "int[]",
            "List<int>",
            "JToken",
            "DateTime",
        ])?);
        let name = self.fresh("v");
        self.scope.push((name.clone(), tested.clone()));
        let rest = self.term(&boolean, 1);
        let (text, children) = if self.rng.percent(50) {
            (format!("$ is {tested} {name} && $"), vec![value, rest?])
        } else {
            (format!("$ is {tested} {name}"), vec![value])
        };
        Some((Node::of(&boolean, &text, children), known))
    }
}

/// A statement: text in which each `$` stands for the next child.
fn void(text: &str, children: Vec<Node>) -> Node {
    Node::of(&Shape::Void, text, children)
}
