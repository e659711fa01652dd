//! Well-formedness of XML, within bounds.

use tollgate_expr::{EvalState, Exception, WhiteSpace, XmlEvent};

use crate::message_body::LIMITS;

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
        let of_soap = SOAP.contains(&namespace);
        envelope |= depth == 0 && of_soap && name == "Envelope";
        content |= depth == 1 && of_soap && name == "Body";
    })?;
    if !envelope {
        return Err("The root element is not a SOAP envelope.".to_owned());
    }
    if content { Ok(()) } else { Err("The SOAP envelope has no body.".to_owned()) }
}

/// Reads a document; `element` sees depth, namespace and local name of each element.
fn walk(body: &[u8], mut element: impl FnMut(usize, &str, &str)) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|_| "The body is not UTF-8.".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut depth = 0;
    let read = EvalState::new(LIMITS).read_xml(text, WhiteSpace::LeftOut, &mut |event| {
        match event {
            XmlEvent::Start { name, .. } => {
                element(depth, name.namespace, name.local);
                depth += 1;
                if depth > DEEPEST {
                    return Err(Exception::bound("Elements are nested too deeply."));
                }
            }
            XmlEvent::End => depth -= 1,
            _ => {}
        }
        Ok(())
    });
    read.map_err(|exception| match exception.message() {
        _ if depth > DEEPEST => "Elements are nested too deeply.".to_owned(),
        _ if exception.is_bound() => "The document is too large to be read.".to_owned(),
        message => message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        let found = well_formed(body.as_bytes()).err().unwrap_or_default();
        let begin = body.get(..100).unwrap_or(body);
        assert!(found.starts_with(expected), "{begin}: {found}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{begin}: {found}");
    }

    #[test]
    fn documents_are_well_formed_or_not() {
        check(
            "\u{feff}<?xml version=\"1.0\"?><!-- c --><a b='1'>x<c/>&amp;&#65;<![CDATA[<]]></a>\n",
            "",
        );
        check("<p:a xmlns:p='urn:p' p:b='1'/>", "");
        check("", "Root element is missing.");
        check("<a/><b/>", "There are multiple root elements.");
        check("<a>x", "Unexpected end of file has occurred.");
        check("<a></b>", "The 'a' start tag on line 1 position 2 does not match");
        check("<a/>x", "Data at the root level is invalid.");
        check("<a b='1' b='2'/>", "'b' is a duplicate attribute name.");
        check("<a b='<'/>", "'<', hexadecimal value 0x3C, is an invalid");
        check("<p:a/>", "'p' is an undeclared prefix.");
        check("<a p:b='1'/>", "'p' is an undeclared prefix.");
        check("<1a/>", "Name cannot begin with the '1' character");
        check("<a>\u{1}</a>", "'\u{1}', hexadecimal value 0x01, is an invalid character.");
        assert!(well_formed(b"<a>&nbsp;</a>").is_err());
    }

    #[test]
    fn bombs_are_refused() {
        let laughs = "<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d '&b;&b;'>]><a>&d;</a>";
        check(laughs, "For security reasons DTD is prohibited in this XML document.");
        let deep = format!("{}{}", "<a>".repeat(200), "</a>".repeat(200));
        check(&deep, "Elements are nested too deeply.");
        let attributes = |what: &str, n: usize| {
            let all: Vec<String> = (0..n).map(|n| format!(" {what}{n}='u'")).collect();
            all.concat()
        };
        check(&format!("<a{}/>", attributes("b", 50_000)), "");
        let scope = format!("<a{}/>", attributes("xmlns:b", 1_025));
        check(&scope, "More than 1024 namespaces are in scope.");
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
