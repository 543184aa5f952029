//! What runs in a storm: tasks of a fraction of a millisecond, whose results nobody could guess.

/// How often a task computes.
const ROUNDS: u32 = 80_000;
const FACTOR: u64 = 6_364_136_223_846_793_005;
const SUMMAND: u64 = 1_442_695_040_888_963_407;

/// Tasks of a fraction of a millisecond, whose results nobody could guess.
pub fn module() -> String {
    mixing("", "")
}

/// The same, and each of them makes a call of the application.
pub fn calling_module() -> String {
    mixing(
        r#"(import "env" "same" (func $same (param i64) (result i64)))"#,
        "(local.set $x (call $same (local.get $x)))",
    )
}

/// The same, and each of them sleeps for a moment, writes, and makes and removes a directory in the one that it was granted.
pub fn programs_module() -> String {
    let import = |name: &str, params: &str| {
        format!(
            r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {params}) (result i32)))"#
        )
    };
    let imports = import("fd_write", "i32 i32 i32 i32")
        + &import("poll_oneoff", "i32 i32 i32 i32")
        + &import("path_create_directory", "i32 i32 i32")
        + &import("path_remove_directory", "i32 i32 i32")
        + r#"(memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\03\00\00\00") (data (i32.const 16) "mix")
            (data (i32.const 120) "\01\00\00\00") (data (i32.const 128) "\10\27\00\00")"#;
    let path = "(i32.const 3) (i32.const 400) (i32.const 16)";
    mixing(
        &imports,
        &format!(
            "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
            (drop (call $poll_oneoff (i32.const 104) (i32.const 200) (i32.const 1) (i32.const 300)))
            (i64.store (i32.const 400) (i64.or (local.get $x) (i64.const 0x4141414141414141)))
            (i64.store (i32.const 408) (i64.const 0x4242424242424242))
            (drop (call $path_create_directory {path}))
            (drop (call $path_remove_directory {path}))"
        ),
    )
}

fn mixing(imports: &str, first: &str) -> String {
    format!(
        r#"(module {imports} (func (export "mix") (param $x i64) (result i64) (local $left i32)
            {first}
            (local.set $left (i32.const {ROUNDS}))
            (loop $again
                (local.set $x (i64.add (i64.mul (local.get $x) (i64.const {FACTOR})) (i64.const {SUMMAND})))
                (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
            (local.get $x)))"#
    )
}

/// What all rounds together do to a number: they are one multiplication and one addition.
pub fn all_rounds() -> impl Fn(u64) -> u64 {
    let (mut factor, mut summand) = (1_u64, 0_u64);
    for _ in 0..ROUNDS {
        factor = factor.wrapping_mul(FACTOR);
        summand = summand.wrapping_mul(FACTOR).wrapping_add(SUMMAND);
    }
    move |number| number.wrapping_mul(factor).wrapping_add(summand)
}
