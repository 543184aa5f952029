//! What the impostor does once a supervisor started it.

use crate::attacks::{self, Gate, Target, answer};
use crate::lies;
use wpool::testing::wire::{
    Batch, CompilerToSupervisor, Cost, Rejection, ResultsWriter, StatusPage, TemplateToSupervisor,
    WorkerFrame, encode, read_frame, write_frame,
};
use wpool::testing::{Policy, Role, decode_s64, encode_value, impostor};

/// The longest frame that is read here.
const LONGEST: usize = 1 << 30;

/// What a task of a worker is to do: an attack by its place in the list, or a bare system call; and whom attacks are aimed at.
#[derive(Clone, Copy)]
pub struct Errand(i64);

impl Errand {
    const CALLS: i64 = 10_000;

    pub fn attack(index: usize, supervisor: u32) -> Errand {
        Errand(index as i64 | i64::from(supervisor) << 20)
    }

    pub fn call(gate: usize, number: i64) -> Errand {
        Errand(Errand::CALLS * (gate as i64 + 1) + number)
    }

    pub fn code(self) -> i64 {
        self.0
    }

    fn run(self) -> i64 {
        let (what, supervisor) = (self.0 & 0xf_ffff, self.0 >> 20);
        let gates = [Gate::Native, Gate::X32, Gate::Int80];
        if what >= Errand::CALLS {
            let gate = gates[(what / Errand::CALLS - 1) as usize];
            return attacks::bare(gate, what % Errand::CALLS);
        }
        let attack = attacks::with_granted().nth(what as usize);
        attack.map_or(-1, |attack| (attack.run)(&Target::of_a_pool(supervisor)))
    }
}

/// Becomes what the supervisor asks for.
pub fn run() {
    if lies::before_confinement() {
        return;
    }
    let Some(policy) = impostor::greet() else {
        return;
    };
    if !impostor::confine(&policy) {
        return;
    }
    match policy.role {
        Role::Compiler => compiler(),
        Role::Template => template(&policy),
    }
}

/// A module is `attack PLACE SUPERVISOR ATTACK`, `lie NAME`, or honest.
fn compiler() {
    let Some((request, module)) = impostor::receive_module() else {
        return;
    };
    let text = String::from_utf8_lossy(&module).into_owned();
    if let Some(lie) = text.strip_prefix("lie ") {
        return lies::as_compiler(lie, &request);
    }
    let words: Vec<&str> = text.splitn(4, ' ').collect();
    let module = match words[..] {
        ["attack", "compiler", supervisor, name] => {
            let result = by_name(name, supervisor);
            return send(&encode(&CompilerToSupervisor::Rejected(
                Rejection::Unsupported(format!("attack: {}", answer(result))),
            )));
        }
        // The name travels with the facts.
        ["attack", ..] => {
            let export =
                format!(r#"(func (export "{text}") (param i64) (result i64) local.get 0)"#);
            let import = match words[..] {
                [_, _, "with", ..] => r#"(import "env" "ask" (func (param i64) (result i64)))"#,
                _ => "",
            };
            let import = match words[..] {
                [_, "wasi-template", ..] | [_, _, "granted" | "wasi", ..] => {
                    r#"(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))"#
                }
                _ => import,
            };
            let initializer = r#"(func (export "init"))"#;
            format!("(module {import} {export} {initializer})").into_bytes()
        }
        _ => module,
    };
    match impostor::compile(&request, &module) {
        Ok((facts, artifact)) => {
            send(&encode(&CompilerToSupervisor::Compiled(facts)));
            send(&artifact);
        }
        Err(rejection) => send(&encode(&CompilerToSupervisor::Rejected(rejection))),
    }
}

fn template(policy: &Policy) {
    let Some(template) = impostor::Template::load(policy) else {
        return;
    };
    if lies::as_template(&template) {
        return;
    }
    let words: Vec<&str> = template.function().splitn(4, ' ').collect();
    match words[..] {
        ["attack", "template" | "wasi-template", supervisor, name] => {
            let result = by_name(name, supervisor);
            let answer = format!("attack: {}", answer(result));
            send(&encode(&TemplateToSupervisor::NotPrepared(answer)));
        }
        ["attack", ..] => template.serve(&worker),
        _ => template.serve_honestly(),
    }
}

fn by_name(name: &str, supervisor: &str) -> i64 {
    let supervisor = supervisor.parse().unwrap_or(1);
    let attack = attacks::with_granted().find(|attack| attack.name == name);
    attack.map_or(-1, |attack| (attack.run)(&Target::of_a_pool(supervisor)))
}

/// Runs errands instead of tasks.
fn worker(page: &StatusPage) {
    send(&WorkerFrame::ready_frame());
    while let Ok(frame) = read_frame(&mut impostor::socket(), LONGEST) {
        let Some(batch) = Batch::parse(&frame) else {
            return;
        };
        for (seq, arguments) in batch.tasks() {
            if !page.try_start(seq) {
                break;
            }
            let result = decode_s64(arguments).map_or(-1, |code| Errand(code).run());
            let mut results = ResultsWriter::new(seq);
            let value = encode_value(&wpool::Value::S64(result));
            results.push(
                Cost::default(),
                Ok(&mut |out| out.extend_from_slice(&value)),
            );
            // Sent before the next one, which may be the last.
            send(results.take(false));
        }
        let mut done = ResultsWriter::new(batch.tasks().last().map_or(0, |(seq, _)| seq + 1));
        send(done.take(true));
    }
}

pub fn send(frame: &[u8]) {
    // Without a supervisor there is nobody to tell.
    let _ = write_frame(&mut impostor::socket(), frame);
}
