//! What an artifact depends on besides its module: the build that made it, the features of this CPU, how it was compiled.

use crate::child::Launcher;
use crate::wire::{EngineProfile, WIRE_VERSION, encode};

/// The parts of a cached artifact's name, always in the same order.
pub(super) fn parts(launcher: &Launcher, profile: EngineProfile) -> [Vec<u8>; 4] {
    [
        WIRE_VERSION.into(),
        launcher.program_identity(),
        cpu_features().into_bytes(),
        encode(&profile),
    ]
}

macro_rules! detected {
    ($detect:ident: $($feature:tt)*) => {
        [$(($feature, std::arch::$detect!($feature))),*]
            .iter()
            .filter(|(_, there)| *there)
            .map(|(feature, _)| *feature)
            .collect::<Vec<_>>()
            .join(" ")
    };
}

/// The features that code is compiled for where the CPU has them.
#[cfg(target_arch = "x86_64")]
fn cpu_features() -> String {
    detected!(is_x86_feature_detected:
        "sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "avx" "avx2" "fma" "bmi1" "bmi2" "lzcnt"
        "avx512f" "avx512dq" "avx512vl" "avx512bitalg" "avx512vbmi" "avx512vnni" "avxvnni" "cmpxchg16b")
}

/// The features that code is compiled for where the CPU has them.
#[cfg(target_arch = "aarch64")]
fn cpu_features() -> String {
    detected!(is_aarch64_feature_detected: "lse" "paca" "pacg" "fp16" "bti" "dotprod" "i8mm")
}

/// The features that code is compiled for where the CPU has them.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn cpu_features() -> String {
    std::env::consts::ARCH.into()
}
