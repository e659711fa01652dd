//! What the text of an expression says about its value.

use tollgate_expr::reference::{MemberKind, ParamMode, Shape, TypeKind};

use super::generate::Generator;
use super::node::Node;
use super::table::{Place, named};

/// Types whose text says what they are.
pub(super) const PRINTABLE: &[&str] = &[
    "bool",
    "char",
    "string",
    "int",
    "long",
    "uint",
    "ulong",
    "short",
    "ushort",
    "byte",
    "sbyte",
    "double",
    "float",
    "decimal",
    "object",
    "DateTime",
    "TimeSpan",
    "DateTimeOffset",
    "Guid",
    "JToken",
    "JObject",
    "JArray",
    "JValue",
    "JProperty",
    "JContainer",
    "JRaw",
    "JConstructor",
    "Uri",
    "StringBuilder",
    "KeyValuePair",
    "Tuple",
    "Exception",
    "Match",
    "Group",
    "Capture",
    "XElement",
    "XAttribute",
    "XName",
    "XNamespace",
    "XText",
    "XComment",
    "XNode",
    "XObject",
    "XDocument",
    "XDeclaration",
    "XCData",
    "XProcessingInstruction",
    "XContainer",
    "XDocumentType",
    "IUrl",
    "IPAddress",
    "HashAlgorithmName",
    "RSAEncryptionPadding",
    "RSASignaturePadding",
    "StringWriter",
    "JEnumerable",
];
/// Sequences, shown item by item.
const SEQUENCES: &[&str] = &[
    "IEnumerable",
    "IOrderedEnumerable",
    "ICollection",
    "IList",
    "IReadOnlyCollection",
    "IReadOnlyList",
    "ISet",
    "List",
    "HashSet",
    "Queue",
    "Stack",
    "Dictionary",
    "IDictionary",
    "IReadOnlyDictionary",
    "JEnumerable",
];

impl Generator {
    /// A declared type whose text says what it is.
    pub(super) fn printable(&mut self) -> Option<Shape> {
        let declared = |name: &&&str| {
            self.table.find(name, 0).is_some_and(|ty| !matches!(ty.kind, TypeKind::Static))
        };
        let all: Vec<&str> = PRINTABLE.iter().filter(declared).copied().collect();
        self.rng.pick(&all).copied().map(named)
    }

    /// Sometimes inside a statement block.
    pub(super) fn wrapped(&mut self, node: Node) -> Node {
        let string = named("string");
        let text = match self.rng.below(24) {
            0 => "{ try { return $; } catch (FormatException e) { return e.Message; } }",
            1 => {
                "{ try { return $; } catch (Exception e) when (e.Message.Length > 9) { return e.GetBaseException().Message; } finally { } }"
            }
            2 => "{ var v = $; return v; }",
            3 => {
                "{ object v = $; return v is string ? \"text\" : v is int ? \"int\" : v?.ToString(); }"
            }
            4 => "{ var s = \"\"; for (var i = 0; i < 2; i++) { s += $; } return s; }",
            5 => {
                "{ var s = \"\"; foreach (var i in new[] { 1, 2 }) { s += i + \":\" + $; } return s; }"
            }
            6 => {
                "{ switch (($)?.ToString()) { case \"a\": case \"1\": return 1; case null: return \"null\"; default: return 2; } }"
            }
            7 => "{ string F(object o) { return \"<\" + o + \">\"; } return F($); }",
            8 => {
                "{ object v = $; switch (v) { case int n when n > 1: return n + 1; case string t: return t.Length; case null: return \"null\"; default: return \"other\"; } }"
            }
            9 => "new { a = $, b = 1 }",
            10 => "((object)($)) == null ? \"null\" : \"\" + ($)",
            _ => return node,
        };
        let both = text.matches('$').count();
        Node::of(&string, text, vec![node; both])
    }

    /// An expression whose value has a text that tells.
    pub(super) fn shown(&mut self, node: Node, chain: usize) -> Option<Node> {
        let string = named("string");
        let ty = node.ty.clone();
        match &ty {
            Shape::Array(item) if **item == named("byte") => Some(node),
            Shape::Array(item) => Some(joined(node, item)),
            Shape::Nullable(_) => Some(node),
            Shape::Named(name, args) if SEQUENCES.contains(name) => {
                let item = args.first().cloned().unwrap_or_else(|| named("object"));
                let pairs = args.len() == 2;
                let item = if pairs { Shape::Named("KeyValuePair", args.clone()) } else { item };
                Some(joined(node, &item))
            }
            Shape::Named("IGrouping", _) => {
                Some(Node::of(&string, "string.Join(\"|\", $)", vec![node]))
            }
            Shape::Named(name, _) if PRINTABLE.contains(name) => Some(node),
            Shape::Named(name, args) => {
                let declared = self.table.find(name, args.len())?;
                if matches!(declared.kind, TypeKind::Enum(_)) {
                    return Some(node);
                }
                if chain == 0 {
                    return None;
                }
                // Something to ask it for.
                let members: Vec<Place> = self
                    .table
                    .places
                    .iter()
                    .filter(|place| {
                        std::ptr::eq(place.ty, declared)
                            && !place.member.is_static
                            && matches!(
                                place.member.kind,
                                MemberKind::Property | MemberKind::Method | MemberKind::Indexer
                            )
                            && place.member.result != Shape::Void
                            && place.member.params.iter().all(|param| param.mode != ParamMode::Out)
                    })
                    .copied()
                    .collect();
                let place = *self.rng.pick(&members)?;
                let mut binding = place.binding();
                binding.class = args.iter().cloned().map(Some).collect();
                let asked = self.call(place, binding, Some(node), 1)?;
                self.shown(asked, chain - 1)
            }
            _ => None,
        }
    }
}

/// The items of a sequence as one text.
fn joined(node: Node, item: &Shape) -> Node {
    let string = named("string");
    let nested = match item {
        Shape::Array(_) => true,
        Shape::Named(name, _) => SEQUENCES.contains(name) || *name == "IGrouping",
        _ => false,
    };
    let text = match item {
        Shape::Named("IGrouping", _) => {
            "string.Join(\"|\", $.Select(g => g.Key + \":\" + string.Join(\",\", g)))"
        }
        _ if nested => "string.Join(\"|\", $.Select(g => string.Join(\",\", g)))",
        _ => "string.Join(\"|\", $)",
    };
    Node::of(&string, text, vec![node])
}

/// Whether the text of a value of a type says what the value is.
pub(super) fn tells(ty: &Shape) -> bool {
    match ty {
        Shape::Nullable(_) => true,
        Shape::Array(item) => **item == named("byte"),
        Shape::Named(name, _) => PRINTABLE.contains(name),
        _ => false,
    }
}
