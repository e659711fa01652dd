//! What Json.NET 12 answers.

use super::{JsonPath, NoMatch};
use crate::json::{DateParse, Formatting, JsonHeap};
use crate::{Budget, Exception, Limits};

/// Enough of regular expressions for the tests: a literal, any case.
#[expect(clippy::unnecessary_wraps, reason = "the shape of the real one")]
fn contains(input: &str, pattern: &str, options: &str, _: &mut Budget) -> Result<bool, Exception> {
    assert_eq!(options, "i");
    Ok(input.to_lowercase().contains(&pattern.to_lowercase()))
}

/// What the path finds in the document, or in one of its properties.
fn select(
    document: &str,
    from: &str,
    path: &str,
    no_match: NoMatch,
    single: bool,
) -> Result<String, Exception> {
    let mut budget = Budget::new(Limits::default());
    let mut heap = JsonHeap::with_regex(contains);
    let root = heap.parse(document, DateParse::DateTime, &mut budget)?;
    let start = heap.get(root, from).unwrap_or(root);
    let path = JsonPath::parse(path, &mut budget)?;
    let found = if single {
        heap.select_token(start, &path, no_match, &mut budget)?.into_iter().collect()
    } else {
        match heap.select(start, &path, no_match, &mut budget) {
            (_, Some(fault)) => return Err(fault),
            (found, None) => found,
        }
    };
    let texts: Result<Vec<String>, Exception> =
        found.into_iter().map(|id| heap.to_json(id, Formatting::None, &mut budget)).collect();
    texts.map(|texts| texts.join(" | "))
}

#[test]
fn paths() {
    for (document, from, path, error, single, expected) in [
        ("{a:{b:[1,2,{c:3}]},d:null}", "", "a.b[2].c", false, true, "3"),
        ("{a:{b:[1,2,{c:3}]},d:null}", "", "$.a.b[0]", false, true, "1"),
        (
            "{a:{b:[1,2,{c:3}]},d:null}",
            "",
            "$",
            false,
            true,
            "{\"a\":{\"b\":[1,2,{\"c\":3}]},\"d\":null}",
        ),
        (
            "{a:{b:[1,2,{c:3}]},d:null}",
            "",
            "",
            false,
            true,
            "{\"a\":{\"b\":[1,2,{\"c\":3}]},\"d\":null}",
        ),
        ("{a:1}", "", " a", false, true, ""),
        ("{a:1}", "", "a ", false, true, "1"),
        ("{a:1}", "", "x", false, true, ""),
        ("{a:1}", "", "d.e.f", false, true, ""),
        ("{a:1}", "", "x", true, true, "!Property 'x' does not exist on JObject."),
        ("{a:1}", "", "a.b", true, true, "!Property 'b' not valid on JValue."),
        ("{a:[1]}", "", "a[5]", true, true, "!Index 5 outside the bounds of JArray."),
        ("{a:[1]}", "", "a[5]", false, true, ""),
        (
            "{a:[1]}",
            "",
            "a[-1]",
            false,
            true,
            "!Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')",
        ),
        ("{a:1}", "", "a[0]", true, true, "!Index 0 not valid on JValue."),
        ("{a:1}", "", "[0]", true, true, "!Index 0 not valid on JObject."),
        ("{a:1}", "", "[*]", true, true, "!Index * not valid on JObject."),
        ("[1,2]", "", "[*]", false, true, "!Path returned multiple tokens."),
        ("[1,2]", "", "[*]", false, false, "1 | 2"),
        ("[1,2]", "", "a", true, true, "!Property 'a' not valid on JArray."),
        ("[1,2]", "", "*", true, true, "!Property '*' not valid on JArray."),
        ("{a:1,b:2}", "", "*", false, false, "1 | 2"),
        ("{a:1,b:2}", "", "$.*", false, false, "1 | 2"),
        ("{a:1,b:2}", "", "['a','b']", false, false, "1 | 2"),
        ("{a:1,b:2}", "", "['a','x']", false, false, "1"),
        ("{a:1,b:2}", "", "['a','b']", true, false, "!Property 'a' does not exist on JObject."),
        ("{a:1,b:2}", "", "['a','x']", true, false, "!Property 'a' does not exist on JObject."),
        ("[1]", "", "['a','x']", true, false, "!Properties 'a', 'x' not valid on JArray."),
        ("{'a.b':1,'c d':2}", "", "['a.b']", false, true, "1"),
        ("{'a.b':1,'c d':2}", "", "$['c d']", false, true, "2"),
        ("{'it\\'s':1}", "", "['it\\'s']", false, true, "1"),
        ("{a:1}", "", "['a'", false, true, "!Path ended with open indexer."),
        ("{a:1}", "", "['a", false, true, "!Path ended with an open string."),
        ("{a:1}", "", "['a\\q']", false, true, "!Unknown escape character: \\q"),
        ("{a:1}", "", "['a'x]", false, true, "!Unexpected character while parsing path indexer: x"),
        ("{a:1}", "", "[", false, true, "!Path ended with open indexer."),
        ("{a:1}", "", "[]", false, true, "!Array index expected."),
        ("{a:1}", "", "[a]", false, true, "!Unexpected character while parsing path indexer: a"),
        ("{a:1}", "", "[1 2]", false, true, "!Unexpected character while parsing path indexer: 2"),
        ("{a:1}", "", "[1,]", false, true, "!Array index expected."),
        ("{a:1}", "", "[,1]", false, true, "!Array index expected."),
        (
            "{a:1}",
            "",
            "[99999999999]",
            false,
            true,
            "!Value was either too large or too small for an Int32.",
        ),
        ("{a:1}", "", "[1", false, true, "!Path ended with open indexer."),
        ("{a:1}", "", "[*x]", false, true, "!Unexpected character while parsing path indexer: *"),
        (
            "{a:1}",
            "",
            "[\"a\"]",
            false,
            true,
            "!Unexpected character while parsing path indexer: \"",
        ),
        ("{a:1}", "", "a.", false, true, "!Unexpected end while parsing path."),
        ("{a:1}", "", "a..", false, true, "!Unexpected end while parsing path."),
        ("{a:1}", "", ".a", false, true, "1"),
        ("{a:1}", "", "..", false, true, "!Unexpected end while parsing path."),
        ("{a:1}", "", "a]", false, true, "!Unexpected character while parsing path: ]"),
        ("{a:1}", "", "a)", false, true, "!Unexpected character while parsing path: )"),
        ("{a:1}", "", "a b", false, true, "!Unexpected character while parsing path:  "),
        ("{a:1}", "", "a[0]b", false, true, "!Unexpected character following indexer: b"),
        ("{a:1}", "", "$a", false, true, ""),
        ("{$a:1}", "", "$a", false, true, "1"),
        ("[0,1,2,3,4,5]", "", "[1:3]", false, false, "1 | 2"),
        ("[0,1,2,3,4,5]", "", "[:2]", false, false, "0 | 1"),
        ("[0,1,2,3,4,5]", "", "[-2:]", false, false, "4 | 5"),
        ("[0,1,2,3,4,5]", "", "[::2]", false, false, "0 | 2 | 4"),
        ("[0,1,2,3,4,5]", "", "[::-1]", false, false, "5 | 4 | 3 | 2 | 1 | 0"),
        ("[0,1,2,3,4,5]", "", "[4:1:-2]", false, false, "4 | 2"),
        ("[0,1,2,3,4,5]", "", "[-1:-3:-1]", false, false, "5 | 4"),
        ("[0,1,2,3,4,5]", "", "[::0]", false, false, "!Step cannot be zero."),
        ("[0,1,2,3,4,5]", "", "[10:]", true, false, "!Array slice of 10 to * returned no results."),
        ("[0,1,2,3,4,5]", "", "[3:1]", true, false, "!Array slice of 3 to 1 returned no results."),
        ("{a:1}", "", "[3:1]", true, false, "!Array slice is not valid on JObject."),
        ("[0,1,2,3,4,5]", "", "[1,3,9]", false, false, "1 | 3"),
        ("[0,1,2,3,4,5]", "", "[1,3,9]", true, false, "!Index 9 outside the bounds of JArray."),
        ("[0,1,2,3,4,5]", "", "[ 1 , 3 ]", false, false, "1 | 3"),
        ("[0,1,2,3,4,5]", "", "[ 1 : 3 ]", false, false, "1 | 2"),
        ("[0,1,2,3,4,5]", "", "[1:2:3:4]", false, false, "1"),
        ("[0,1,2,3,4,5]", "", "[-9:]", false, false, "0 | 1 | 2 | 3 | 4 | 5"),
        ("[]", "", "[0:]", true, false, "!Array slice of 0 to * returned no results."),
        ("{a:{n:1,b:{n:2}},c:[{n:3},{m:{n:4}}]}", "", "..n", false, false, "1 | 2 | 3 | 4"),
        ("{a:{n:1,b:{n:2}},c:[{n:3},{m:{n:4}}]}", "", "$..n", false, false, "1 | 2 | 3 | 4"),
        (
            "{a:{n:1},c:[5]}",
            "",
            "$..*",
            false,
            false,
            "{\"a\":{\"n\":1},\"c\":[5]} | {\"n\":1} | 1 | [5] | 5",
        ),
        ("{a:[[1,2],[3]]}", "", "$..[0]", false, false, ""),
        ("{a:[[1,2],[3]]}", "", "$..a[0]", false, false, "[1,2]"),
        ("{a:[[1,2],[3]]}", "", "$..[0].x", false, false, ""),
        ("{a:{n:1,m:2}}", "", "$..['n','m']", false, false, "1 | 2"),
        ("{a:{n:1,m:2}}", "", "$..['n']", false, false, "1"),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "[?(@.a==2)]", false, false, "{\"a\":2}"),
        (
            "[{a:1,b:'x'},{a:2},{a:3,b:'y'}]",
            "",
            "$[?(@.b)]",
            false,
            false,
            "{\"a\":1,\"b\":\"x\"} | {\"a\":3,\"b\":\"y\"}",
        ),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.b == 'x')].a", false, false, "1"),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.a > 1 && @.b)].a", false, false, "3"),
        (
            "[{a:1,b:'x'},{a:2},{a:3,b:'y'}]",
            "",
            "$[?(@.a < 2 || @.a >= 3)].a",
            false,
            false,
            "1 | 3",
        ),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.a != 2)].a", false, false, "1 | 3"),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.a <> 2)].a", false, false, "1 | 3"),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.b != 'x')].a", false, false, "3"),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.b =~ /X/i)].a", false, false, "1"),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.a == 1.0)].a", false, false, "1"),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.a === 1.0)].a", false, false, "1"),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.a == '1')].a", false, false, ""),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.a === '1')].a", false, false, ""),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.a !== 1)].a", false, false, "2 | 3"),
        ("[{a:1,b:'x'},{a:2},{a:3,b:'y'}]", "", "$[?(@.a > '1')].a", false, false, "2 | 3"),
        (
            "[{a:1,b:'x'},{a:2},{a:3,b:'y'}]",
            "",
            "$[?(@.b > 1)].a",
            false,
            false,
            "!Input string was not in a correct format.",
        ),
        (
            "[1,2,3,'a',null,true]",
            "",
            "[?(@ > 1)]",
            false,
            false,
            "!Input string was not in a correct format.",
        ),
        ("[1,2,3]", "", "[?(@ > 1)]", false, false, "2 | 3"),
        ("[1,2,3,null,true]", "", "[?(@ == true)]", false, false, "true"),
        ("[1,null]", "", "[?(@ == null)]", false, false, "null"),
        ("[{a:1},{a:null},{}]", "", "[?(@.a == null)]", false, false, "{\"a\":null}"),
        ("{l:2,x:[{a:1},{a:2}]}", "", "x[?(@.a == $.l)]", false, false, "{\"a\":2}"),
        ("{x:{p:{a:1},q:{a:2}}}", "", "x[?(@.a == 1)]", false, false, ""),
        ("{x:{p:{a:1},q:{a:2}}}", "", "x[?(@)]", false, false, "\"p\":{\"a\":1} | \"q\":{\"a\":2}"),
        ("{x:{p:{a:1},q:{a:2}}}", "", "$..[?(@.a == 2)]", false, false, "{\"a\":2}"),
        ("[{a:[1,2]},{a:[3]}]", "", "[?(@.a[*] == 2)]", false, false, "{\"a\":[1,2]}"),
        ("[{a:[1,2]},{a:[3]}]", "", "[?(@.a[0] == 3)]", false, false, "{\"a\":[3]}"),
        ("[{a:[1,2]},{a:[3]}]", "", "[?(@.a == 3)]", false, false, ""),
        ("[{a:[1,2]},{a:[3]}]", "", "[?(@.a != 3)]", false, false, "{\"a\":[1,2]} | {\"a\":[3]}"),
        (
            "[{a:'2024-01-01T00:00:00Z'}]",
            "",
            "[?(@.a == '2024-01-01T00:00:00Z')]",
            false,
            false,
            "{\"a\":\"2024-01-01T00:00:00Z\"}",
        ),
        ("[{a:1}]", "", "[?(@.a == 1", false, false, "!Index was outside the bounds of the array."),
        (
            "[{a:1}]",
            "",
            "[?(@.a == )]",
            false,
            false,
            "!Unexpected character while parsing path query: )",
        ),
        ("[{a:1}]", "", "[?(@.a = 1)]", false, false, "!Could not read query operator."),
        ("[{a:1}]", "", "[?(@.a ~ 1)]", false, false, "!Could not read query operator."),
        (
            "[{a:1}]",
            "",
            "[?@.a]",
            false,
            false,
            "!Unexpected character while parsing path indexer: @",
        ),
        (
            "[{a:1}]",
            "",
            "[?(@.a & 1)]",
            false,
            false,
            "!Unexpected character while parsing path query: &",
        ),
        ("[{a:1}]", "", "[?(@.a == 'x)]", false, false, "!Path ended with an open string."),
        ("[{a:1}]", "", "[?(@.a =~ /x)]", false, false, "!Path ended with an open regex."),
        ("[{a:1}]", "", "[?(@.a)", false, false, "!Path ended with open indexer."),
        (
            "[{a:1}]",
            "",
            "[?(@.a) x]",
            false,
            false,
            "!Unexpected character while parsing path indexer: x",
        ),
        ("[{a:1}]", "", "[?(", false, false, "!Path ended with open query."),
        ("[{a:1}]", "", "[?", false, false, "!Path ended with open indexer."),
        ("[{a:1}]", "", "[?()]", false, false, "!Unexpected character while parsing path query: )"),
        (
            "[{a:1}]",
            "",
            "[?(x)]",
            false,
            false,
            "!Unexpected character while parsing path query: x",
        ),
        (
            "[{a:1}]",
            "",
            "[?(@.a == x)]",
            false,
            false,
            "!Unexpected character while parsing path query: x",
        ),
        ("[{a:1}]", "", "[?(1 == @.a)]", false, false, "{\"a\":1}"),
        ("[{a:1}]", "", "[?('x' == 'x')]", false, false, "{\"a\":1}"),
        ("[{a:-1.5e1}]", "", "[?(@.a == -15)]", false, false, "{\"a\":-15.0}"),
        (
            "[{a:1}]",
            "",
            "[?(@.a == 1x)]",
            false,
            false,
            "!Unexpected character while parsing path query: )",
        ),
        (
            "[{a:1}]",
            "",
            "[?(@.a==1&&@.a==1||@.b)]",
            false,
            false,
            "!Unexpected character while parsing path query: )",
        ),
        (
            "[{a:1,b:2},{b:3},{a:4}]",
            "",
            "[?(@.a || @.b && @.c)]",
            false,
            false,
            "{\"a\":1,\"b\":2} | {\"a\":4}",
        ),
        ("[{a:{b:1}}]", "", "[?(@.a.b)]", false, false, "{\"a\":{\"b\":1}}"),
        ("[{a:{b:1}}]", "", "[?(@.['a'])]", false, false, "{\"a\":{\"b\":1}}"),
        ("[{a:{b:1}}]", "", "[?(@['a'].b == 1)]", false, false, "{\"a\":{\"b\":1}}"),
        ("[{a:{b:1}}]", "", "[?(@..b == 1)]", false, false, "{\"a\":{\"b\":1}}"),
        ("[{a:{b:1}}]", "", "[?(@.)]", false, false, "!Unexpected end while parsing path."),
        ("[[1,2],[3]]", "", "[?(@[1])]", false, false, "[1,2]"),
        ("[1,2]", "", "(0)", false, false, "1"),
        ("{a:[1]}", "", "a(0)", false, false, "1"),
        ("{a:1}", "", "a", true, false, "1"),
        ("{a:[{b:1},{b:2}]}", "", "a[*].b", false, true, "!Path returned multiple tokens."),
        ("{a:{b:1}}", "a", "b", false, true, "1"),
        ("{a:{b:1}}", "a", "$.b", false, false, "1"),
        ("new X(1,2)", "", "[*]", false, false, "1 | 2"),
        ("new X(1,2)", "", "[1]", false, false, "2"),
        ("new X(1,2)", "", "[5]", true, false, "!Index 5 outside the bounds of JConstructor."),
        ("1", "", "..*", false, false, "1"),
        ("1", "", "a", true, true, "!Property 'a' not valid on JValue."),
        ("[[{x:1}],{x:2}]", "", "$..[0].x", false, false, "1"),
        ("[[{x:{x:3}}],{x:2}]", "", "$..[0][0].x", false, false, "{\"x\":3} | 3"),
        ("[[{y:{x:3}}],{x:2}]", "", "$..[0][0].x", false, false, "3"),
    ] {
        let no_match = if error { NoMatch::Error } else { NoMatch::Null };
        let found = select(document, from, path, no_match, single)
            .unwrap_or_else(|exception| format!("!{}", exception.message()));
        assert_eq!(found, expected, "{path} in {document}");
    }
}

#[test]
fn hostile_paths_end() {
    let nested = format!("{}@{}", "[?(@.a".repeat(5_000), ")]".repeat(5_000));
    let alternating = format!("[?({}@.a)]", "@.a && @.b || ".repeat(5_000));
    let scans = "..*".repeat(200);
    for path in [nested, alternating, scans] {
        let result = select("[[[[[[[[[[1]]]]]]]]]]", "", &path, NoMatch::Null, false);
        assert!(result.is_err(), "{result:?}");
    }
}
