//! The messages, one type for each direction and kind of process.
//!
//! The first variant of everything a confined process sends is `Panicked`, so that a panic can be reported without knowing
//! how far the process got.

use super::wasi::{WasiTerms, is_wasi};
use crate::sandbox::ProcessLimits;
use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;

/// The longest frame with [`ModuleFacts`] in it, in bytes: a signature's names take most of it.
pub const MAX_FACTS_FRAME: usize = 6 * 1024 * 1024;

/// The longest module that is accepted, in bytes.
pub const MAX_MODULE_BYTES: usize = 512 * 1024 * 1024;

/// What the arguments, and the result, of one call may take as values of the engine in a worker, in bytes. They are many times
/// larger there than on the wire, but for lists of bytes.
pub const VALUES_BYTES: u64 = 256 << 20;

/// How many imports of a module are listed; a module with more is refused all the same.
pub const MAX_IMPORTS: usize = 1000;

/// The longest frame of a control message, in bytes. Module, artifact, task and result frames have limits of their own.
pub const MAX_CONTROL_FRAME: usize = 64 * 1024;

/// What an artifact is compiled for; part of its identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EngineProfile {
    /// Whether code counts fuel.
    pub fuel: bool,
    /// Whether floating point gives the same bits on every machine and in every run.
    pub deterministic: bool,
}

/// A module to compile; its bytes follow in one frame.
#[derive(Debug, Serialize, Deserialize)]
pub struct CompileRequest {
    /// How to compile it.
    pub profile: EngineProfile,
}

/// To a compiler.
#[derive(Debug, Serialize, Deserialize)]
pub enum SupervisorToCompiler {
    /// Compile the module in the next frame.
    Compile(CompileRequest),
}

/// From a compiler.
#[derive(Debug, Serialize, Deserialize)]
pub enum CompilerToSupervisor {
    /// It panicked, with this message.
    Panicked(String),
    /// What the module imports, by a first look: said before it is compiled, so that one that can never be run is not.
    Imports(#[serde(deserialize_with = "bounded_imports")] Vec<Import>),
    /// What the module is; the artifact follows in one frame.
    Compiled(ModuleFacts),
    /// The module was refused.
    Rejected(Rejection),
}

/// What a compiler says about a module. Every number is a claim, bounded by the supervisor before use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleFacts {
    /// Which kind of module it is.
    pub kind: ModuleKind,
    /// The encoded [`crate::value::Signature`].
    pub signature: Vec<u8>,
    /// What the module imports, at most [`MAX_IMPORTS`].
    #[serde(deserialize_with = "bounded_imports")]
    pub imports: Vec<Import>,
    /// The functions that it imports, by themselves or in an interface, and could be given: the encoded
    /// [`crate::value::Signature`], each function named by [`import_name`].
    pub imported_functions: Vec<u8>,
    /// The sum of all memories' minimum sizes, in bytes.
    pub minimum_memory_bytes: u64,
    /// How many memories it defines.
    pub memories: u32,
    /// How many tables it defines.
    pub tables: u32,
    /// The largest table's minimum number of elements.
    pub table_elements: u64,
    /// The number of the function that runs the module as a program, [`super::program`], if it is one.
    pub program: Option<u32>,
    /// Whether code of it runs when it is instantiated.
    pub has_start: bool,
}

impl ModuleFacts {
    /// Whether the module imports WASI, of whatever version.
    #[must_use]
    pub fn imports_wasi(&self) -> bool {
        self.imports.iter().any(|import| is_wasi(&import.module))
    }
}

/// The kind of an import that is a memory which several threads would share.
pub const SHARED_MEMORY: &str = "shared memory";

/// One name for a function of a module or interface: `module#name`, or the name where that is empty, as for functions at a
/// component's root. Of two functions that would share one, a module can be given neither.
#[must_use]
pub fn import_name(module: &str, name: &str) -> String {
    if module.is_empty() {
        return name.into();
    }
    format!("{module}#{name}")
}

/// The kinds of modules.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let kind = |name: &str| -> Result<wpool::ModuleKind, wpool::Error> {
///     Ok(wpool::Pool::builder(format!("../guest-examples/wasm/{name}.wasm")).inspect()?.kind)
/// };
/// assert_eq!(kind("square")?, wpool::ModuleKind::Core);
/// assert_eq!(kind("greet")?, wpool::ModuleKind::Component);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModuleKind {
    /// A core module: functions over numbers.
    #[default]
    Core,
    /// A component: functions over typed values.
    Component,
}

/// Something a module imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module or interface.
    pub module: String,
    /// The name within it.
    pub name: String,
    /// `function`, `memory`, [`SHARED_MEMORY`], `table`, `global`, `tag`, `interface`, `component`, `module` or `resource`.
    pub kind: String,
}

/// Why a module was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// Neither Wasm nor its text form.
    NotWasm(String),
    /// Wasm, but invalid, with the position.
    Invalid(String),
    /// Valid, but of a kind or with a feature that is not supported.
    Unsupported(String),
    /// The compiler's memory limit was hit.
    OutOfMemory,
}

/// What one task may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLimits {
    /// Wall time of one task.
    pub timeout: Option<Duration>,
    /// Wall time of instantiation, start function included.
    pub start_timeout: Duration,
    /// Units of fuel.
    pub fuel: Option<u64>,
    /// The sum of all memories and tables, in bytes.
    pub memory_bytes: Option<u64>,
    /// The encoded result, in bytes.
    pub output_bytes: Option<u64>,
}

/// What two tasks of one plugin never share.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use wpool::{Isolation, Pool};
///
/// let counts = |isolation| -> Result<Vec<i64>, wpool::Error> {
///     let pool = Pool::builder("../guest-examples/wasm/counter.wasm").workers(1).isolation(isolation).build()?;
///     Ok(pool.starmap("next", [(), (), ()])?)
/// };
/// assert_eq!(counts(Isolation::Instance)?, [1, 1, 1]);
/// assert_eq!(counts(Isolation::Worker)?, [1, 2, 3]);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Isolation {
    /// Each task gets a fresh process, forked from the template: for tasks of different tenants. The strongest.
    Process,
    /// Each task gets a fresh instance in a worker that serves many, one after the other: no state leaks from task to task.
    #[default]
    Instance,
    /// The tasks of a worker share its one instance, whose state stays as in `multiprocessing.Pool`; after a failure it is
    /// discarded. For trusted functions that are called millions of times.
    Worker,
}

/// How a worker treats tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskTerms {
    /// What one task may use.
    pub limits: TaskLimits,
    /// What tasks share.
    pub isolation: Isolation,
    /// The function that prepares an instance that tasks share, or are forked from.
    pub initializer: Option<u32>,
    /// Whether each result is sent before the next task starts: then none is computed twice.
    pub results_at_once: bool,
    /// Whether to measure CPU time for each task.
    pub measure_cpu: bool,
}

/// What a template is to load, and how.
#[derive(Debug, Serialize, Deserialize)]
pub struct LoadRequest {
    /// How the artifact was compiled.
    pub profile: EngineProfile,
    /// What the compiler said; the signature tells which functions there are.
    pub facts: ModuleFacts,
    /// The numbers of the imported functions that the host has.
    pub bound: Vec<u32>,
    /// Whether a call of a function that nobody has is a trap, instead of a reason not to load.
    pub trap_missing: bool,
    /// How tasks are treated.
    pub terms: TaskTerms,
    /// What it is given of WASI, where it imports that.
    pub wasi: WasiTerms,
    /// The limits that hold from now on, where they are named.
    pub limits: ProcessLimits,
}

/// To a template.
#[derive(Debug, Serialize, Deserialize)]
pub enum SupervisorToTemplate {
    /// Map and link the artifact whose descriptor comes along.
    Load(Box<LoadRequest>),
    /// Fork a worker; its socket and its status page come along.
    Fork {
        /// The number by which [`SupervisorToTemplate::Reap`] will ask for it.
        worker: u32,
    },
    /// Wait for a worker that has died, and say how.
    Reap {
        /// The number it was forked under.
        worker: u32,
    },
    /// Wait for a worker that has died, or is about to; how is known.
    Bury {
        /// The number it was forked under.
        worker: u32,
    },
}

/// From a template.
#[derive(Debug, Serialize, Deserialize)]
pub enum TemplateToSupervisor {
    /// It panicked, with this message.
    Panicked(String),
    /// The artifact is mapped: workers can be forked.
    Loaded,
    /// The artifact was refused.
    LoadFailed(String),
    /// What was to be done once for all tasks, an initializer or the beginning of a warm program, failed.
    NotPrepared(String),
    /// A worker could not be forked.
    ForkFailed {
        /// Its number.
        worker: u32,
        /// The kernel's answer.
        errno: i32,
    },
    /// A worker is gone.
    Reaped {
        /// Its number.
        worker: u32,
        /// The signal that ended it.
        signal: Option<i32>,
        /// The status it exited with.
        exit_status: Option<i32>,
    },
}

/// Reads a list without trusting its length: a count takes one byte on the wire, an element seventy in memory.
fn bounded_imports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Import>, D::Error> {
    struct Imports;
    impl<'de> Visitor<'de> for Imports {
        type Value = Vec<Import>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "at most {MAX_IMPORTS} imports")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Import>, A::Error> {
            let mut imports = Vec::new();
            while let Some(import) = list.next_element()? {
                if imports.len() == MAX_IMPORTS {
                    return Err(A::Error::invalid_length(MAX_IMPORTS + 1, &self));
                }
                imports.push(import);
            }
            Ok(imports)
        }
    }
    deserializer.deserialize_seq(Imports)
}

/// The bytes of a message.
///
/// # Panics
///
/// Never: serialisation into memory of types without maps and foreign code cannot fail.
#[must_use]
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(message).expect("plain data serialises")
}

/// Reads a message that must take all of `bytes`. `None` for anything malformed.
#[must_use]
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Some(message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ChildHello;

    #[test]
    fn a_panic_reads_the_same_from_every_kind_of_process() {
        let text = || "out of paper".to_string();
        let expected = encode(&ChildHello::Panicked(text()));
        assert_eq!(encode(&CompilerToSupervisor::Panicked(text())), expected);
        assert_eq!(encode(&TemplateToSupervisor::Panicked(text())), expected);
        assert_eq!(expected[0], super::super::results::PANICKED);
    }

    #[test]
    fn trailing_bytes_make_a_message_malformed() {
        let mut bytes = encode(&TemplateToSupervisor::Loaded);
        assert!(decode::<TemplateToSupervisor>(&bytes).is_some());
        bytes.push(0);
        assert!(decode::<TemplateToSupervisor>(&bytes).is_none());
    }

    #[test]
    fn more_imports_than_allowed_are_malformed() {
        let import = || Import {
            module: String::new(),
            name: String::new(),
            kind: String::new(),
        };
        let facts = |count| ModuleFacts {
            imports: (0..count).map(|_| import()).collect(),
            ..ModuleFacts::default()
        };
        assert!(decode::<ModuleFacts>(&encode(&facts(MAX_IMPORTS))).is_some());
        assert!(decode::<ModuleFacts>(&encode(&facts(MAX_IMPORTS + 1))).is_none());
    }

    #[test]
    fn a_claimed_list_of_four_billion_is_malformed_not_allocated() {
        let facts = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(decode::<ModuleFacts>(&facts).is_none());
    }
}
