//! The enumerations of XML.

use super::super::decl::{Kind, TypeDecl};

const fn constants(name: &'static str, kind: Kind, docs: &'static str) -> TypeDecl {
    TypeDecl { name, kind, bases: &[], docs, members: &[], refused: &[] }
}

pub(in crate::types) const SAVE: TypeDecl = constants(
    "System.Xml.Linq.SaveOptions",
    Kind::Flags(&[("None", 0), ("DisableFormatting", 1), ("OmitDuplicateNamespaces", 2)]),
    "How XML is written.",
);

pub(in crate::types) const LOAD: TypeDecl = constants(
    "System.Xml.Linq.LoadOptions",
    Kind::Flags(&[("None", 0), ("PreserveWhitespace", 1), ("SetBaseUri", 2), ("SetLineInfo", 4)]),
    "How XML is read.",
);

pub(in crate::types) const READER: TypeDecl = constants(
    "System.Xml.Linq.ReaderOptions",
    Kind::Flags(&[("None", 0), ("OmitDuplicateNamespaces", 1)]),
    "How a tree is walked by a reader, which expressions do not have.",
);

pub(in crate::types) const NODE_TYPE: TypeDecl = constants(
    "System.Xml.XmlNodeType",
    Kind::Enum(&[
        ("None", 0),
        ("Element", 1),
        ("Attribute", 2),
        ("Text", 3),
        ("CDATA", 4),
        ("EntityReference", 5),
        ("Entity", 6),
        ("ProcessingInstruction", 7),
        ("Comment", 8),
        ("Document", 9),
        ("DocumentType", 10),
        ("DocumentFragment", 11),
        ("Notation", 12),
        ("Whitespace", 13),
        ("SignificantWhitespace", 14),
        ("EndElement", 15),
        ("EndEntity", 16),
        ("XmlDeclaration", 17),
    ]),
    "What a node is.",
);
