//! Leaves nothing of what a thread has done on its stack and in its vector registers.
//!
//! What a function has returned from stays on the stack until something else lies there, and the last
//! bytes that were copied stay in a vector register until something else is copied. A thread that waits
//! for work would keep them for hours.

use zeroize::Zeroize;

use crate::machine;

/// How much of the stack is overwritten: more than what a task of ours goes down.
const STACK: usize = 48 * 1024;

/// Overwrites the stack below the caller, and the vector registers of this thread.
///
/// On x86-64 these are all that the processor has, those of AVX-512 included. On other processors the
/// registers are left as they are.
pub fn scrub() {
    stack();
    machine::clear_registers();
}

/// Its own frame lies where those lay that the caller has returned from.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "the stack is what it is for")]
fn stack() {
    let mut frame = [0_u64; STACK / size_of::<u64>()];
    // The compiler may leave out what is above, and must not leave out this.
    frame.zeroize();
}
