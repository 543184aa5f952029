//! Functions of the application that plugins may import: closures, bound by name, held against the types that a plugin imports them
//! with when it is loaded.

#[cfg(test)]
mod tests;

use crate::value::{FromValue, Function, IntoValue, Type, Value, from_result};
use crate::wire::import_name;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A call of a function of the application by a task: who makes it. A closure that wants to know takes it as its first parameter.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use wpool::{HostCall, Module, Pool};
///
/// let text = r#"(module (import "env" "note" (func $note)) (func (export "f") (call $note)))"#;
/// let pool = Pool::builder(Module::text(text))
///     .host_function("env", "note", |call: HostCall| {
///         println!("task {} in {} calls from {}", call.task(), call.worker(), call.function());
///     })
///     .build()?;
/// let () = pool.apply("f", ())?;
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct HostCall {
    pub(crate) plugin: Arc<str>,
    pub(crate) task: u64,
    pub(crate) function: Arc<str>,
    pub(crate) worker: Arc<str>,
    pub(crate) pid: u32,
    pub(crate) over: Arc<AtomicBool>,
}

impl HostCall {
    /// The plugin: the name that it was loaded under, else that of its file; empty where it has neither.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The number of the task, counted from 1 through the life of the pool.
    #[must_use]
    pub fn task(&self) -> u64 {
        self.task
    }

    /// The function that the task runs.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The name of its worker.
    #[must_use]
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// The process id of its worker.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the task has ended meanwhile, by its time limit or because it was cancelled: nobody waits for the answer.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// What makes the task that calls a function of the application fail, as `host-call`.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use wpool::{HostError, Module, Pool};
///
/// let text = r#"(module (import "env" "get" (func $get (result i32)))
///     (func (export "f") (result i32) (call $get)))"#;
/// let pool = Pool::builder(Module::text(text))
///     .host_function("env", "get", || Err::<i32, _>(HostError::new("there is none today")))
///     .build()?;
/// let failure = pool.apply::<i32>("f", ()).unwrap_err();
/// assert!(failure.to_string().contains("there is none today"));
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError(String);

impl HostError {
    /// A line that the failure of the task will have.
    #[must_use]
    pub fn new(message: impl Into<String>) -> HostError {
        HostError(message.into())
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HostError {}

/// What a closure answers: a value, nothing, or that the task is to fail.
pub(crate) type Answer = Result<Option<Value>, HostError>;

/// An answer, at once or later.
pub(crate) enum Answering {
    Now(Answer),
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

/// What a closure may return: a value, or a result whose error makes the task fail.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use wpool::{HostError, Module, Pool};
///
/// let text = r#"(module (import "env" "half" (func $half (param i32) (result i32)))
///     (func (export "f") (param i32) (result i32) (call $half (local.get 0))))"#;
/// let pool = Pool::builder(Module::text(text))
///     .host_function("env", "half", |x: i32| match x % 2 {
///         0 => Ok(x / 2),
///         _ => Err(HostError::new("it is odd")),
///     })
///     .build()?;
/// assert_eq!(pool.apply::<i32>("f", (8,))?, 4);
/// assert!(pool.apply::<i32>("f", (7,)).is_err());
/// # Ok::<(), wpool::Error>(())
/// ```
pub trait IntoAnswer: Send + 'static {
    /// Whether it can be what a function of that type returns.
    #[doc(hidden)]
    fn fits(ty: Option<&Type>) -> bool;

    #[doc(hidden)]
    fn into_answer(self, ty: Option<&Type>) -> Result<Option<Value>, HostError>;
}

impl<T: IntoValue + Send + 'static> IntoAnswer for T {
    fn fits(ty: Option<&Type>) -> bool {
        T::can_be_payload(ty)
    }

    fn into_answer(self, ty: Option<&Type>) -> Result<Option<Value>, HostError> {
        let answer = self.into_payload(ty);
        let answer = answer
            .map_err(|mismatch| HostError(format!("its answer is not of the type: {mismatch}")))?;
        Ok(answer.map(|value| *value))
    }
}

impl<T: IntoValue + Send + 'static> IntoAnswer for Result<T, HostError> {
    fn fits(ty: Option<&Type>) -> bool {
        T::can_be_payload(ty)
    }

    fn into_answer(self, ty: Option<&Type>) -> Result<Option<Value>, HostError> {
        self?.into_answer(ty)
    }
}

/// A closure over parameters that values can become, with or without a [`HostCall`] in front. `Marker` tells the compiler which.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use wpool::{HostCall, Module, Pool};
///
/// let text = r#"(module (import "env" "add" (func $add (param i32 i32) (result i32)))
///     (func (export "f") (result i32) (call $add (i32.const 2) (i32.const 3))))"#;
/// let plain = Pool::builder(Module::text(text)).host_function("env", "add", |a: i32, b: i32| a + b);
/// let asking = Pool::builder(Module::text(text))
///     .host_function("env", "add", |_: HostCall, a: i32, b: i32| a + b);
/// for builder in [plain, asking] {
///     assert_eq!(builder.build()?.apply::<i32>("f", ())?, 5);
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
pub trait HostClosure<Marker>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    #[doc(hidden)]
    fn takes(params: &[&Type]) -> bool;

    #[doc(hidden)]
    fn call(
        &self,
        call: &HostCall,
        arguments: Vec<Value>,
        types: &[&Type],
    ) -> Result<Self::Output, HostError>;
}

/// The next argument, as what a closure takes.
fn argument<T: FromValue>(
    arguments: &mut impl Iterator<Item = Value>,
    ty: &Type,
) -> Result<T, HostError> {
    let argument = from_result(arguments.next(), Some(ty));
    argument.map_err(|mismatch| HostError(format!("an argument does not fit: {mismatch}")))
}

macro_rules! closures {
    ($($count:literal: $($param:ident $index:tt),*;)*) => {$(
        impl<Closure, Output, $($param),*> HostClosure<(Output, ($($param,)*))> for Closure
        where
            Closure: Fn($($param),*) -> Output + Send + Sync + 'static,
            $($param: FromValue,)*
        {
            type Output = Output;

            fn takes(params: &[&Type]) -> bool {
                params.len() == $count $(&& $param::can_take(params[$index]))*
            }

            #[allow(unused_variables, unused_mut, reason = "without parameters there are none")]
            fn call(
                &self,
                _: &HostCall,
                arguments: Vec<Value>,
                types: &[&Type],
            ) -> Result<Output, HostError> {
                let mut arguments = arguments.into_iter();
                Ok(self($(argument::<$param>(&mut arguments, types[$index])?),*))
            }
        }

        impl<Closure, Output, $($param),*> HostClosure<(HostCall, Output, ($($param,)*))> for Closure
        where
            Closure: Fn(HostCall, $($param),*) -> Output + Send + Sync + 'static,
            $($param: FromValue,)*
        {
            type Output = Output;

            fn takes(params: &[&Type]) -> bool {
                params.len() == $count $(&& $param::can_take(params[$index]))*
            }

            #[allow(unused_variables, unused_mut, reason = "without parameters there are none")]
            fn call(
                &self,
                call: &HostCall,
                arguments: Vec<Value>,
                types: &[&Type],
            ) -> Result<Output, HostError> {
                let mut arguments = arguments.into_iter();
                Ok(self(call.clone(), $(argument::<$param>(&mut arguments, types[$index])?),*))
            }
        }
    )*};
}

closures! {
    0:;
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
}

type Call = dyn Fn(&HostCall, Vec<Value>, &Function) -> Answering + Send + Sync;

/// A closure under the name that plugins import it by.
#[derive(Clone)]
pub(crate) struct HostFunction {
    module: String,
    name: String,
    pub(super) fits: fn(&Function) -> bool,
    call: Arc<Call>,
}

impl HostFunction {
    /// One that answers when it returns.
    pub(crate) fn blocking<Marker, C>(module: &str, name: &str, closure: C) -> HostFunction
    where
        C: HostClosure<Marker>,
        C::Output: IntoAnswer,
    {
        let call = move |call: &HostCall, arguments, function: &Function| {
            let answer = closure.call(call, arguments, &types(function));
            let answer = answer.and_then(|answer| answer.into_answer(function.result.as_ref()));
            Answering::Now(answer)
        };
        HostFunction {
            module: module.into(),
            name: name.into(),
            fits: |function| {
                C::takes(&types(function)) && C::Output::fits(function.result.as_ref())
            },
            call: Arc::new(call),
        }
    }

    /// One that returns a future.
    pub(crate) fn later<Marker, C>(module: &str, name: &str, closure: C) -> HostFunction
    where
        C: HostClosure<Marker>,
        C::Output: Future<Output: IntoAnswer> + Send + 'static,
    {
        let call = move |call: &HostCall, arguments, function: &Function| {
            let result = function.result.clone();
            match closure.call(call, arguments, &types(function)) {
                Err(error) => Answering::Now(Err(error)),
                Ok(future) => Answering::Later(Box::pin(async move {
                    future.await.into_answer(result.as_ref())
                })),
            }
        };
        HostFunction {
            module: module.into(),
            name: name.into(),
            fits: |function| {
                let result = function.result.as_ref();
                C::takes(&types(function)) && <C::Output as Future>::Output::fits(result)
            },
            call: Arc::new(call),
        }
    }

    /// Whether it is of that module, or of an interface with or without its version.
    pub(super) fn is_of(&self, module: &str) -> bool {
        let bare = module.rsplit_once('@').map_or(module, |(bare, _)| bare);
        self.module == module || self.module == bare
    }

    /// Whether a plugin means it by `imported`: with the version of the interface, or any where it was bound without one.
    pub(super) fn is(&self, imported: &str) -> bool {
        if imported == import_name(&self.module, &self.name) {
            return true;
        }
        let interface = imported
            .rsplit_once('#')
            .filter(|(_, name)| *name == self.name);
        let versioned = interface.and_then(|(interface, _)| interface.rsplit_once('@'));
        versioned.is_some_and(|(bare, _)| bare == self.module)
    }

    /// Has the application do what the closure does, on the present thread.
    pub(crate) fn call(
        &self,
        call: &HostCall,
        arguments: Vec<Value>,
        function: &Function,
    ) -> Answering {
        (self.call)(call, arguments, function)
    }
}

impl fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&import_name(&self.module, &self.name))
    }
}

fn types(function: &Function) -> Vec<&Type> {
    function.params.iter().map(|param| &param.ty).collect()
}
