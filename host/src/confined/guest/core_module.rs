//! Core modules: functions over numbers.

use super::Imports;
use super::live::TaskState;
use super::no_such_function;
use super::numbers::{Encoded, Numbers};
use super::waiting::Waiting;
use crate::confined::wasi;
use crate::value::{Function, Value};
use crate::wire::{INITIALIZE, import_name};
use std::fs::File;
use wasmtime::{
    Caller, Engine, ExternType, Func, InstancePre, Linker, Module, ModuleExport, Store, TypedFunc,
    Val, ValRaw,
};

/// A core module that is mapped and linked.
pub(super) struct Linked {
    instance: InstancePre<TaskState>,
    /// The functions of the signature, each of the type that is known of it.
    exports: Vec<Option<Export>>,
    /// What a reactor has called before anything else of it.
    initialize: Option<ModuleExport>,
}

/// A function of the module, and what it takes and returns.
struct Export {
    function: ModuleExport,
    numbers: Numbers,
}

/// An instance of a core module.
pub(super) struct Instance {
    instance: wasmtime::Instance,
    /// The function that was called last: what the next task calls too, most of the time.
    called: Option<(u32, Func)>,
}

impl Linked {
    pub(super) fn load(
        engine: &Engine,
        artifact: File,
        functions: &[Function],
        imports: &Imports,
    ) -> wasmtime::Result<Linked> {
        // SAFETY: wasmtime trusts an artifact as it trusts its own code. This one was made by a confined compiler from
        // untrusted bytes, and if that was compromised so is this process: which is why it is confined too. The file is
        // sealed, so it cannot change under the mapping.
        let module = unsafe { Module::deserialize_open_file(engine, artifact)? };
        let instance = linker(engine, &module, imports)?.instantiate_pre(&module)?;
        let exports = functions
            .iter()
            .map(|function| export_of(&module, function));
        Ok(Linked {
            instance,
            exports: exports.collect(),
            initialize: initializer_of_reactor(&module),
        })
    }

    pub(super) fn instantiate(
        &self,
        store: &mut Store<TaskState>,
        waiting: Option<Waiting<'_>>,
    ) -> wasmtime::Result<Instance> {
        let Some(waiting) = waiting else {
            let instance = self.instance.instantiate(&mut *store)?;
            if let Some(initialize) = self.initialize(store, &instance) {
                initialize?.call(store, ())?;
            }
            return Ok(Instance::new(instance));
        };
        waiting.run(async {
            let instance = self.instance.instantiate_async(&mut *store).await?;
            if let Some(initialize) = self.initialize(store, &instance) {
                initialize?.call_async(store, ()).await?;
            }
            Ok(Instance::new(instance))
        })
    }

    /// Looks up the function that is called next, most likely.
    pub(super) fn foresee(&self, store: &mut Store<TaskState>, instance: &mut Instance) {
        if let Some(export) = self.export(0) {
            // Where it is not there, the call says so.
            let _ = instance.find(store, 0, export);
        }
    }

    fn initialize(
        &self,
        store: &mut Store<TaskState>,
        instance: &wasmtime::Instance,
    ) -> Option<wasmtime::Result<TypedFunc<(), ()>>> {
        let export = instance.get_module_export(&mut *store, self.initialize.as_ref()?)?;
        Some(export.into_func()?.typed(store))
    }

    /// Whether the arguments are those of the function.
    #[inline]
    pub(super) fn takes(&self, index: u32, arguments: &[u8]) -> bool {
        self.export(index)
            .is_some_and(|export| export.numbers.fit(arguments))
    }

    #[inline]
    fn export(&self, index: u32) -> Option<&Export> {
        self.exports.get(index as usize)?.as_ref()
    }

    /// Calls a function in a store where nothing can wait.
    #[inline]
    pub(super) fn call(
        &self,
        store: &mut Store<TaskState>,
        instance: &mut Instance,
        index: u32,
        arguments: &[u8],
    ) -> wasmtime::Result<Encoded> {
        let export = self.export(index).ok_or_else(no_such_function)?;
        let called = instance.find(store, index, export)?;
        call_now(store, called, &export.numbers, arguments)
    }

    /// The same in one where it may sleep.
    pub(super) fn call_waiting(
        &self,
        (store, waiting): (&mut Store<TaskState>, Waiting<'_>),
        instance: &mut Instance,
        index: u32,
        arguments: &[u8],
    ) -> wasmtime::Result<Encoded> {
        let export = self.export(index).ok_or_else(no_such_function)?;
        let called = instance.find(store, index, export)?;
        let numbers = &export.numbers;
        let arguments = numbers.checked_arguments(arguments);
        let arguments = arguments.ok_or_else(no_such_function)?;
        let mut results = numbers.checked_places();
        waiting.run(called.call_async(&mut *store, &arguments, &mut results))?;
        Ok(numbers.checked_results(&results))
    }
}

impl Instance {
    fn new(instance: wasmtime::Instance) -> Instance {
        Instance {
            instance,
            called: None,
        }
    }

    /// A function of the module.
    #[inline]
    fn find(
        &mut self,
        store: &mut Store<TaskState>,
        index: u32,
        export: &Export,
    ) -> wasmtime::Result<Func> {
        match self.called {
            Some((last, called)) if last == index => Ok(called),
            _ => self.find_another(store, index, export),
        }
    }

    /// One that was not called last, which it is then.
    fn find_another(
        &mut self,
        store: &mut Store<TaskState>,
        index: u32,
        export: &Export,
    ) -> wasmtime::Result<Func> {
        let found = self.instance.get_module_export(store, &export.function);
        let found = found.and_then(|found| found.into_func());
        let found = found.ok_or_else(no_such_function)?;
        self.called = Some((index, found));
        Ok(found)
    }

    /// What runs it, where it is a program.
    pub(super) fn start_of_program(
        &self,
        store: &mut Store<TaskState>,
    ) -> wasmtime::Result<TypedFunc<(), ()>> {
        self.instance.get_typed_func(store, "_start")
    }
}

/// The export that is a function of the signature, if it is of its type.
fn export_of(module: &Module, function: &Function) -> Option<Export> {
    let numbers = Numbers::of(function)?;
    let ty = module.get_export(&function.name)?;
    if !numbers.are_of(ty.func()?) {
        return None;
    }
    let function = module.get_export_index(&function.name)?;
    Some(Export { function, numbers })
}

/// Calls a function that was found by [`Instance::find`] for an export, and so is of the type that `numbers` are of: the engine need
/// not look again.
#[inline]
fn call_now(
    store: &mut Store<TaskState>,
    called: Func,
    numbers: &Numbers,
    arguments: &[u8],
) -> wasmtime::Result<Encoded> {
    let mut few = [ValRaw::i32(0); 8];
    let mut many = Vec::new();
    let places = match few.get_mut(..numbers.places()) {
        Some(few) => few,
        None => {
            many.resize(numbers.places(), ValRaw::i32(0));
            &mut many[..]
        }
    };
    let put = numbers.put_arguments(arguments, places);
    put.ok_or_else(no_such_function)?;
    // SAFETY: the function's parameters and results are those of `numbers` (`export_of`), each argument was just put in its place as
    // one of its parameter's type, and there are as many places as parameters or results, whichever are more. All are numbers. The
    // store's calls are not asynchronous where this one is not.
    unsafe { called.call_unchecked(store, &raw mut *places)? };
    Ok(numbers.results(places))
}

/// A linker with the functions of the host that the module imports.
fn linker(
    engine: &Engine,
    module: &Module,
    imports: &Imports,
) -> wasmtime::Result<Linker<TaskState>> {
    let mut linker = Linker::new(engine);
    if imports.wasi {
        wasi::link_core(&mut linker)?;
    }
    // One that is imported twice is the same both times.
    linker.allow_shadowing(true);
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else {
            continue;
        };
        let Some(host) = imports
            .host
            .find(&import_name(import.module(), import.name()))
        else {
            continue;
        };
        let call = move |caller: Caller<'_, TaskState>, params: &[Val], results: &mut [Val]| {
            let arguments: Vec<Value> = params.iter().map(one_from_core).collect();
            let values = match host.call(caller.data(), &arguments)? {
                None => Vec::new(),
                Some(Value::Tuple(values)) => values,
                Some(value) => vec![value],
            };
            for (result, value) in results.iter_mut().zip(&values) {
                *result = to_core(value);
            }
            Ok(())
        };
        linker.func_new(import.module(), import.name(), ty, call)?;
    }
    if imports.trap_missing {
        linker.define_unknown_imports_as_traps(module)?;
    }
    Ok(linker)
}

/// The export by which a reactor of WASI is initialized.
fn initializer_of_reactor(module: &Module) -> Option<ModuleExport> {
    let (export, ty) = module
        .get_export_index(INITIALIZE)
        .zip(module.get_export(INITIALIZE))?;
    let ty = ty.func()?;
    (ty.params().len() == 0 && ty.results().len() == 0).then_some(export)
}

/// A core value. Only the four core types occur in the signature of a core module.
fn to_core(value: &Value) -> Val {
    match value {
        Value::S32(number) => Val::I32(*number),
        Value::S64(number) => Val::I64(*number),
        Value::F32(number) => Val::F32(number.to_bits()),
        Value::F64(number) => Val::F64(number.to_bits()),
        // The call checks types: this fails the task rather than the process.
        _ => Val::null_func_ref(),
    }
}

fn one_from_core(value: &Val) -> Value {
    match value {
        Val::I64(number) => Value::S64(*number),
        Val::F32(bits) => Value::F32(f32::from_bits(*bits)),
        Val::F64(bits) => Value::F64(f64::from_bits(*bits)),
        other => Value::S32(other.i32().unwrap_or_default()),
    }
}
