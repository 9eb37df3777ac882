//! Large tables of zeros, aligned to cache lines and on huge pages where the system grants them.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes of a cache line, and the alignment of every table.
pub(crate) const LINE: usize = 64;

/// Plain integers: any bytes are a value.
///
/// # Safety
/// All bit patterns, zeros among them, must be values of the type.
pub(crate) unsafe trait Plain: Copy {}
// SAFETY: every bit pattern is a number.
unsafe impl Plain for u8 {}
// SAFETY: every bit pattern is a number.
unsafe impl Plain for i8 {}
// SAFETY: every bit pattern is a number.
unsafe impl Plain for i16 {}
// SAFETY: every bit pattern is a number.
unsafe impl Plain for i32 {}
// SAFETY: every bit pattern is a number.
unsafe impl Plain for u16 {}
// SAFETY: every bit pattern is a number.
unsafe impl Plain for u32 {}
// SAFETY: it is a number, and no more.
unsafe impl Plain for crate::memory::Cell {}

/// Values as the bytes that they lie in.
pub(crate) fn bytes_of<T: Plain>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: plain values have no padding, and any bytes are values.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// A slice of integers on memory of its own, zeros at first.
pub(crate) struct Table<T: Plain> {
    data: NonNull<T>,
    len: usize,
    mapped: bool,
}

// SAFETY: a table owns its memory as a `Vec` does.
unsafe impl<T: Plain + Send> Send for Table<T> {}
// SAFETY: a shared table is only read.
unsafe impl<T: Plain + Sync> Sync for Table<T> {}

/// From this size on a table is mapped: untouched parts take no memory then.
const MAPPED_FROM: usize = 1 << 20;

impl<T: Plain> Table<T> {
    pub(crate) fn zeroed(len: usize) -> Self {
        let layout = Self::layout(len);
        if layout.size() >= MAPPED_FROM
            && let Some(data) = system::map(layout.size())
        {
            return Self { data: data.cast(), len, mapped: true };
        }
        // SAFETY: the layout's size is not zero.
        let data = NonNull::new(unsafe { alloc_zeroed(layout) }.cast());
        let data = data.unwrap_or_else(|| handle_alloc_error(layout));
        Self { data, len, mapped: false }
    }

    pub(crate) fn from_slice(values: &[T]) -> Self {
        let mut table = Self::zeroed(values.len());
        table.copy_from_slice(values);
        table
    }

    fn layout(len: usize) -> Layout {
        let layout = Layout::array::<T>(len.max(1)).and_then(|layout| layout.align_to(LINE));
        layout.expect("a table's size fits the address space").pad_to_align()
    }

    /// Asks for the cache line of an entry, so that it is near when it is read.
    #[inline(always)]
    pub(crate) fn prefetch(&self, at: usize) {
        debug_assert!(at < self.len);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing that the program sees, at whatever address.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.data.as_ptr().wrapping_add(at).cast());
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above.
        unsafe {
            std::arch::asm!(
                "prfm pldl1keep, [{}]",
                in(reg) self.data.as_ptr().wrapping_add(at),
                options(readonly, nostack, preserves_flags),
            );
        }
    }
}

impl<T: Plain> Deref for Table<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the memory holds `len` values, and lives as long as the table.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.len) }
    }
}

impl<T: Plain> DerefMut for Table<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`; the table is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.len) }
    }
}

impl<T: Plain> Drop for Table<T> {
    fn drop(&mut self) {
        let layout = Self::layout(self.len);
        if self.mapped {
            system::unmap(self.data.cast(), layout.size());
        } else {
            // SAFETY: the memory came from `alloc_zeroed` with this layout.
            unsafe { dealloc(self.data.as_ptr().cast(), layout) };
        }
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
mod system {
    //! Anonymous mappings of Linux; the constants are those of its ABI.

    use std::ffi::{c_int, c_void};
    use std::ptr::NonNull;

    const PROT_READ_WRITE: c_int = 3;
    const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;
    const MADV_HUGEPAGE: c_int = 14;
    const HUGE_PAGE: usize = 2 << 20;

    unsafe extern "C" {
        fn mmap(
            address: *mut c_void,
            length: usize,
            protection: c_int,
            flags: c_int,
            file: c_int,
            offset: i64,
        ) -> *mut c_void;
        fn munmap(address: *mut c_void, length: usize) -> c_int;
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }

    /// Zeroed memory that takes no room until it is touched, or nothing.
    pub(super) fn map(bytes: usize) -> Option<NonNull<u8>> {
        let none = std::ptr::null_mut();
        // SAFETY: a new anonymous mapping touches no memory that exists.
        let data = unsafe { mmap(none, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0) };
        if data.addr() == usize::MAX {
            return None;
        }
        if bytes >= HUGE_PAGE {
            // SAFETY: the mapping is ours; a refusal of the advice changes nothing.
            unsafe { madvise(data, bytes, MADV_HUGEPAGE) };
        }
        NonNull::new(data.cast())
    }

    pub(super) fn unmap(data: NonNull<u8>, bytes: usize) {
        // SAFETY: `map` made this mapping with this length, and nobody uses it any more.
        unsafe { munmap(data.as_ptr().cast(), bytes) };
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(miri))))]
mod system {
    //! Elsewhere the allocator's zeroed memory serves.

    use std::ptr::NonNull;

    pub(super) fn map(_bytes: usize) -> Option<NonNull<u8>> {
        None
    }

    pub(super) fn unmap(_data: NonNull<u8>, _bytes: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_zeros_on_whole_lines() {
        for len in [0, 1, 17, 1 << 18, (1 << 20) + 3] {
            let mut table = Table::<u32>::zeroed(len);
            assert_eq!(table.as_ptr().addr() % LINE, 0);
            assert!(table.iter().all(|&value| value == 0));
            if let Some(last) = table.last_mut() {
                *last = 7;
                table.prefetch(len - 1);
            }
        }
        assert_eq!(*Table::from_slice(&[1_i8, 2]), [1, 2]);
    }
}
