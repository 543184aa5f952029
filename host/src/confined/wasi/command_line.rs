//! Arguments and environment of programs of preview 1 as they were given: bytes, of which the context would only take text; and their
//! status, of which the library has less than a byte.

use super::super::guest::TaskState;
use super::Wasi;
use crate::wire::PREVIEWS;
use wasmtime::{Caller, Extern, Linker};
use wasmtime_wasi::I32Exit;

/// What WASI calls success.
const SUCCESS: i32 = 0;

/// Its errors for an address outside the memory, and for a module without one.
const FAULT: i32 = 21;

/// Replaces the functions about arguments, environment and status.
pub(super) fn link(linker: &mut Linker<TaskState>) -> wasmtime::Result<()> {
    for module in PREVIEWS {
        for (list, sizes, of) in [
            (
                "args_get",
                "args_sizes_get",
                (|wasi| &wasi.arguments) as fn(&Wasi) -> &[Vec<u8>],
            ),
            ("environ_get", "environ_sizes_get", |wasi| &wasi.environment),
        ] {
            let get = move |mut caller: Caller<'_, TaskState>, pointers: u32, bytes: u32| {
                with_memory(&mut caller, of, |memory, strings| {
                    write(memory, strings, pointers, bytes)
                })
            };
            let sizes_get = move |mut caller: Caller<'_, TaskState>, count: u32, length: u32| {
                with_memory(&mut caller, of, |memory, strings| {
                    let total: usize = strings.iter().map(|string| string.len() + 1).sum();
                    put(memory, count, &(strings.len() as u32).to_le_bytes())?;
                    put(memory, length, &(total as u32).to_le_bytes())
                })
            };
            linker.func_wrap(module, list, get)?;
            linker.func_wrap(module, sizes, sizes_get)?;
        }
        let exit = |status: i32| -> wasmtime::Result<()> { Err(I32Exit(status).into()) };
        linker.func_wrap(module, "proc_exit", exit)?;
    }
    Ok(())
}

/// Lets `act` write the strings to the memory of the module that called.
fn with_memory(
    caller: &mut Caller<'_, TaskState>,
    of: fn(&Wasi) -> &[Vec<u8>],
    act: impl FnOnce(&mut [u8], &[Vec<u8>]) -> Option<()>,
) -> i32 {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return FAULT;
    };
    let (memory, state) = memory.data_and_store_mut(caller);
    act(memory, of(state.wasi())).map_or(FAULT, |()| SUCCESS)
}

/// Writes the strings, each with a zero at its end, and where each begins.
fn write(memory: &mut [u8], strings: &[Vec<u8>], pointers: u32, bytes: u32) -> Option<()> {
    let (mut pointer, mut at) = (pointers, bytes);
    for string in strings {
        put(memory, pointer, &at.to_le_bytes())?;
        put(memory, at, string)?;
        at = at.checked_add(string.len() as u32)?;
        put(memory, at, &[0])?;
        at = at.checked_add(1)?;
        pointer = pointer.checked_add(4)?;
    }
    Some(())
}

fn put(memory: &mut [u8], at: u32, bytes: &[u8]) -> Option<()> {
    let at = at as usize;
    memory
        .get_mut(at..at.checked_add(bytes.len())?)?
        .copy_from_slice(bytes);
    Some(())
}
