//! What the processor and the C library are asked for that no safe function asks: the one module with
//! `unsafe` code.

#![expect(unsafe_code, reason = "no safe function does either")]

#[cfg(target_arch = "x86_64")]
use std::arch::{asm, is_x86_feature_detected};

/// Whether the C library gives memory back when it is asked.
pub(crate) const CAN_TRIM: bool = cfg!(target_env = "gnu");

/// Gives what the C library holds of freed memory back to the kernel (`malloc_trim(3)`), as far as it
/// makes whole pages. Other C libraries than glibc are left to themselves.
pub(crate) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: any thread may call it at any time (MT-Safe in `malloc_trim(3)`), with any number. It
        // touches nothing that is allocated.
        unsafe { libc::malloc_trim(0) };
    }
}

/// Has the C library keep all memory in one heap, if it is asked before the second thread is there
/// (`M_ARENA_MAX` in `mallopt(3)`). That one is shortened from its end, locked or not. Those that glibc
/// makes for other threads are shortened by `madvise`, which fails where memory is locked, and never by
/// `malloc_trim`.
pub(crate) fn keep_one_heap() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: it sets a number under the library's own lock, and to one that is in range. What is
        // MT-Unsafe about it (mallopt(3)) is its first call beside others that set the library up,
        // which has allocated before `main`.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}

/// Sets all vector registers of this thread to zero, on x86-64.
#[cfg(target_arch = "x86_64")]
pub(crate) fn clear_registers() {
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

/// Leaves the registers as they are: those of this processor are not known here.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn clear_registers() {}
