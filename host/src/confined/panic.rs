//! A panic is reported by a frame and ends the process; nothing is printed, nothing unwinds.

use super::{end, link::Link};
use crate::wire::{ChildHello, encode, write_frame};

/// The longest report of a panic, in bytes.
const LONGEST: usize = 4096;

/// The exit status of a process that panicked.
const STATUS: i32 = 101;

/// From here on every panic becomes a frame to the supervisor.
pub(super) fn report_by_frame() {
    std::panic::set_hook(Box::new(|panic| {
        let mut message = panic.to_string().replace('\n', " ");
        message.truncate(message.floor_char_boundary(LONGEST));
        let frame = encode(&ChildHello::Panicked(message));
        // Nothing can be done about a supervisor that does not listen.
        let _ = write_frame(&mut Link::to_supervisor(), &frame);
        end(STATUS)
    }));
}
