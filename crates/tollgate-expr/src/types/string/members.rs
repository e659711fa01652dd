//! The members of `System.String`.

use super::super::Ty;
use super::super::decl::{Member, m, p};
use super::compare::{
    compare, compare_parts, compare_parts_by_culture, compare_parts_ordinal, compare_to,
    compare_whole, comparison, equal, hash_code,
};
use super::search::{
    contains, ends_with, index_of, index_of_any, last_index_of, last_index_of_any, starts_with,
};
use super::split::{split, split_at_text};
use super::{
    check_format, check_later_format, concat_args, concat_objects, concat_values, copy_to, equals,
    format, format_each, format_each_for, format_for, given, insert, int, itself, join_part,
    join_value, join_values, lower, new_of_part, out_of_range, pad_left, pad_right, remove,
    replace, substring, to_char_array, trim, trim_end, trim_start, units, upper,
};
use crate::state::{Object, SLOT_COST, Shared};
use crate::text::{self, Comparison};
use crate::{Exception, ExceptionKind, Value};

pub(super) const MEMBERS: &[Member] = &[
    m("new(char[] value)", "Of characters.", |cx, a| {
        if a.get(0).is_null() {
            return Ok(Value::from(""));
        }
        let units = units(cx, a.get(0))?;
        cx.string(String::from_utf16_lossy(&units))
    }),
    m("new(char c, int count)", "A character repeated.", |cx, a| {
        let count = usize::try_from(a.long(1))
            .map_err(|_| out_of_range("Count cannot be less than zero.", "count"))?;
        let unit = text::unit_text(a.char(0));
        cx.charge(count.saturating_mul(unit.len()))?;
        Ok(Value::from(unit.repeat(count)))
    }),
    m("new(char[] value, int startIndex, int length)", "Of some characters.", new_of_part),
    p("static string Empty", "The empty string.", |_, _| Ok(Value::from(""))),
    p("int Length", "The number of UTF-16 units.", |_, a| Ok(int(text::length(&a.this_str()?)))),
    m("char this[int index]", "The unit at an index.", |_, a| {
        let this = a.this_str()?;
        let unit = usize::try_from(a.long(1)).ok().and_then(|index| text::unit_at(&this, index));
        unit.map(Value::Char).ok_or_else(|| {
            Exception::new(
                ExceptionKind::IndexOutOfRange,
                "Index was outside the bounds of the array.",
            )
        })
    }),
    p("static bool IsNullOrEmpty(string value)", "Whether it is null or empty.", |_, a| {
        Ok(Value::Bool(a.opt_str(0).is_none_or(str::is_empty)))
    }),
    p("static bool IsNullOrWhiteSpace(string value)", "Whether it is null or blank.", |_, a| {
        Ok(Value::Bool(a.opt_str(0).is_none_or(|text| text.chars().all(char::is_whitespace))))
    }),
    p("bool Equals(string value)", "Whether they are equal.", equals),
    p(
        "bool Equals(string value, StringComparison comparisonType)",
        "Whether they are equal.",
        |_, a| {
            let this = a.this_str()?;
            Ok(Value::Bool(equal(Some(&this), a.opt_str(1), comparison(a, 2)?)))
        },
    ),
    p("static bool Equals(string a, string b)", "Whether they are equal.", |_, a| {
        Ok(Value::Bool(a.opt_str(0) == a.opt_str(1)))
    }),
    p(
        "static bool Equals(string a, string b, StringComparison comparisonType)",
        "Whether they are equal.",
        |_, a| Ok(Value::Bool(equal(a.opt_str(0), a.opt_str(1), comparison(a, 2)?))),
    ),
    p("static int Compare(string strA, string strB)", "The order of two strings.", compare_whole),
    p(
        "static int Compare(string strA, string strB, bool ignoreCase)",
        "The order of two strings.",
        compare_whole,
    ),
    p(
        "static int Compare(string strA, string strB, StringComparison comparisonType)",
        "The order of two strings.",
        compare_whole,
    ),
    p("static int CompareOrdinal(string strA, string strB)", "The order unit by unit.", |_, a| {
        Ok(Value::Int(compare(a.opt_str(0), a.opt_str(1), Comparison::of(4))))
    }),
    p(
        "static int Compare(string strA, int indexA, string strB, int indexB, int length)",
        "The order of parts of two strings.",
        compare_parts_by_culture,
    ),
    p(
        "static int Compare(string strA, int indexA, string strB, int indexB, int length, bool ignoreCase)",
        "The order of parts of two strings.",
        compare_parts_by_culture,
    ),
    p(
        "static int Compare(string strA, int indexA, string strB, int indexB, int length, StringComparison comparisonType)",
        "The order of parts of two strings.",
        compare_parts,
    ),
    p(
        "static int CompareOrdinal(string strA, int indexA, string strB, int indexB, int length)",
        "The order of parts unit by unit.",
        compare_parts_ordinal,
    ),
    p("int CompareTo(object value)", "The order of two strings.", compare_to),
    p("int GetHashCode()", "A number that is the same for equal strings.", hash_code),
    p(
        "int GetHashCode(StringComparison comparisonType)",
        "A number that is the same for equal strings.",
        hash_code,
    ),
    p("bool Equals(object obj)", "Whether they are equal.", equals),
    p("string ToString()", "Itself.", itself),
    p("object Clone()", "Itself.", itself),
    p("int CompareTo(string strB)", "The order of two strings.", |_, a| {
        Ok(Value::Int(compare(a.opt_str(0), a.opt_str(1), Comparison::of(0))))
    }),
    p("bool Contains(string value)", "Whether it contains another.", contains),
    p(
        "bool Contains(string value, StringComparison comparisonType)",
        "Whether it contains another.",
        contains,
    ),
    p("bool Contains(char value)", "Whether it contains a character.", contains),
    p(
        "bool Contains(char value, StringComparison comparisonType)",
        "Whether it contains a character.",
        contains,
    ),
    p("bool StartsWith(string value)", "Whether it begins with another.", starts_with),
    p(
        "bool StartsWith(string value, StringComparison comparisonType)",
        "Whether it begins with another.",
        starts_with,
    ),
    p("bool StartsWith(char value)", "Whether it begins with a character.", starts_with),
    p("bool EndsWith(string value)", "Whether it ends with another.", ends_with),
    p(
        "bool EndsWith(string value, StringComparison comparisonType)",
        "Whether it ends with another.",
        ends_with,
    ),
    p("bool EndsWith(char value)", "Whether it ends with a character.", ends_with),
    p("int IndexOf(string value)", "The first index, or -1.", index_of),
    p("int IndexOf(char value)", "The first index, or -1.", index_of),
    p(
        "int IndexOf(string value, StringComparison comparisonType)",
        "The first index, or -1.",
        index_of,
    ),
    p(
        "int IndexOf(char value, StringComparison comparisonType)",
        "The first index, or -1.",
        index_of,
    ),
    p(
        "int IndexOf(string value, int startIndex)",
        "The first index from a place, or -1.",
        index_of,
    ),
    p("int IndexOf(char value, int startIndex)", "The first index from a place, or -1.", index_of),
    p(
        "int IndexOf(string value, int startIndex, int count)",
        "The first index in a part, or -1.",
        index_of,
    ),
    p(
        "int IndexOf(char value, int startIndex, int count)",
        "The first index in a part, or -1.",
        index_of,
    ),
    p(
        "int IndexOf(string value, int startIndex, StringComparison comparisonType)",
        "The first index from a place, or -1.",
        index_of,
    ),
    p(
        "int IndexOf(string value, int startIndex, int count, StringComparison comparisonType)",
        "The first index in a part, or -1.",
        index_of,
    ),
    p("int LastIndexOf(string value)", "The last index, or -1.", last_index_of),
    p("int LastIndexOf(char value)", "The last index, or -1.", last_index_of),
    p(
        "int LastIndexOf(string value, int startIndex)",
        "The last index up to a place, or -1.",
        last_index_of,
    ),
    p(
        "int LastIndexOf(char value, int startIndex)",
        "The last index up to a place, or -1.",
        last_index_of,
    ),
    p(
        "int LastIndexOf(string value, StringComparison comparisonType)",
        "The last index, or -1.",
        last_index_of,
    ),
    p(
        "int LastIndexOf(char value, int startIndex, int count)",
        "The last index in a part, or -1.",
        last_index_of,
    ),
    p(
        "int LastIndexOf(string value, int startIndex, int count)",
        "The last index in a part, or -1.",
        last_index_of,
    ),
    p(
        "int LastIndexOf(string value, int startIndex, StringComparison comparisonType)",
        "The last index up to a place, or -1.",
        last_index_of,
    ),
    p(
        "int LastIndexOf(string value, int startIndex, int count, StringComparison comparisonType)",
        "The last index in a part, or -1.",
        last_index_of,
    ),
    m(
        "int IndexOfAny(char[] anyOf)",
        "The first index of any of some characters, or -1.",
        index_of_any,
    ),
    m(
        "int IndexOfAny(char[] anyOf, int startIndex)",
        "The first index from a place, or -1.",
        index_of_any,
    ),
    m(
        "int IndexOfAny(char[] anyOf, int startIndex, int count)",
        "The first index in a part, or -1.",
        index_of_any,
    ),
    m(
        "int LastIndexOfAny(char[] anyOf)",
        "The last index of any of some characters, or -1.",
        last_index_of_any,
    ),
    m(
        "int LastIndexOfAny(char[] anyOf, int startIndex)",
        "The last index from a place, or -1.",
        last_index_of_any,
    ),
    m(
        "int LastIndexOfAny(char[] anyOf, int startIndex, int count)",
        "The last index in a part, or -1.",
        last_index_of_any,
    ),
    p("string Substring(int startIndex)", "The rest from a place.", substring),
    p("string Substring(int startIndex, int length)", "A part.", substring),
    p("string Trim()", "Without white space at its ends.", trim),
    p("string Trim(char trimChar)", "Without a character at its ends.", trim),
    m("string Trim(params char[] trimChars)", "Without some characters at its ends.", trim),
    p("string TrimStart()", "Without white space at its start.", trim_start),
    p("string TrimStart(char trimChar)", "Without a character at its start.", trim_start),
    m(
        "string TrimStart(params char[] trimChars)",
        "Without some characters at its start.",
        trim_start,
    ),
    p("string TrimEnd()", "Without white space at its end.", trim_end),
    p("string TrimEnd(char trimChar)", "Without a character at its end.", trim_end),
    m("string TrimEnd(params char[] trimChars)", "Without some characters at its end.", trim_end),
    p("string PadLeft(int totalWidth)", "Padded on the left.", pad_left),
    p("string PadLeft(int totalWidth, char paddingChar)", "Padded on the left.", pad_left),
    p("string PadRight(int totalWidth)", "Padded on the right.", pad_right),
    p("string PadRight(int totalWidth, char paddingChar)", "Padded on the right.", pad_right),
    m(
        "string[] Split(char separator, StringSplitOptions options = 0)",
        "The parts between separators.",
        split,
    ),
    m(
        "string[] Split(char separator, int count, StringSplitOptions options = 0)",
        "At most so many parts.",
        split,
    ),
    m(
        "string[] Split(string separator, StringSplitOptions options = 0)",
        "The parts between separators.",
        split_at_text,
    ),
    m(
        "string[] Split(string separator, int count, StringSplitOptions options = 0)",
        "At most so many parts.",
        split_at_text,
    ),
    m("string[] Split(params char[] separator)", "The parts between separators.", split),
    m("string[] Split(char[] separator, int count)", "At most so many parts.", split),
    m(
        "string[] Split(char[] separator, StringSplitOptions options)",
        "The parts between separators.",
        split,
    ),
    m(
        "string[] Split(char[] separator, int count, StringSplitOptions options)",
        "At most so many parts.",
        split,
    ),
    m(
        "string[] Split(string[] separator, StringSplitOptions options)",
        "The parts between separators.",
        split,
    ),
    m(
        "string[] Split(string[] separator, int count, StringSplitOptions options)",
        "At most so many parts.",
        split,
    ),
    p("string Replace(string oldValue, string newValue)", "With one text for another.", replace),
    p("string Replace(char oldChar, char newChar)", "With one character for another.", replace),
    p(
        "string Replace(string oldValue, string newValue, StringComparison comparisonType)",
        "With one text for another.",
        replace,
    ),
    p("string Insert(int startIndex, string value)", "With text put in.", insert),
    p("string Remove(int startIndex)", "Without the rest from a place.", remove),
    p("string Remove(int startIndex, int count)", "Without a part.", remove),
    p("string ToLower()", "In lower case.", lower),
    p("string ToLowerInvariant()", "In lower case.", lower),
    p("string ToUpper()", "In upper case.", upper),
    p("string ToUpperInvariant()", "In upper case.", upper),
    m("char[] ToCharArray()", "Its units.", |cx, a| {
        let this = a.this_str()?;
        if this.is_empty() {
            return cx.state.shared(Shared::Array, &Ty::CHAR);
        }
        cx.charge(text::length(&this).saturating_mul(SLOT_COST))?;
        let items = this.encode_utf16().map(Value::Char).collect();
        cx.state.add(Object::Array { item: Ty::CHAR, items })
    }),
    m("char[] ToCharArray(int startIndex, int length)", "Some of its units.", to_char_array),
    m(
        "void CopyTo(int sourceIndex, char[] destination, int destinationIndex, int count)",
        "Copies units to an array.",
        copy_to,
    ),
    m(
        "IEnumerator<char> GetEnumerator()",
        "A walk over its units.",
        crate::types::collections::enumerator::start,
    ),
    p("string Normalize()", "Letters and their marks as one.", |cx, a| {
        let this = a.this_str()?;
        cx.string(text::composed(&this))
    }),
    p("bool IsNormalized()", "Whether letters and their marks are one.", |_, a| {
        let this = a.this_str()?;
        Ok(Value::Bool(text::composed(&this) == *this))
    }),
    m(
        "static string Join(string separator, params string[] value)",
        "Texts with a separator between.",
        join_value,
    ),
    m(
        "static string Join(string separator, IEnumerable<string> values)",
        "Texts with a separator between.",
        join_values,
    ),
    m(
        "static string Join(string separator, params object[] values)",
        "Texts with a separator between.",
        join_values,
    ),
    m(
        "static string Join<T>(string separator, IEnumerable<T> values)",
        "Texts with a separator between.",
        join_values,
    ),
    m(
        "static string Join(char separator, params string[] value)",
        "Texts with a separator between.",
        join_value,
    ),
    m(
        "static string Join<T>(char separator, IEnumerable<T> values)",
        "Texts with a separator between.",
        join_values,
    ),
    m("static string Join(char separator, params object[] values)", "Texts with one.", join_values),
    m(
        "static string Join(string separator, string[] value, int startIndex, int count)",
        "Some texts with a separator between.",
        join_part,
    ),
    m(
        "static string Join(char separator, string[] value, int startIndex, int count)",
        "Some texts with a separator between.",
        join_part,
    ),
    p("static string Concat(object arg0)", "The text of a value.", concat_objects),
    p("static string Concat(object arg0, object arg1)", "Two texts.", concat_objects),
    p(
        "static string Concat(object arg0, object arg1, object arg2)",
        "Three texts.",
        concat_objects,
    ),
    p("static string Concat(string str0, string str1)", "Two texts.", concat_objects),
    p(
        "static string Concat(string str0, string str1, string str2)",
        "Three texts.",
        concat_objects,
    ),
    p(
        "static string Concat(string str0, string str1, string str2, string str3)",
        "Four texts.",
        concat_objects,
    ),
    m("static string Concat(params string[] values)", "Texts one after the other.", concat_values),
    m("static string Concat(params object[] args)", "Texts one after the other.", concat_args),
    m(
        "static string Concat(IEnumerable<string> values)",
        "Texts one after the other.",
        concat_values,
    ),
    m(
        "static string Concat<T>(IEnumerable<T> values)",
        "Texts one after the other.",
        concat_values,
    ),
    m("static string Format(string format, object arg0)", "Text with a value put in.", format_each)
        .prepared(check_format),
    m("static string Format(string format, object arg0, object arg1)", "With two.", format_each)
        .prepared(check_format),
    m(
        "static string Format(string format, object arg0, object arg1, object arg2)",
        "Text with three values put in.",
        format_each,
    )
    .prepared(check_format),
    m(
        "static string Format(string format, params object[] args)",
        "Text with values put in.",
        format,
    )
    .prepared(check_format),
    m(
        "static string Format(IFormatProvider provider, string format, object arg0)",
        "The same as in a culture.",
        format_each_for,
    )
    .prepared(check_later_format),
    m(
        "static string Format(IFormatProvider provider, string format, object arg0, object arg1)",
        "With two.",
        format_each_for,
    )
    .prepared(check_later_format),
    m(
        "static string Format(IFormatProvider provider, string format, object arg0, object arg1, object arg2)",
        "With three.",
        format_each_for,
    )
    .prepared(check_later_format),
    m(
        "static string Format(IFormatProvider provider, string format, params object[] args)",
        "With all.",
        format_for,
    )
    .prepared(check_later_format),
    p("static string Copy(string str)", "The same text.", given),
    p("static string Intern(string str)", "The same text.", given),
    p("static string IsInterned(string str)", "The same text.", given),
];
