//! The members of `System.Linq.Enumerable`.

use super::super::Ty;
use super::super::array::index_int;
use super::super::collections::comparer;
use super::super::decl::{Member, joined, m};
use super::super::object::{equals, required};
use super::{
    aggregate, average, contains, count, element_at, extreme, first, group_by, lazy, matching,
    missing, order, single, source, sum, then_by, to_dictionary,
};
use crate::collections::{Comparer, Set};
use crate::eval::{Source, default_value};
use crate::state::{Object, SLOT_COST};
use crate::{Exception, ExceptionKind, Value};

macro_rules! sums {
    ($($ty:literal, $variant:ident, $zero:expr;)*) => {
        &[$(
            m(concat!("static ", $ty, " Sum(this IEnumerable<", $ty, "> source)"), "The sum.", |cx, a| {
                sum(cx, a, Value::$variant($zero))
            }),
            m(concat!("static ", $ty, " Sum<T>(this IEnumerable<T> source, Func<T, ", $ty, "> selector)"), "The sum of values.", |cx, a| {
                sum(cx, a, Value::$variant($zero))
            }),
            m(concat!("static ", $ty, "? Sum<T>(this IEnumerable<T> source, Func<T, ", $ty, "?> selector)"), "The sum of values.", |cx, a| {
                sum(cx, a, Value::$variant($zero))
            }),
            m(concat!("static ", $ty, " Max(this IEnumerable<", $ty, "> source)"), "The largest.", |cx, a| {
                extreme(cx, a, true, false)
            }),
            m(concat!("static ", $ty, " Min(this IEnumerable<", $ty, "> source)"), "The smallest.", |cx, a| {
                extreme(cx, a, false, false)
            }),
        )*]
    };
}

const SUMS: &[Member] = sums! {
    "int", Int, 0;
    "long", Long, 0;
    "double", Double, 0.0;
    "decimal", Decimal, rust_decimal::Decimal::ZERO;
    "float", Float, 0.0;
};

const REST: &[Member] = &[
    m(
        "static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        "What a function makes of each item.",
        |cx, a| {
            let source = Source::Select {
                from: source(a)?,
                function: required(a, 1, "selector")?,
                indexed: false,
            };
            lazy(cx, a.ty(1), source)
        },
    ),
    m(
        "static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, int, R> selector)",
        "What a function makes of each item and its index.",
        |cx, a| {
            let source = Source::Select {
                from: source(a)?,
                function: required(a, 1, "selector")?,
                indexed: true,
            };
            lazy(cx, a.ty(1), source)
        },
    ),
    m(
        "static IEnumerable<R> SelectMany<T, R>(this IEnumerable<T> source, Func<T, IEnumerable<R>> selector)",
        "The items of the sequences a function makes.",
        |cx, a| {
            let source =
                Source::SelectMany { from: source(a)?, function: required(a, 1, "selector")? };
            lazy(cx, a.ty(1), source)
        },
    ),
    m(
        "static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The items that pass.",
        |cx, a| {
            let source = Source::Where {
                from: source(a)?,
                function: required(a, 1, "predicate")?,
                indexed: false,
            };
            lazy(cx, a.ty(0), source)
        },
    ),
    m(
        "static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)",
        "The items that pass with their index.",
        |cx, a| {
            let source = Source::Where {
                from: source(a)?,
                function: required(a, 1, "predicate")?,
                indexed: true,
            };
            lazy(cx, a.ty(0), source)
        },
    ),
    m("static bool Any<T>(this IEnumerable<T> source)", "Whether there are items.", |cx, a| {
        Ok(Value::Bool(first(cx, a)?.is_some()))
    }),
    m(
        "static bool Any<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "Whether an item passes.",
        |cx, a| Ok(Value::Bool(first(cx, a)?.is_some())),
    ),
    m(
        "static bool All<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "Whether all items pass.",
        |cx, a| {
            let (from, test) = (source(a)?, required(a, 1, "predicate")?);
            let all = cx.each(&from, &mut |cx, item| cx.test(&test, item))?;
            Ok(Value::Bool(all))
        },
    ),
    m("static T First<T>(this IEnumerable<T> source)", "The first item.", |cx, a| {
        first(cx, a)?.ok_or_else(|| missing(a))
    }),
    m(
        "static T First<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The first item that passes.",
        |cx, a| first(cx, a)?.ok_or_else(|| missing(a)),
    ),
    m(
        "static T FirstOrDefault<T>(this IEnumerable<T> source)",
        "The first item, or the default.",
        |cx, a| Ok(first(cx, a)?.unwrap_or_else(|| default_value(a.ty(0)))),
    ),
    m(
        "static T FirstOrDefault<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The first item that passes, or the default.",
        |cx, a| Ok(first(cx, a)?.unwrap_or_else(|| default_value(a.ty(0)))),
    ),
    m("static T Last<T>(this IEnumerable<T> source)", "The last item.", |cx, a| {
        matching(cx, a)?.pop().ok_or_else(|| missing(a))
    }),
    m(
        "static T Last<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The last item that passes.",
        |cx, a| matching(cx, a)?.pop().ok_or_else(|| missing(a)),
    ),
    m(
        "static T LastOrDefault<T>(this IEnumerable<T> source)",
        "The last item, or the default.",
        |cx, a| Ok(matching(cx, a)?.pop().unwrap_or_else(|| default_value(a.ty(0)))),
    ),
    m(
        "static T LastOrDefault<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The last item that passes, or the default.",
        |cx, a| Ok(matching(cx, a)?.pop().unwrap_or_else(|| default_value(a.ty(0)))),
    ),
    m("static T Single<T>(this IEnumerable<T> source)", "The only item.", |cx, a| {
        single(cx, a, false)
    }),
    m(
        "static T Single<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The only item that passes.",
        |cx, a| single(cx, a, false),
    ),
    m(
        "static T SingleOrDefault<T>(this IEnumerable<T> source)",
        "The only item, or the default.",
        |cx, a| single(cx, a, true),
    ),
    m(
        "static T SingleOrDefault<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The only item that passes, or the default.",
        |cx, a| single(cx, a, true),
    ),
    m(
        "static T ElementAt<T>(this IEnumerable<T> source, int index)",
        "The item at an index.",
        |cx, a| {
            element_at(cx, a)?.ok_or_else(|| Exception::new(ExceptionKind::ArgumentOutOfRange, "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')"))
        },
    ),
    m(
        "static T ElementAtOrDefault<T>(this IEnumerable<T> source, int index)",
        "The item at an index, or the default.",
        |cx, a| Ok(element_at(cx, a)?.unwrap_or_else(|| default_value(a.ty(0)))),
    ),
    m("static int Count<T>(this IEnumerable<T> source)", "How many items there are.", |cx, a| {
        Ok(Value::Int(index_int(count(cx, a)?)))
    }),
    m(
        "static int Count<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "How many items pass.",
        |cx, a| Ok(Value::Int(index_int(count(cx, a)?))),
    ),
    m(
        "static long LongCount<T>(this IEnumerable<T> source)",
        "How many items there are.",
        |cx, a| Ok(Value::Long(i64::from(index_int(count(cx, a)?)))),
    ),
    m(
        "static bool Contains<T>(this IEnumerable<T> source, T value)",
        "Whether an item is there.",
        |cx, a| contains(cx, a),
    ),
    m(
        "static bool Contains<T>(this IEnumerable<T> source, T value, IEqualityComparer<T> comparer)",
        "Whether an item is there.",
        |cx, a| contains(cx, a),
    ),
    m("static T[] ToArray<T>(this IEnumerable<T> source)", "An array of the items.", |cx, a| {
        let from = source(a)?;
        let items = cx.collect(&from)?;
        cx.state.array(a.ty(0).clone(), items)
    }),
    m("static List<T> ToList<T>(this IEnumerable<T> source)", "A list of the items.", |cx, a| {
        let from = source(a)?;
        let items = cx.collect(&from)?;
        cx.state.list(a.ty(0).clone(), items)
    }),
    m(
        "static HashSet<T> ToHashSet<T>(this IEnumerable<T> source)",
        "A set of the items.",
        |cx, a| {
            let from = source(a)?;
            let items = cx.collect(&from)?;
            let mut set = Set::new(a.ty(0).clone(), Comparer::Exact);
            for item in items {
                set.insert(item);
            }
            cx.charge(set.len() * 3 * SLOT_COST)?;
            cx.state.add(Object::Set(Box::new(set)))
        },
    ),
    m(
        "static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        "A dictionary of the items.",
        |cx, a| {
            let ty = a.ty(0).clone();
            to_dictionary(cx, a, &ty)
        },
    ),
    m(
        "static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, V> elementSelector)",
        "A dictionary of values.",
        |cx, a| {
            let ty = a.ty(2).clone();
            to_dictionary(cx, a, &ty)
        },
    ),
    m(
        "static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, V> elementSelector, IEqualityComparer<K> comparer)",
        "A dictionary of values.",
        |cx, a| {
            let ty = a.ty(2).clone();
            to_dictionary(cx, a, &ty)
        },
    ),
    m(
        "static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        "Groups of items with a key in common.",
        |cx, a| {
            let (item, key) = (a.ty(0).clone(), a.ty(1).clone());
            group_by(cx, a, &key, &item)
        },
    ),
    m(
        "static IEnumerable<IGrouping<K, E>> GroupBy<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector)",
        "Groups of values with a key in common.",
        |cx, a| {
            let (key, item) = (a.ty(1).clone(), a.ty(2).clone());
            group_by(cx, a, &key, &item)
        },
    ),
    m(
        "static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        "In order of a key.",
        |cx, a| order(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        "In reverse order of a key.",
        |cx, a| order(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)",
        "Then in order of a key.",
        |cx, a| then_by(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> ThenByDescending<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)",
        "Then in reverse order of a key.",
        |cx, a| then_by(cx, a, true),
    ),
    m("static IEnumerable<T> Reverse<T>(this IEnumerable<T> source)", "In reverse.", |cx, a| {
        let s = Source::Reverse(source(a)?);
        lazy(cx, a.ty(0), s)
    }),
    m(
        "static IEnumerable<T> Take<T>(this IEnumerable<T> source, int count)",
        "The first items.",
        |cx, a| {
            let s = Source::Take(source(a)?, a.long(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Skip<T>(this IEnumerable<T> source, int count)",
        "All but the first items.",
        |cx, a| {
            let s = Source::Skip(source(a)?, a.long(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "Items as long as they pass.",
        |cx, a| {
            let s = Source::TakeWhile(source(a)?, a.value(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "Items from the first that fails.",
        |cx, a| {
            let s = Source::SkipWhile(source(a)?, a.value(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Concat<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "One after the other.",
        |cx, a| {
            let s = Source::Concat(source(a)?, required(a, 1, "second")?);
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Append<T>(this IEnumerable<T> source, T element)",
        "With an item at the end.",
        |cx, a| {
            let s = Source::Append(source(a)?, a.value(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Prepend<T>(this IEnumerable<T> source, T element)",
        "With an item at the start.",
        |cx, a| {
            let s = Source::Prepend(source(a)?, a.value(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Distinct<T>(this IEnumerable<T> source)",
        "Without repetitions.",
        |cx, a| {
            let s = Source::Distinct(source(a)?, Comparer::Exact);
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Distinct<T>(this IEnumerable<T> source, IEqualityComparer<T> comparer)",
        "Without repetitions.",
        |cx, a| {
            let s = Source::Distinct(source(a)?, comparer(a.get(1)));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Union<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "The items of both, without repetitions.",
        |cx, a| {
            let both = Source::Concat(source(a)?, required(a, 1, "second")?);
            let both = lazy(cx, a.ty(0), both)?;
            lazy(cx, a.ty(0), Source::Distinct(both, Comparer::Exact))
        },
    ),
    m(
        "static IEnumerable<T> Intersect<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "The items in both.",
        |cx, a| {
            let s = Source::Intersect(source(a)?, required(a, 1, "second")?, Comparer::Exact);
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Intersect<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)",
        "The items in both.",
        |cx, a| {
            let s = Source::Intersect(source(a)?, required(a, 1, "second")?, comparer(a.get(2)));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "The items not in the other.",
        |cx, a| {
            let s = Source::Except(source(a)?, required(a, 1, "second")?, Comparer::Exact);
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<R> Zip<T, U, R>(this IEnumerable<T> first, IEnumerable<U> second, Func<T, U, R> resultSelector)",
        "What a function makes of pairs.",
        |cx, a| {
            let s = Source::Zip(source(a)?, required(a, 1, "second")?, a.value(2));
            lazy(cx, a.ty(2), s)
        },
    ),
    m(
        "static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source)",
        "A default when there are none.",
        |cx, a| {
            let s = Source::DefaultIfEmpty(source(a)?, default_value(a.ty(0)));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source, T defaultValue)",
        "A value when there are none.",
        |cx, a| {
            let s = Source::DefaultIfEmpty(source(a)?, a.value(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> AsEnumerable<T>(this IEnumerable<T> source)",
        "The sequence itself.",
        |_, a| Ok(a.value(0)),
    ),
    m("static IEnumerable<R> Cast<R>(this IEnumerable source)", "Each item cast.", |cx, a| {
        let s = Source::Cast(source(a)?, a.ty(0).clone());
        lazy(cx, a.ty(0), s)
    }),
    m(
        "static IEnumerable<R> OfType<R>(this IEnumerable source)",
        "The items of a type.",
        |cx, a| {
            let s = Source::OfType(source(a)?, a.ty(0).clone());
            lazy(cx, a.ty(0), s)
        },
    ),
    m("static IEnumerable<int> Range(int start, int count)", "Numbers in a row.", |cx, a| {
        if a.long(1) < 0 {
            return Err(Exception::new(
                ExceptionKind::ArgumentOutOfRange,
                "Specified argument was out of the range of valid values. (Parameter 'count')",
            ));
        }
        let s = Source::Range(a.long(0), a.long(1));
        lazy(cx, &Ty::INT, s)
    }),
    m("static IEnumerable<T> Repeat<T>(T element, int count)", "A value many times.", |cx, a| {
        if a.long(1) < 0 {
            return Err(Exception::new(
                ExceptionKind::ArgumentOutOfRange,
                "Specified argument was out of the range of valid values. (Parameter 'count')",
            ));
        }
        let s = Source::Repeat(a.value(0), a.long(1));
        lazy(cx, a.ty(0), s)
    }),
    m("static IEnumerable<T> Empty<T>()", "Nothing.", |cx, a| {
        lazy(cx, a.ty(0), Source::Items(Vec::new()))
    }),
    m(
        "static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "Whether the items are equal one by one.",
        |cx, a| {
            let (first, second) = (source(a)?, required(a, 1, "second")?);
            let (first, second) = (cx.collect(&first)?, cx.collect(&second)?);
            Ok(Value::Bool(
                first.len() == second.len()
                    && first.iter().zip(&second).all(|(a, b)| equals(cx, a, b)),
            ))
        },
    ),
    m(
        "static T Aggregate<T>(this IEnumerable<T> source, Func<T, T, T> func)",
        "All items put together.",
        |cx, a| {
            let function = required(a, 1, "func")?;
            aggregate(cx, a, None, &function)
        },
    ),
    m(
        "static R Aggregate<T, R>(this IEnumerable<T> source, R seed, Func<R, T, R> func)",
        "All items put together, from a start.",
        |cx, a| {
            let function = required(a, 2, "func")?;
            let seed = a.value(1);
            aggregate(cx, a, Some(seed), &function)
        },
    ),
    m("static double Average(this IEnumerable<int> source)", "The mean.", |cx, a| average(cx, a)),
    m("static double Average(this IEnumerable<long> source)", "The mean.", |cx, a| average(cx, a)),
    m("static double Average(this IEnumerable<double> source)", "The mean.", |cx, a| {
        average(cx, a)
    }),
    m("static decimal Average(this IEnumerable<decimal> source)", "The mean.", |cx, a| {
        average(cx, a)
    }),
    m(
        "static double Average<T>(this IEnumerable<T> source, Func<T, int> selector)",
        "The mean of values.",
        |cx, a| average(cx, a),
    ),
    m(
        "static double Average<T>(this IEnumerable<T> source, Func<T, double> selector)",
        "The mean of values.",
        |cx, a| average(cx, a),
    ),
    m(
        "static R Max<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        "The largest value.",
        |cx, a| {
            let nullable = a.ty(1).takes_null();
            extreme(cx, a, true, nullable)
        },
    ),
    m(
        "static R Min<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        "The smallest value.",
        |cx, a| {
            let nullable = a.ty(1).takes_null();
            extreme(cx, a, false, nullable)
        },
    ),
    m("static T Max<T>(this IEnumerable<T> source)", "The largest.", |cx, a| {
        let nullable = a.ty(0).takes_null();
        extreme(cx, a, true, nullable)
    }),
    m("static T Min<T>(this IEnumerable<T> source)", "The smallest.", |cx, a| {
        let nullable = a.ty(0).takes_null();
        extreme(cx, a, false, nullable)
    }),
];

pub(super) const MEMBERS: &[Member] = &joined::<{ REST.len() + SUMS.len() }>(REST, SUMS);
