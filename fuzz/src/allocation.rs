use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, which remembers the largest request.
pub struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: each method hands its arguments on to the system's allocator, and gives back what that gives.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the same, and the pointer came from this allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        // SAFETY: the caller's promises are the same, and the pointer came from this allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// The octets of the largest allocation that `run` asks for, where [`Watched`] is the allocator.
pub fn largest_of(run: impl FnOnce()) -> usize {
    LARGEST.store(0, Ordering::Relaxed);
    run();
    LARGEST.load(Ordering::Relaxed)
}
