//! The library, as an application embeds it.

use crate::support::{compile_bomb, guest, pool, pool_of, wat};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wpool::{ErrorKind, FailureKind, Layer, Level, Limits, MapError, Module, Outcome, Pool, Value};

#[test]
fn map_returns_all_values_in_order() {
    let pool = pool("square").build().unwrap();
    let squares: Vec<i64> = pool.map("square", 1..=5).unwrap();
    assert_eq!(squares, [1, 4, 9, 16, 25]);
    let none: Vec<i64> = pool.map("square", Vec::<i64>::new()).unwrap();
    assert!(none.is_empty());
    let many: Vec<i64> = pool.map("square", 0..100_000).unwrap();
    assert!(
        many.into_iter()
            .eq((0..100_000).map(|number| number * number))
    );
}

#[test]
fn starmap_takes_tuples_and_apply_several_arguments() {
    let pool = pool("add").build().unwrap();
    let sums: Vec<i64> = pool.starmap("add", [(1, 2), (3, 4)]).unwrap();
    assert_eq!(sums, [3, 7]);
    let sum: i64 = pool.apply("add", (5, -8)).unwrap();
    assert_eq!(sum, -3);
}

#[test]
fn values_are_of_the_callers_own_types() {
    let mix = r#"(module (func (export "mix") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
        local.get 3 local.get 2 local.get 1 local.get 0) (func (export "nothing")))"#;
    let pool = pool_of(mix.as_bytes()).build().unwrap();
    let mixed: (f64, f32, i64, i32) = pool
        .apply("mix", (1_i32, -2_i64, 0.5_f32, f64::MAX))
        .unwrap();
    assert_eq!(mixed, (f64::MAX, 0.5, -2, 1));
    let () = pool.apply("nothing", ()).unwrap();
}

#[test]
fn imap_takes_items_lazily_and_gives_results_in_order() {
    let pool = pool("square").build().unwrap();
    let taken = AtomicU64::new(0);
    let endless = (0_i64..).inspect(|_| {
        taken.fetch_add(1, Ordering::Relaxed);
    });
    let squares: Vec<i64> = pool
        .imap::<_, i64, _>("square", endless)
        .unwrap()
        .take(10)
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(squares, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
    assert!(taken.load(Ordering::Relaxed) < 100_000);
    // The rest was given up, and the pool goes on.
    assert_eq!(pool.apply::<i64>("square", (11,)).unwrap(), 121);
}

#[test]
fn imap_unordered_gives_each_result_once() {
    let pool = pool("square").build().unwrap();
    let results = pool.imap_unordered::<_, i64, _>("square", 0..5000).unwrap();
    let mut squares: Vec<i64> = results.collect::<Result<_, _>>().unwrap();
    squares.sort_unstable();
    assert!(
        squares
            .into_iter()
            .eq((0..5000).map(|number| number * number))
    );
}

#[test]
fn map_reports_the_first_failure_in_input_order() {
    let pool = pool("faults").build().unwrap();
    let failed = pool
        .starmap::<_, i32>("divide", [(6, 3), (i32::MIN, -1), (1, 0)])
        .unwrap_err();
    let MapError::Task { index, failure } = failed else {
        panic!("{failed}")
    };
    assert_eq!((index, failure.kind()), (1, FailureKind::Trap));
    assert_eq!(failure.message(), "integer overflow");
    assert_eq!(failure.arguments(), [Value::S32(i32::MIN), Value::S32(-1)]);
    assert_eq!(failure.to_string(), "trap: integer overflow");
}

#[test]
fn map_outcomes_has_every_outcome_and_what_it_used() {
    let pool = pool("spin")
        .timeout(Duration::from_millis(700))
        .build()
        .unwrap();
    let outcomes: Vec<Outcome> = pool.map_outcomes("spin", [5, -1, 7]).unwrap();
    let kinds: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.result.as_ref().map_err(|failure| failure.kind()))
        .collect();
    let value = |number| Some(Value::S64(number));
    assert_eq!(
        kinds,
        [Ok(&value(5)), Err(FailureKind::Timeout), Ok(&value(7))]
    );
    assert!(outcomes.iter().all(|outcome| outcome.usage.attempts == 1));
    let first = &outcomes[0].usage;
    assert!(
        first.wall > Duration::ZERO && first.memory_bytes > 0,
        "{first:?}"
    );
    assert!(first.pid.is_some() && first.worker.is_some(), "{first:?}");
}

#[test]
fn cpu_time_is_measured_when_asked_for() {
    let measured = pool("spin").measure_cpu(true).build().unwrap();
    let outcomes = measured.map_outcomes("spin", [100_000_000]).unwrap();
    assert!(outcomes[0].result.is_ok(), "{outcomes:?}");
    assert!(
        outcomes[0].usage.cpu.unwrap() > Duration::from_millis(1),
        "{outcomes:?}"
    );
    let outcomes = pool("spin")
        .build()
        .unwrap()
        .map_outcomes("spin", [1])
        .unwrap();
    assert_eq!(outcomes[0].usage.cpu, None);
}

#[test]
fn limits_are_those_of_the_builder() {
    let pool = pool("faults")
        .memory_bytes(2 << 20)
        .fuel(10_000)
        .build()
        .unwrap();
    let outcomes = pool.map_outcomes("grow_or_trap", [1, 100]).unwrap();
    assert!(outcomes[0].result.is_ok());
    assert_eq!(
        outcomes[1].result.as_ref().unwrap_err().kind(),
        FailureKind::Memory
    );
    let outcomes = pool.map_outcomes("recurse", [10, 1_000_000]).unwrap();
    assert!(outcomes[0].result.is_ok() && outcomes[0].usage.fuel.unwrap() > 10);
    assert_eq!(
        outcomes[1].result.as_ref().unwrap_err().kind(),
        FailureKind::Fuel
    );
}

#[test]
fn a_value_that_does_not_fit_is_an_error_of_its_own_kind() {
    let pool = pool("square").build().unwrap();
    let MapError::Pool(error) = pool.apply::<i64>("square", ("x",)).unwrap_err() else {
        panic!("a task ran")
    };
    assert_eq!(error.kind(), ErrorKind::Argument);
    let MapError::Pool(error) = pool.apply::<i64>("square", (1, 2)).unwrap_err() else {
        panic!("a task ran")
    };
    assert_eq!(error.kind(), ErrorKind::Argument);
    let MapError::Pool(error) = pool.apply::<i64>("cube", (1,)).unwrap_err() else {
        panic!("a task ran")
    };
    assert_eq!(error.kind(), ErrorKind::Function);
    assert!(
        error.to_string().contains("square: func(p0: s64) -> s64"),
        "{error}"
    );
    assert!(matches!(
        pool.apply::<String>("square", (3,)),
        Err(MapError::Task { .. })
    ));
    assert_eq!(
        pool.imap::<_, i64, _>("cube", [1]).err().unwrap().kind(),
        ErrorKind::Function
    );
}

#[test]
fn what_is_wrong_with_a_module_has_a_kind() {
    let kind = |module: Module| pool_of(module).build().unwrap_err().kind();
    assert_eq!(kind("nowhere/nothing.wasm".into()), ErrorKind::ModuleFile);
    assert_eq!(kind(b"hello".to_vec().into()), ErrorKind::Module);
    assert_eq!(
        kind(b"(module (import \"a\" \"b\" (func)))".to_vec().into()),
        ErrorKind::Module
    );
    let bomb = compile_bomb();
    let limits = Limits {
        compile_memory_bytes: Some(64 << 20),
        ..Limits::default()
    };
    assert_eq!(
        pool_of(bomb).limits(limits).build().unwrap_err().kind(),
        ErrorKind::Compile
    );
}

#[test]
fn a_worker_program_that_is_none_is_said_to_be_none() {
    for program in ["/bin/true", "/nowhere/worker", "/etc/passwd", "/"] {
        let error = Pool::builder(guest("square"))
            .worker_program(program)
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WorkerProgram, "{program}: {error}");
        assert!(error.to_string().contains(program), "{error}");
    }
}

#[test]
fn a_worker_program_that_never_says_a_word_is_not_waited_for_for_ever() {
    let error = Pool::builder(guest("square"))
        .worker_program("/bin/cat")
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerProgram, "{error}");
}

#[test]
fn the_confinement_in_force_is_a_value() {
    let pool = pool("square").require_full(true).build().unwrap();
    let confinement = pool.confinement();
    assert_eq!(confinement.level(), Level::Full);
    assert!(confinement.has(Layer::Seccomp) && confinement.has(Layer::NoNewPrivileges));
    assert_eq!(confinement.missing().count(), 0);
    assert!(pool.refusals().is_empty());
}

#[test]
fn a_module_can_be_a_path_or_bytes() {
    let text = wat(r#"(module (func (export "f") (result i32) (i32.const 7)))"#);
    let bytes = fs::read(text.path()).unwrap();
    for module in [Module::from(text.path()), Module::from(bytes)] {
        assert_eq!(
            pool_of(module)
                .build()
                .unwrap()
                .apply::<i32>("f", ())
                .unwrap(),
            7
        );
    }
}

#[test]
fn the_functions_of_a_module_are_listed_with_their_types() {
    let pool = pool("floats").build().unwrap();
    let mut functions: Vec<String> = pool
        .signature()
        .functions
        .iter()
        .map(ToString::to_string)
        .collect();
    functions.sort();
    let expected = [
        "half: func(p0: f64) -> f64",
        "scale: func(p0: s32, p1: s64, p2: f32, p3: f64) -> f64",
        "third: func(p0: f32) -> f32",
    ];
    assert_eq!(functions, expected);
    assert_eq!(pool.function(None).unwrap_err().kind(), ErrorKind::Function);
}

#[test]
fn whoever_was_started_with_its_children_ignored_is_told_of_failures_all_the_same() {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", r#"trap "" CHLD; exec "$0" "$@""#]);
    command.arg(env!("CARGO_BIN_EXE_wpool"));
    command.args(["map", "--isolation", "process", "-f", "divide"]);
    let faults = crate::support::guest("faults");
    let ran = crate::support::run(command.arg(faults).args(["6, 2", "1, 0", "8, 2"]));
    assert_eq!((ran.code(), ran.lines()), (1, vec!["3", "4"]), "{ran:?}");
    assert!(ran.stderr.contains("task 2 (1, 0): trap: "), "{ran:?}");
}
