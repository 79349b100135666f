//! Memory for what a chunk comes to, kept for the chunk after it: what is given back comes again page by page.

use std::cell::Cell;

/// Bytes that a thread keeps at most.
const KEPT: usize = 4 << 20;

thread_local! {
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

pub fn take() -> Vec<u8> {
    ROOM.take()
}

pub fn keep(mut room: Vec<u8>) {
    if room.capacity() <= KEPT {
        room.clear();
        ROOM.set(room);
    }
}
