//! The global allocator, with its memory counted per thread.
