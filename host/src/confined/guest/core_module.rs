//! Core modules: functions over numbers.

use super::Imports;
use super::live::TaskState;
use super::no_such_function;
use super::waiting::Waiting;
use crate::confined::wasi;
use crate::value::{Function, Type, Value};
use crate::wire::import_name;
use std::fs::File;
use wasmtime::{
    Caller, Engine, ExternType, Instance, InstancePre, Linker, Module, ModuleExport, Store,
    TypedFunc, Val,
};

/// A core module that is mapped and linked.
pub(super) struct Linked {
    instance: InstancePre<TaskState>,
    exports: Vec<Option<ModuleExport>>,
    /// What a reactor has called before anything else of it.
    initialize: Option<ModuleExport>,
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
            .map(|function| module.get_export_index(&function.name));
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
            return Ok(instance);
        };
        waiting.run(async {
            let instance = self.instance.instantiate_async(&mut *store).await?;
            if let Some(initialize) = self.initialize(store, &instance) {
                initialize?.call_async(store, ()).await?;
            }
            Ok(instance)
        })
    }

    fn initialize(
        &self,
        store: &mut Store<TaskState>,
        instance: &Instance,
    ) -> Option<wasmtime::Result<TypedFunc<(), ()>>> {
        let export = instance.get_module_export(&mut *store, self.initialize.as_ref()?)?;
        Some(export.into_func()?.typed(store))
    }

    pub(super) fn call(
        &self,
        (store, waiting): (&mut Store<TaskState>, Option<Waiting<'_>>),
        instance: &Instance,
        (index, function): (u32, &Function),
        arguments: &[Value],
    ) -> wasmtime::Result<Option<Value>> {
        let export = self.exports.get(index as usize).and_then(Option::as_ref);
        let export = export.ok_or_else(no_such_function)?;
        let called = instance.get_module_export(&mut *store, export);
        let called = called
            .and_then(|called| called.into_func())
            .ok_or_else(no_such_function)?;
        let arguments: Vec<Val> = arguments.iter().map(to_core).collect();
        let mut results = vec![Val::I32(0); count_results(function)];
        match waiting {
            None => called.call(&mut *store, &arguments, &mut results)?,
            Some(waiting) => {
                waiting.run(called.call_async(&mut *store, &arguments, &mut results))?;
            }
        }
        Ok(from_core(&results))
    }
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

fn count_results(function: &Function) -> usize {
    match &function.result {
        None => 0,
        Some(Type::Tuple(types)) => types.len(),
        Some(_) => 1,
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

fn from_core(results: &[Val]) -> Option<Value> {
    match results {
        [] => None,
        [one] => Some(one_from_core(one)),
        several => Some(Value::Tuple(several.iter().map(one_from_core).collect())),
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
