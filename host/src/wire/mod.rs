//! What travels between the supervisor and its confined processes, and how it is framed.
//!
//! A frame is a `u32` length (little endian) and that many bytes. Nothing is allocated for a frame before its length was
//! held against the reader's cap. The direction is in the name of each message. This room knows bytes and messages; it
//! opens no socket and starts no process.

mod batch;
mod bytes;
mod failure;
mod frame;
mod greeting;
mod host_call;
mod message;
mod packed;
mod plain;
mod results;
mod results_writer;
mod status_page;
mod wasi;

pub use batch::{Batch, BatchWriter};
pub use failure::{TaskFailure, TaskFailureKind};
pub use frame::{FrameError, FrameReader, read_frame, write_frame};
pub use greeting::{ChildHello, IdsMapped, StartFrame, WIRE_VERSION, WORKER_ARGV0};
pub use host_call::{host_answer, host_call, parse_host_answer};
pub use message::{
    CompileRequest, CompilerToSupervisor, EngineProfile, Import, Isolation, LoadRequest,
    MAX_CONTROL_FRAME, MAX_FACTS_FRAME, MAX_IMPORTS, MAX_MODULE_BYTES, ModuleFacts, ModuleKind,
    Rejection, SHARED_MEMORY, SupervisorToCompiler, SupervisorToTemplate, TaskLimits, TaskTerms,
    TemplateToSupervisor, VALUES_BYTES, decode, encode, import_name,
};
pub use packed::Packed;
pub use plain::{Plain, PlainResults};
pub use results::{Cost, Printed, TaskResult, WorkerFrame};
pub use results_writer::ResultsWriter;
pub use status_page::StatusPage;
pub use wasi::{
    INITIALIZE, INTERFACES, PREVIEWS, Stream, WasiDirectory, WasiTerms, is_program, is_wasi,
    program, stream_functions,
};
