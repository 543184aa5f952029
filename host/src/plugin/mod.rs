//! From bytes to a plugin: read, compiled by a confined process, and held against what it may be. The supervisor never looks
//! into the bytes itself; what the compiler says of them is checked here before anybody relies on it.

mod binding;
pub(crate) mod cache;
pub(crate) mod compile;
mod directory;
mod grant;
mod host_function;
mod identity;
mod inspection;
mod limits;
mod module;
mod needs;
mod plugin_host;
mod stdio;
mod terms;
mod wasi;

pub use crate::wire::{Isolation, ModuleKind, Stream};
pub(crate) use binding::BoundImport;
pub use cache::{ArtifactCache, Entry};
#[cfg(feature = "testing")]
pub(crate) use compile::sealed_copy;
pub(crate) use compile::{compile, inspect};
pub use directory::Directory;
pub(crate) use host_function::{Answer, Answering, HostFunction};
pub use host_function::{HostCall, HostClosure, HostError, IntoAnswer};
pub use inspection::{Import, Inspection};
pub use limits::Limits;
pub use module::Module;
pub(crate) use plugin_host::functions as plugin_host_functions;
pub use plugin_host::{LogLevel, PluginHost};
pub use stdio::Stdio;
pub(crate) use stdio::Streams;
pub(crate) use terms::{Retries, Terms};

use crate::error::{Error, ErrorKind};
use crate::value::{Function, Signature, printable};
use crate::wire::{EngineProfile, ModuleFacts, TaskTerms, WasiTerms, program};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Memories a module may be allowed to define.
const MAX_MEMORIES: u32 = 64;

/// Tables a module may define.
const MAX_TABLES: u32 = 1000;

/// Elements a table may begin with.
const MAX_TABLE_ELEMENTS: u64 = 10_000_000;

/// Where a plugin comes from.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// The file's name without folder and extension, where there is one.
    pub(crate) name: Option<String>,
    /// The hash of the module's bytes, in hexadecimal.
    pub(crate) hash: String,
}

/// A module that was compiled and found to be acceptable.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) origin: Origin,
    pub(crate) signature: Signature,
    pub(crate) facts: ModuleFacts,
    pub(crate) profile: EngineProfile,
    pub(crate) terms: Terms,
    /// The number of the function that prepares instances.
    pub(crate) initializer: Option<u32>,
    /// What it imports, in the order in which its workers count it.
    pub(crate) imports: Vec<BoundImport>,
    /// The number of the first of the functions that move standard streams, after those that it imports.
    first_stream: Option<u32>,
    /// The sealed memory that holds the artifact.
    pub(crate) artifact: OwnedFd,
    pub(crate) artifact_bytes: u64,
}

impl Plugin {
    /// Holds what the compiler said against the limits.
    fn check(
        origin: Origin,
        facts: ModuleFacts,
        profile: EngineProfile,
        terms: Terms,
        artifact: (OwnedFd, u64),
    ) -> Result<Plugin, Error> {
        let refused = |message: String| Err(Error::new(ErrorKind::Module, message));
        let limits = &terms.limits;
        let signature = functions(&facts)?;
        if let Some(number) = facts.program
            && signature
                .functions
                .get(number as usize)
                .is_none_or(|it| *it != program(&it.name))
        {
            return refused(
                "its compiler gave a malformed answer: a program of another type".into(),
            );
        }
        let mut imports = grant::bind_imports(&facts, &terms)?;
        grant::check_all(&facts.imports, &imports, terms.trap_missing)?;
        if !terms.wasi.directories.is_empty() && !facts.imports_wasi() {
            let message =
                "a directory is granted, and the module imports no WASI, by which it could use it";
            return Err(Error::new(ErrorKind::Grant, message));
        }
        if terms.wasi.warm {
            check_warm(&facts, &terms)?;
        }
        if facts.program.is_some() && terms.isolation == Isolation::Worker {
            return refused(
                "it is a program, which starts anew for each task: use `instance` or `process` isolation"
                    .into(),
            );
        }
        let first_stream = terms.wasi.streams.as_ref().map(|_| imports.len() as u32);
        let streams = terms.wasi.streams.iter().flat_map(Streams::functions);
        imports.extend(streams);
        if let Some(limit) = limits.memory_bytes
            && facts.minimum_memory_bytes > limit
        {
            let needed = facts.minimum_memory_bytes;
            return refused(format!(
                "it needs {needed} bytes of memory to start, and the limit is {limit} (--memory)"
            ));
        }
        let most_memories = limits.memories.min(MAX_MEMORIES);
        let counts = [
            ("memories", facts.memories.into(), most_memories.into()),
            ("tables", facts.tables.into(), MAX_TABLES.into()),
            ("table elements", facts.table_elements, MAX_TABLE_ELEMENTS),
        ];
        for (what, count, most) in counts {
            if count > most {
                let more = match what {
                    "memories" if most < MAX_MEMORIES.into() => {
                        " (--memories allows more, each of which is 4 GiB of address space that a compromised worker could fill)"
                    }
                    _ => "",
                };
                return refused(format!(
                    "it has {count} {what}, and at most {most} are accepted{more}"
                ));
            }
        }
        let initializer = find_initializer(&signature, &terms)?;
        let (artifact, artifact_bytes) = artifact;
        Ok(Plugin {
            origin,
            signature,
            facts,
            profile,
            terms,
            initializer,
            imports,
            first_stream,
            artifact,
            artifact_bytes,
        })
    }

    /// What people call it; nothing where it came from memory and nobody gave it a name.
    pub(crate) fn called(&self) -> Arc<str> {
        let of_file = || self.origin.name.as_deref().unwrap_or_default().into();
        self.terms.name.clone().unwrap_or_else(of_file)
    }

    /// The function that runs it as a program, if it is one.
    pub(crate) fn program(&self) -> Option<&Function> {
        self.signature.functions.get(self.facts.program? as usize)
    }

    /// Whether its tasks can do more than compute a result.
    pub(crate) fn has_effects(&self) -> bool {
        self.imports.iter().any(|import| import.bound.is_some())
            || self.terms.wasi.can_change_files()
    }

    /// The numbers of the imports that it was given.
    pub(crate) fn bound(&self) -> Vec<u32> {
        let numbered = (0..).zip(&self.imports);
        let bound = numbered.filter(|(_, import)| import.bound.is_some());
        bound.map(|(number, _)| number).collect()
    }

    /// Whether functions that nobody has are traps: where that was asked for, and those of the network.
    pub(crate) fn traps_missing(&self) -> bool {
        self.terms.trap_missing || self.facts.imports.iter().any(grant::is_network)
    }

    /// What its workers are told of how to treat tasks.
    pub(crate) fn task_terms(&self) -> TaskTerms {
        self.terms.of_tasks(self.initializer, self.has_effects())
    }

    /// What its workers are given of WASI.
    pub(crate) fn wasi_terms(&self, have_root: bool) -> WasiTerms {
        let program = self.origin.name.as_deref().unwrap_or("program");
        self.terms.wasi.terms(program, self.first_stream, have_root)
    }

    /// Whether it imports WASI: then tasks can write besides what they return.
    pub(crate) fn imports_wasi(&self) -> bool {
        self.facts.imports_wasi()
    }
}

/// Whether it can be run up to where it reads its standard input, once for all tasks.
fn check_warm(facts: &ModuleFacts, terms: &Terms) -> Result<(), Error> {
    let why = if facts.program.is_none() {
        "it is no program: an initializer prepares a function for its tasks"
    } else if terms.isolation != Isolation::Process {
        "its tasks are forks: with `process` isolation alone"
    } else if terms.wasi.streams.is_some() {
        "its tasks have standard streams of their own, which are not passed on"
    } else {
        return Ok(());
    };
    let message = format!("it cannot be a warm program: {why}");
    Err(Error::new(ErrorKind::Usage, message))
}

/// The number of the initializer, if one was asked for and makes sense.
fn find_initializer(signature: &Signature, terms: &Terms) -> Result<Option<u32>, Error> {
    let Some(name) = &terms.initializer else {
        return Ok(None);
    };
    let refused = |message: String| Err(Error::new(ErrorKind::Function, message));
    if terms.isolation == Isolation::Instance {
        return refused(
            "an initializer prepares what tasks share, and with `instance` isolation they share nothing: use `process`, where each \
             task starts from what it prepared, or `worker`"
                .into(),
        );
    }
    let chosen = signature.choose(Some(name), None);
    let chosen = chosen.map_err(|error| Error::new(ErrorKind::Function, error.to_string()))?;
    if !chosen.params.is_empty() {
        let function = printable(&chosen.to_string());
        return refused(format!(
            "the initializer `{function}` has parameters, and nobody to give it arguments"
        ));
    }
    let functions = signature.functions.iter();
    let index = functions.clone().position(|it| it.name == chosen.name);
    Ok(index.map(|index| index as u32))
}

fn functions(facts: &ModuleFacts) -> Result<Signature, Error> {
    Signature::decode(&facts.signature).map_err(|error| {
        Error::new(
            ErrorKind::Module,
            format!("its functions are more than is accepted: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{Plugin, *};
    use crate::wire::Import;

    fn check(facts: ModuleFacts) -> Result<Plugin, String> {
        let artifact = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::empty()).unwrap();
        let mut signature = Vec::new();
        Signature::default().encode(&mut signature);
        let facts = ModuleFacts { signature, ..facts };
        Plugin::check(
            Origin::default(),
            facts,
            EngineProfile::default(),
            Terms::default(),
            (artifact, 0),
        )
        .map_err(|e| e.to_string())
    }

    #[test]
    fn every_import_is_named_and_terminal_escapes_in_it_are_harmless() {
        let import = |name: &str| Import {
            module: "env".into(),
            name: name.into(),
            kind: "function".into(),
        };
        let facts = ModuleFacts {
            imports: vec![import("log"), import("\x1b[2J")],
            ..ModuleFacts::default()
        };
        let message = check(facts).unwrap_err();
        assert_eq!(
            message,
            "it imports what is not granted: function env.log, function env.\\u{1b}[2J"
        );
    }

    #[test]
    fn a_minimum_over_the_memory_limit_is_refused() {
        let facts = ModuleFacts {
            memories: 1,
            minimum_memory_bytes: (256 << 20) + 1,
            ..ModuleFacts::default()
        };
        assert!(check(facts).unwrap_err().contains("the limit is 268435456"));
        assert!(
            check(ModuleFacts {
                minimum_memory_bytes: 256 << 20,
                ..ModuleFacts::default()
            })
            .is_ok()
        );
    }

    #[test]
    fn claims_that_would_reserve_the_address_space_are_refused() {
        assert!(
            check(ModuleFacts {
                memories: u32::MAX,
                ..ModuleFacts::default()
            })
            .is_err()
        );
        assert!(
            check(ModuleFacts {
                tables: u32::MAX,
                ..ModuleFacts::default()
            })
            .is_err()
        );
        assert!(
            check(ModuleFacts {
                table_elements: u64::MAX,
                ..ModuleFacts::default()
            })
            .is_err()
        );
    }

    #[test]
    fn a_signature_that_does_not_decode_is_refused() {
        let artifact = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::empty()).unwrap();
        let facts = ModuleFacts {
            signature: vec![0xff; 9],
            ..ModuleFacts::default()
        };
        let checked = Plugin::check(
            Origin::default(),
            facts,
            EngineProfile::default(),
            Terms::default(),
            (artifact, 0),
        );
        assert_eq!(checked.unwrap_err().kind(), ErrorKind::Module);
    }
}
