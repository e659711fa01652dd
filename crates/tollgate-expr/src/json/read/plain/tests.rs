//! The plain reader beside the lenient one.

use super::super::Reader;
use super::*;
use crate::Limits;
use crate::json::Formatting;

const LIMITS: Limits = Limits { steps: 1 << 30, memory: 1 << 30, depth: 128 };

fn text(heap: &JsonHeap, id: JsonId, budget: &mut Budget) -> String {
    heap.to_json(id, Formatting::None, budget).unwrap()
}

/// What the lenient reader makes of a text.
fn lenient(source: &str) -> Option<String> {
    let (mut heap, mut budget) = (JsonHeap::default(), Budget::new(LIMITS));
    let mut reader = Reader::new(source, DateParse::DateTime);
    reader.read(&mut budget).ok()?;
    let root = heap.load(&mut reader, &mut budget).ok()?;
    reader.finish(&mut budget).ok()?;
    Some(text(&heap, root, &mut budget))
}

/// What the plain reader makes of it, with all tokens in their places; none when it gives up without a trace.
fn plain(source: &str) -> Option<String> {
    let (mut heap, mut budget) = (JsonHeap::default(), Budget::new(LIMITS));
    let Some(root) = read(&mut heap, source, DateParse::DateTime, b"{[", &mut budget).unwrap()
    else {
        assert_eq!(heap.mark(), 0);
        assert_eq!(format!("{budget:?}"), format!("{:?}", Budget::new(LIMITS)));
        return None;
    };
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        for index in 0..heap.count(id) {
            let child = heap.child(id, index).unwrap();
            assert_eq!((heap.parent(child), heap.slot(child)), (Some(id), index), "{source}");
            if let Some(name) = heap.name(child) {
                assert_eq!(heap.property_named(id, name), Some(child), "{source}");
            }
            open.push(child);
        }
    }
    Some(text(&heap, root, &mut budget))
}

#[test]
fn plain_text_gives_what_the_lenient_reader_gives() {
    let many: Vec<String> = (0..40).map(|n| format!("\"n{n}\": [{n}]")).collect();
    let many = format!("{{{}}}", many.join(","));
    let deep = format!("{}{}", "[".repeat(511), "]".repeat(511));
    let texts = [
        "{}",
        "[]",
        " [ ] ",
        "[[],{}]",
        r#"{"a":{"b":[1,2,{"c":null}]},"d":true,"e":false}"#,
        r#"["","a","\"","\\","\n\t\/\b\f\r","é😀","xxxxxxxx\"yyyyyyyy","1234567\\"]"#,
        r#"["2024-01-31T12:00:00Z","2024-01-31","\/Date(0)\/","/Date(1)/"]"#,
        "[0,1,-1,10,9223372036854775807,-9223372036854775808,1.5,1e3,-2.5E-3,-0.5,0.25,100000000000000000000.0]",
        "{\"a\": 1,\r\n\t\"b\": \"x\ny\"}",
        many.as_str(),
        deep.as_str(),
        r#"{"":1," ":2,"a name that is longer than what is kept for later":3}"#,
    ];
    for source in texts {
        let found = plain(source);
        assert!(found.is_some(), "{source}");
        assert_eq!(found, lenient(source), "{source}");
    }
}

#[test]
fn short_decimals_are_what_they_say() {
    let texts = [
        "0.7",
        "-0.0",
        "0.0",
        "1.25",
        "123456789.123456",
        "0.00000000000001",
        "99999999999999.9",
        "0.1",
        "0.3",
        "-2.675",
        "1.005",
        "900719925.474099",
        "8.41",
        "1000000.0",
    ];
    for text in texts {
        let (short, parsed) = (short_decimal(text), text.parse::<f64>().unwrap());
        assert_eq!(short.map(f64::to_bits), Some(parsed.to_bits()), "{text}");
    }
    assert_eq!(short_decimal("0.1234567890123456"), None);
    assert_eq!(short_decimal("1.5e3"), None);
}

#[test]
fn strings_are_parts_of_the_document_until_they_are_asked_for() {
    let (mut heap, mut budget) = (JsonHeap::default(), Budget::new(LIMITS));
    let mut parse = |heap: &mut JsonHeap, source: &str| {
        heap.parse(source, DateParse::DateTime, &mut budget).unwrap()
    };
    let first = parse(&mut heap, r#"{"a":"é😀","b":["x","","y\n"]}"#);
    let second = parse(&mut heap, r#" ["x","other"]"#);
    let find = |heap: &JsonHeap, id, index| heap.child(id, index).unwrap();
    let text = heap.get(first, "a").unwrap();
    assert_eq!(heap.token_type(text), crate::json::JsonType::String);
    assert_eq!(heap.scalar(text), Some(&Scalar::from("é😀")));
    assert!(std::ptr::eq(heap.scalar(text).unwrap(), heap.scalar(text).unwrap()));
    let row = heap.get(first, "b").unwrap();
    assert_eq!(heap.token_equals(find(&heap, row, 0), find(&heap, second, 0)), Ok(true));
    assert_eq!(heap.token_equals(find(&heap, row, 1), find(&heap, second, 1)), Ok(false));
    let mut budget = Budget::new(LIMITS);
    let copy = heap.deep_clone(first, &mut budget).unwrap();
    assert!(heap.deep_equals(Some(first), Some(copy), &mut budget).unwrap());
    heap.set_scalar(text, Scalar::Int(1), &mut budget).unwrap();
    assert_eq!(
        self::text(&heap, first, &mut budget) + &self::text(&heap, copy, &mut budget),
        r#"{"a":1,"b":["x","","y\n"]}{"a":"é😀","b":["x","","y\n"]}"#
    );
}

#[test]
fn everything_else_is_left_to_the_lenient_reader() {
    let deep = format!("{}{}", "[".repeat(600), "]".repeat(600));
    let texts = [
        "",
        "1",
        "\"a\"",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "['a']",
        "{\"a\" 1}",
        "{\"a\":}",
        "[1]x",
        "[1] [2]",
        "[01]",
        "[-0]",
        "[1.]",
        "[.5]",
        "[1e]",
        "[+1]",
        "[NaN]",
        "[undefined]",
        "[tru]",
        "[truex]",
        "[1x]",
        "/**/[1]",
        "[1/**/]",
        "{\"a\":1,\"a\":2}",
        "[\"a",
        "[\"\\",
        "[\"\\x\"]",
        "[\"\\u12\"]",
        "[\"\\ud83d\\ude00\"]",
        "[\"\\ud83d\"]",
        "[}",
        "{]",
        "{\"\\u0061\":1}",
        "[9223372036854775808]",
        "\u{feff}[1]",
        "[1\u{a0}]",
        "new Date(1)",
        deep.as_str(),
    ];
    for source in texts {
        assert_eq!(plain(source), None, "{source}");
    }
}
