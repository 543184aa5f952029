//! What modules that import WASI get of it: streams, arguments, clocks, random numbers, directories. Nothing of the host's is
//! inherited; all of it comes from [`WasiTerms`].

mod clock;
mod command_line;
mod files;
mod poll;
mod random;
mod runtime;
mod streams;

pub(super) use clock::Steps;
pub(super) use runtime::{Expired, Runtime};
pub(super) use streams::{TooMuchOutput, Written};

use super::conversation::Conversation;
use super::guest::TaskState;
use super::warm::Gate;
use crate::wire::{Stream, TaskLimits, WasiTerms};
use bytes::Bytes;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use streams::{Captured, Gated, Given, HostInput, Relayed};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

/// Resources that a component may hold at once.
const RESOURCES: usize = 10_000;

/// The longest random bytes that are given at once.
const RANDOM_BYTES: u64 = 16 << 20;

/// What one run of a program is started with.
#[derive(Clone, Copy, Default)]
pub(super) struct Input<'a> {
    pub(super) arguments: &'a [Vec<u8>],
    pub(super) stdin: Option<&'a Bytes>,
    /// Where a warm program waits for its standard input.
    pub(super) gate: Option<&'a Gate>,
}

/// The WASI of one store.
pub(super) struct Wasi {
    context: WasiP1Ctx,
    /// All arguments, the program's name among them, and the environment: bytes, which preview 1 has and the context has not.
    arguments: Vec<Vec<u8>>,
    environment: Vec<Vec<u8>>,
    captured: Captured,
    /// The clock, where every run is to be the same.
    steps: Option<clock::Steps>,
    /// By which it waits for standard input that may not be there yet.
    host_input: Option<HostInput>,
}

impl Wasi {
    /// What a store gets. Without a `conversation` there is no host whose streams could be read or written.
    pub(super) fn new(
        terms: &WasiTerms,
        limits: &TaskLimits,
        input: Input<'_>,
        conversation: Option<&Conversation>,
    ) -> wasmtime::Result<Wasi> {
        let name = terms.program.clone().into_bytes();
        let arguments: Vec<Vec<u8>> = std::iter::once(name)
            .chain(terms.arguments.iter().cloned())
            .chain(input.arguments.iter().cloned())
            .collect();
        let captured = Captured::new(limits.output_bytes);
        let mut builder = WasiCtx::builder();
        builder
            .allow_tcp(false)
            .allow_udp(false)
            .allow_blocking_current_thread(true)
            .max_random_size(RANDOM_BYTES);
        random::give(&mut builder, terms.deterministic);
        let steps = match terms.deterministic {
            true => Some(clock::stop(&mut builder)),
            false => {
                clock::go(&mut builder);
                None
            }
        };
        for argument in &arguments {
            builder.arg(String::from_utf8_lossy(argument));
        }
        for variable in &terms.environment {
            let variable = String::from_utf8_lossy(variable);
            let (name, value) = variable.split_once('=').unwrap_or((&variable, ""));
            builder.env(name, value);
        }
        for directory in &terms.directories {
            let permissions = match directory.read_only {
                true => FsPerms::ReadOnly,
                false => FsPerms::ReadWrite,
            };
            let host = OsStr::from_bytes(&directory.host);
            builder.preopened_dir(host, &directory.guest, permissions)?;
        }
        match (terms.streams, conversation, input.gate) {
            (_, _, Some(gate)) => {
                builder
                    .stdin(Gated(gate.clone()))
                    .stdout(captured.stream(Stream::Stdout))
                    .stderr(captured.stream(Stream::Stderr));
            }
            (Some(first), Some(conversation), None) => {
                let relayed = |stream| Relayed::new(conversation, first, terms, stream);
                builder
                    .stdin(relayed(Stream::Stdin))
                    .stdout(relayed(Stream::Stdout))
                    .stderr(relayed(Stream::Stderr));
            }
            _ => {
                builder
                    .stdin(Given::new(input.stdin.cloned().unwrap_or_default()))
                    .stdout(captured.stream(Stream::Stdout))
                    .stderr(captured.stream(Stream::Stderr));
            }
        }
        let mut context = builder.build_p1();
        context.ctx().table.set_max_capacity(RESOURCES);
        Ok(Wasi {
            context,
            arguments,
            environment: terms.environment.clone(),
            captured,
            steps,
            host_input: conversation.and_then(|conversation| HostInput::new(conversation, terms)),
        })
    }

    /// The clock, where it counts.
    pub(super) fn steps(&self) -> Option<Steps> {
        self.steps.clone()
    }

    /// What was written since it was asked last.
    pub(super) fn take_written(&self) -> Written {
        self.captured.take()
    }
}

impl TaskState {
    /// The WASI of a store whose module imports it: only such stores are linked with it.
    fn wasi(&mut self) -> &mut Wasi {
        self.wasi
            .as_mut()
            .expect("a store whose module imports WASI has it")
    }
}

impl WasiView for TaskState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi().context.ctx()
    }
}

/// Links a core module's imports of WASI preview 1.
pub(super) fn link_core(linker: &mut wasmtime::Linker<TaskState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p1::add_to_linker_async(linker, |state| &mut state.wasi().context)?;
    wasmtime_wasi::p0::add_to_linker_async(linker, |state| &mut state.wasi().context)?;
    linker.allow_shadowing(true);
    command_line::link(linker)?;
    poll::link(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Links a component's imports of WASI 0.2.
pub(super) fn link_component(
    linker: &mut wasmtime::component::Linker<TaskState>,
) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    files::link(linker)?;
    random::link(linker)?;
    clock::link(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}
