//! Every path that the command opens for a job, so that no link that a guest could plant leads it
//! elsewhere.
//!
//! ```text
//!  --results  Folder   held by its descriptor; a file gets its name when it is whole
//!  --joblog, --report  log: opened once, before the first task, never through a link
//!  -a, --config        list: a file, pipe or descriptor that the user names
//!  --files             Content: in a directory that the module may change, no link is followed and nothing is left
//! ```
//! Nothing that the command writes or takes inputs from may lie where the module can write:
//! [`Granted`] refuses that. What a *user* names, a pipe or a descriptor such as `/dev/fd/3` among
//! them, is opened as it is.

mod content;
mod folder;
mod granted;
mod list;
mod log;
mod walk;

pub(super) use content::Content;
pub(super) use folder::Folder;
pub(super) use granted::Granted;
pub(super) use list::{check, length, open, read_text};
pub(super) use log::{create, lockable, peek, refuse_other_than_file};

use std::path::Path;

fn shown(path: &Path) -> String {
    wpool::printable(&path.to_string_lossy())
}
