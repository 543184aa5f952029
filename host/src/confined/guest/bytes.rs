//! Calls with a `list<u8>` by itself among their arguments or in their result, which as a list of values would take thirty times
//! the room. The engine moves one at once where it knows the types when this is compiled, so it is the usual shapes of functions
//! that are quick.

use super::live::TaskState;
use super::waiting::Waiting;
use crate::value::{Function, Type, Value};
use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, ComponentType, Func, Lift, Lower};

/// What a call returns, or its trap.
type Called = wasmtime::Result<Option<Value>>;

/// Calls the function if it is of a usual shape: without bytes as a parameter, it must return some.
pub(super) fn call_with_bytes(
    store: &mut Store<TaskState>,
    waiting: &mut Option<Waiting<'_>>,
    called: Func,
    (function, arguments): (&Function, &[Value]),
) -> Option<Called> {
    let mut call = Call {
        store,
        waiting,
        called,
        result: function.result.as_ref(),
    };
    match arguments {
        [Value::Bytes(a)] => call.with((a.as_slice(),)),
        [Value::Bytes(a), Value::Bytes(b)] => call.with((a.as_slice(), b.as_slice())),
        [Value::Bytes(a), Value::String(b)] => call.with((a.as_slice(), b.as_str())),
        [Value::String(a), Value::Bytes(b)] => call.with((a.as_str(), b.as_slice())),
        [Value::Bytes(a), Value::U32(b)] => call.with((a.as_slice(), *b)),
        [Value::U32(a), Value::Bytes(b)] => call.with((*a, b.as_slice())),
        [Value::Bytes(a), Value::U64(b)] => call.with((a.as_slice(), *b)),
        [Value::U64(a), Value::Bytes(b)] => call.with((*a, b.as_slice())),
        [] => call.for_bytes(()),
        [Value::String(a)] => call.for_bytes((a.as_str(),)),
        [Value::Bool(a)] => call.for_bytes((*a,)),
        [Value::S8(a)] => call.for_bytes((*a,)),
        [Value::U8(a)] => call.for_bytes((*a,)),
        [Value::S16(a)] => call.for_bytes((*a,)),
        [Value::U16(a)] => call.for_bytes((*a,)),
        [Value::S32(a)] => call.for_bytes((*a,)),
        [Value::U32(a)] => call.for_bytes((*a,)),
        [Value::S64(a)] => call.for_bytes((*a,)),
        [Value::U64(a)] => call.for_bytes((*a,)),
        [Value::F32(a)] => call.for_bytes((*a,)),
        [Value::F64(a)] => call.for_bytes((*a,)),
        [Value::Char(a)] => call.for_bytes((*a,)),
        [Value::U32(a), Value::U32(b)] => call.for_bytes((*a, *b)),
        [Value::U64(a), Value::U64(b)] => call.for_bytes((*a, *b)),
        [Value::String(a), Value::String(b)] => call.for_bytes((a.as_str(), b.as_str())),
        [Value::String(a), Value::U32(b)] => call.for_bytes((a.as_str(), *b)),
        _ => None,
    }
}

/// What the engine can pass as the arguments of a call.
trait Arguments: ComponentNamedList + Lower + Send + Sync {}

impl<P: ComponentNamedList + Lower + Send + Sync> Arguments for P {}

/// A call whose result is yet to be matched with a type that is known here.
struct Call<'a, 'w> {
    store: &'a mut Store<TaskState>,
    /// How it is made, for the one call that there is.
    waiting: &'a mut Option<Waiting<'w>>,
    called: Func,
    result: Option<&'a Type>,
}

impl Call<'_, '_> {
    /// For any usual result.
    fn with<P: Arguments>(&mut self, arguments: P) -> Option<Called> {
        let Some(result) = self.result else {
            return Some(self.typed::<P, ()>(arguments).map(|()| None));
        };
        match result {
            Type::String => Some(self.returning(arguments, Value::String)),
            Type::Bool => Some(self.returning(arguments, Value::Bool)),
            Type::S8 => Some(self.returning(arguments, Value::S8)),
            Type::U8 => Some(self.returning(arguments, Value::U8)),
            Type::S16 => Some(self.returning(arguments, Value::S16)),
            Type::U16 => Some(self.returning(arguments, Value::U16)),
            Type::S32 => Some(self.returning(arguments, Value::S32)),
            Type::U32 => Some(self.returning(arguments, Value::U32)),
            Type::S64 => Some(self.returning(arguments, Value::S64)),
            Type::U64 => Some(self.returning(arguments, Value::U64)),
            Type::F32 => Some(self.returning(arguments, Value::F32)),
            Type::F64 => Some(self.returning(arguments, Value::F64)),
            Type::Char => Some(self.returning(arguments, Value::Char)),
            _ => self.for_bytes(arguments),
        }
    }

    /// For a result of bytes: by themselves, optional, or instead of an error.
    fn for_bytes<P: Arguments>(&mut self, arguments: P) -> Option<Called> {
        let boxed = |bytes| Box::new(Value::Bytes(bytes));
        match self.result? {
            ty if is_bytes(ty) => Some(self.returning(arguments, Value::Bytes)),
            Type::Option(some) if is_bytes(some) => {
                let value = move |bytes: Option<Vec<u8>>| Value::Option(bytes.map(boxed));
                Some(self.returning(arguments, value))
            }
            Type::Result {
                ok: Some(ok),
                err: Some(err),
            } if is_bytes(ok) && **err == Type::String => {
                let text = |text| Some(Box::new(Value::String(text)));
                let value = move |result: Result<Vec<u8>, String>| {
                    Value::Result(result.map(|bytes| Some(boxed(bytes))).map_err(text))
                };
                Some(self.returning(arguments, value))
            }
            Type::Result {
                ok: Some(ok),
                err: None,
            } if is_bytes(ok) => {
                let value = move |result: Result<Vec<u8>, ()>| {
                    Value::Result(result.map(|bytes| Some(boxed(bytes))).map_err(|()| None))
                };
                Some(self.returning(arguments, value))
            }
            _ => None,
        }
    }

    fn returning<P: Arguments, R: ComponentType + Lift + Send + Sync + 'static>(
        &mut self,
        arguments: P,
        value: impl Fn(R) -> Value,
    ) -> Called {
        let result = self.typed::<P, (R,)>(arguments);
        result.map(|(result,)| Some(value(result)))
    }

    fn typed<P: Arguments, R: ComponentNamedList + Lift + Send + Sync + 'static>(
        &mut self,
        arguments: P,
    ) -> wasmtime::Result<R> {
        let typed = self.called.typed::<P, R>(&*self.store)?;
        match self.waiting.take() {
            None => typed.call(&mut *self.store, arguments),
            Some(waiting) => waiting.run(typed.call_async(&mut *self.store, arguments)),
        }
    }
}

fn is_bytes(ty: &Type) -> bool {
    matches!(ty, Type::List(element) if **element == Type::U8)
}
