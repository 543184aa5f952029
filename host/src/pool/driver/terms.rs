//! What results are held against: the function's type, and the limits of its plugin.

use super::super::ended::{Ended, More};
use super::super::outcome::{Failure, FailureKind};
use super::super::scheduler::Task;
use crate::plugin::Plugin;
use crate::value::{Fixed, Format, Type, Value, is_err};
use crate::wire::{Cost, PlainResults, Printed, TaskResult};
use std::time::Duration;

/// What results are held against.
pub(super) struct Terms<'a> {
    plugin: &'a Plugin,
    output_cap: u64,
    has_fuel: bool,
}

impl<'a> Terms<'a> {
    pub(super) fn of(plugin: &'a Plugin) -> Terms<'a> {
        let limits = &plugin.terms.limits;
        Terms {
            plugin,
            output_cap: limits.output_cap(),
            has_fuel: limits.fuel.is_some(),
        }
    }

    /// The results of tasks of one function, if all of them are plain and of its type.
    pub(super) fn read_plain<'t>(
        &self,
        mut tasks: impl Iterator<Item = &'t Task>,
        bytes: &[u8],
        count: u32,
    ) -> Option<PlainResults> {
        let function = tasks.next()?.function;
        if self.has_fuel || tasks.any(|task| task.function != function) {
            return None;
        }
        let functions = &self.plugin.signature.functions;
        let ty = functions.get(function as usize)?.result.as_ref()?;
        let ty = Fixed::of(ty).filter(|ty| ty.width() as u64 <= self.output_cap)?;
        PlainResults::read(bytes, count, ty)
    }

    /// How a task ended, if the bytes are of the function's type.
    #[inline]
    pub(super) fn read(
        &self,
        function: u32,
        reported: TaskResult<'_>,
        decode: impl FnOnce(&Type, &[u8]) -> Option<Value>,
    ) -> Option<Ended> {
        let functions = &self.plugin.signature.functions;
        let ty = functions.get(function as usize)?.result.as_ref();
        let result = match reported.outcome {
            Err(failure) => Err(Failure::reported(&failure)),
            Ok(bytes) if bytes.len() as u64 > self.output_cap => Err(Failure::new(
                FailureKind::OutputLimit,
                "its result is longer than the limit",
            )),
            Ok(bytes) => match ty {
                None if bytes.is_empty() => Ok(None),
                None => return None,
                Some(ty) => judge(ty, decode(ty, bytes)?),
            },
        };
        let (cost, printed) = (reported.cost, &reported.printed);
        let ended = Ended {
            result,
            wall_ns: cost.wall_ns,
            memory_bytes: cost.memory_bytes,
            attempts: 1,
            more: None,
        };
        let is_all = printed.is_empty() && !self.has_fuel && cost.cpu_ns == 0;
        Some(match is_all {
            true => ended,
            false => self.with_more(ended, cost, printed),
        })
    }

    /// The same, with what else is reported of it.
    fn with_more(&self, ended: Ended, cost: Cost, printed: &Printed<'_>) -> Ended {
        let written = (printed.stdout.len() + printed.stderr.len()) as u64;
        let too_much = written > self.output_cap;
        let kept = |bytes: &[u8]| if too_much { Vec::new() } else { bytes.to_vec() };
        let more = More {
            cpu: (cost.cpu_ns > 0).then(|| Duration::from_nanos(cost.cpu_ns)),
            fuel: self.has_fuel.then_some(cost.fuel),
            stdout: kept(printed.stdout),
            stderr: kept(printed.stderr),
            ..More::default()
        };
        let too_much = too_much.then(|| {
            let message = "it wrote more than the limit";
            Err(Failure::new(FailureKind::OutputLimit, message))
        });
        Ended {
            result: too_much.unwrap_or(ended.result),
            more: Some(Box::new(more)),
            ..ended
        }
    }
}

/// A value is a success, unless it is an `err`.
#[inline]
fn judge(ty: &Type, value: Value) -> Result<Option<Value>, Failure> {
    match is_err(&value) {
        None => Ok(Some(value)),
        Some(_) => Err(returned_err(ty, value)),
    }
}

fn returned_err(ty: &Type, value: Value) -> Failure {
    let mut shown = Vec::new();
    Format::Text.print(Some(ty), Some(&value), &mut shown);
    Failure::returned_err(value, &String::from_utf8_lossy(&shown))
}
