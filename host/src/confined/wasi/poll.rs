//! Waiting in preview 1: for clocks, for the host's standard input, or for other streams and files, which are always ready here.
//! The library's own would sleep in the kernel, where no time limit reaches it and what was written is not sent.

use super::super::guest::TaskState;
use super::Wasi;
use crate::wire::PREVIEWS;
use std::time::{Duration, Instant};
use wasmtime::{Caller, Extern, Linker};
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};

const SUCCESS: i32 = 0;
const FAULT: i32 = 21;
const INVALID: i32 = 28;

/// How many things may be waited for at once.
const MOST: u32 = 4096;

/// How long the description of something that is waited for is, in bytes, and where in it a clock begins: as the witx of the two
/// previews have it.
const LAYOUTS: [(&str, Layout); 2] = [
    (
        PREVIEWS[0],
        Layout {
            length: 48,
            clock: 16,
        },
    ),
    (
        PREVIEWS[1],
        Layout {
            length: 56,
            clock: 24,
        },
    ),
];

#[derive(Clone, Copy)]
struct Layout {
    length: usize,
    clock: usize,
}

/// How long the description of what has happened is, in bytes.
const EVENT: usize = 32;

/// What is waited for.
const CLOCK: u8 = 0;
const READ: u8 = 1;
/// Where in its description the descriptor is that is read from.
const DESCRIPTOR: usize = 16;
/// The descriptor of standard input.
const STDIN: u32 = 0;
/// A clock that people read, and one that only goes on.
const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;
/// The time is a point of the clock, not from now on.
const ABSOLUTE: u16 = 1;

/// Replaces the function that waits.
pub(super) fn link(linker: &mut Linker<TaskState>) -> wasmtime::Result<()> {
    for (module, layout) in LAYOUTS {
        linker.func_wrap_async(
            module,
            "poll_oneoff",
            move |mut caller: Caller<'_, TaskState>,
                  (from, to, count, happened): (u32, u32, u32, u32)| {
                Box::new(async move {
                    let all = match read_all(&mut caller, layout, from, count) {
                        Ok(all) => all,
                        Err(errno) => return Ok(errno),
                    };
                    let now = Now::wait_for(&all, caller.data_mut().wasi()).await?;
                    let due = all.iter().filter(|one| now.is_due(one));
                    let written = write_all(&mut caller, due, (to, happened));
                    Ok(written.map_or(FAULT, |()| SUCCESS))
                })
            },
        )?;
    }
    Ok(())
}

/// Something that is waited for.
struct Awaited {
    user_data: [u8; 8],
    kind: u8,
    due: Due,
}

/// When it happens.
#[derive(PartialEq)]
enum Due {
    In(Duration),
    /// Once there is something to read.
    WithInput,
}

/// What of all that was waited for has happened.
struct Now {
    /// So much time is over.
    after: Duration,
    has_input: bool,
}

impl Now {
    async fn wait_for(all: &[Awaited], wasi: &mut Wasi) -> wasmtime::Result<Now> {
        let times = all.iter().filter_map(|one| match one.due {
            Due::In(time) => Some(time),
            Due::WithInput => None,
        });
        let next = times.min();
        let mut now = Now {
            after: next.unwrap_or(Duration::MAX),
            has_input: false,
        };
        let reads = all.iter().any(|one| one.due == Due::WithInput);
        if let Some(input) = wasi.host_input.as_ref().filter(|_| reads) {
            let begun = Instant::now();
            now.has_input = input.wait(now.after)?;
            if now.has_input {
                now.after = begun.elapsed();
            }
        } else if let Some(steps) = &wasi.steps {
            steps.jump(now.after);
        } else if !now.after.is_zero() {
            tokio::time::sleep_until(tokio::time::Instant::now() + now.after).await;
        }
        Ok(now)
    }

    fn is_due(&self, one: &Awaited) -> bool {
        match one.due {
            Due::In(time) => time <= self.after,
            Due::WithInput => self.has_input,
        }
    }
}

fn read_all(
    caller: &mut Caller<'_, TaskState>,
    layout: Layout,
    from: u32,
    count: u32,
) -> Result<Vec<Awaited>, i32> {
    if count == 0 || count > MOST {
        return Err(INVALID);
    }
    let (from, length) = (from as usize, count as usize * layout.length);
    let bytes = memory(caller).and_then(|memory| memory.get(from..from + length));
    let bytes = bytes.ok_or(FAULT)?.to_vec();
    let read = |bytes| read_one(caller, layout, bytes).ok_or(INVALID);
    bytes.chunks_exact(layout.length).map(read).collect()
}

fn read_one(caller: &mut Caller<'_, TaskState>, layout: Layout, bytes: &[u8]) -> Option<Awaited> {
    let user_data = *bytes.first_chunk()?;
    let kind = *bytes.get(8)?;
    let number = |at| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let waits_for_input = caller.data_mut().wasi().host_input.is_some();
    let due = if kind == CLOCK {
        let clock = number(layout.clock)?;
        let bytes = bytes.get(layout.clock..)?;
        let time = Duration::from_nanos(u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?));
        let flags = u16::from_le_bytes(*bytes.get(24..)?.first_chunk()?);
        let now = now(caller, clock)?;
        Due::In(match flags & ABSOLUTE {
            0 => time,
            _ => time.saturating_sub(now),
        })
    } else if kind == READ && waits_for_input && number(DESCRIPTOR)? == STDIN {
        Due::WithInput
    } else {
        Due::In(Duration::ZERO)
    };
    Some(Awaited {
        user_data,
        kind,
        due,
    })
}

/// What a clock shows; `None` where there is no such clock to wait for.
fn now(caller: &mut Caller<'_, TaskState>, clock: u32) -> Option<Duration> {
    let mut clocks = caller.data_mut().clocks();
    match clock {
        MONOTONIC => {
            let now = monotonic_clock::Host::now(&mut clocks).ok()?;
            Some(Duration::from_nanos(now))
        }
        REALTIME => {
            let now = wall_clock::Host::now(&mut clocks).ok()?;
            Some(Duration::new(now.seconds, now.nanoseconds))
        }
        _ => None,
    }
}

fn write_all<'a>(
    caller: &mut Caller<'_, TaskState>,
    due: impl Iterator<Item = &'a Awaited>,
    (to, happened): (u32, u32),
) -> Option<()> {
    let memory = memory(caller)?;
    let mut at = to as usize;
    let mut count = 0_u32;
    for awaited in due {
        let event = memory.get_mut(at..at + EVENT)?;
        event.fill(0);
        event[..8].copy_from_slice(&awaited.user_data);
        event[10] = awaited.kind;
        // How many bytes there are: at least one.
        event[16] = 1;
        at += EVENT;
        count += 1;
    }
    let happened = happened as usize;
    let place = memory.get_mut(happened..happened + 4)?;
    place.copy_from_slice(&count.to_le_bytes());
    Some(())
}

fn memory<'a>(caller: &'a mut Caller<'_, TaskState>) -> Option<&'a mut [u8]> {
    match caller.get_export("memory")? {
        Extern::Memory(memory) => Some(memory.data_mut(caller)),
        _ => None,
    }
}
