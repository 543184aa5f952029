//! Core modules: functions over numbers.

use super::{TaskState, no_such_function};
use crate::value::{Function, Type, Value};
use std::fs::File;
use wasmtime::{Engine, Instance, InstancePre, Linker, Module, ModuleExport, Store, Val};

/// A core module that is mapped and linked.
pub(super) struct Linked {
    instance: InstancePre<TaskState>,
    exports: Vec<Option<ModuleExport>>,
}

impl Linked {
    pub(super) fn load(
        engine: &Engine,
        artifact: File,
        functions: &[Function],
    ) -> wasmtime::Result<Linked> {
        // SAFETY: wasmtime trusts an artifact as it trusts its own code. This one was made by a confined compiler from
        // untrusted bytes, and if that was compromised so is this process: which is why it is confined too. The file is
        // sealed, so it cannot change under the mapping.
        let module = unsafe { Module::deserialize_open_file(engine, artifact)? };
        let instance = Linker::new(engine).instantiate_pre(&module)?;
        let exports = functions
            .iter()
            .map(|function| module.get_export_index(&function.name));
        Ok(Linked {
            instance,
            exports: exports.collect(),
        })
    }

    pub(super) fn instantiate(&self, store: &mut Store<TaskState>) -> wasmtime::Result<Instance> {
        self.instance.instantiate(store)
    }

    pub(super) fn call(
        &self,
        store: &mut Store<TaskState>,
        instance: &Instance,
        index: u32,
        function: &Function,
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
        called.call(&mut *store, &arguments, &mut results)?;
        Ok(from_core(&results))
    }
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
    let value = |result: &Val| match result {
        Val::I64(number) => Value::S64(*number),
        Val::F32(bits) => Value::F32(f32::from_bits(*bits)),
        Val::F64(bits) => Value::F64(f64::from_bits(*bits)),
        other => Value::S32(other.i32().unwrap_or_default()),
    };
    match results {
        [] => None,
        [one] => Some(value(one)),
        several => Some(Value::Tuple(several.iter().map(value).collect())),
    }
}
