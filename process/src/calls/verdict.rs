//! What a filter answers to a call, as the kernel would work it out (`Documentation/networking/
//! filter.rst` of Linux); so tests ask it of calls that nothing safe makes.

use std::collections::HashMap;

use libc::c_long;
use seccompiler::BpfProgram;

/// `None` where the call is let through, else the number of the error.
pub(super) fn of(filter: &BpfProgram, call: c_long, arguments: &[i32]) -> Option<i32> {
    let arguments = (16..).step_by(8).zip(arguments);
    let mut data: HashMap<u32, u32> = arguments
        .map(|(offset, value)| (offset, u32::try_from(*value).expect("a plain number")))
        .collect();
    data.insert(0, u32::try_from(call).expect("a number of a call"));
    data.insert(4, architecture());
    let (mut at, mut value) = (0, 0);
    loop {
        let step = &filter[at];
        at += 1;
        let mut jump = |is_so: bool| at += usize::from(if is_so { step.jt } else { step.jf });
        match u32::from(step.code) {
            LOAD => value = data.get(&step.k).copied().unwrap_or_default(),
            AND => value &= step.k,
            JUMP => at += usize::try_from(step.k).expect("a place in the filter"),
            JUMP_IF_EQUAL => jump(value == step.k),
            JUMP_IF_GREATER => jump(value > step.k),
            JUMP_IF_NOT_LESS => jump(value >= step.k),
            RETURN => match step.k & libc::SECCOMP_RET_ACTION_FULL {
                libc::SECCOMP_RET_ALLOW => return None,
                libc::SECCOMP_RET_ERRNO => {
                    let error = step.k & libc::SECCOMP_RET_DATA;
                    return Some(i32::try_from(error).expect("a number of an error"));
                }
                other => panic!("another answer: {other:#x}"),
            },
            other => panic!("an instruction that no filter of ours has: {other:#x}"),
        }
    }
}

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const JUMP: u32 = libc::BPF_JMP | libc::BPF_JA;
const JUMP_IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const JUMP_IF_GREATER: u32 = libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K;
const JUMP_IF_NOT_LESS: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

/// `AUDIT_ARCH_…` of the processor that this is built for (`linux/audit.h`).
fn architecture() -> u32 {
    match std::env::consts::ARCH {
        "x86_64" => 0xc000_003e,
        "aarch64" => 0xc000_00b7,
        "riscv64" => 0xc000_00f3,
        other => panic!("no filter is made for {other}"),
    }
}
