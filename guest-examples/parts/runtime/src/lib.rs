//! What a component guest needs and the standard library would bring along with imports of WASI: a heap, the function that
//! gives the host room in it, and what becomes of a panic.
//!
//! A guest takes it in with `use runtime as _;`.
#![no_std]

use dlmalloc::GlobalDlmalloc;

#[global_allocator]
static HEAP: GlobalDlmalloc = GlobalDlmalloc;

/// Room for `size` bytes that the host is about to write: new, or what `old` has become. Traps when there is none.
///
/// # Safety
/// `old` is room of `old_size` bytes that this function gave for `align`, unless `old_size` is 0; `align` is a power of two.
// On other targets wit-bindgen brings one.
#[cfg(target_env = "p2")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_size: usize,
    align: usize,
    size: usize,
) -> *mut u8 {
    use core::alloc::{GlobalAlloc, Layout};
    use core::ptr;

    if size == 0 {
        return ptr::without_provenance_mut(align);
    }
    // SAFETY: the host passes alignments of WIT types alone, powers of two of at most 8, and sizes that fit in memory.
    let layout = |size| unsafe { Layout::from_size_align_unchecked(size, align) };
    let room = match old_size {
        // SAFETY: `size` is not 0.
        0 => unsafe { HEAP.alloc(layout(size)) },
        // SAFETY: `old` came from here with this very layout, as the caller promises, and `size` is not 0.
        _ => unsafe { HEAP.realloc(old, layout(old_size), size) },
    };
    if room.is_null() {
        core::arch::wasm32::unreachable()
    }
    room
}

/// What comparing slices compiles to, and a C library would have.
///
/// # Safety
/// Both are `length` bytes long.
#[cfg(target_env = "p2")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    for index in 0..length {
        // SAFETY: within both, as the caller promises.
        let (one, other) = unsafe { (*left.add(index), *right.add(index)) };
        if one != other {
            return i32::from(one) - i32::from(other);
        }
    }
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
