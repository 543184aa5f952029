//! A compiler that is somebody else's: whatever it answers, compiling ends with an error that says so.

use super::*;
use crate::plugin::Terms;
use crate::value::Signature;
use crate::wire::write_frame;
use std::io::Read;
use std::thread;

/// The outcome of compiling with a compiler that does `answer` once it has the module.
fn with_compiler(
    timeout: Duration,
    answer: impl FnOnce(&mut File) + Send + 'static,
) -> Result<(ModuleFacts, Vec<u8>), Broken> {
    let (mut ours, theirs) = Connection::pair(1024).unwrap();
    let compiler = thread::spawn(move || {
        let mut socket = File::from(theirs);
        for _ in 0..2 {
            crate::wire::read_frame(&mut socket, 1024).unwrap();
        }
        answer(&mut socket);
    });
    let deadline = Some(Instant::now() + timeout);
    let job = Job {
        profile: EngineProfile::default(),
        limits: &Limits::default(),
        check: &|imports| grant::check_early(imports, &Terms::default()),
    };
    let result = converse(&mut ours, &job, b"module", deadline);
    drop(ours);
    compiler.join().unwrap();
    result
}

const LONG: Duration = Duration::from_secs(60);

fn compiled(facts: ModuleFacts) -> Vec<u8> {
    encode(&CompilerToSupervisor::Compiled(facts))
}

fn checked(facts: ModuleFacts) -> Error {
    let (facts, artifact) = with_compiler(LONG, move |socket| {
        write_frame(socket, &compiled(facts)).unwrap();
        write_frame(socket, b"artifact").unwrap();
    })
    .map_err(|_| "broken")
    .unwrap();
    let sealed = seal(&artifact).unwrap();
    let profile = EngineProfile::default();
    Plugin::check(
        crate::plugin::Origin::default(),
        facts,
        profile,
        Terms::default(),
        sealed,
    )
    .unwrap_err()
}

#[test]
fn what_a_first_look_shows_to_be_missing_ends_it_and_is_said_once() {
    let imports = |module: &str| {
        encode(&CompilerToSupervisor::Imports(vec![Import {
            module: module.into(),
            name: String::new(),
            kind: "interface".into(),
        }]))
    };
    let missing = imports("wasi:http/types@0.3.0");
    let refused = with_compiler(LONG, move |socket| write_frame(socket, &missing).unwrap());
    let error = refused.map(drop).unwrap_err().ok().unwrap();
    assert!(error.to_string().contains("wasi:http/types"), "{error}");

    let there = imports("wasi:cli/exit@0.2.0");
    let twice = with_compiler(LONG, move |socket| {
        write_frame(socket, &there).unwrap();
        write_frame(socket, &there).unwrap();
    });
    let error = twice.map(drop).unwrap_err().ok().unwrap();
    assert!(error.to_string().contains("malformed"), "{error}");
}

#[test]
fn an_honest_answer_is_the_facts_and_the_artifact() {
    let result = with_compiler(LONG, |socket| {
        write_frame(socket, &compiled(ModuleFacts::default())).unwrap();
        write_frame(socket, b"artifact").unwrap();
    });
    let (facts, artifact) = result.map_err(|_| "broken").unwrap();
    assert_eq!(
        (facts, artifact),
        (ModuleFacts::default(), b"artifact".to_vec())
    );
}

#[test]
fn a_signature_of_a_billion_nodes_is_refused_before_it_is_built() {
    // It claims four billion functions; what nests is refused by the same budget.
    let signature = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    let error = checked(ModuleFacts {
        signature,
        ..ModuleFacts::default()
    });
    assert_eq!(error.kind(), ErrorKind::Module);
    assert!(
        error.to_string().contains("more than is accepted"),
        "{error}"
    );
}

#[test]
fn numbers_that_lie_are_refused_or_bounded() {
    let mut signature = Vec::new();
    Signature::default().encode(&mut signature);
    let lie = |facts: ModuleFacts| {
        checked(ModuleFacts {
            signature: signature.clone(),
            ..facts
        })
    };
    for facts in [
        ModuleFacts {
            memories: u32::MAX,
            ..ModuleFacts::default()
        },
        ModuleFacts {
            tables: u32::MAX,
            ..ModuleFacts::default()
        },
        ModuleFacts {
            table_elements: u64::MAX,
            ..ModuleFacts::default()
        },
        ModuleFacts {
            minimum_memory_bytes: u64::MAX,
            ..ModuleFacts::default()
        },
    ] {
        assert_eq!(lie(facts).kind(), ErrorKind::Module);
    }
}

#[test]
fn garbage_and_giant_lengths_are_errors() {
    let garbage = with_compiler(LONG, |socket| write_frame(socket, &[0xff; 64]).unwrap());
    assert!(matches!(garbage, Err(Ok(error)) if error.to_string().contains("malformed")));
    let giant = with_compiler(LONG, |socket| {
        socket.write_all(&u32::MAX.to_le_bytes()).unwrap()
    });
    assert!(matches!(
        giant,
        Err(Err(ReceiveError::Frame(FrameError::TooLong { .. })))
    ));
}

#[test]
fn one_that_ends_in_the_middle_is_noticed() {
    let without_artifact = with_compiler(LONG, |socket| {
        write_frame(socket, &compiled(ModuleFacts::default())).unwrap();
    });
    assert!(matches!(
        without_artifact,
        Err(Err(ReceiveError::Frame(FrameError::Closed)))
    ));
}

#[test]
fn one_that_is_silent_or_sends_a_little_all_the_time_is_late() {
    let wait = |socket: &mut File| drop(socket.read(&mut [0]));
    let silent = with_compiler(Duration::from_millis(50), wait);
    assert!(matches!(silent, Err(Err(ReceiveError::Late))));
    let trickling = with_compiler(Duration::from_millis(50), |socket| {
        socket.write_all(&6_000_000_u32.to_le_bytes()).unwrap();
        while socket.write_all(&[0]).is_ok() {}
    });
    assert!(matches!(trickling, Err(Err(ReceiveError::Late))));
}

#[test]
fn what_it_says_is_harmless_to_a_terminal() {
    let rejection = Rejection::Invalid("\x1b[2J\n".repeat(5000));
    let said = with_compiler(LONG, move |socket| {
        write_frame(socket, &encode(&CompilerToSupervisor::Rejected(rejection))).unwrap();
    });
    let Err(Ok(error)) = said else {
        panic!("not refused")
    };
    let message = error.to_string();
    assert!(
        !message.contains(['\x1b', '\n']) && message.len() < 32 * 1024,
        "{}",
        message.len()
    );
}
