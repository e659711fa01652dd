//! Lambdas, `new` and initializers.

use super::ast::{
    Body, Element, Expr, ExprKind, InitValue, Initializer, LambdaExpr, Parameter, PassMode,
    TypeKind, TypeRef,
};
use super::parser::Parser;
use super::postfix::args_depth;
use super::{At, SyntaxError};

type Result<T> = std::result::Result<T, SyntaxError>;

impl Parser<'_> {
    // Lambdas.

    pub(super) fn lambda(&mut self) -> Result<Option<Expr>> {
        let start = self.at();
        let asynchronous = self.is_word("async")
            && (self.is_name_at(1) && self.is_at(2, "=>")
                || self.word_at(1) == Some("delegate")
                || self.is_at(1, "(") && self.attempt(Self::is_async).is_some());
        if asynchronous {
            return Err(SyntaxError::unsupported(start, "`async` is not supported")
                .help("policies wait for nothing: expressions run to their end"));
        }
        let parameters = if self.is_name() && self.is_at(1, "=>") {
            let name = self.any_word()?;
            vec![Parameter { mode: PassMode::Value, ty: None, name, default: None }]
        } else if self.is("(")
            && (self.is_at(1, ")") || self.is_name_at(1) || self.word_at(1).is_some())
        {
            let parsed = self.attempt(|parser| {
                let parameters = parser.lambda_parameters()?;
                if parser.is("=>") { Ok(parameters) } else { Err(parser.unexpected("`=>`")) }
            });
            match parsed {
                Some(parameters) => parameters,
                None => return Ok(None),
            }
        } else {
            return Ok(None);
        };
        self.expect("=>")?;
        let body = self.lambda_body()?;
        let depth = match &body {
            Body::Expr(expr) => expr.depth,
            Body::Block(_) => 0,
        };
        let lambda = LambdaExpr { parameters: Some(parameters), body };
        self.make(ExprKind::Lambda(lambda), start, depth).map(Some)
    }

    fn is_async(&mut self) -> Result<()> {
        self.next();
        self.lambda_parameters()?;
        if self.is("=>") { Ok(()) } else { Err(self.unexpected("`=>`")) }
    }

    /// `delegate (int x) { … }`.
    pub(super) fn anonymous_method(&mut self, start: At) -> Result<Expr> {
        self.next();
        let parameters = if self.is("(") {
            let parameters = self.lambda_parameters()?;
            if let Some(bare) = parameters.iter().find(|parameter| parameter.ty.is_none()) {
                return Err(SyntaxError::new(bare.name.at, "the parameter needs a type"));
            }
            Some(parameters)
        } else {
            None
        };
        let body = Body::Block(self.block()?);
        self.make(ExprKind::Lambda(LambdaExpr { parameters, body }), start, 0)
    }

    fn lambda_body(&mut self) -> Result<Body> {
        if self.is("{") {
            return Ok(Body::Block(self.block()?));
        }
        Ok(Body::Expr(Box::new(self.thrown_or_expression()?)))
    }

    fn lambda_parameters(&mut self) -> Result<Vec<Parameter>> {
        self.expect("(")?;
        let mut parameters = Vec::new();
        if self.eat(")") {
            return Ok(parameters);
        }
        loop {
            let mode = self.pass_mode();
            let bare = self.is_name() && (self.is_at(1, ",") || self.is_at(1, ")"));
            let ty = if bare { None } else { Some(self.ty()?) };
            let name = self.name("a parameter name")?;
            parameters.push(Parameter { mode, ty, name, default: None });
            if !self.eat(",") {
                self.expect(")")?;
                return Ok(parameters);
            }
        }
    }

    // Creation.

    pub(super) fn creation(&mut self, start: At) -> Result<Expr> {
        self.next();
        if self.is("{") {
            return self.anonymous(start);
        }
        if self.is("[") {
            self.next();
            if self.is(",") {
                return Err(several_dimensions(start));
            }
            self.expect("]")?;
            let init = self.initializer()?;
            let depth = init_depth(&init);
            let kind = ExprKind::NewArray { element: None, size: None, init: Some(init) };
            return self.make(kind, start, depth);
        }
        if self.is("(") {
            let error = SyntaxError::new(self.at(), "`new` needs a type");
            return Err(error);
        }
        let mut ty = self.ty_without_ranks()?;
        if self.is("?") && !self.is_at(1, ".") {
            self.next();
            ty = TypeRef { at: ty.at, kind: TypeKind::Nullable(Box::new(ty)) };
        }
        if self.is("[") {
            return self.array_creation(ty, start);
        }
        let args = if self.eat("(") { Some(self.arguments(")")?) } else { None };
        let init = if self.is("{") { Some(self.initializer()?) } else { None };
        if args.is_none() && init.is_none() {
            return Err(self.unexpected("`(`, `[` or `{`"));
        }
        let depth = args.as_deref().map_or(0, args_depth).max(init.as_ref().map_or(0, init_depth));
        self.make(ExprKind::New { ty, args, init }, start, depth)
    }

    fn array_creation(&mut self, mut element: TypeRef, start: At) -> Result<Expr> {
        self.expect("[")?;
        let size = if self.is("]") { None } else { Some(Box::new(self.expression()?)) };
        if self.is(",") {
            return Err(several_dimensions(start));
        }
        self.expect("]")?;
        while self.is("[") && self.is_at(1, "]") {
            self.next();
            self.next();
            let at = element.at.to(self.previous_at());
            element = TypeRef { kind: TypeKind::Array(Box::new(element)), at };
        }
        let init = if self.is("{") { Some(self.initializer()?) } else { None };
        if size.is_none() && init.is_none() {
            return Err(SyntaxError::new(start, "the array has neither a size nor an initializer"));
        }
        let depth = size.as_ref().map_or(0, |size| size.depth);
        let depth = depth.max(init.as_ref().map_or(0, init_depth));
        self.make(ExprKind::NewArray { element: Some(element), size, init }, start, depth)
    }

    fn anonymous(&mut self, start: At) -> Result<Expr> {
        self.expect("{")?;
        let mut members = Vec::new();
        while !self.eat("}") {
            let named = self.is_name() && self.is_at(1, "=");
            let name = if named { Some(self.any_word()?) } else { None };
            if named {
                self.next();
            }
            members.push((name, self.expression()?));
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        let depth = members.iter().map(|(_, value)| value.depth).max().unwrap_or(0);
        self.make(ExprKind::Anonymous(members), start, depth)
    }

    pub(super) fn initializer(&mut self) -> Result<Initializer> {
        self.enter()?;
        let start = self.at();
        self.expect("{")?;
        let mut elements = Vec::new();
        while !self.eat("}") {
            elements.push(self.element()?);
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        self.leave();
        Ok(Initializer { elements, at: start.to(self.previous_at()) })
    }

    fn element(&mut self) -> Result<Element> {
        let start = self.at();
        if self.is("{") {
            self.next();
            let mut values = Vec::new();
            while !self.eat("}") {
                values.push(self.expression()?);
                if !self.eat(",") {
                    self.expect("}")?;
                    break;
                }
            }
            return Ok(Element::Args(values, start.to(self.previous_at())));
        }
        if self.eat("[") {
            let args = self.arguments("]")?;
            self.expect("=")?;
            let value = self.init_value()?;
            return Ok(Element::Index(args, value, start.to(self.previous_at())));
        }
        if self.is_name() && self.is_at(1, "=") {
            let name = self.any_word()?;
            self.next();
            return Ok(Element::Member(name, self.init_value()?));
        }
        Ok(Element::Value(self.expression()?))
    }

    fn init_value(&mut self) -> Result<InitValue> {
        if self.is("{") {
            return Ok(InitValue::Nested(self.initializer()?));
        }
        Ok(InitValue::Expr(self.expression()?))
    }
}

fn several_dimensions(at: At) -> SyntaxError {
    SyntaxError::unsupported(at, "arrays of several dimensions are not supported")
        .help("use an array of arrays: `new T[n][]`")
}

fn init_depth(init: &Initializer) -> u16 {
    let value = |value: &InitValue| match value {
        InitValue::Expr(expr) => expr.depth,
        InitValue::Nested(nested) => init_depth(nested),
    };
    let depth = |element: &Element| match element {
        Element::Value(expr) => expr.depth,
        Element::Args(values, _) => values.iter().map(|value| value.depth).max().unwrap_or(0),
        Element::Index(args, init, _) => args_depth(args).max(value(init)),
        Element::Member(_, init) => value(init),
    };
    init.elements.iter().map(depth).max().unwrap_or(0)
}
