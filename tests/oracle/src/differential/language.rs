//! Operators, conversions and texts of the language.

use tollgate_expr::reference::{MemberKind, Shape, TypeKind};

use super::generate::{Generator, ITEMS, NUMERIC, takes_null};
use super::node::Node;
use super::table::{Binding, Place, close, named};

impl Generator {
    /// Operators, conversions and other expressions of the language.
    pub(super) fn language(&mut self, ty: &Shape, depth: usize) -> Option<Node> {
        let below = depth.saturating_sub(1);
        let boolean = named("bool");
        match self.rng.below(10) {
            0 => {
                let children = vec![
                    self.value(&boolean, below)?,
                    self.value(ty, below)?,
                    self.value(ty, below)?,
                ];
                return Some(Node::of(ty, "($ ? $ : $)", children));
            }
            1 => {
                let inner = self.value(ty, below)?;
                return Some(Node::of(ty, &format!("(({ty})(object)$)"), vec![inner]));
            }
            2 if takes_null(ty) => {
                let children = vec![self.value(ty, below)?, self.value(ty, below)?];
                return Some(Node::of(ty, "($ ?? $)", children));
            }
            3 if takes_null(ty) && !matches!(ty, Shape::Nullable(_)) => {
                let inner = self.value(&named("object"), below)?;
                return Some(Node::of(ty, &format!("($ as {ty})"), vec![inner]));
            }
            _ => {}
        }
        match ty {
            Shape::Named("bool", _) => self.test(below),
            Shape::Named("string", _) => self.concatenation(below),
            Shape::Named(name, _) if NUMERIC.contains(name) => self.arithmetic(ty, name, below),
            Shape::Nullable(inner) => self.lifted(ty, inner, below),
            _ => None,
        }
    }

    fn test(&mut self, below: usize) -> Option<Node> {
        let boolean = named("bool");
        let comparisons = ["==", "!=", "<", ">", "<=", ">="];
        match self.rng.below(8) {
            0 => Some(Node::of(&boolean, "(!$)", vec![self.value(&boolean, below)?])),
            1 => {
                let operator = *self.rng.pick(&["&&", "||", "&", "|", "^", "==", "!="])?;
                let children = vec![self.value(&boolean, below)?, self.value(&boolean, below)?];
                Some(Node::of(&boolean, &format!("($ {operator} $)"), children))
            }
            2 => {
                let tested = named(self.rng.pick(ITEMS)?);
                let inner = self.value(&named("object"), below)?;
                Some(Node::of(&boolean, &format!("($ is {tested})"), vec![inner]))
            }
            3 => {
                // Objects are compared by value here, whatever their boxes.
                let ty = self.printable().filter(|ty| *ty != named("object"))?;
                let operator = *self.rng.pick(comparisons.get(..2)?)?;
                let children = vec![self.value(&ty, below)?, self.value(&ty, below)?];
                Some(Node::of(&boolean, &format!("($ {operator} $)"), children))
            }
            4 => {
                let ty = Shape::Nullable(Box::new(named(self.rng.pick(NUMERIC)?)));
                let operator = *self.rng.pick(&comparisons)?;
                let children = vec![self.value(&ty, below)?, self.value(&ty, below)?];
                Some(Node::of(&boolean, &format!("($ {operator} $)"), children))
            }
            _ => {
                let operator = *self.rng.pick(&comparisons)?;
                let left = named(self.rng.pick(NUMERIC)?);
                let right = if self.rng.percent(50) {
                    left.clone()
                } else {
                    named(self.rng.pick(NUMERIC)?)
                };
                let children = vec![self.value(&left, below)?, self.value(&right, below)?];
                Some(Node::of(&boolean, &format!("($ {operator} $)"), children))
            }
        }
    }

    fn concatenation(&mut self, below: usize) -> Option<Node> {
        let string = named("string");
        let any = self.printable()?;
        let (text, inner) = (self.value(&string, below)?, self.value(&any, below));
        let inner = inner.or_else(|| Some(Node::leaf(&string, "\"z\"")))?;
        let form = match self.rng.below(7) {
            1 => return Some(Node::of(&string, "($ + $)", vec![inner, text])),
            2 => "¤\"{($)}-{($)}\"",
            3 => "¤\"{($),8}|{($),-6}|\"",
            4 => {
                let types = ["int", "double", "decimal", "DateTime", "TimeSpan", "long", "Guid"];
                let ty = named(self.rng.pick(&types)?);
                let formats = ["N2", "D", "0.0#", "X4", "yyyy-MM-dd", "g", "F1", "E3", "P0", "o"];
                let format = *self.rng.pick(&formats)?;
                let inner = self.value(&ty, below)?;
                return Some(Node::of(&string, &format!("¤\"{{($):{format}}}\""), vec![inner]));
            }
            _ => "($ + $)",
        };
        Some(Node::of(&string, form, vec![text, inner]))
    }

    fn arithmetic(&mut self, ty: &Shape, name: &str, below: usize) -> Option<Node> {
        let integral = !matches!(name, "double" | "float" | "decimal");
        match self.rng.below(8) {
            0 if !matches!(name, "ulong") => {
                Some(Node::of(ty, &format!("(({ty})(-$))"), vec![self.value(ty, below)?]))
            }
            1 if integral => {
                Some(Node::of(ty, &format!("(({ty})(~$))"), vec![self.value(ty, below)?]))
            }
            2 if integral => {
                let operator = *self.rng.pick(&["<<", ">>"])?;
                let children = vec![self.value(ty, below)?, self.value(&named("int"), below)?];
                Some(Node::of(ty, &format!("(({ty})($ {operator} $))"), children))
            }
            3 if integral => {
                let operator = *self.rng.pick(&["&", "|", "^"])?;
                let children = vec![self.value(ty, below)?, self.value(ty, below)?];
                Some(Node::of(ty, &format!("(({ty})($ {operator} $))"), children))
            }
            4 | 5 => {
                let from = named(self.rng.pick(NUMERIC)?);
                let form = *self.rng.pick(&["(({})$)", "checked(({})$)", "unchecked(({})$)"])?;
                Some(Node::of(
                    ty,
                    &form.replace("{}", &ty.to_string()),
                    vec![self.value(&from, below)?],
                ))
            }
            _ => {
                let operator = *self.rng.pick(&["+", "-", "*", "/", "%"])?;
                let other =
                    if self.rng.percent(60) { ty.clone() } else { named(self.rng.pick(NUMERIC)?) };
                let children = vec![self.value(ty, below)?, self.value(&other, below)?];
                let form =
                    *self.rng.pick(&["($ {op} $)", "(({ty})($ {op} $))", "checked($ {op} $)"])?;
                let form = form.replace("{op}", operator).replace("{ty}", &ty.to_string());
                Some(Node::of(ty, &form, children))
            }
        }
    }

    fn lifted(&mut self, ty: &Shape, inner: &Shape, below: usize) -> Option<Node> {
        if self.rng.percent(50) {
            let operator = *self.rng.pick(&["+", "-", "*", "/", "%", "&", "|"])?;
            let children = vec![self.value(ty, below)?, self.value(ty, below)?];
            return Some(Node::of(ty, &format!("($ {operator} $)"), children));
        }
        // `x?.Length`
        let producers: Vec<(Place, Binding)> = self
            .table
            .producers(inner)
            .iter()
            .filter(|(place, _)| {
                !place.member.is_static
                    && place.member.kind == MemberKind::Property
                    // The walks of .NET's collections are structs, which are never null.
                    && place.ty.shown != "IEnumerator"
                    && matches!(place.ty.kind, TypeKind::Class | TypeKind::Interface)
            })
            .cloned()
            .collect();
        let (place, binding) = self.rng.pick(&producers)?.clone();
        let binding = self.bound(place, binding);
        let class: Vec<Shape> = binding.class.iter().flatten().cloned().collect();
        let receiver = self.value(&close(&place.receiver(), &class, &[]), below)?;
        let mut node = Node::of(ty, &format!("($?.{})", place.member.name), vec![receiver]);
        node.member = Some(place.member.signature);
        Some(node)
    }
}
