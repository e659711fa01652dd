//! Hostile programs over XML: bombs, and trees that make quadratic work of what looks linear.

/// Text and its copies, as an expression.
fn times(text: &str, n: usize) -> String {
    format!("string.Concat(Enumerable.Repeat(\"{text}\", {n}))")
}

/// Programs by name.
pub(super) fn programs() -> Vec<(&'static str, String)> {
    let fixed = FIXED.iter().map(|(name, text)| (*name, (*text).to_owned()));
    fixed.chain(parsed()).chain(built()).collect()
}

const FIXED: &[(&str, &str)] = &[
    (
        "XML: entities of entities",
        "@(XDocument.Parse(\"<!DOCTYPE l [<!ENTITY a 'lollollol'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>]><l>&d;&d;&d;</l>\"))",
    ),
    (
        "XML: an entity of a file",
        "@(XElement.Parse(\"<!DOCTYPE l [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><l>&x;</l>\").Value)",
    ),
    (
        "XML: a document type of a server",
        "@(XElement.Parse(\"<!DOCTYPE l SYSTEM 'http://127.0.0.1/l.dtd' [%p;]><l/>\").Value)",
    ),
    (
        "XML: an element that is put into itself",
        "@{ var x = new XElement(\"a\"); for (;;) { x.Add(x); } }",
    ),
    (
        "XML: a tree that holds its copies",
        "@{ var x = new XElement(\"a\"); for (;;) { x = new XElement(\"a\", x, x); } }",
    ),
    (
        "XML: elements around elements",
        "@{ var x = new XElement(\"a\"); for (;;) { var y = new XElement(\"a\"); y.Add(x); x = y; } }",
    ),
    (
        "XML: attributes without end",
        "@{ var x = new XElement(\"a\"); for (var i = 0; ; i++) { x.SetAttributeValue(\"a\" + i, i); } }",
    ),
    (
        "XML: elements before the first",
        "@{ var x = new XElement(\"a\", new XElement(\"b\")); for (;;) { x.AddFirst(new XElement(\"c\")); x.Element(\"b\").AddBeforeSelf(new XText(\"t\")); } }",
    ),
    (
        "XML: text that grows",
        "@{ var x = new XElement(\"a\"); var s = (string)context.Variables[\"long\"]; for (;;) { x.Add(s); } }",
    ),
    (
        "XML: values that are set",
        "@{ var x = new XElement(\"a\", \"x\"); for (;;) { x.Value += x.Value; } }",
    ),
    (
        "XML: nodes replaced in turn",
        "@{ var x = new XElement(\"a\", new XElement(\"b\")); for (;;) { x.FirstNode.ReplaceWith(new XElement(\"b\", x.Nodes())); } }",
    ),
    (
        "XML: text written again and again",
        "@{ var x = new XElement(\"a\"); for (;;) { x.Add(new XElement(\"b\", x.ToString())); } }",
    ),
    (
        "XML: a long name in every tag",
        "@{ XName n = new string('a', 1000000); var x = new XElement(n); for (;;) { x = new XElement(n, x); x.ToString(); } }",
    ),
    (
        "XML: a namespace for every element",
        "@{ var x = new XElement(\"a\"); for (var i = 0; i < 20000; i++) { x = new XElement(XName.Get(\"a\", \"urn:\" + i), new XAttribute(XName.Get(\"b\", \"urn:x\" + i), 1), x); if (i % 500 == 0) { x.ToString(); } } return x.ToString().Length; }",
    ),
    (
        "XML: sections that end inside",
        "@{ var x = new XCData(string.Concat(Enumerable.Repeat(\"]]>\", 300000))); for (;;) { x.ToString(); } }",
    ),
    (
        "XML: texts that cannot be read, at their end",
        "@{ var s = \"<a>\" + context.Variables[\"long\"] + \"</b>\"; for (;;) { try { XElement.Parse(s); } catch (System.Xml.XmlException) { } } }",
    ),
];

/// Texts that are read.
fn parsed() -> Vec<(&'static str, String)> {
    let attributes = "string.Concat(Enumerable.Range(0, 40000).Select(i => \" a\" + i + \"='1'\"))";
    let prefixes = "string.Concat(Enumerable.Range(0, 5000).Select(i => \" xmlns:p\" + i + \"='u\" + i + \"'\"))";
    let (open, close) = (times("<a>", 60_000), times("</a>", 60_000));
    vec![
        ("XML: deep elements", format!("@(XElement.Parse({open} + {close}))")),
        ("XML: deep elements without ends", format!("@(XElement.Parse({open}))")),
        (
            "XML: deep elements to JSON",
            format!("@(JsonConvert.SerializeObject(XElement.Parse({open} + {close})))"),
        ),
        (
            "XML: deep elements compared",
            format!(
                "@{{ var x = XElement.Parse({open} + {close}); var y = new XElement(x); for (;;) {{ XNode.DeepEquals(x, y); }} }}"
            ),
        ),
        (
            "XML: all attributes of one element",
            format!("@{{ var s = \"<a\" + {attributes} + \"/>\"; for (;;) {{ XElement.Parse(s); }} }}"),
        ),
        (
            "XML: prefixes, and elements that use them",
            format!(
                "@{{ var s = \"<a\" + {prefixes} + \">\" + {} + \"</a>\"; for (;;) {{ XElement.Parse(s).ToString(); }} }}",
                times("<p4999:b p0:c='1'/>", 5000)
            ),
        ),
        (
            "XML: references to characters",
            format!("@(XElement.Parse(\"<a>\" + {} + \"</a>\").Value.Length)", times("&#65;", 400_000)),
        ),
        (
            "XML: a long attribute",
            "@{ var s = \"<a x='\" + context.Variables[\"long\"] + \"'/>\"; var l = new List<object>(); for (;;) { l.Add(XElement.Parse(s)); } }"
                .to_owned(),
        ),
    ]
}

/// Trees that are walked.
fn built() -> Vec<(&'static str, String)> {
    let wide = "var x = new XElement(\"a\", Enumerable.Range(0, 20000).Select(i => new XElement(\"b\", i)));";
    let deep = format!(
        "var x = XElement.Parse({} + {});",
        times("<a xmlns='u'>", 5000),
        times("</a>", 5000)
    );
    vec![
        (
            "XML: brothers of brothers",
            format!(
                "@{{ {wide} return x.Elements().SelectMany(e => e.ElementsBeforeSelf()).Count(); }}"
            ),
        ),
        (
            "XML: ancestors of all",
            format!(
                "@{{ {deep} return x.Descendants().SelectMany(e => e.AncestorsAndSelf()).Count(); }}"
            ),
        ),
        (
            "XML: values of all",
            format!(
                "@{{ {deep} return x.DescendantsAndSelf().Select(e => e.Value + e).Count(e => e.Length > 0); }}"
            ),
        ),
        (
            "XML: prefixes from the depth",
            format!(
                "@{{ {deep} var d = x.Descendants().Last(); for (;;) {{ d.GetPrefixOfNamespace(\"v\"); d.GetNamespaceOfPrefix(\"p\"); }} }}"
            ),
        ),
        (
            "XML: the order of nodes",
            format!(
                "@{{ {wide} for (;;) {{ x.Elements().Reverse().InDocumentOrder().Last(); }} }}"
            ),
        ),
        (
            "XML: nodes taken out from behind",
            format!(
                "@{{ {wide} for (;;) {{ x.Elements().Last().PreviousNode.Remove(); x.Add(new XElement(\"c\")); }} }}"
            ),
        ),
        (
            "XML: names that are looked for",
            format!(
                "@{{ {wide} for (;;) {{ x.Element(\"none\"); x.Elements(\"none\").Count(); }} }}"
            ),
        ),
    ]
}
