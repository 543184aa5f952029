//! What the tests share. Nothing here sleeps: conditions are polled against a deadline, or an end of file is awaited.

mod alone;
mod bomb;
mod command;
mod container;
mod delegated;
mod file_system;
mod held_calls;
mod host;
mod kernel;
mod library;
mod luck;
mod modules;
mod ordinary;
mod patience;
mod processes;
mod source;

pub use alone::{alone, alone_for, nobody_is_left, nobody_is_left_now};
pub use bomb::compile_bomb;
pub use command::{Ran, Running, SUBCOMMANDS, feed, let_signals_end_commands, run, wpool};
pub use delegated::{Delegated, HIERARCHY};
pub use file_system::FileSystem;
pub use host::{Call, refusing};
pub use kernel::{file_rights, have_landlock};
pub use library::{pool, pool_of};
pub use luck::Luck;
pub use modules::{TextModule, guest, module, wat};
pub use ordinary::{Ordinary, is_root};
pub use patience::{DEADLINE, eventually};
pub use processes::{
    Process, assert_processes_show, only_busy_worker, status_field, template_of, workers_of,
};
pub use source::Source;
