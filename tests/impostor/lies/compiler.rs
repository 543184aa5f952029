//! Lies about a module.

use super::{hang, raw};
use crate::inside::send;
use wpool::testing::wire::{CompileRequest, CompilerToSupervisor, ModuleFacts, Rejection, encode};
use wpool::testing::{encode_signature, impostor};
use wpool::{Function, Param, Signature, Type};

/// Answers a module with a lie, or with facts that make the template or the worker lie.
pub fn as_compiler(lie: &str, request: &CompileRequest) {
    let Some(lie) = lie.strip_prefix("compiler ") else {
        return honest_about(lie, request);
    };
    match lie {
        "garbage" => send(&[0xa5; 300]),
        "giant" => raw(&u32::MAX.to_le_bytes()),
        "half" => raw(&[200, 0, 0, 0, 1, 2]),
        "exit" => {}
        "never" => hang(),
        "flood" => loop {
            send(&encode(&CompilerToSupervisor::Rejected(
                Rejection::OutOfMemory,
            )));
        },
        "long" => reject(&"\u{1b}[2J".repeat(1_000_000)),
        "facts without an artifact" => send(&compiled(square())),
        "a giant artifact" => {
            send(&compiled(square()));
            raw(&u32::MAX.to_le_bytes());
        }
        "half an artifact" => {
            send(&compiled(square()));
            raw(&[0, 1, 0, 0, 1, 2]);
        }
        // A list of lists of … of functions is claimed with a number, and none of it follows.
        "a billion nodes claimed" => with_signature(vec![0x80, 0x94, 0xeb, 0xdc, 0x03]),
        "a billion nodes nested" => with_signature(nested_claims()),
        "a deep type" => with_signature(function_returning(deep(1000))),
        "a wide type" => with_signature(function_returning(Type::Tuple(vec![Type::U8; 50_000]))),
        "names without end" => with_signature(long_names()),
        "absurd needs" => answer(
            &ModuleFacts {
                memories: u32::MAX,
                tables: u32::MAX,
                table_elements: u64::MAX,
                minimum_memory_bytes: u64::MAX,
                ..square()
            },
            b"artifact",
        ),
        "no artifact" => answer(&square(), b""),
        "a random artifact" => answer(&square(), &[0xa5; 10_000]),
        "half of the artifact" => {
            let (facts, artifact) = compile(request, SQUARE);
            answer(&facts, &artifact[..artifact.len() / 2]);
        }
        "another artifact" => {
            let (facts, _) = compile(request, SQUARE);
            let other = r#"(module (func (export "other") (result i32) i32.const 1))"#;
            answer(&facts, &compile(request, other).1);
        }
        "an artifact of other types" => {
            let (facts, _) = compile(request, SQUARE);
            let other =
                r#"(module (func (export "square") (param f64 f32) (result f64) local.get 0))"#;
            answer(&facts, &compile(request, other).1);
        }
        "an artifact that needs more" => {
            let (facts, _) = compile(request, SQUARE);
            let more = r#"(module (memory 100) (table 100000 funcref)
                (func (export "square") (param i64) (result i64) local.get 0))"#;
            answer(&facts, &compile(request, more).1);
        }
        "an artifact of the other kind" => {
            let (facts, _) = compile(request, SQUARE);
            answer(&facts, &compile(request, "(component)").1);
        }
        "an artifact that imports" => {
            let (facts, _) = compile(request, SQUARE);
            let imports = r#"(module (import "env" "log" (func))
                (func (export "square") (param i64) (result i64) local.get 0))"#;
            answer(&facts, &compile(request, imports).1);
        }
        other => panic!("there is no lie {other}"),
    }
}

const SQUARE: &str = r#"(module (func (export "square") (param i64) (result i64) local.get 0))"#;

/// The artifact is honest, its function has the name of the lie, and returns what the lie needs.
fn honest_about(lie: &str, request: &CompileRequest) {
    let name = format!("lie {lie}");
    // Lies about calls of the host need one that could be made.
    let import = if lie.starts_with("worker calls") {
        r#"(import "env" "ask" (func (param i64) (result i64)))"#
    } else if lie.starts_with("worker holds") {
        // What is reserved for it can be filled.
        "(memory 1)"
    } else {
        ""
    };
    let export = format!(r#"(func (export "{name}") (param i64) (result i64) local.get 0)"#);
    let module = format!("(module {import} {export})");
    let (facts, artifact) = compile(request, &module);
    let result = match lie {
        "worker deep" => deep(30),
        "worker wide" => Type::List(Box::new(Type::Tuple(vec![]))),
        "worker text" => Type::String,
        _ => Type::S64,
    };
    let signature = encode_signature(&Signature {
        functions: vec![function(&name, result)],
        types: vec![],
    });
    answer(&ModuleFacts { signature, ..facts }, &artifact);
}

fn function(name: &str, result: Type) -> Function {
    Function {
        name: name.into(),
        params: vec![Param {
            name: "n".into(),
            ty: Type::S64,
        }],
        result: Some(result),
        unusable: None,
    }
}

fn function_returning(result: Type) -> Vec<u8> {
    let functions = vec![function("square", result)];
    encode_signature(&Signature {
        functions,
        types: vec![],
    })
}

fn deep(depth: usize) -> Type {
    (1..depth).fold(Type::U8, |inner, _| Type::List(Box::new(inner)))
}

/// One function whose result is a tuple of 10,000 tuples of 10,000 tuples …, as far as a megabyte goes.
fn nested_claims() -> Vec<u8> {
    let mut bytes = vec![1, 1, b'f', 0, 1];
    while bytes.len() < 1_000_000 {
        bytes.extend([16, 0x90, 0x4e]);
    }
    bytes
}

fn long_names() -> Vec<u8> {
    let functions = (0..5000).map(|index| function(&format!("{index:04000}"), Type::U8));
    encode_signature(&Signature {
        functions: functions.collect(),
        types: vec![],
    })
}

fn square() -> ModuleFacts {
    let signature = function_returning(Type::S64);
    ModuleFacts {
        signature,
        ..ModuleFacts::default()
    }
}

fn compile(request: &CompileRequest, module: &str) -> (ModuleFacts, Vec<u8>) {
    match impostor::compile(request, module.as_bytes()) {
        Ok(compiled) => compiled,
        Err(rejection) => panic!("{rejection:?}"),
    }
}

fn compiled(facts: ModuleFacts) -> Vec<u8> {
    encode(&CompilerToSupervisor::Compiled(facts))
}

fn answer(facts: &ModuleFacts, artifact: &[u8]) {
    send(&compiled(facts.clone()));
    send(artifact);
}

fn with_signature(signature: Vec<u8>) {
    answer(
        &ModuleFacts {
            signature,
            ..ModuleFacts::default()
        },
        b"artifact",
    );
}

fn reject(why: &str) {
    send(&encode(&CompilerToSupervisor::Rejected(
        Rejection::Invalid(why.into()),
    )));
}
