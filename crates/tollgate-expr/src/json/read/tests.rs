//! What Json.NET 12 reads.

use super::{DateParse, MAX_DEPTH};
use crate::json::{Formatting, JsonHeap, JsonId};
use crate::{Budget, Exception, Limits};

#[derive(Debug, Clone, Copy)]
enum Entry {
    Token,
    Object,
    Array,
}

fn read(
    entry: Entry,
    text: &str,
    heap: &mut JsonHeap,
    budget: &mut Budget,
) -> Result<JsonId, Exception> {
    let dates = DateParse::DateTime;
    match entry {
        Entry::Token => heap.parse(text, dates, budget),
        Entry::Object => heap.parse_object(text, dates, budget),
        Entry::Array => heap.parse_array(text, dates, budget),
    }
}

fn shown(entry: Entry, text: &str) -> Result<String, Exception> {
    let mut budget = Budget::new(Limits::default());
    let mut heap = JsonHeap::default();
    let id = read(entry, text, &mut heap, &mut budget)?;
    heap.to_json(id, Formatting::None, &mut budget)
}

#[test]
fn texts() {
    for (entry, text, expected) in [
        (Entry::Token, "/*c*/1", "/*c*/"),
        (Entry::Token, "/*c*/{}", "/*c*/"),
        (Entry::Token, "", "!Error reading JToken from JsonReader. Path '', line 0, position 0."),
        (Entry::Token, "  ", "!Error reading JToken from JsonReader. Path '', line 1, position 2."),
        (
            Entry::Token,
            "1 2",
            "!Additional text encountered after finished reading JSON content: 2. Path '', line 1, position 2.",
        ),
        (
            Entry::Token,
            "1,2",
            "!Additional text encountered after finished reading JSON content: ,. Path '', line 1, position 1.",
        ),
        (
            Entry::Token,
            "]",
            "!JsonToken EndArray is not valid for closing JsonType None. Path '', line 1, position 1.",
        ),
        (
            Entry::Token,
            ",",
            "!Additional text encountered after finished reading JSON content: ,. Path '', line 1, position 0.",
        ),
        (
            Entry::Object,
            "{",
            "!Error reading JObject from JsonReader. Path '', line 1, position 1.",
        ),
        (
            Entry::Object,
            "{\"a\"",
            "!Invalid character after parsing property name. Expected ':' but got: \u{0}. Path '', line 1, position 4.",
        ),
        (
            Entry::Object,
            "{\"a\":",
            "!Unexpected end of content while loading JObject. Path 'a', line 1, position 5.",
        ),
        (
            Entry::Object,
            "{\"a\":1",
            "!Unexpected end of content while loading JObject. Path 'a', line 1, position 6.",
        ),
        (
            Entry::Object,
            "{\"a\":1}}",
            "!Additional text encountered after finished reading JSON content: }. Path '', line 1, position 7.",
        ),
        (
            Entry::Object,
            "{\"a\":}",
            "!Unexpected character encountered while parsing value: }. Path 'a', line 1, position 5.",
        ),
        (
            Entry::Object,
            "{\"a\":]",
            "!JsonToken EndArray is not valid for closing JsonType Object. Path '', line 1, position 6.",
        ),
        (
            Entry::Object,
            "{,}",
            "!Invalid property identifier character: ,. Path '', line 1, position 1.",
        ),
        (Entry::Object, "{\"a\":1,}", "{\"a\":1}"),
        (
            Entry::Object,
            "{\"a\":1,,}",
            "!Invalid property identifier character: ,. Path 'a', line 1, position 7.",
        ),
        (
            Entry::Object,
            "{\"a\":1 \"b\":2}",
            "!After parsing a value an unexpected character was encountered: \". Path 'a', line 1, position 7.",
        ),
        (
            Entry::Object,
            "{\"a\":tru}",
            "!Error parsing boolean value. Path 'a', line 1, position 8.",
        ),
        (
            Entry::Object,
            "{\"a\":trux}",
            "!Error parsing boolean value. Path 'a', line 1, position 8.",
        ),
        (
            Entry::Object,
            "{\"a\":truex}",
            "!Error parsing boolean value. Path 'a', line 1, position 9.",
        ),
        (
            Entry::Object,
            "{\"a\":tr",
            "!Unexpected end when reading JSON. Path 'a', line 1, position 7.",
        ),
        (Entry::Object, "{\"a\":nul}", "!Error parsing null value. Path 'a', line 1, position 8."),
        (
            Entry::Object,
            "{\"a\":nx}",
            "!Unexpected character encountered while parsing value: n. Path 'a', line 1, position 5.",
        ),
        (
            Entry::Object,
            "{\"a\":n",
            "!Unexpected end when reading JSON. Path 'a', line 1, position 6.",
        ),
        (
            Entry::Object,
            "{a b:1}",
            "!Invalid character after parsing property name. Expected ':' but got: b. Path '', line 1, position 3.",
        ),
        (
            Entry::Object,
            "{a-b:1}",
            "!Invalid JavaScript property identifier character: -. Path '', line 1, position 2.",
        ),
        (
            Entry::Object,
            "{a",
            "!Unexpected end while parsing unquoted property name. Path '', line 1, position 2.",
        ),
        (
            Entry::Object,
            "{a ",
            "!Invalid character after parsing property name. Expected ':' but got: \u{0}. Path '', line 1, position 3.",
        ),
        (
            Entry::Object,
            "{\"a",
            "!Unterminated string. Expected delimiter: \". Path '', line 1, position 3.",
        ),
        (
            Entry::Object,
            "{\"a\\",
            "!Unterminated string. Expected delimiter: \". Path '', line 1, position 4.",
        ),
        (
            Entry::Object,
            "{\"a\\q\":1}",
            "!Bad JSON escape sequence: \\q. Path '', line 1, position 5.",
        ),
        (
            Entry::Object,
            "{\"a\":\"\\u12\"}",
            "!Unexpected end while parsing Unicode escape sequence. Path 'a', line 1, position 8.",
        ),
        (
            Entry::Object,
            "{\"a\":\"\\u12x4\"}",
            "!Invalid Unicode escape sequence: \\u12x4. Path 'a', line 1, position 8.",
        ),
        (Entry::Object, "{\"a\":\"\\u1234\"}", "{\"a\":\"ሴ\"}"),
        (
            Entry::Object,
            "{\"a\":\"\\ud83d\\ude00 \\ud83d \\ude00 \\ud83d\\ud83d\\ude00\"}",
            "{\"a\":\"😀 � � �😀\"}",
        ),
        (Entry::Array, "[1,,2]", "[1,undefined,2]"),
        (Entry::Array, "[,]", "[undefined]"),
        (
            Entry::Array,
            "[1",
            "!Unexpected end of content while loading JArray. Path '[0]', line 1, position 2.",
        ),
        (
            Entry::Array,
            "[1,",
            "!Unexpected end of content while loading JArray. Path '[0]', line 1, position 3.",
        ),
        (Entry::Array, "[", "!Error reading JArray from JsonReader. Path '', line 1, position 1."),
        (
            Entry::Array,
            "[1 2]",
            "!After parsing a value an unexpected character was encountered: 2. Path '[0]', line 1, position 3.",
        ),
        (
            Entry::Array,
            "[1.5.5]",
            "!Input string '1.5.5' is not a valid number. Path '[0]', line 1, position 6.",
        ),
        (
            Entry::Array,
            "[1x]",
            "!Input string '1x' is not a valid number. Path '[0]', line 1, position 3.",
        ),
        (
            Entry::Array,
            "[0x1F,010,09]",
            "!Input string '09' is not a valid number. Path '[2]', line 1, position 12.",
        ),
        (
            Entry::Array,
            "[0x1F,010,-012,1e3,1E+2,.5,-.5,5.]",
            "[31,8,-12,1000.0,100.0,0.5,-0.5,5.0]",
        ),
        (
            Entry::Array,
            "[1.2.3]",
            "!Input string '1.2.3' is not a valid number. Path '[0]', line 1, position 6.",
        ),
        (
            Entry::Array,
            "[123456789012345678901234567890, 9223372036854775807, 9223372036854775808, -9223372036854775808]",
            "[123456789012345678901234567890,9223372036854775807,9223372036854775808,-9223372036854775808]",
        ),
        (
            Entry::Array,
            "[NaN,Infinity,-Infinity,undefined,null,true,false]",
            "[\"NaN\",\"Infinity\",\"-Infinity\",undefined,null,true,false]",
        ),
        (Entry::Array, "[NaM]", "!Error parsing NaN value. Path '', line 1, position 3."),
        (Entry::Array, "[Infinitx]", "!Error parsing Infinity value. Path '', line 1, position 8."),
        (
            Entry::Array,
            "[-Infinitx]",
            "!Error parsing -Infinity value. Path '', line 1, position 9.",
        ),
        (
            Entry::Array,
            "[undefinex]",
            "!Error parsing undefined value. Path '', line 1, position 9.",
        ),
        (Entry::Array, "[1e400,-1e400]", "[\"Infinity\",\"-Infinity\"]"),
        (
            Entry::Array,
            "[-]",
            "!Input string '-' is not a valid number. Path '[0]', line 1, position 2.",
        ),
        (
            Entry::Array,
            "[1z]",
            "!Unexpected character encountered while parsing number: z. Path '', line 1, position 2.",
        ),
        (
            Entry::Array,
            "[½]",
            "!Unexpected character encountered while parsing number: ½. Path '', line 1, position 1.",
        ),
        (
            Entry::Array,
            "[+1]",
            "!Unexpected character encountered while parsing value: +. Path '', line 1, position 1.",
        ),
        (Entry::Array, "[new Date(1,'a'), new X()]", "[new Date(1,\"a\"),new X()]"),
        (
            Entry::Array,
            "[new Date 1]",
            "!Unexpected character while parsing constructor: 1. Path '', line 1, position 10.",
        ),
        (
            Entry::Array,
            "[new Da",
            "!Unexpected end while parsing constructor. Path '', line 1, position 7.",
        ),
        (
            Entry::Array,
            "[ne]",
            "!Unexpected content while parsing JSON. Path '', line 1, position 3.",
        ),
        (
            Entry::Array,
            "[/]",
            "!Unexpected end while parsing comment. Path '', line 1, position 2.",
        ),
        (
            Entry::Array,
            "[/*",
            "!Unexpected end while parsing comment. Path '', line 1, position 2.",
        ),
        (
            Entry::Array,
            "[//",
            "!Unexpected end while parsing comment. Path '', line 1, position 2.",
        ),
        (
            Entry::Array,
            "[/x]",
            "!Error parsing comment. Expected: *, got x. Path '', line 1, position 2.",
        ),
        (Entry::Array, "[1/*c*/,//d\n2]", "[1,2]"),
        (
            Entry::Array,
            "[1/]",
            "!Unexpected end while parsing comment. Path '[0]', line 1, position 3.",
        ),
        (
            Entry::Array,
            "\r\n[\r\n1,\n x]",
            "!Unexpected character encountered while parsing value: x. Path '[0]', line 4, position 1.",
        ),
        (
            Entry::Array,
            "[\"a\nb\", x]",
            "!Unexpected character encountered while parsing value: x. Path '[0]', line 2, position 4.",
        ),
        (Entry::Array, "[tru\u{0}]", "!Error parsing boolean value. Path '', line 1, position 4."),
        (
            Entry::Object,
            "[]",
            "!Error reading JObject from JsonReader. Current JsonReader item is not an object: StartArray. Path '', line 1, position 1.",
        ),
        (
            Entry::Object,
            "1",
            "!Error reading JObject from JsonReader. Current JsonReader item is not an object: Integer. Path '', line 1, position 1.",
        ),
        (
            Entry::Object,
            "\"x\"",
            "!Error reading JObject from JsonReader. Current JsonReader item is not an object: String. Path '', line 1, position 3.",
        ),
        (
            Entry::Object,
            "null",
            "!Error reading JObject from JsonReader. Current JsonReader item is not an object: Null. Path '', line 1, position 4.",
        ),
        (Entry::Object, "/*c*/ {a:1}", "{\"a\":1}"),
        (
            Entry::Array,
            "{}",
            "!Error reading JArray from JsonReader. Current JsonReader item is not an array: StartObject. Path '', line 1, position 1.",
        ),
        (
            Entry::Array,
            "{\"a\":1}",
            "!Error reading JArray from JsonReader. Current JsonReader item is not an array: StartObject. Path '', line 1, position 1.",
        ),
        (
            Entry::Array,
            "true",
            "!Error reading JArray from JsonReader. Current JsonReader item is not an array: Boolean. Path '', line 1, position 4.",
        ),
        (Entry::Object, "{'a':1,'b':2,'a':3}", "{\"a\":3,\"b\":2}"),
        (Entry::Object, "{'a':1,'A':2}", "{\"a\":1,\"A\":2}"),
        (
            Entry::Object,
            "{'x.y':[1,{'z q':x}]}",
            "!Unexpected character encountered while parsing value: x. Path '['x.y'][1]['z q']', line 1, position 17.",
        ),
        (
            Entry::Object,
            "{'x\\'y':x}",
            "!Unexpected character encountered while parsing value: x. Path '['x\\'y']', line 1, position 8.",
        ),
        (
            Entry::Array,
            "[[1,[2,y]]]",
            "!Unexpected character encountered while parsing value: y. Path '[0][1][0]', line 1, position 7.",
        ),
        (
            Entry::Object,
            "{\"a\":[1,2}",
            "!JsonToken EndObject is not valid for closing JsonType Array. Path 'a', line 1, position 10.",
        ),
        (
            Entry::Object,
            "{\"a\":{\"b\":1]}",
            "!JsonToken EndArray is not valid for closing JsonType Object. Path 'a', line 1, position 12.",
        ),
        (
            Entry::Token,
            "é",
            "!Unexpected character encountered while parsing value: é. Path '', line 0, position 0.",
        ),
        (
            Entry::Token,
            "{\"é\":é}",
            "!Unexpected character encountered while parsing value: é. Path 'é', line 1, position 5.",
        ),
        (
            Entry::Token,
            "{\"😀\":x}",
            "!Unexpected character encountered while parsing value: x. Path '😀', line 1, position 6.",
        ),
        (
            Entry::Token,
            "\"abc",
            "!Unterminated string. Expected delimiter: \". Path '', line 1, position 4.",
        ),
        (
            Entry::Token,
            "\u{feff}{}",
            "!Unexpected character encountered while parsing value: \u{feff}. Path '', line 0, position 0.",
        ),
        (Entry::Token, "\u{a0}{}", "{}"),
        (
            Entry::Token,
            "{a:1}x",
            "!Additional text encountered after finished reading JSON content: x. Path '', line 1, position 5.",
        ),
        (Entry::Token, "1/*c*/", "1"),
        (Entry::Token, "1 //c", "1"),
        (
            Entry::Token,
            "1 /",
            "!Unexpected end while parsing comment. Path '', line 1, position 3.",
        ),
        (Entry::Token, "{$a_1:1,é:2,\"\":3}", "{\"$a_1\":1,\"é\":2,\"\":3}"),
    ] {
        let found = shown(entry, text).unwrap_or_else(|fault| format!("!{}", fault.message()));
        assert_eq!(found, expected, "{entry:?} {text:?}");
    }
}

#[test]
fn large_integers_keep_their_digits() {
    let digits = "9".repeat(380);
    assert_eq!(shown(Entry::Token, &digits).unwrap(), digits);
    assert_eq!(shown(Entry::Token, "-00099999999999999999999").unwrap(), "-99999999999999999999");
    let fault = shown(Entry::Token, &"9".repeat(381)).unwrap_err();
    assert!(fault.message().contains("is too large to parse."), "{fault}");
}

#[test]
fn dates_stay_text_when_asked() {
    let mut budget = Budget::new(Limits::default());
    let mut heap = JsonHeap::default();
    let text = "'2024-01-01T00:00:00.0Z'";
    for (dates, expected) in [
        (DateParse::DateTime, "\"2024-01-01T00:00:00Z\""),
        (DateParse::None, "\"2024-01-01T00:00:00.0Z\""),
    ] {
        let id = heap.parse(text, dates, &mut budget).unwrap();
        assert_eq!(heap.to_json(id, Formatting::None, &mut budget).unwrap(), expected);
    }
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("[", "]"), ("{a:", "}"), ("new A(", ")")] {
        let nested = |depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
        let too_deep = nested(MAX_DEPTH + 1);
        let fault = shown(Entry::Token, &too_deep).unwrap_err();
        assert!(fault.message().starts_with("The reader's MaxDepth of 512 has been exceeded."));
    }
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(shown(Entry::Token, &deepest).unwrap(), deepest);
    let fault = shown(Entry::Token, &"[".repeat(1 << 20)).unwrap_err();
    assert!(fault.message().contains("MaxDepth"));
}

#[test]
fn memory_and_steps_are_bounded() {
    let many = format!("[{}]", "0,".repeat(100_000));
    let long = format!("\"{}\"", "a".repeat(1 << 20));
    let spaces = " ".repeat(1 << 20);
    for (text, memory, steps) in [
        (&many, 1 << 20, u64::MAX),
        (&many, u64::MAX, 99_999),
        (&long, 1 << 20, u64::MAX),
        (&spaces, 1, 1 << 14),
    ] {
        let mut budget = Budget::new(Limits { steps: steps - 1, memory, depth: 1 });
        let fault = read(Entry::Token, text, &mut JsonHeap::default(), &mut budget).unwrap_err();
        assert!(fault.is_bound(), "{fault}");
    }
}

#[test]
fn every_prefix_and_every_damage_ends() {
    let text = "{\"a\":[1,-2.5e3,'x\\n\\u0041',null,true,undefined,NaN,new D(1)],/*c*/b:{c:\"é😀\"},d:'2024-01-01T00:00:00Z'}";
    let chars: Vec<char> = text.chars().collect();
    for end in 0..chars.len() {
        let prefix: String = chars[..end].iter().collect();
        for entry in [Entry::Token, Entry::Object, Entry::Array] {
            ends(shown(entry, &prefix));
            for damage in ['\0', '"', '{', ']', ',', '\\', '/', 'n', '-', '\r', '😀'] {
                let mut damaged = chars.clone();
                damaged[end] = damage;
                let damaged: String = damaged.into_iter().collect();
                ends(shown(entry, &damaged));
            }
        }
    }
}

/// Whatever it is, it is no hit bound.
fn ends(result: Result<String, Exception>) {
    assert!(!result.is_err_and(|fault| fault.is_bound()));
}
