//! Core modules: functions over numbers.

use super::Imports;
use super::live::TaskState;
use super::no_such_function;
use super::waiting::Waiting;
use crate::confined::wasi;
use crate::value::{Function, Type, Value};
use crate::wire::import_name;
use smallvec::{SmallVec, smallvec};
use std::fs::File;
use wasmtime::{
    Caller, Engine, ExternType, Func, InstancePre, Linker, Module, ModuleExport, Store, TypedFunc,
    Val, ValRaw, ValType,
};

/// A core module that is mapped and linked.
pub(super) struct Linked {
    instance: InstancePre<TaskState>,
    /// The functions of the signature, each of the type that is known of it.
    exports: Vec<Option<ModuleExport>>,
    /// What a reactor has called before anything else of it.
    initialize: Option<ModuleExport>,
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

    fn initialize(
        &self,
        store: &mut Store<TaskState>,
        instance: &wasmtime::Instance,
    ) -> Option<wasmtime::Result<TypedFunc<(), ()>>> {
        let export = instance.get_module_export(&mut *store, self.initialize.as_ref()?)?;
        Some(export.into_func()?.typed(store))
    }

    pub(super) fn call(
        &self,
        (store, waiting): (&mut Store<TaskState>, Option<Waiting<'_>>),
        instance: &mut Instance,
        (index, function): (u32, &Function),
        arguments: &[Value],
    ) -> wasmtime::Result<Option<Value>> {
        let called = match instance.called {
            Some((last, called)) if last == index => called,
            _ => self.find(store, instance, index)?,
        };
        match waiting {
            None => call_now(store, called, function, arguments),
            Some(waiting) => {
                let arguments: Vec<Val> = arguments.iter().map(to_core).collect();
                let mut results = vec![Val::I32(0); results_of(function).len()];
                waiting.run(called.call_async(&mut *store, &arguments, &mut results))?;
                let mut results = results.iter().map(one_from_core);
                Ok(as_one(function, || results.next().unwrap_or(Value::S32(0))))
            }
        }
    }

    /// A function of the signature, which is remembered as the one that was called last.
    fn find(
        &self,
        store: &mut Store<TaskState>,
        instance: &mut Instance,
        index: u32,
    ) -> wasmtime::Result<Func> {
        let export = self.exports.get(index as usize).and_then(Option::as_ref);
        let export = export.ok_or_else(no_such_function)?;
        let found = instance.instance.get_module_export(&mut *store, export);
        let found = found.and_then(|found| found.into_func());
        let found = found.ok_or_else(no_such_function)?;
        instance.called = Some((index, found));
        Ok(found)
    }
}

impl Instance {
    fn new(instance: wasmtime::Instance) -> Instance {
        Instance {
            instance,
            called: None,
        }
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
fn export_of(module: &Module, function: &Function) -> Option<ModuleExport> {
    let ty = module.get_export(&function.name)?;
    let ty = ty.func()?;
    let params: Vec<&Type> = function.params.iter().map(|param| &param.ty).collect();
    let same = |core: ValType, ty: &Type| {
        matches!(
            (core, ty),
            (ValType::I32, Type::S32)
                | (ValType::I64, Type::S64)
                | (ValType::F32, Type::F32)
                | (ValType::F64, Type::F64)
        )
    };
    let all_same = |core: &[ValType], types: &[&Type]| {
        core.len() == types.len()
            && core
                .iter()
                .zip(types)
                .all(|(core, ty)| same(core.clone(), ty))
    };
    let (core_params, core_results) = (
        ty.params().collect::<Vec<_>>(),
        ty.results().collect::<Vec<_>>(),
    );
    let results: Vec<&Type> = results_of(function).iter().collect();
    (all_same(&core_params, &params) && all_same(&core_results, &results))
        .then(|| module.get_export_index(&function.name))?
}

/// Calls a function that was found by [`Linked::find`], and so is of the type of `function`: the engine need not look again.
fn call_now(
    store: &mut Store<TaskState>,
    called: Func,
    function: &Function,
    arguments: &[Value],
) -> wasmtime::Result<Option<Value>> {
    let (params, results) = (&function.params, results_of(function));
    if arguments.len() != params.len() {
        return Err(no_such_function());
    }
    let places = params.len().max(results.len());
    let mut raw: SmallVec<[ValRaw; 8]> = smallvec![ValRaw::i32(0); places];
    for ((place, value), param) in raw.iter_mut().zip(arguments).zip(params) {
        *place = to_raw(value, &param.ty).ok_or_else(no_such_function)?;
    }
    // SAFETY: the function's parameters and results are those of the signature (`export_of`), each argument was just written as one of
    // its parameter's type, and there are as many places as parameters or results, whichever are more. All are numbers. The store's
    // calls are not asynchronous where this one is not.
    unsafe { called.call_unchecked(&mut *store, &raw mut *raw)? };
    let mut types = results.iter().zip(&raw);
    Ok(as_one(function, || {
        types
            .next()
            .map_or(Value::S32(0), |(ty, raw)| from_raw(*raw, ty))
    }))
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
        .get_export_index("_initialize")
        .zip(module.get_export("_initialize"))?;
    let ty = ty.func()?;
    (ty.params().len() == 0 && ty.results().len() == 0).then_some(export)
}

fn results_of(function: &Function) -> &[Type] {
    match &function.result {
        None => &[],
        Some(Type::Tuple(types)) => types,
        Some(one) => std::slice::from_ref(one),
    }
}

/// The results of a call as the value of the signature; `next` makes each.
fn as_one(function: &Function, mut next: impl FnMut() -> Value) -> Option<Value> {
    match &function.result {
        None => None,
        Some(Type::Tuple(types)) => Some(Value::Tuple(types.iter().map(|_| next()).collect())),
        Some(_) => Some(next()),
    }
}

fn to_raw(value: &Value, ty: &Type) -> Option<ValRaw> {
    Some(match (value, ty) {
        (Value::S32(number), Type::S32) => ValRaw::i32(*number),
        (Value::S64(number), Type::S64) => ValRaw::i64(*number),
        (Value::F32(number), Type::F32) => ValRaw::f32(number.to_bits()),
        (Value::F64(number), Type::F64) => ValRaw::f64(number.to_bits()),
        _ => return None,
    })
}

fn from_raw(raw: ValRaw, ty: &Type) -> Value {
    match ty {
        Type::S64 => Value::S64(raw.get_i64()),
        Type::F32 => Value::F32(f32::from_bits(raw.get_f32())),
        Type::F64 => Value::F64(f64::from_bits(raw.get_f64())),
        _ => Value::S32(raw.get_i32()),
    }
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
