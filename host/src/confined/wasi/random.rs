//! Random numbers: from the kernel each time, so that processes forked from one another never get the same; or, where every run is
//! to be the same, from one seed.

use super::super::guest::TaskState;
use blake3::OutputReader;
use std::convert::Infallible;
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wasmtime_wasi::WasiCtxBuilder;

/// Gives random numbers.
pub(super) fn give(builder: &mut WasiCtxBuilder, deterministic: bool) {
    if deterministic {
        let source = |use_for: &str| Seeded(blake3::Hasher::new_derive_key(use_for).finalize_xof());
        builder
            .secure_random(source("wpool deterministic random"))
            .insecure_random(source("wpool deterministic insecure random"))
            .insecure_random_seed(0);
        return;
    }
    let mut seed = [0; 16];
    Kernel.fill(&mut seed);
    builder
        .secure_random(Kernel)
        .insecure_random(Kernel)
        .insecure_random_seed(u128::from_le_bytes(seed));
}

/// Has the seed for what need not be secret drawn anew for whoever asks: the library's own is drawn before the fork.
pub(super) fn link(linker: &mut Linker<TaskState>) -> wasmtime::Result<()> {
    let mut seed = linker.instance(SEED)?;
    seed.func_wrap(
        "insecure-seed",
        |mut store: StoreContextMut<'_, TaskState>, (): ()| {
            let mut seed = [0_u64; 2];
            if store.data_mut().wasi().steps.is_none() {
                for half in &mut seed {
                    let mut bytes = [0; 8];
                    Kernel.fill(&mut bytes);
                    *half = u64::from_le_bytes(bytes);
                }
            }
            Ok(((seed[0], seed[1]),))
        },
    )
}

/// The interface that has it, in the version of the library.
const SEED: &str = "wasi:random/insecure-seed@0.2.12";

trait Source {
    fn fill(&mut self, bytes: &mut [u8]);
}

struct Kernel;

impl Source for Kernel {
    fn fill(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty()) {
                Ok(filled) => rest = &mut rest[filled..],
                Err(rustix::io::Errno::INTR) => {}
                // Since Linux 5.6 there is no other; without random numbers nothing can go on.
                Err(_) => super::super::end(1),
            }
        }
    }
}

struct Seeded(OutputReader);

impl Source for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

macro_rules! random_numbers {
    ($($source:ty)*) => {$(
        impl rand_core::TryRng for $source {
            type Error = Infallible;

            fn try_next_u32(&mut self) -> Result<u32, Infallible> {
                let mut bytes = [0; 4];
                self.fill(&mut bytes);
                Ok(u32::from_le_bytes(bytes))
            }

            fn try_next_u64(&mut self) -> Result<u64, Infallible> {
                let mut bytes = [0; 8];
                self.fill(&mut bytes);
                Ok(u64::from_le_bytes(bytes))
            }

            fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
                self.fill(bytes);
                Ok(())
            }
        }
    )*};
}

random_numbers!(Kernel Seeded);
