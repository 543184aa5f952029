//! One limit for everything a task allocates: the sum of its memories and tables, not each of them.

use wasmtime::ResourceLimiter;

/// Bytes of one table element.
const ELEMENT_BYTES: usize = size_of::<usize>();

/// Counts what an instance grows to, and refuses more than the limit.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    limit: u64,
    used: u64,
    /// A growth was refused: a trap that follows is the limit's.
    pub(super) refused: bool,
}

impl MemoryLimit {
    /// A limit in bytes; `None` leaves only those of the process.
    pub(super) fn new(bytes: Option<u64>) -> MemoryLimit {
        MemoryLimit {
            limit: bytes.unwrap_or(u64::MAX),
            used: 0,
            refused: false,
        }
    }

    /// The largest sum so far, in bytes: memories and tables never shrink.
    pub(super) fn peak_bytes(&self) -> u64 {
        self.used
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let used = self
            .used
            .saturating_add(desired.saturating_sub(current) as u64);
        if used > self.limit {
            self.refused = true;
            return false;
        }
        self.used = used;
        true
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A module that asks for more than its own maximum is refused by itself, not by the limit.
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(current, desired))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| elements.saturating_mul(ELEMENT_BYTES);
        Ok(maximum.is_none_or(|maximum| desired <= maximum)
            && self.grow(bytes(current), bytes(desired)))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_one_for_all_memories_and_tables_together() {
        let mut limit = MemoryLimit::new(Some(1000));
        assert!(limit.memory_growing(0, 400, None).unwrap());
        assert!(limit.memory_growing(0, 400, None).unwrap());
        assert!(!limit.refused);
        assert!(
            !limit.table_growing(0, 26, None).unwrap(),
            "26 elements of 8 bytes are more than the 200 left"
        );
        assert!(limit.refused);
        assert!(limit.table_growing(0, 25, None).unwrap());
        assert_eq!(limit.peak_bytes(), 1000);
    }

    #[test]
    fn growing_beyond_the_modules_own_maximum_is_not_the_limits_refusal() {
        let mut limit = MemoryLimit::new(Some(1000));
        assert!(!limit.memory_growing(0, 200, Some(100)).unwrap());
        assert!(!limit.refused);
    }
}
