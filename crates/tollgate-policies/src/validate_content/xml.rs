//! Well-formedness of XML, within bounds.

use quick_xml::NsReader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

/// How deep elements may nest.
const DEEPEST: usize = 128;

/// Namespaces of SOAP 1.1 and 1.2.
const SOAP: [&str; 2] =
    ["http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"];

/// Checks that a body is one well-formed XML document without a DTD.
pub(super) fn well_formed(body: &[u8]) -> Result<(), String> {
    walk(body, |_, _, _| {})
}

/// Checks that a body is a SOAP envelope with a body.
pub(super) fn soap(body: &[u8]) -> Result<(), String> {
    let (mut envelope, mut content) = (false, false);
    walk(body, |depth, namespace, name| {
        let of_soap = namespace.is_some_and(|namespace| SOAP.contains(&namespace));
        envelope |= depth == 0 && of_soap && name == "Envelope";
        content |= depth == 1 && of_soap && name == "Body";
    })?;
    if !envelope {
        return Err("The root element is not a SOAP envelope.".to_owned());
    }
    if content { Ok(()) } else { Err("The SOAP envelope has no body.".to_owned()) }
}

/// Reads a document; `element` sees depth, namespace and local name of each element.
fn walk(body: &[u8], mut element: impl FnMut(usize, Option<&str>, &str)) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|_| "The body is not UTF-8.".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    let (mut depth, mut roots) = (0usize, 0usize);
    loop {
        let (namespace, event) =
            reader.read_resolved_event().map_err(|error| format!("{error}."))?;
        let namespace = match namespace {
            ResolveResult::Bound(namespace) => Some(namespace.into_inner()),
            ResolveResult::Unbound => None,
            ResolveResult::Unknown(prefix) => {
                return Err(format!("'{prefix}' is an undeclared prefix."));
            }
        };
        match event {
            Event::Start(start) => {
                roots += usize::from(depth == 0);
                element(depth, namespace, start.local_name().as_ref());
                attributes(&reader, &start)?;
                depth += 1;
                if depth > DEEPEST {
                    return Err("Elements are nested too deeply.".to_owned());
                }
            }
            Event::Empty(start) => {
                roots += usize::from(depth == 0);
                element(depth, namespace, start.local_name().as_ref());
                attributes(&reader, &start)?;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) if depth == 0 => {
                if !text.chars().all(char::is_whitespace) {
                    return Err("There is text outside of the root element.".to_owned());
                }
            }
            Event::CData(_) | Event::GeneralRef(_) if depth == 0 => {
                return Err("There is text outside of the root element.".to_owned());
            }
            Event::GeneralRef(reference) => {
                unescape(&format!("&{};", &*reference)).map_err(|error| format!("{error}."))?;
            }
            Event::DocType(_) => {
                return Err("A document type definition is not allowed.".to_owned());
            }
            Event::Eof => break,
            Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {}
        }
    }
    match roots {
        1 if depth == 0 => Ok(()),
        0 => Err("The root element is missing.".to_owned()),
        1 => Err("The document ends before its elements do.".to_owned()),
        _ => Err("There are several root elements.".to_owned()),
    }
}

fn attributes(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<(), String> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("{error}."))?;
        if attribute.value.contains('<') {
            return Err("'<' is not allowed in the value of an attribute.".to_owned());
        }
        unescape(&attribute.value).map_err(|error| format!("{error}."))?;
        let (namespace, _) = reader.resolver().resolve_attribute(attribute.key);
        if let ResolveResult::Unknown(prefix) = namespace {
            return Err(format!("'{prefix}' is an undeclared prefix."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        let found = well_formed(body.as_bytes()).err().unwrap_or_default();
        assert!(found.starts_with(expected), "{body}: {found}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{body}: {found}");
    }

    #[test]
    fn documents_are_well_formed_or_not() {
        check(
            "\u{feff}<?xml version=\"1.0\"?><!-- c --><a b='1'>x<c/>&amp;&#65;<![CDATA[<]]></a>\n",
            "",
        );
        check("<p:a xmlns:p='urn:p' p:b='1'/>", "");
        check("", "The root element is missing.");
        check("<a/><b/>", "There are several root elements.");
        check("<a>", "The document ends before its elements do.");
        check("<a></b>", "ill-formed document");
        check("<a/>x", "There is text outside");
        check("<a b='1' b='2'/>", "position");
        check("<a b='<'/>", "'<' is not allowed");
        check("<p:a/>", "'p' is an undeclared prefix.");
        check("<a p:b='1'/>", "'p' is an undeclared prefix.");
        assert!(well_formed(b"<a>&nbsp;</a>").is_err());
    }

    #[test]
    fn bombs_are_refused() {
        let laughs = "<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d '&b;&b;'>]><a>&d;</a>";
        check(laughs, "A document type definition is not allowed.");
        let deep = format!("{}{}", "<a>".repeat(200), "</a>".repeat(200));
        check(&deep, "Elements are nested too deeply.");
    }

    #[test]
    fn soap_is_an_envelope_with_a_body() {
        let envelope = |namespace: &str, inside: &str| {
            soap(format!("<s:Envelope xmlns:s='{namespace}'>{inside}</s:Envelope>").as_bytes())
        };
        let soap_1_2 = "http://www.w3.org/2003/05/soap-envelope";
        assert_eq!(envelope(soap_1_2, "<s:Body><x/></s:Body>"), Ok(()));
        assert!(envelope(soap_1_2, "<s:Header/>").is_err());
        assert!(envelope("urn:other", "<s:Body/>").is_err());
        assert!(soap(b"<Envelope><Body/></Envelope>").is_err());
    }
}
