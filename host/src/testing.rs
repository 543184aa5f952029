//! What wpool's own tests need of its inside: the probe that attacks from within a confined process, the peer that lies to the
//! supervisor, and the fuzz targets. Behind the feature `testing`, without any promise of stability.

pub mod fuzz;

/// Frames and messages, as a confined process speaks them.
pub mod wire {
    pub use crate::wire::*;
}
