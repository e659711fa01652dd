//! Expanded names, and which characters XML allows.

use std::sync::{Arc, LazyLock};

use crate::{Exception, ExceptionKind};

/// The namespace of the prefix `xml`.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of the prefix `xmlns`.
pub(crate) const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

static EMPTY: LazyLock<Arc<str>> = LazyLock::new(|| "".into());

/// `XName`: a namespace and a local name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) namespace: Arc<str>,
    pub(crate) local: Arc<str>,
}

impl Name {
    pub(crate) fn new(namespace: Arc<str>, local: Arc<str>) -> Self {
        Self { namespace, local }
    }

    /// A name in no namespace.
    pub(crate) fn local(local: Arc<str>) -> Self {
        Self { namespace: EMPTY.clone(), local }
    }

    /// `XName.Get(expandedName)`: `local` or `{namespace}local`.
    pub(crate) fn parse(text: &str) -> Result<Self, Exception> {
        let invalid = || {
            Exception::new(
                ExceptionKind::Argument,
                format!("'{text}' is an invalid expanded name."),
            )
        };
        if text.is_empty() {
            return Err(invalid());
        }
        let Some(rest) = text.strip_prefix('{') else {
            verify_name(text)?;
            return Ok(Self::local(text.into()));
        };
        let (namespace, local) = rest.rsplit_once('}').ok_or_else(invalid)?;
        if namespace.is_empty() || local.is_empty() {
            return Err(invalid());
        }
        verify_name(local)?;
        Ok(Self::new(namespace.into(), local.into()))
    }

    /// `ToString()`: as [`Name::parse`] takes it.
    pub(crate) fn text(&self) -> String {
        if self.namespace.is_empty() {
            self.local.to_string()
        } else {
            format!("{{{}}}{}", self.namespace, self.local)
        }
    }

    /// Whether an attribute of this name declares a namespace.
    pub(crate) fn is_declaration(&self) -> bool {
        if self.namespace.is_empty() { &*self.local == "xmlns" } else { &*self.namespace == XMLNS }
    }
}

/// No namespace.
pub(crate) fn no_namespace() -> Arc<str> {
    EMPTY.clone()
}

/// Whether it is white space to XML.
pub(crate) fn is_whitespace(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Whether XML allows the character at all.
pub(crate) fn is_char(c: char) -> bool {
    c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || matches!(c, '\t' | '\r' | '\n')
}

/// Whether public identifiers may contain it.
pub(crate) fn is_public_id_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || " \r\n-'()+,./:=?;!*#@$_%".contains(c)
}

/// Whether a name may begin with it, the colon not counted.
pub(crate) fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '_'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{131}'
        | '\u{134}'..='\u{13e}' | '\u{141}'..='\u{148}' | '\u{14a}'..='\u{17e}'
        | '\u{180}'..='\u{1c3}' | '\u{1cd}'..='\u{1f0}' | '\u{1f4}'..='\u{1f5}'
        | '\u{1fa}'..='\u{217}' | '\u{250}'..='\u{2a8}' | '\u{2bb}'..='\u{2c1}'
        | '\u{386}' | '\u{388}'..='\u{38a}' | '\u{38c}' | '\u{38e}'..='\u{3a1}'
        | '\u{3a3}'..='\u{3ce}' | '\u{3d0}'..='\u{3d6}' | '\u{3da}' | '\u{3dc}' | '\u{3de}'
        | '\u{3e0}' | '\u{3e2}'..='\u{3f3}' | '\u{401}'..='\u{40c}' | '\u{40e}'..='\u{44f}'
        | '\u{451}'..='\u{45c}' | '\u{45e}'..='\u{481}' | '\u{490}'..='\u{4c4}'
        | '\u{4c7}'..='\u{4c8}' | '\u{4cb}'..='\u{4cc}' | '\u{4d0}'..='\u{4eb}'
        | '\u{4ee}'..='\u{4f5}' | '\u{4f8}'..='\u{4f9}' | '\u{531}'..='\u{556}' | '\u{559}'
        | '\u{561}'..='\u{586}' | '\u{5d0}'..='\u{5ea}' | '\u{5f0}'..='\u{5f2}'
        | '\u{621}'..='\u{63a}' | '\u{641}'..='\u{64a}' | '\u{671}'..='\u{6b7}'
        | '\u{6ba}'..='\u{6be}' | '\u{6c0}'..='\u{6ce}' | '\u{6d0}'..='\u{6d3}' | '\u{6d5}'
        | '\u{6e5}'..='\u{6e6}' | '\u{905}'..='\u{939}' | '\u{93d}' | '\u{958}'..='\u{961}'
        | '\u{e01}'..='\u{e2e}' | '\u{e30}' | '\u{e32}'..='\u{e33}' | '\u{e40}'..='\u{e45}'
        | '\u{10a0}'..='\u{10c5}' | '\u{10d0}'..='\u{10f6}' | '\u{1100}'..='\u{1112}'
        | '\u{1e00}'..='\u{1e9b}' | '\u{1ea0}'..='\u{1ef9}' | '\u{1f00}'..='\u{1f15}'
        | '\u{1f18}'..='\u{1f1d}' | '\u{1f20}'..='\u{1f45}' | '\u{1f48}'..='\u{1f4d}'
        | '\u{1f50}'..='\u{1f57}' | '\u{1f5f}'..='\u{1f7d}' | '\u{1f80}'..='\u{1fb4}'
        | '\u{2126}' | '\u{212a}'..='\u{212b}' | '\u{212e}' | '\u{2180}'..='\u{2182}'
        | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3041}'..='\u{3094}'
        | '\u{30a1}'..='\u{30fa}' | '\u{3105}'..='\u{312c}' | '\u{4e00}'..='\u{9fa5}'
        | '\u{ac00}'..='\u{d7a3}')
}

/// Whether a name may contain it, the colon not counted.
pub(crate) fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c,
            '0'..='9' | '-' | '.' | '\u{b7}'
            | '\u{2d0}' | '\u{2d1}' | '\u{300}'..='\u{345}' | '\u{360}'..='\u{361}' | '\u{387}'
            | '\u{483}'..='\u{486}' | '\u{591}'..='\u{5a1}' | '\u{5a3}'..='\u{5b9}'
            | '\u{5bb}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c2}' | '\u{5c4}' | '\u{640}'
            | '\u{64b}'..='\u{652}' | '\u{660}'..='\u{669}' | '\u{670}' | '\u{6d6}'..='\u{6e4}'
            | '\u{6e7}'..='\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{6f0}'..='\u{6f9}'
            | '\u{901}'..='\u{903}' | '\u{93c}' | '\u{93e}'..='\u{94d}' | '\u{951}'..='\u{954}'
            | '\u{962}'..='\u{963}' | '\u{966}'..='\u{96f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}'
            | '\u{e46}'..='\u{e4e}' | '\u{e50}'..='\u{e59}' | '\u{20d0}'..='\u{20dc}' | '\u{20e1}'
            | '\u{3005}' | '\u{302a}'..='\u{302f}' | '\u{3031}'..='\u{3035}'
            | '\u{3099}'..='\u{309a}' | '\u{309d}'..='\u{309e}' | '\u{30fc}'..='\u{30fe}')
}

/// A character as messages show it: itself and its number.
pub(crate) fn shown(c: char) -> (String, String) {
    let text = if c == '\0' { ".".to_owned() } else { c.to_string() };
    (text, format!("0x{:02X}", u32::from(c)))
}

/// `Name cannot begin with …`.
pub(crate) fn bad_start(c: char) -> String {
    let (text, number) = shown(c);
    format!("Name cannot begin with the '{text}' character, hexadecimal value {number}.")
}

/// `… cannot be included in a name`.
pub(crate) fn bad_inside(c: char) -> String {
    let (text, number) = shown(c);
    format!("The '{text}' character, hexadecimal value {number}, cannot be included in a name.")
}

/// `… is an invalid character`.
pub(crate) fn bad_char(c: char) -> String {
    let (text, number) = shown(c);
    format!("'{text}', hexadecimal value {number}, is an invalid character.")
}

/// Checks a local name, which is not empty.
pub(crate) fn verify_name(name: &str) -> Result<(), Exception> {
    verify(name, |_| false)
}

/// Checks a name in which colons may stand anywhere, as document types take it when they are made.
pub(crate) fn verify_colon_name(name: &str) -> Result<(), Exception> {
    verify(name, |c| c == ':')
}

fn verify(name: &str, more: impl Fn(char) -> bool) -> Result<(), Exception> {
    for (index, c) in name.chars().enumerate() {
        if index == 0 && !is_name_start(c) && !more(c) {
            return Err(Exception::new(ExceptionKind::Xml, bad_start(c)));
        }
        if !is_name_char(c) && !more(c) {
            return Err(Exception::new(ExceptionKind::Xml, bad_inside(c)));
        }
    }
    Ok(())
}

/// Checks a name with at most one colon, as it is written.
pub(crate) fn verify_qname(name: &str) -> Result<(), Exception> {
    match name.split_once(':') {
        None => verify_name(name),
        Some(("", _)) => Err(Exception::new(ExceptionKind::Xml, bad_start(':'))),
        Some((prefix, local)) => {
            verify_name(prefix)?;
            if !local.starts_with(is_name_start) {
                return Err(Exception::new(ExceptionKind::Xml, bad_inside(':')));
            }
            verify_name(local)
        }
    }
}
