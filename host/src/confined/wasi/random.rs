//! Random numbers: from the kernel each time, so that processes forked from one another never get the same; or, where every run is
//! to be the same, from one seed.

use blake3::OutputReader;
use std::convert::Infallible;
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
