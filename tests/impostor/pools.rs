//! Attempts from inside the confined processes of a real pool, with every layer that this machine has.

use crate::alone::{GATES, NUMBERS};
use crate::attacks::{self, answer};
use crate::inside::Errand;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use wpool::{Directory, FailureKind, FromValue, Isolation, Outcome, Pool, Type};

/// Tries every attack from a worker, each as a task, and prints how it ended. `terms` are what the workers run tasks under.
pub fn attack_from_workers(terms: &str) {
    let _bound = attacks::bind_abstract_name();
    let attacks: Vec<_> = attacks::all().collect();
    let errands = (0..attacks.len()).map(|index| Errand::attack(index, std::process::id()));
    for (attack, outcome) in attacks.iter().zip(run(errands, terms)) {
        println!("{}\t{}", attack.name, ended(&outcome));
    }
}

/// Tries every system call by number from a worker under such terms, and prints those that did not end it by its filter.
pub fn calls_from_workers(terms: &str) {
    for (gate, (_, name)) in GATES.iter().enumerate() {
        for (number, outcome) in
            NUMBERS.zip(run(NUMBERS.map(|number| Errand::call(gate, number)), terms))
        {
            let ended = ended(&outcome);
            if ended != "SIGSYS" {
                println!("{name} {number}\t{ended}");
            }
        }
    }
}

/// Tries every attack, and those on a directory that was granted, from a worker that has it.
pub fn attack_with_directory(terms: &str) {
    let _bound = attacks::bind_abstract_name();
    let _directory = Granted::make();
    let attacks: Vec<_> = attacks::with_granted().collect();
    let errands = (0..attacks.len()).map(|index| Errand::attack(index, std::process::id()));
    for (attack, outcome) in attacks.iter().zip(run(errands, terms)) {
        println!("{}\t{}", attack.name, ended(&outcome));
    }
}

/// Tries every system call by number from a worker with a directory, and prints those that did not end it by its filter.
pub fn calls_with_directory(terms: &str) {
    let _directory = Granted::make();
    calls_from_workers(terms);
}

/// The same from a template that has it, as one of a warm program.
pub fn attack_from_template_with_directory(terms: &str) {
    let _bound = attacks::bind_abstract_name();
    for attack in attacks::with_granted() {
        let _directory = Granted::make();
        attack_alone("wasi-template", attack, |builder| under(builder, terms));
    }
}

/// The directory that is granted, until this is dropped.
struct Granted(String);

impl Granted {
    fn make() -> Granted {
        let directory = attacks::granted_directory(std::process::id().into());
        let within = |name: &str| format!("{directory}/{name}");
        fs::create_dir(&directory).expect("a directory of its own");
        fs::create_dir(within("folder")).expect("a directory of its own");
        for file in ["file", "renamable", "removable"] {
            fs::write(within(file), "content").expect("a file of its own");
        }
        // Where root's workers are not root and nothing can be mapped, they may change it all the same.
        for path in [directory.clone(), within("file"), within("folder")] {
            fs::set_permissions(path, Permissions::from_mode(0o777)).expect("its own");
        }
        std::os::unix::fs::symlink("/etc/passwd", within("out")).expect("a link of its own");
        Granted(directory)
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Tries every attack from a template or a compiler, each with a pool of its own, and prints how it ended. A template can be one
/// that an initializer has run in.
pub fn attack_from(place: &str, prepared: bool) {
    let _bound = attacks::bind_abstract_name();
    for attack in attacks::all() {
        attack_alone(place, attack, |builder| match prepared {
            true => builder.isolation(Isolation::Process).initializer("init"),
            false => builder,
        });
    }
}

/// Tries one attack from a process of a pool of its own.
fn attack_alone(
    place: &str,
    attack: &attacks::Attack,
    terms: impl Fn(wpool::Builder) -> wpool::Builder,
) {
    let module = format!("attack {place} {} {}", std::process::id(), attack.name);
    let complaint = match terms(builder(&module)).build() {
        Err(error) => error.to_string(),
        Ok(pool) => match pool.apply::<i64>(&module, (0_i64,)) {
            Ok(_) => "it answered".into(),
            Err(failure) => failure.to_string(),
        },
    };
    let ended = match complaint.split_once("attack: ") {
        Some((_, answer)) => answer,
        None if complaint.contains("SIGSYS") || complaint.contains("signal 31") => "SIGSYS",
        None => &complaint,
    };
    println!("{}\t{ended}", attack.name);
}

/// Prints how much of the confinement such processes have.
pub fn level() {
    let pool = builder("attack worker").build().expect("a pool");
    println!("level\t{:?}", pool.confinement().level());
}

fn builder(module: &str) -> wpool::Builder {
    let program = std::env::current_exe().expect("its own path");
    Pool::builder(module.as_bytes())
        .worker_program(program)
        .workers(2)
}

fn run(errands: impl Iterator<Item = Errand>, terms: &str) -> Vec<Outcome> {
    let module = match terms {
        "host" => "attack worker with a host",
        "wasi" => "attack worker wasi alone",
        "read" | "write" => "attack worker granted a directory",
        _ => "attack worker",
    };
    let codes = errands.map(Errand::code);
    let pool = under(builder(module), terms).build().expect("a pool");
    pool.map_outcomes(module, codes).expect("outcomes")
}

/// A pool whose processes run tasks under such terms.
fn under(builder: wpool::Builder, terms: &str) -> wpool::Builder {
    let directory =
        || Directory::new(attacks::granted_directory(std::process::id().into())).at("/granted");
    match terms {
        "process" => builder.isolation(Isolation::Process),
        "kept" => builder.isolation(Isolation::Worker),
        "read" => builder.dir(directory().read_only()),
        "write" => builder.dir(directory()),
        "host" => builder.host_function("env", "ask", |number: i64| number),
        _ => builder,
    }
}

fn ended(outcome: &Outcome) -> String {
    match &outcome.result {
        Ok(value) => value.as_ref().map_or("nothing".into(), |value| {
            answer(i64::from_value(value.clone(), &Type::S64).expect("a number"))
        }),
        Err(failure) if failure.kind() == FailureKind::SandboxViolation => "SIGSYS".into(),
        Err(failure) => failure.to_string(),
    }
}
