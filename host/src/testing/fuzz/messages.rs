//! The messages of the handshake, the compiler and the template.

use crate::wire::{
    ChildHello, CompilerToSupervisor, MAX_IMPORTS, ModuleFacts, StartFrame, SupervisorToCompiler,
    SupervisorToTemplate, TemplateToSupervisor, decode, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A message that can be read can be written, in no more bytes, and reads back as the same. Of those bytes no part alone, and
/// nothing longer, is a message.
///
/// The first byte says which type the others are read as.
pub fn messages(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    match kind % 7 {
        0 => drop(reads_back::<ChildHello>(bytes)),
        1 => drop(reads_back::<StartFrame>(bytes)),
        2 => drop(reads_back::<SupervisorToCompiler>(bytes)),
        3 => drop(reads_back::<CompilerToSupervisor>(bytes)),
        4 => drop(reads_back::<SupervisorToTemplate>(bytes)),
        5 => drop(reads_back::<TemplateToSupervisor>(bytes)),
        _ => {
            if let Some(facts) = reads_back::<ModuleFacts>(bytes) {
                assert!(facts.imports.len() <= MAX_IMPORTS);
            }
        }
    }
}

/// How many ends of a message are tried: all of one that people write, a part of a fuzzer's long ones.
const ENDS: usize = 64;

fn reads_back<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) -> Option<T> {
    let message: T = decode(bytes)?;
    // Not always the same bytes: numbers have longer forms than the one they are written in, and a second of nanoseconds becomes
    // a second, for which each of the two durations may need one byte more.
    let mut written = encode(&message);
    assert!(written.len() <= bytes.len() + 2, "{message:?} grew");
    let again: T = decode(&written).expect("what was written can be read");
    assert_eq!(format!("{again:?}"), format!("{message:?}"));
    assert_eq!(encode(&again), written);

    for end in written.len().saturating_sub(ENDS)..written.len() {
        assert!(
            decode::<T>(&written[..end]).is_none(),
            "{message:?} is whole after {end} bytes"
        );
    }
    written.push(0);
    assert!(decode::<T>(&written).is_none(), "{message:?} has an end");
    Some(message)
}
