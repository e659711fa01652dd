//! What no recorded case can say: bounds, and what document types may do.

use std::fmt::Write as _;

use super::{Dtd, ReadOptions, SaveOptions, XmlHeap};
use crate::{Budget, Limits};

const LIMITS: Limits = Limits { steps: 1_000_000, memory: 32 << 20, depth: 128 };

/// Reads a document and writes it again, or says what went wrong.
fn round(text: &str, dtd: Dtd, limits: Limits) -> String {
    let mut heap = XmlHeap::new();
    let mut budget = Budget::new(limits);
    let options = ReadOptions { preserve_whitespace: true, dtd };
    let written = heap
        .parse(text, options, &mut budget)
        .and_then(|parsed| heap.to_text(parsed.document, SaveOptions::of(1), &mut budget));
    match written {
        Ok(text) => text,
        Err(exception) => format!("{exception}"),
    }
}

fn check(text: &str, expected: &str) {
    let found = round(text, Dtd::Empty, LIMITS);
    assert!(found.contains(expected), "{text:.80}: {found:.300}");
}

#[test]
fn what_is_read_is_written() {
    for text in [
        "<a />",
        "<a></a>",
        "<a b=\"1\" xmlns:p=\"u\"><p:c /> x <!--c--><?p d?><![CDATA[<]]></a>",
        "<!--c--><a xml:space=\"preserve\"> </a><?p d?>",
        "<é>😀</é>",
    ] {
        check(text, text);
    }
}

#[test]
fn document_types_declare_nothing() {
    const PROHIBITED: &str = "For security reasons DTD is prohibited in this XML document.";
    check(
        "<!DOCTYPE r SYSTEM 'http://h/x.dtd'><r/>",
        "<!DOCTYPE r SYSTEM \"http://h/x.dtd\"[]><r />",
    );
    check("<!DOCTYPE r []><r/>", "<!DOCTYPE r []><r />");
    for subset in [
        "<!ENTITY a 'x'>",
        "<!ENTITY a SYSTEM 'file:///etc/passwd'>",
        "<!ENTITY % a 'x'> %a;",
        "<!ATTLIST r x CDATA 'd'>",
        "<?p d?>",
        "<!-- c -->",
    ] {
        check(&format!("<!DOCTYPE r [{subset}]><r>&a;</r>"), PROHIBITED);
    }
    let found = round("<!DOCTYPE r><r/>", Dtd::Prohibit, LIMITS);
    assert!(found.contains(PROHIBITED), "{found}");
}

#[test]
fn depth_is_bounded_by_memory_alone() {
    let memory = "the expression uses too much memory";
    check(&format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000)), "<a></a>");
    check(&"<a>".repeat(1_000_000), memory);
    let wide = format!("<a>{}</a>", "<b/>".repeat(1_000_000));
    check(&wide, memory);
}

#[test]
fn many_attributes_and_namespaces_cost_steps() {
    let mut attributes = String::new();
    for n in 0..40_000 {
        write!(attributes, " a{n}=''").unwrap();
    }
    let declared = |n: u32| {
        (0..n).fold(String::new(), |text, n| text + &format!(" xmlns:p{n}='u{n}' p{n}:a=''"))
    };
    check(&format!("<a{attributes}/>"), "a39999=\"\"");
    check(&format!("<a{}/>", declared(1_024)), "p1023:a=\"\"");
    check(&format!("<a{}/>", declared(1_025)), "More than 1024 namespaces are in scope.");
    let all = format!("<a{}>{}</a>", declared(1_000), "<p0:b/>".repeat(40_000));
    check(&all, "the expression takes too many steps");
    check(&format!("<a{attributes} a7=''/>"), "'a7' is a duplicate attribute name.");
}

#[test]
fn every_cut_of_a_document_is_an_exception() {
    let text = "<?xml version=\"1.0\" encoding='x'?><!DOCTYPE r SYSTEM 's' []><!--c--><p:r xmlns:p='u' \
                a=\"&lt;&#65;\"><?p d?><![CDATA[x]]>t&amp;é😀<b/></p:r>";
    for (cut, _) in text.char_indices().skip(1) {
        let found = round(text.split_at(cut).0, Dtd::Empty, LIMITS);
        assert!(found.starts_with("System.Xml.XmlException: "), "{cut}: {found}");
    }
    for (cut, c) in text.char_indices() {
        let (before, after) = text.split_at(cut);
        let without = format!("{before}{}", after.split_at(c.len_utf8()).1);
        let _ = round(&without, Dtd::Empty, LIMITS);
    }
}
