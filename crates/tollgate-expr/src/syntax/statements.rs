//! Statements.

use super::ast::{
    Block, Body, Catch, Constraint, Declaration, Expr, ExprKind, ForeachTarget, FunctionDecl, Name,
    Parameter, PassMode, Stmt, StmtKind, SwitchLabel, SwitchSection, TypeKind, TypeRef,
};
use super::parser::Parser;
use super::{At, SyntaxError};

type Result<T> = std::result::Result<T, SyntaxError>;

impl Parser<'_> {
    pub(super) fn block(&mut self) -> Result<Block> {
        self.enter()?;
        let start = self.at();
        self.expect("{")?;
        let mut statements = Vec::new();
        while !self.eat("}") {
            if self.is_end() {
                return Err(self.unexpected("`}`"));
            }
            statements.push(self.statement()?);
        }
        self.leave();
        Ok(Block { statements, at: start.to(self.previous_at()) })
    }

    pub(super) fn statement(&mut self) -> Result<Stmt> {
        self.enter()?;
        let start = self.at();
        let kind = self.statement_kind(start)?;
        self.leave();
        Ok(Stmt { kind, at: start.to(self.previous_at()) })
    }

    fn boxed(&mut self) -> Result<Box<Stmt>> {
        let statement = self.statement()?;
        let declares = matches!(
            statement.kind,
            StmtKind::Declaration(_) | StmtKind::Function(_) | StmtKind::Label(..)
        );
        if declares {
            let message = "a declaration cannot be the only statement of a branch";
            return Err(SyntaxError::new(statement.at, message).help("put it in braces"));
        }
        Ok(Box::new(statement))
    }

    fn bracketed(&mut self) -> Result<Expr> {
        self.expect("(")?;
        let value = self.expression()?;
        self.expect(")")?;
        Ok(value)
    }

    fn statement_kind(&mut self, start: At) -> Result<StmtKind> {
        if self.is("{") {
            return Ok(StmtKind::Block(self.block()?));
        }
        if self.eat(";") {
            return Ok(StmtKind::Empty);
        }
        if self.is_name() && self.is_at(1, ":") {
            let label = self.any_word()?;
            self.next();
            return Ok(StmtKind::Label(label, Box::new(self.statement()?)));
        }
        let word = self.word().unwrap_or_default();
        match word {
            "if" => self.if_statement(),
            "while" => {
                self.next();
                Ok(StmtKind::While(self.bracketed()?, self.boxed()?))
            }
            "do" => self.do_statement(),
            "for" => self.for_statement(),
            "foreach" => self.foreach_statement(),
            "switch" => self.switch_statement(),
            "try" => self.try_statement(),
            "using" => self.using_statement(),
            "return" => {
                self.next();
                let value = if self.is(";") { None } else { Some(self.expression()?) };
                self.expect(";")?;
                Ok(StmtKind::Return(value))
            }
            "throw" => {
                self.next();
                let value = if self.is(";") { None } else { Some(self.expression()?) };
                self.expect(";")?;
                Ok(StmtKind::Throw(value))
            }
            "break" | "continue" => {
                self.next();
                self.expect(";")?;
                Ok(if word == "break" { StmtKind::Break } else { StmtKind::Continue })
            }
            "checked" | "unchecked" if self.is_at(1, "{") => {
                self.next();
                Ok(StmtKind::Checked(word == "checked", self.block()?))
            }
            "lock" => {
                self.next();
                Ok(StmtKind::Lock(self.bracketed()?, self.boxed()?))
            }
            "const" => {
                self.next();
                let ty = self.ty()?;
                let declaration = self.declaration(ty, true)?;
                self.expect(";")?;
                Ok(StmtKind::Declaration(declaration))
            }
            "goto" => self.goto_statement(),
            "unsafe" | "fixed" => {
                Err(SyntaxError::unsupported(start, format!("`{word}` is not supported"))
                    .help("expressions work with values, never with memory"))
            }
            "yield" if matches!(self.word_at(1), Some("return" | "break")) => {
                Err(SyntaxError::unsupported(start, "`yield` is not supported")
                    .help("fill a `List<T>` and return it"))
            }
            "await" if self.is_name_at(1) || self.word_at(1).is_some() => {
                Err(SyntaxError::unsupported(start, "`await` is not supported")
                    .help("policies wait for nothing: expressions run to their end"))
            }
            "static" => Err(SyntaxError::new(start, "`static` local functions are not in C# 7")),
            "async" if self.word_at(1).is_some() => {
                Err(SyntaxError::unsupported(start, "`async` is not supported")
                    .help("policies wait for nothing: expressions run to their end"))
            }
            "class" | "struct" | "interface" | "enum" => {
                let message = format!("a `{word}` cannot be declared inside an expression");
                Err(SyntaxError::new(start, message))
            }
            "ref" => {
                Err(SyntaxError::unsupported(start, "references to variables are not supported")
                    .help("`ref` stands before arguments and parameters alone"))
            }
            _ => self.declaration_or_expression(),
        }
    }

    fn declaration_or_expression(&mut self) -> Result<StmtKind> {
        let typed = self.attempt(|parser| {
            let ty = parser.ty()?;
            let fits = parser.is_name()
                && ["=", ";", ",", "("].iter().any(|punct| parser.is_at(1, punct))
                || (parser.is_name() && parser.is_at(1, "<"));
            if fits { Ok(ty) } else { Err(parser.unexpected("a name")) }
        });
        if let Some(ty) = typed {
            if self.is_at(1, "(") || self.is_at(1, "<") {
                return self.function(ty);
            }
            let declaration = self.declaration(ty, false)?;
            self.expect(";")?;
            return Ok(StmtKind::Declaration(declaration));
        }
        let value = self.expression()?;
        self.expect(";")?;
        Ok(StmtKind::Expr(value))
    }

    fn declaration(&mut self, ty: TypeRef, constant: bool) -> Result<Declaration> {
        let mut variables = Vec::new();
        loop {
            let name = self.name("a variable name")?;
            let value = if self.eat("=") { Some(self.declared_value()?) } else { None };
            variables.push((name, value));
            if !self.eat(",") {
                return Ok(Declaration { ty, constant, variables });
            }
        }
    }

    /// `int[] a = { 1, 2 }` is the one place where braces stand alone.
    fn declared_value(&mut self) -> Result<Expr> {
        if !self.is("{") {
            return self.expression();
        }
        let init = self.initializer()?;
        let at = init.at;
        Ok(Expr { kind: ExprKind::Items(init), at, depth: 1, bracketed: false })
    }

    fn function(&mut self, ty: TypeRef) -> Result<StmtKind> {
        let name = self.name("a function name")?;
        let mut types = Vec::new();
        if self.eat("<") {
            loop {
                types.push(self.name("a type parameter")?);
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(">")?;
        }
        let parameters = self.parameters()?;
        let mut constraints = Vec::new();
        while self.is_word("where") {
            constraints.push(self.constraints()?);
        }
        let body = if self.eat("=>") {
            let value = self.thrown_or_expression()?;
            self.expect(";")?;
            Body::Expr(Box::new(value))
        } else {
            Body::Block(self.block()?)
        };
        let function = FunctionDecl { ty, name, types, constraints, parameters, body };
        Ok(StmtKind::Function(Box::new(function)))
    }

    /// `where T : class, new()`.
    fn constraints(&mut self) -> Result<(Name, Vec<Constraint>)> {
        self.next();
        let name = self.name("a type parameter")?;
        self.expect(":")?;
        let mut constraints = Vec::new();
        loop {
            constraints.push(if self.eat_word("class") {
                Constraint::Class
            } else if self.eat_word("struct") {
                Constraint::Struct
            } else if self.eat_word("new") {
                self.expect("(")?;
                self.expect(")")?;
                Constraint::New
            } else {
                Constraint::Base(self.ty()?)
            });
            if !self.eat(",") {
                return Ok((name, constraints));
            }
        }
    }

    /// `out`, `ref`, `in` or `params` before a parameter.
    pub(super) fn pass_mode(&mut self) -> PassMode {
        for (word, mode) in [
            ("out", PassMode::Out),
            ("ref", PassMode::Ref),
            ("in", PassMode::In),
            ("params", PassMode::Params),
        ] {
            if self.eat_word(word) {
                return mode;
            }
        }
        PassMode::Value
    }

    fn parameters(&mut self) -> Result<Vec<Parameter>> {
        self.expect("(")?;
        let mut parameters = Vec::new();
        if self.eat(")") {
            return Ok(parameters);
        }
        loop {
            let mode = self.pass_mode();
            let ty = Some(self.ty()?);
            let name = self.name("a parameter name")?;
            let default = if self.eat("=") { Some(self.expression()?) } else { None };
            parameters.push(Parameter { mode, ty, name, default });
            if !self.eat(",") {
                self.expect(")")?;
                return Ok(parameters);
            }
        }
    }

    fn goto_statement(&mut self) -> Result<StmtKind> {
        self.next();
        let kind = if self.eat_word("default") {
            StmtKind::GotoCase(None)
        } else if self.eat_word("case") {
            StmtKind::GotoCase(Some(self.expression()?))
        } else {
            StmtKind::Goto(self.name("a label")?)
        };
        self.expect(";")?;
        Ok(kind)
    }

    fn if_statement(&mut self) -> Result<StmtKind> {
        self.next();
        let condition = self.bracketed()?;
        let yes = self.boxed()?;
        let no = if self.eat_word("else") { Some(self.boxed()?) } else { None };
        Ok(StmtKind::If(condition, yes, no))
    }

    fn do_statement(&mut self) -> Result<StmtKind> {
        self.next();
        let body = self.boxed()?;
        if !self.eat_word("while") {
            return Err(self.unexpected("`while`"));
        }
        let condition = self.bracketed()?;
        self.expect(";")?;
        Ok(StmtKind::Do(body, condition))
    }

    fn for_statement(&mut self) -> Result<StmtKind> {
        self.next();
        self.expect("(")?;
        let mut init = Vec::new();
        if !self.eat(";") {
            let start = self.at();
            let first = self.declaration_or_expression_list()?;
            init.extend(first.into_iter().map(|kind| Stmt { kind, at: start }));
            self.expect(";")?;
        }
        let condition = if self.is(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        let mut step = Vec::new();
        while !self.is(")") {
            step.push(self.expression()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(StmtKind::For { init, condition, step, body: self.boxed()? })
    }

    fn declaration_or_expression_list(&mut self) -> Result<Vec<StmtKind>> {
        let typed = self.attempt(|parser| {
            let ty = parser.ty()?;
            if parser.is_name() { Ok(ty) } else { Err(parser.unexpected("a name")) }
        });
        if let Some(ty) = typed {
            return Ok(vec![StmtKind::Declaration(self.declaration(ty, false)?)]);
        }
        let mut statements = vec![StmtKind::Expr(self.expression()?)];
        while self.eat(",") {
            statements.push(StmtKind::Expr(self.expression()?));
        }
        Ok(statements)
    }

    fn foreach_statement(&mut self) -> Result<StmtKind> {
        self.next();
        self.expect("(")?;
        let variable = self.attempt(|parser| {
            let target = ForeachTarget::Variable(parser.ty()?, parser.name("a variable name")?);
            if parser.is_word("in") { Ok(target) } else { Err(parser.unexpected("`in`")) }
        });
        let target = match variable {
            Some(target) => target,
            None if self.is("(") || self.is_word("var") && self.is_at(1, "(") => {
                ForeachTarget::Deconstruction(self.primary()?)
            }
            None => ForeachTarget::Variable(self.ty()?, self.name("a variable name")?),
        };
        if !self.eat_word("in") {
            return Err(self.unexpected("`in`"));
        }
        let items = self.expression()?;
        self.expect(")")?;
        Ok(StmtKind::Foreach { target, items, body: self.boxed()? })
    }

    fn switch_statement(&mut self) -> Result<StmtKind> {
        self.next();
        let value = self.bracketed()?;
        self.expect("{")?;
        let mut sections = Vec::new();
        while !self.eat("}") {
            let start = self.at();
            let mut labels = Vec::new();
            while self.is_word("case") || (self.is_word("default") && self.is_at(1, ":")) {
                labels.push(self.switch_label()?);
            }
            if labels.is_empty() {
                return Err(self.unexpected("`case`, `default` or `}`"));
            }
            let mut body = Vec::new();
            while !(self.is("}")
                || self.is_word("case")
                || (self.is_word("default") && self.is_at(1, ":")))
            {
                if self.is_end() {
                    return Err(self.unexpected("`}`"));
                }
                body.push(self.statement()?);
            }
            sections.push(SwitchSection { labels, body, at: start.to(self.previous_at()) });
        }
        Ok(StmtKind::Switch(value, sections))
    }

    fn switch_label(&mut self) -> Result<SwitchLabel> {
        if self.eat_word("default") {
            self.expect(":")?;
            return Ok(SwitchLabel::Default);
        }
        self.next();
        let pattern = self.pattern()?;
        let guard = if self.eat_word("when") { Some(self.expression()?) } else { None };
        self.expect(":")?;
        Ok(SwitchLabel::Case(pattern, guard))
    }

    fn try_statement(&mut self) -> Result<StmtKind> {
        self.next();
        let body = self.block()?;
        let mut catches = Vec::new();
        while self.eat_word("catch") {
            let (mut ty, mut name) = (None, None);
            if self.eat("(") {
                ty = Some(self.ty()?);
                name = if self.is_name() { Some(self.any_word()?) } else { None };
                self.expect(")")?;
            }
            let filter = if self.eat_word("when") { Some(self.bracketed()?) } else { None };
            catches.push(Catch { ty, name, filter, body: self.block()? });
        }
        let finally = if self.eat_word("finally") { Some(self.block()?) } else { None };
        if catches.is_empty() && finally.is_none() {
            return Err(self.unexpected("`catch` or `finally`"));
        }
        Ok(StmtKind::Try { body, catches, finally })
    }

    fn using_statement(&mut self) -> Result<StmtKind> {
        self.next();
        self.expect("(")?;
        let typed = self.attempt(|parser| {
            let ty = parser.ty()?;
            let fits = parser.is_name() && parser.is_at(1, "=");
            if fits { Ok(ty) } else { Err(parser.unexpected("a name")) }
        });
        let (mut declaration, mut value) = (None, None);
        match typed {
            Some(ty) => declaration = Some(self.declaration(ty, false)?),
            None => value = Some(self.expression()?),
        }
        self.expect(")")?;
        Ok(StmtKind::Using { declaration, value, body: self.boxed()? })
    }
}

impl TypeRef {
    /// Whether it is `var`.
    pub(crate) fn is_var(&self) -> bool {
        matches!(self.kind, TypeKind::Var)
    }
}
