//! WAVE to values, following the type: recursion is as deep as the type and no deeper.
//!
//! `option` and `result` may be left out around a value that is neither (`3` for `some(3)`), and a
//! field that is an option may be missing, as WAVE has it.

use std::fmt::Display;

use super::quoted;
use super::scan::{Fault, Kind, Scanner, Token};
use crate::value::{Type, Value, quote, scalar};

/// Reads the whole text as one value.
pub(super) fn whole(ty: &Type, text: &str) -> Result<Value, Fault> {
    let mut parser = Parser(Scanner::new(text));
    let value = parser.value(ty)?;
    let token = parser.0.next()?;
    match token.kind {
        Kind::End => Ok(value),
        _ => Err(token.instead_of(&"the end")),
    }
}

/// The values that follow in the text.
pub(super) struct Parser<'a>(pub(super) Scanner<'a>);

impl<'a> Parser<'a> {
    pub(super) fn value(&mut self, ty: &Type) -> Result<Value, Fault> {
        match ty {
            Type::Char => {
                let token = self.0.next()?;
                match token.kind {
                    Kind::Char => quoted::char(token).map(Value::Char),
                    _ => Err(token.instead_of(ty)),
                }
            }
            Type::String => {
                let token = self.0.next()?;
                match token.kind {
                    Kind::String => quoted::string(token).map(Value::String),
                    Kind::Multiline => quoted::multiline(token).map(Value::String),
                    _ => Err(token.instead_of(ty)),
                }
            }
            Type::List(element) if **element == Type::U8 => self.bytes(ty),
            Type::List(element) => {
                let mut items = Vec::new();
                self.open(b'[', ty)?;
                while self.more(b']')? {
                    items.push(self.value(element)?);
                    self.separator(b']')?;
                }
                self.expect(b']')?;
                Ok(Value::List(items))
            }
            Type::Tuple(types) => self.tuple(types, ty),
            Type::Record(fields) => self.record(fields, ty),
            Type::Variant(cases) => {
                let (case, token) = self.case(ty, cases.iter().map(|(name, _)| name.as_str()))?;
                let payload = self.payload(token, cases[case].1.as_ref())?;
                Ok(Value::Variant(case as u32, payload))
            }
            Type::Enum(names) => {
                let (case, _) = self.case(ty, names.iter().map(String::as_str))?;
                Ok(Value::Enum(case as u32))
            }
            Type::Option(some) => self.option(some, ty),
            Type::Result { ok, err } => self.result(ok.as_deref(), err.as_deref(), ty),
            Type::Flags(names) => self.flags(names, ty),
            _ => {
                let token = self.0.next()?;
                match scalar::parse(ty, token.text) {
                    Some(read) if token.kind == Kind::Word => read.map_err(|why| token.fault(why)),
                    _ => Err(token.instead_of(ty)),
                }
            }
        }
    }

    fn bytes(&mut self, ty: &Type) -> Result<Value, Fault> {
        let mut bytes = Vec::new();
        self.open(b'[', ty)?;
        while self.more(b']')? {
            if let Value::U8(byte) = self.value(&Type::U8)? {
                bytes.push(byte);
            }
            self.separator(b']')?;
        }
        self.expect(b']')?;
        Ok(Value::Bytes(bytes))
    }

    fn tuple(&mut self, types: &[Type], ty: &Type) -> Result<Value, Fault> {
        let mut items = Vec::with_capacity(types.len());
        self.open(b'(', ty)?;
        for ty in types {
            items.push(self.value(ty)?);
            self.separator(b')')?;
        }
        self.expect(b')')?;
        Ok(Value::Tuple(items))
    }

    fn record(&mut self, fields: &[(String, Type)], ty: &Type) -> Result<Value, Fault> {
        let mut items: Vec<Option<Value>> = vec![None; fields.len()];
        self.open(b'{', ty)?;
        if self.0.peek()?.is(b':') {
            self.0.next()?;
            if self.more(b'}')? {
                return Err(self.0.peek()?.instead_of(&"`}`"));
            }
        }
        let mut likely = 0;
        while self.more(b'}')? {
            let token = self.0.next()?;
            let name = label(token).ok_or_else(|| token.instead_of(&"a field"))?;
            // Fields usually come in the order of the type.
            let in_order = fields.get(likely).is_some_and(|(field, _)| field == name);
            let index = match in_order {
                true => Some(likely),
                false => fields.iter().position(|(field, _)| field == name),
            };
            let Some(index) = index else {
                return Err(token.instead_of(&format_args!("a field of {ty}")));
            };
            if items[index].is_some() {
                let twice = format!("field {} is there twice", quote::quoted(name));
                return Err(token.fault(twice));
            }
            self.expect(b':')?;
            items[index] = Some(self.value(&fields[index].1)?);
            likely = index + 1;
            self.separator(b'}')?;
        }
        let close = self.0.next()?;
        let complete = items
            .into_iter()
            .zip(fields)
            .map(|(item, (name, ty))| match (item, ty) {
                (Some(item), _) => Ok(item),
                (None, Type::Option(_)) => Ok(Value::Option(None)),
                (None, _) => Err(close.fault(format!("field {} is missing", quote::quoted(name)))),
            });
        complete.collect::<Result<_, _>>().map(Value::Record)
    }

    fn flags(&mut self, names: &[String], ty: &Type) -> Result<Value, Fault> {
        let mut set = std::collections::BTreeSet::new();
        self.open(b'{', ty)?;
        while self.more(b'}')? {
            let (index, token) = self.case(ty, names.iter().map(String::as_str))?;
            if !set.insert(index as u32) {
                let twice = format!("flag {} is there twice", quote::quoted(token.text));
                return Err(token.fault(twice));
            }
            self.separator(b'}')?;
        }
        self.expect(b'}')?;
        Ok(Value::Flags(set.into_iter().collect()))
    }

    fn option(&mut self, some: &Type, ty: &Type) -> Result<Value, Fault> {
        let token = self.0.peek()?;
        if token.is_word("none") {
            self.0.next()?;
            return Ok(Value::Option(None));
        }
        if token.is_word("some") {
            self.0.next()?;
            return Ok(Value::Option(self.payload(token, Some(some))?));
        }
        if !can_stand_alone(some) {
            return Err(token.instead_of(ty));
        }
        Ok(Value::Option(Some(Box::new(self.value(some)?))))
    }

    fn result(&mut self, ok: Option<&Type>, err: Option<&Type>, ty: &Type) -> Result<Value, Fault> {
        let token = self.0.peek()?;
        if token.is_word("ok") {
            self.0.next()?;
            return Ok(Value::Result(Ok(self.payload(token, ok)?)));
        }
        if token.is_word("err") {
            self.0.next()?;
            return Ok(Value::Result(Err(self.payload(token, err)?)));
        }
        match ok {
            Some(ok) if can_stand_alone(ok) => {
                Ok(Value::Result(Ok(Some(Box::new(self.value(ok)?)))))
            }
            _ => Err(token.instead_of(ty)),
        }
    }

    /// What follows the name of a case: `(payload)` if the case has one, else nothing.
    fn payload(&mut self, case: Token<'a>, ty: Option<&Type>) -> Result<Option<Box<Value>>, Fault> {
        let token = self.0.peek()?;
        let Some(ty) = ty else {
            return match token.is(b'(') {
                false => Ok(None),
                true => {
                    let name = quote::quoted(case.text);
                    Err(token.fault(format!("{name} carries no value")))
                }
            };
        };
        self.expect(b'(')?;
        let value = self.value(ty)?;
        self.expect(b')')?;
        Ok(Some(Box::new(value)))
    }

    fn case<'n>(
        &mut self,
        ty: &Type,
        mut names: impl Iterator<Item = &'n str>,
    ) -> Result<(usize, Token<'a>), Fault> {
        let token = self.0.next()?;
        label(token)
            .and_then(|label| names.position(|name| name == label))
            .map(|case| (case, token))
            .ok_or_else(|| token.instead_of(ty))
    }

    pub(super) fn expect(&mut self, mark: u8) -> Result<(), Fault> {
        self.open(mark, &format_args!("`{}`", char::from(mark)))
    }

    /// The mark that what is expected begins with.
    fn open(&mut self, mark: u8, expected: &dyn Display) -> Result<(), Fault> {
        let token = self.0.next()?;
        match token.is(mark) {
            true => Ok(()),
            false => Err(token.instead_of(expected)),
        }
    }

    /// Whether anything comes before the closing mark.
    fn more(&self, close: u8) -> Result<bool, Fault> {
        Ok(!self.0.peek()?.is(close))
    }

    /// Takes the comma after an item. The last item may have one or not.
    fn separator(&mut self, close: u8) -> Result<(), Fault> {
        let token = self.0.peek()?;
        if token.is(b',') {
            self.0.next()?;
        } else if !token.is(close) {
            let close = char::from(close);
            return Err(token.instead_of(&format_args!("`,` or `{close}`")));
        }
        Ok(())
    }
}

/// Whether `some(..)` and `ok(..)` may be left out around a value of the type.
fn can_stand_alone(ty: &Type) -> bool {
    !matches!(ty, Type::Option(_) | Type::Result { .. })
}

fn label(token: Token<'_>) -> Option<&str> {
    let word = (token.kind == Kind::Word).then_some(token.text)?;
    Some(word.strip_prefix('%').unwrap_or(word))
}
