//! What is said of arguments that fit no overload, or two as well.

use tollgate_diagnostics::Code as ErrorCode;

use super::Checker;
use super::expression::Found;
use super::overload::{Argument, Chosen, Fit, Passed};
use crate::Value;
use crate::syntax::At;
use crate::types::{MemberInfo, MemberKind, ParamMode, Refused, Ty, info};

impl Checker<'_> {
    pub(super) fn ambiguous(&mut self, left: &Chosen, right: &Chosen, name: &str, at: At) {
        let message = format!("the call of `{name}` is ambiguous");
        let mut diagnostic = self.diagnostic(ErrorCode::EXPR_TYPE, at, message);
        for chosen in [left, right] {
            let found = Found { member: chosen.member, class: chosen.fit.class.clone() };
            diagnostic = diagnostic.help(format!("it may be `{}`", Self::signature(&found)));
        }
        self.report(diagnostic);
    }

    pub(super) fn no_overload(
        &mut self,
        members: &[Found],
        types: &[Ty],
        args: Vec<Argument<'_>>,
        name: &str,
        at: At,
    ) {
        // An argument that is wrong by itself says more than the overloads.
        let before = self.diagnostics.len();
        if let [only] = members
            && Self::refused_overload(only.member, args.len()).is_none()
        {
            let params = &only.member.params;
            if let Some(sources) = Self::sources(params, &args, false) {
                let class = only.class.clone();
                let method = types.to_vec();
                let mut fit = Fit { params, class, method, sources, expanded: false };
                if only.member.n_types > 0 && types.is_empty() {
                    if let Some(inferred) = self.infer(&fit, only.member.n_types, &args) {
                        fit.method = inferred;
                    } else {
                        if !self.explained(&args) {
                            self.no_inference(&only.member.name, name, at);
                        }
                        return self.declare_outs(args);
                    }
                }
                let unmet = Self::unmet(only.member, &fit);
                self.pass(&fit, args);
                if let Some((ty, constraint)) = unmet {
                    let message =
                        format!("a type argument of `{name}` must be {constraint}, not `{ty}`");
                    self.error(ErrorCode::EXPR_TYPE, at, message);
                } else if self.diagnostics.len() == before {
                    let message = format!("the arguments of `{name}` do not fit");
                    self.error(ErrorCode::EXPR_TYPE, at, message);
                }
                return;
            }
        }
        self.no_candidate(members, args, name, at);
    }

    /// Whether a lambda is wrong by itself, which has been said then.
    fn explained(&mut self, args: &[Argument<'_>]) -> bool {
        args.iter().any(|arg| match arg.value {
            Passed::Lambda(lambda) => self.explain_lambda(lambda, arg.at),
            _ => false,
        })
    }

    fn no_candidate(&mut self, members: &[Found], args: Vec<Argument<'_>>, name: &str, at: At) {
        if self.explained(&args) {
            return self.declare_outs(args);
        }
        let counts = |member: &MemberInfo| {
            let least = member
                .params
                .iter()
                .filter(|param| param.default.is_none() && param.mode != ParamMode::Params)
                .count();
            let open = member.params.last().is_some_and(|param| param.mode == ParamMode::Params);
            (least, if open { usize::MAX } else { member.params.len() })
        };
        let n = args.len();
        let any = members.iter().any(|found| {
            let (least, most) = counts(found.member);
            (least..=most).contains(&n)
        });
        let message = if any {
            let shown: Vec<String> = args.iter().map(Self::shown_argument).collect();
            format!("no overload of `{name}` takes ({})", shown.join(", "))
        } else {
            format!("no overload of `{name}` takes {n} arguments")
        };
        let refused = members.first().and_then(|found| Self::refused_overload(found.member, n));
        let mut diagnostic = match refused {
            Some(refused) => {
                let message = format!("{message}: `{}` is not supported", refused.member);
                self.diagnostic(ErrorCode::EXPR_UNSUPPORTED, at, message).help(refused.why)
            }
            None => self.diagnostic(ErrorCode::EXPR_TYPE, at, message),
        };
        for found in members.iter().take(4) {
            diagnostic = diagnostic.help(format!("there is `{}`", Self::signature(found)));
        }
        self.report(diagnostic);
        self.declare_outs(args);
    }

    /// An overload of a member, with so many parameters, that the declarations leave out.
    fn refused_overload(member: &MemberInfo, n: usize) -> Option<&'static Refused> {
        let name = if member.kind == MemberKind::Constructor { "new" } else { &*member.name };
        let mut refused = info(member.owner).decl.refused.iter();
        refused.find(|refused| refused.name() == name && refused.n_parameters() == Some(n))
    }

    fn shown_argument(arg: &Argument<'_>) -> String {
        match &arg.value {
            Passed::Value(typed) => typed.ty.to_string(),
            Passed::Lambda(_) => "a lambda".to_owned(),
            Passed::Group(_) | Passed::Function(..) => "a method".to_owned(),
            Passed::Open(_) => "default".to_owned(),
            Passed::Out(_, ty) | Passed::OutRef(_, ty) => format!("out {ty}"),
            Passed::Ref(_, ty) => format!("ref {ty}"),
            Passed::OutVar(..) | Passed::Discard => "out var".to_owned(),
        }
    }

    pub(super) fn no_inference(&mut self, written: &str, name: &str, at: At) {
        let message = format!("the type arguments of `{name}` cannot be inferred");
        let diagnostic = self
            .diagnostic(ErrorCode::EXPR_TYPE, at, message)
            .help(format!("write them: `{written}<…>(…)`"));
        self.report(diagnostic);
    }

    /// A member as C# would declare it.
    fn signature(found: &Found) -> String {
        let member = found.member;
        if member.n_types > 0 {
            return member.signature.to_owned();
        }
        let mut params = Vec::new();
        let skip = usize::from(member.extension);
        for param in member.params.iter().skip(skip) {
            let mode = match param.mode {
                ParamMode::Value => "",
                ParamMode::Out => "out ",
                ParamMode::Ref => "ref ",
                ParamMode::Params => "params ",
            };
            let ty = param.ty.substitute(&found.class, &[]);
            let optional = match &param.default {
                Some(Value::Bool(value)) => format!(" = {value}"),
                Some(_) => " = …".to_owned(),
                None => String::new(),
            };
            params.push(format!("{mode}{ty} {}{optional}", param.name));
        }
        format!("{}({})", member.name, params.join(", "))
    }
}
