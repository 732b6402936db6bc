//! Leaves nothing of what a thread has done on its stack and in its vector registers.
//!
//! What a function has returned from stays on the stack until something else lies there, and the last
//! bytes that were copied stay in a vector register until something else is copied. A thread that waits
//! for work would keep them for hours.

use zeroize::Zeroize;

/// How much of the stack is overwritten: more than what a task of ours goes down.
const STACK: usize = 48 * 1024;

/// Overwrites the stack below the caller, and the vector registers of this thread.
///
/// On x86-64 these are all that the processor has, those of AVX-512 included. On other processors the
/// registers are left as they are.
pub fn scrub() {
    stack();
    registers::clear();
}

/// Its own frame lies where those lay that the caller has returned from.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "the stack is what it is for")]
fn stack() {
    let mut frame = [0_u64; STACK / size_of::<u64>()];
    // The compiler may leave out what is above, and must not leave out this.
    frame.zeroize();
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "no safe function clears a register")]
mod registers {
    use std::arch::{asm, is_x86_feature_detected};

    pub(super) fn clear() {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor knows the instructions, and the system keeps these registers. They
            // write to registers alone, and to none but those that `clobber_abi` names to the
            // compiler (zmm16 to zmm31 among them), which so keeps nothing in them across this.
            unsafe {
                asm!(
                    "vpxord zmm16, zmm16, zmm16",
                    "vpxord zmm17, zmm17, zmm17",
                    "vpxord zmm18, zmm18, zmm18",
                    "vpxord zmm19, zmm19, zmm19",
                    "vpxord zmm20, zmm20, zmm20",
                    "vpxord zmm21, zmm21, zmm21",
                    "vpxord zmm22, zmm22, zmm22",
                    "vpxord zmm23, zmm23, zmm23",
                    "vpxord zmm24, zmm24, zmm24",
                    "vpxord zmm25, zmm25, zmm25",
                    "vpxord zmm26, zmm26, zmm26",
                    "vpxord zmm27, zmm27, zmm27",
                    "vpxord zmm28, zmm28, zmm28",
                    "vpxord zmm29, zmm29, zmm29",
                    "vpxord zmm30, zmm30, zmm30",
                    "vpxord zmm31, zmm31, zmm31",
                    clobber_abi("C"),
                    options(nomem, nostack),
                );
            }
        }
        if is_x86_feature_detected!("avx") {
            // SAFETY: as above. It sets registers 0 to 15 to zero in their whole width (Intel SDM,
            // VZEROALL), which are clobbers of the C calling convention.
            unsafe { asm!("vzeroall", clobber_abi("C"), options(nomem, nostack)) }
        } else {
            // SAFETY: as above; every x86-64 processor knows these.
            unsafe {
                asm!(
                    "pxor xmm0, xmm0",
                    "pxor xmm1, xmm1",
                    "pxor xmm2, xmm2",
                    "pxor xmm3, xmm3",
                    "pxor xmm4, xmm4",
                    "pxor xmm5, xmm5",
                    "pxor xmm6, xmm6",
                    "pxor xmm7, xmm7",
                    "pxor xmm8, xmm8",
                    "pxor xmm9, xmm9",
                    "pxor xmm10, xmm10",
                    "pxor xmm11, xmm11",
                    "pxor xmm12, xmm12",
                    "pxor xmm13, xmm13",
                    "pxor xmm14, xmm14",
                    "pxor xmm15, xmm15",
                    clobber_abi("C"),
                    options(nomem, nostack),
                );
            }
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod registers {
    pub(super) fn clear() {}
}
