//! Which system calls the process can make (seccomp(2)).
//!
//! A process that starts no programs is held to a list of the calls that it makes: whatever else is
//! called does not exist for it. Nobody can list the calls of a program that is somebody else's, so
//! where one is started, and inherits the filter, what no such program has any business with is
//! refused instead.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Compare,
    SeccompCondition, SeccompFilter, SeccompRule, apply_filter_all_threads,
};

use crate::Unconfined;

mod lists;

use lists::{FREE, REFUSED, REFUSED_OF_X32};

/// Whether the process starts programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programs {
    /// It starts none: it can neither start one nor make another process.
    None,
    /// It does.
    Some,
}

/// Confines all threads, those that are there already included, and programs that they start.
pub fn confine_calls(programs: Programs) -> Result<(), Unconfined> {
    let filter = match programs {
        Programs::None => those_alone(),
        Programs::Some => all_but(),
    };
    let filter = filter.map_err(Unconfined::refused)?;
    apply_filter_all_threads(&filter).map_err(|error| match &error {
        seccompiler::Error::Seccomp(why) | seccompiler::Error::Prctl(why)
            if matches!(why.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) =>
        {
            Unconfined::NotOffered
        }
        _ => Unconfined::refused(error),
    })
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// The calls of the list and no others. To what is left out, the answer is that the kernel does
/// not have it: libraries try newer calls first, and fall back to older ones on this answer and on
/// no other.
fn those_alone() -> Result<BpfProgram, BackendError> {
    let mut rules: Rules = FREE.iter().map(|call| (*call, Vec::new())).collect();
    rules.extend(conditional()?);
    compile(
        rules,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        SeccompAction::Allow,
    )
}

/// All calls but those that are refused.
fn all_but() -> Result<BpfProgram, BackendError> {
    // On x86-64, every call has a second number, for the ABI x32; elsewhere these mean nothing.
    let of_x32 = REFUSED.iter().chain(REFUSED_OF_X32).map(|call| X32 | call);
    let rules = REFUSED.iter().copied().chain(of_x32);
    compile(
        rules.map(|call| (call, Vec::new())).collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
    )
}

const X32: c_long = 0x4000_0000;

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
    on_match: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let target = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, otherwise, on_match, target)?.try_into()
}

/// Calls that are allowed with some arguments alone: any one of the rules of a call is enough.
fn conditional() -> Result<Rules, BackendError> {
    let number = |number: i32| u64::from(number.unsigned_abs());
    let is = |argument, value| condition(argument, Width::Dword, Compare::Eq, value);
    let lacks =
        |argument, bit: i32| condition(argument, Width::Qword, Compare::MaskedEq(number(bit)), 0);
    let has = |argument, bit: i32| {
        let mask = number(bit);
        condition(argument, Width::Qword, Compare::MaskedEq(mask), mask)
    };
    let any = |rules: Vec<Result<SeccompRule, BackendError>>| {
        rules.into_iter().collect::<Result<Vec<_>, _>>()
    };
    let one_of =
        |argument, values: &[u64]| any(values.iter().map(|it| is(argument, *it)).collect());
    Ok(Rules::from([
        // Threads, and no processes. What `clone3` is asked for lies where no filter can look, so
        // it is left out, and libraries come back with this one.
        (libc::SYS_clone, any(vec![has(0, libc::CLONE_THREAD)])?),
        // Sockets of the internet, of this machine, and those that list its addresses.
        (
            libc::SYS_socket,
            one_of(
                0,
                &[
                    libc::AF_INET,
                    libc::AF_INET6,
                    libc::AF_UNIX,
                    libc::AF_NETLINK,
                ]
                .map(number),
            )?,
        ),
        (libc::SYS_socketpair, one_of(0, &[number(libc::AF_UNIX)])?),
        // What can be written is never run, and what is there does not become runnable.
        (
            libc::SYS_mmap,
            any(vec![lacks(2, libc::PROT_EXEC), lacks(2, libc::PROT_WRITE)])?,
        ),
        (libc::SYS_mprotect, any(vec![lacks(2, libc::PROT_EXEC)])?),
        (
            libc::SYS_ioctl,
            one_of(
                1,
                &[
                    libc::FIONBIO,
                    libc::FIONREAD,
                    libc::TCGETS,
                    libc::TIOCGWINSZ,
                ],
            )?,
        ),
        (
            libc::SYS_prctl,
            one_of(
                0,
                &[libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA].map(number),
            )?,
        ),
        // Limits of its own.
        (libc::SYS_prlimit64, one_of(0, &[0])?),
    ]))
}

fn condition(
    argument: u8,
    width: Width,
    compare: Compare,
    value: u64,
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(
        argument, width, compare, value,
    )?])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_call_is_on_two_lists_or_twice_on_one() {
        let conditional = conditional().unwrap();
        let all: Vec<_> = (FREE.iter().chain(REFUSED))
            .chain(conditional.keys())
            .collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn starting_programs_and_looking_into_others_is_on_no_list_of_what_is_allowed() {
        let conditional = conditional().unwrap();
        for call in [
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_pidfd_getfd,
            libc::SYS_clone3,
            libc::SYS_kill,
            libc::SYS_bpf,
            libc::SYS_mount,
        ] {
            assert!(
                !FREE.contains(&call) && !conditional.contains_key(&call),
                "{call}"
            );
        }
    }

    #[test]
    fn both_filters_compile() {
        assert!(!those_alone().unwrap().is_empty());
        assert!(!all_but().unwrap().is_empty());
    }
}
