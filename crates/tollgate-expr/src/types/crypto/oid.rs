//! `Oid` and `AsnEncodedData`.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m, not_allowed, refused, rw};
use super::{Run, bytes};
use crate::cryptography::oid::{by_name, friendly_name};
use crate::eval::{Args, Cx};
use crate::native::Native;
use crate::state::confusion;
use crate::{Exception, Value};

/// An identifier with its name.
#[derive(Debug, Clone, Default)]
struct Oid {
    value: Option<String>,
    name: Option<String>,
}

impl Native for Oid {
    fn id(&self) -> TypeId {
        TypeId::Oid
    }
}

impl Oid {
    /// Of an identifier, or of a name. What the identifier is called is looked up when somebody asks.
    fn of(text: &str) -> Oid {
        Oid { value: Some(by_name(text).unwrap_or(text).to_owned()), name: None }
    }
}

/// An `Oid` of an identifier.
pub(super) fn of(cx: &mut Cx<'_>, value: &str) -> Run {
    cx.state.add_native(Oid::of(value))
}

fn text(value: Option<&String>) -> Value {
    value.map_or(Value::Null, |text| Value::from(text.as_str()))
}

fn this<'a>(cx: &'a mut Cx<'_>, a: &Args<'_>) -> Result<&'a mut Oid, Exception> {
    cx.state.native_mut(a.get(0)).ok_or_else(confusion)
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.Oid",
    kind: Kind::Class,
    bases: &[],
    docs: "An object identifier with its name.",
    members: &[
        m("new()", "An empty one.", |cx, _| cx.state.add_native(Oid::default())),
        m("new(string oid)", "Of an identifier or a name.", |cx, a| {
            let given = a.str(0, "friendlyName")?;
            cx.state.add_native(Oid::of(&given))
        }),
        m("new(string value, string friendlyName)", "Of an identifier and its name.", |cx, a| {
            let owned = |index: usize| a.opt_str(index).map(str::to_owned);
            let given = Oid { value: owned(0), name: owned(1) };
            cx.state.add_native(given)
        }),
        m("new(Oid oid)", "A copy.", |cx, a| {
            let given = a.some(0, "oid")?;
            let copy: Oid = cx.state.native(&given).cloned().ok_or_else(confusion)?;
            cx.state.add_native(copy)
        }),
        rw(
            "string Value",
            "The identifier.",
            |cx, a| Ok(text(this(cx, a)?.value.as_ref())),
            |cx, a| {
                this(cx, a)?.value = a.opt_str(1).map(str::to_owned);
                Ok(a.value(1))
            },
        ),
        rw(
            "string FriendlyName",
            "The name.",
            |cx, a| {
                let oid = this(cx, a)?;
                if let (None, Some(value)) = (&oid.name, &oid.value) {
                    oid.name = friendly_name(value).map(str::to_owned);
                }
                Ok(text(oid.name.as_ref()))
            },
            |cx, a| {
                let name = a.opt_str(1).map(str::to_owned);
                let oid = this(cx, a)?;
                if let Some(value) = name.as_deref().and_then(by_name) {
                    oid.value = Some(value.to_owned());
                }
                oid.name = name;
                Ok(a.value(1))
            },
        ),
    ],
    refused: &[
        refused("FromFriendlyName", "its type `OidGroup` is not in Azure's list"),
        refused("FromOidValue", "its type `OidGroup` is not in Azure's list"),
    ],
};

/// Encoded data with what it is.
#[derive(Debug)]
struct Encoded {
    oid: Value,
    data: Vec<u8>,
}

impl Native for Encoded {
    fn id(&self) -> TypeId {
        TypeId::AsnEncodedData
    }
}

/// An `AsnEncodedData`.
pub(super) fn encoded(cx: &mut Cx<'_>, oid: &str, data: &[u8]) -> Run {
    cx.charge(data.len())?;
    let oid = of(cx, oid)?;
    cx.state.add_native(Encoded { oid, data: data.to_vec() })
}

pub(in crate::types) const ENCODED: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.AsnEncodedData",
    kind: Kind::Class,
    bases: &[],
    docs: "Encoded data of a public key.",
    members: &[
        m("Oid Oid", "What it is.", |cx, a| {
            let data: &Encoded = cx.state.native(a.get(0)).ok_or_else(confusion)?;
            Ok(data.oid.clone())
        }),
        m("byte[] RawData", "The data.", |cx, a| {
            let data: &Encoded = cx.state.native(a.get(0)).ok_or_else(confusion)?;
            let data = data.data.clone();
            bytes(cx, &data)
        }),
    ],
    refused: &[
        not_allowed("new", "Azure does not list `AsnEncodedData`"),
        not_allowed("CopyFrom", "Azure does not list `AsnEncodedData`"),
        not_allowed("Format", "Azure does not list `AsnEncodedData`"),
    ],
};
