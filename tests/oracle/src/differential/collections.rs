//! Ways to write collections.

use tollgate_expr::reference::Shape;

use super::table::named;

/// What stands before and after the items of a collection, `@` for their type.
type Written = (&'static str, &'static str);

const ARRAY: Written = ("new @[] { ", " }");
const LIST: Written = ("new List<@> { ", " }");
const VIEW: Written = ("new List<@> { ", " }.AsReadOnly()");
const SET: Written = ("new HashSet<@> { ", " }");
const QUEUE: Written = ("new Queue<@>(new @[] { ", " })");
const STACK: Written = ("new Stack<@>(new @[] { ", " })");
const KEYS: Written =
    ("new @[] { ", " }.Select((k, i) => (k, i)).ToDictionary(t => t.i, t => t.k).Values");

const LISTS: &[Written] = &[ARRAY, LIST, VIEW];
const COLLECTIONS: &[Written] = &[ARRAY, LIST, VIEW, SET, KEYS];
const COUNTED: &[Written] = &[ARRAY, LIST, VIEW, SET, QUEUE, STACK, KEYS];
const SEQUENCES: &[Written] = &[
    ARRAY,
    ARRAY,
    LIST,
    LIST,
    VIEW,
    SET,
    QUEUE,
    STACK,
    KEYS,
    ("new @[] { ", " }.Where(k => true)"),
    ("new List<@> { ", " }.Select(k => k)"),
    ("new @[] { ", " }.Skip(1)"),
    ("new List<@> { ", " }.Take(2)"),
    ("new @[] { ", " }.Select((k, i) => k).Take(2).Select(k => k)"),
    ("new @[] { ", " }.OrderBy(k => k)"),
    ("new @[] { ", " }.OrderByDescending(k => 1).Skip(1)"),
    ("new @[] { ", " }.Reverse()"),
    ("new @[] { ", " }.Concat(new List<@>())"),
    ("new @[] { ", " }.DefaultIfEmpty()"),
    ("new @[] { ", " }.GroupBy(k => 1, (k, g) => g.First())"),
    ("new @[] { ", " }.ToLookup(k => 1)[1]"),
    ("new @[] { ", " }.SelectMany(k => new[] { k, k })"),
];
const SETS: &[Written] = &[SET, ("new @[] { ", " }.ToHashSet()")];

/// The ways to write a collection of a type.
pub(super) fn written(name: &str) -> &'static [Written] {
    match name {
        "IEnumerable" => SEQUENCES,
        "IReadOnlyCollection" => COUNTED,
        "ICollection" => COLLECTIONS,
        "IList" | "IReadOnlyList" => LISTS,
        "List" => &[LIST],
        "ISet" | "HashSet" => SETS,
        "Queue" => &[QUEUE],
        "Stack" => &[STACK],
        _ => &[],
    }
}

/// The comparers of a type.
pub(super) fn comparers(name: &str, item: &Shape) -> &'static [&'static str] {
    match name {
        "IEqualityComparer" | "IComparer" if *item == named("string") => &[
            "StringComparer.Ordinal",
            "StringComparer.OrdinalIgnoreCase",
            "StringComparer.InvariantCulture",
            "null",
        ],
        "IEqualityComparer" if *item == named("JToken") => &["JToken.EqualityComparer"],
        _ => &[],
    }
}
