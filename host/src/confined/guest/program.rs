//! A module that is a whole program, called as a function of its arguments and its standard input.

use super::live::{Called, Live};
use super::{Arguments, Guest, Instance, Linked, Returned, no_such_function};
use crate::confined::warm::Gate;
use crate::confined::wasi::{Input, Written};
use crate::value::Value;
use crate::wire::{TaskFailure, TaskFailureKind};
use bytes::Bytes;
use std::time::Instant;
use wasmtime_wasi::I32Exit;

/// What one run of a program is started with.
#[derive(Default)]
pub(in crate::confined) struct ProgramInput {
    arguments: Vec<Vec<u8>>,
    stdin: Bytes,
}

impl ProgramInput {
    pub(in crate::confined) fn as_input(&self) -> Input<'_> {
        Input {
            arguments: &self.arguments,
            stdin: Some(&self.stdin),
            gate: None,
        }
    }
}

impl Guest {
    /// What a run starts with, if the function is the program; nothing for others.
    pub(in crate::confined) fn program_input(
        &self,
        function: u32,
        arguments: &mut Arguments<'_>,
    ) -> Result<ProgramInput, TaskFailure> {
        let Arguments::Values(arguments) = arguments else {
            return Ok(ProgramInput::default());
        };
        let ([Value::List(words), Value::Bytes(stdin)], true) =
            (&mut arguments[..], self.program == Some(function))
        else {
            return Ok(ProgramInput::default());
        };
        let words = words.iter().filter_map(|word| match word {
            Value::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        });
        let arguments: Vec<Vec<u8>> = words.collect();
        let is_component = matches!(self.linked, Linked::Component(_));
        let wrong = arguments
            .iter()
            .position(|word| std::str::from_utf8(word).is_err());
        if let (Some(index), true) = (wrong, is_component) {
            let message = format!(
                "argument {} is not UTF-8, which components do not have",
                index + 1
            );
            return Err(TaskFailure {
                kind: TaskFailureKind::BadArgument,
                message,
            });
        }
        Ok(ProgramInput {
            arguments,
            // It can be as long as an argument may be, so there is one of it.
            stdin: std::mem::take(stdin).into(),
        })
    }

    /// Runs the program as a warm one, whose standard input is behind `gate`. Until it reads it has as long as an initializer.
    pub(in crate::confined) fn run_warm(&self, gate: &Gate) -> Called {
        let input = Input {
            gate: Some(gate),
            ..Input::default()
        };
        let started = Instant::now();
        let mut live = match self.instantiate(started, None, input) {
            Ok(live) => live,
            Err(called) => return called,
        };
        live.store.data_mut().deadline = started.checked_add(self.limits().start_timeout);
        let ended = self.run_program(&mut live).map(|()| Returned::Value(None));
        self.ended(&live, ended).of_program()
    }

    /// Runs the program to its end: an error is how it ended, if not by itself with success.
    pub(super) fn run_program(&self, live: &mut Live) -> wasmtime::Result<()> {
        let waiting = self.waiting(&live.store);
        let store = &mut live.store;
        let ended = match (&self.linked, &live.instance) {
            (Linked::Core(_), Instance::Core(instance)) => {
                let start = instance.start_of_program(store)?;
                match waiting {
                    None => start.call(store, ()),
                    Some(waiting) => waiting.run(start.call_async(store, ())),
                }
            }
            (Linked::Component(linked), Instance::Component(instance)) => {
                let run = linked.program(store, instance)?;
                let ended = match waiting {
                    None => run.call(store, ()),
                    Some(waiting) => waiting.run(run.call_async(store, ())),
                };
                ended.and_then(|(ended,)| ended.map_err(|()| I32Exit(1).into()))
            }
            _ => Err(no_such_function()),
        };
        match ended {
            Err(error)
                if error
                    .downcast_ref::<I32Exit>()
                    .is_some_and(|exit| exit.0 == 0) =>
            {
                Ok(())
            }
            ended => ended,
        }
    }
}

impl Called {
    /// The end of a program: what it wrote to its standard output is its result.
    pub(super) fn of_program(mut self) -> Called {
        if self.outcome.is_ok() {
            let Written { stdout, .. } = &mut self.written;
            let value = Value::Bytes(std::mem::take(stdout));
            self.outcome = Ok(Returned::Value(Some(value)));
        }
        self
    }
}
