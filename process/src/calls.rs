//! Which system calls the process can make (seccomp(2)).
//!
//! A process that starts no programs is held to a list of the calls that it makes: whatever else is
//! called does not exist for it. Nobody can list the calls of a program that is somebody else's, so
//! where one is started, and inherits the filter, what no such program has any business with is
//! refused instead.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompFilter, SeccompRule, apply_filter_all_threads,
};

use crate::Unconfined;

mod arguments;
mod lists;
#[cfg(test)]
mod verdict;

use lists::{FREE, OTHERWISE_OF_X32, REFUSED, REFUSED_OF_X32};

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
    for filter in filters(programs).map_err(Unconfined::refused)? {
        apply_filter_all_threads(&filter).map_err(|error| match &error {
            seccompiler::Error::Seccomp(why) | seccompiler::Error::Prctl(why)
                if matches!(why.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) =>
            {
                Unconfined::NotOffered
            }
            _ => Unconfined::refused(error),
        })?;
    }
    Ok(())
}

/// The filters that a process has, all of which have to let a call through (seccomp(2)).
fn filters(programs: Programs) -> Result<Vec<BpfProgram>, BackendError> {
    match programs {
        Programs::None => Ok(vec![those_alone()?]),
        Programs::Some => Ok(vec![all_but()?, all_that_show()?]),
    }
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// The calls of the list and no others. To what is left out, the answer is that the kernel does
/// not have it: libraries try newer calls first, and fall back to older ones on this answer and on
/// no other.
fn those_alone() -> Result<BpfProgram, BackendError> {
    let mut rules: Rules = FREE.iter().map(|call| (*call, Vec::new())).collect();
    rules.extend(arguments::allowed()?);
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
    let whole = REFUSED.iter().copied().chain(of_x32);
    let mut rules: Rules = whole.map(|call| (call, Vec::new())).collect();
    for (call, when) in arguments::refused()? {
        let mut names = OTHERWISE_OF_X32.iter().filter(|(usual, _)| *usual == call);
        let of_x32 = names.next().map_or(call, |(_, other)| *other);
        rules.insert(X32 | of_x32, when.clone());
        rules.insert(call, when);
    }
    compile(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
    )
}

/// All calls but those that hide what they are asked for: of `clone3` it lies where no filter can look, so
/// a namespace could be among it. The kernel does not have it then, and libraries come back with
/// `clone`.
fn all_that_show() -> Result<BpfProgram, BackendError> {
    let hidden = [libc::SYS_clone3, X32 | libc::SYS_clone3];
    compile(
        hidden.map(|call| (call, Vec::new())).into(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_call_is_on_two_lists_or_twice_on_one() {
        let conditional = arguments::allowed().unwrap();
        let refused = arguments::refused().unwrap();
        assert!(refused.keys().all(|call| !REFUSED.contains(call)));
        let all: Vec<_> = (FREE.iter().chain(REFUSED))
            .chain(conditional.keys())
            .collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn starting_programs_and_looking_into_others_is_on_no_list_of_what_is_allowed() {
        let conditional = arguments::allowed().unwrap();
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

    /// What a process without programs and one with them are answered to a call: nothing, or the number of
    /// the error.
    fn answers(call: c_long, arguments: &[i32]) -> [Option<i32>; 2] {
        [Programs::None, Programs::Some].map(|programs| {
            let filters = filters(programs).expect("they compile");
            let mut told = filters
                .iter()
                .filter_map(|it| verdict::of(it, call, arguments));
            told.next()
        })
    }

    const FREE_IN_BOTH: [Option<i32>; 2] = [None; 2];
    const REFUSED_IN_BOTH: [Option<i32>; 2] = [Some(libc::ENOSYS), Some(libc::EPERM)];

    #[test]
    fn sockets_of_the_internet_are_tcp_and_udp() {
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        for family in [libc::AF_INET, libc::AF_INET6] {
            for (kind, protocol) in [
                (libc::SOCK_STREAM, 0),
                (libc::SOCK_STREAM, libc::IPPROTO_TCP),
                (libc::SOCK_DGRAM, 0),
                (libc::SOCK_DGRAM, libc::IPPROTO_UDP),
            ] {
                let told = answers(libc::SYS_socket, &[family, kind | flags, protocol]);
                assert_eq!(told, FREE_IN_BOTH, "{kind} {protocol}");
            }
            for (kind, protocol) in [
                (libc::SOCK_STREAM, libc::IPPROTO_MPTCP),
                (libc::SOCK_STREAM, libc::IPPROTO_SCTP),
                (libc::SOCK_SEQPACKET, 0),
                (libc::SOCK_RAW, libc::IPPROTO_TCP),
                (libc::SOCK_DCCP, 0),
                (libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE),
            ] {
                for call in [libc::SYS_socket, X32 | libc::SYS_socket] {
                    let told = answers(call, &[family, kind | flags, protocol]);
                    assert_eq!(told, REFUSED_IN_BOTH, "{kind} {protocol}");
                }
            }
        }
        let of_this_machine = [libc::AF_UNIX, libc::SOCK_SEQPACKET, 0];
        assert_eq!(answers(libc::SYS_socket, &of_this_machine), FREE_IN_BOTH);
        let smc = [arguments::AF_SMC, libc::SOCK_STREAM, 0];
        assert_eq!(answers(libc::SYS_socket, &smc), REFUSED_IN_BOTH);
    }

    #[test]
    fn of_other_sockets_those_that_list_addresses_are_left() {
        let netlink = |protocol| {
            [
                libc::AF_NETLINK,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                protocol,
            ]
        };
        let told = answers(libc::SYS_socket, &netlink(libc::NETLINK_ROUTE));
        assert_eq!(told, FREE_IN_BOTH);
        for protocol in [
            libc::NETLINK_NETFILTER,
            libc::NETLINK_SOCK_DIAG,
            libc::NETLINK_AUDIT,
            libc::NETLINK_GENERIC,
        ] {
            let [alone, _] = answers(libc::SYS_socket, &netlink(protocol));
            assert_eq!(alone, Some(libc::ENOSYS), "{protocol}");
        }
        for (family, kind) in [
            (libc::AF_PACKET, libc::SOCK_RAW),
            (libc::AF_PACKET, libc::SOCK_DGRAM),
            (libc::AF_VSOCK, libc::SOCK_STREAM),
            (libc::AF_ALG, libc::SOCK_SEQPACKET),
        ] {
            for call in [libc::SYS_socket, X32 | libc::SYS_socket] {
                let told = answers(call, &[family, kind, 0]);
                assert_eq!(told, REFUSED_IN_BOTH, "{family}");
            }
        }
    }

    #[test]
    fn nothing_is_sent_by_which_a_connection_begins_or_made_another_protocol() {
        for (call, of_x32, flags) in [
            (libc::SYS_sendto, libc::SYS_sendto, 3),
            (libc::SYS_sendmsg, 518, 2),
            (libc::SYS_sendmmsg, 538, 3),
        ] {
            let mut arguments = [0; 6];
            arguments[flags] = libc::MSG_NOSIGNAL;
            assert_eq!(answers(call, &arguments), FREE_IN_BOTH, "{call}");
            arguments[flags] |= libc::MSG_FASTOPEN;
            for call in [call, X32 | of_x32] {
                assert_eq!(answers(call, &arguments), REFUSED_IN_BOTH, "{call}");
            }
        }
        for (level, option, told) in [
            (libc::SOL_TCP, libc::TCP_NODELAY, FREE_IN_BOTH),
            (libc::SOL_SOCKET, libc::TCP_ULP, FREE_IN_BOTH),
            (libc::SOL_TCP, libc::TCP_ULP, REFUSED_IN_BOTH),
        ] {
            assert_eq!(answers(libc::SYS_setsockopt, &[3, level, option]), told);
        }
        let other_protocol = [3, libc::SOL_TCP, libc::TCP_ULP];
        let of_x32 = X32 + 541;
        assert_eq!(answers(of_x32, &other_protocol), REFUSED_IN_BOTH);
    }

    #[test]
    fn no_process_is_made_in_another_namespace() {
        let thread = libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND;
        assert_eq!(answers(libc::SYS_clone, &[thread]), FREE_IN_BOTH);
        for process in [
            libc::SIGCHLD,
            libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
        ] {
            let told = answers(libc::SYS_clone, &[process]);
            assert_eq!(told, [Some(libc::ENOSYS), None], "{process:#x}");
            for namespace in arguments::NAMESPACES {
                for call in [libc::SYS_clone, X32 | libc::SYS_clone] {
                    let told = answers(call, &[process | namespace]);
                    assert_eq!(told, REFUSED_IN_BOTH, "{namespace:#x}");
                }
            }
        }
        for call in [libc::SYS_unshare, libc::SYS_setns] {
            for call in [call, X32 | call] {
                assert_eq!(answers(call, &[]), REFUSED_IN_BOTH, "{call}");
            }
        }
        for call in [libc::SYS_clone3, X32 | libc::SYS_clone3] {
            assert_eq!(answers(call, &[]), [Some(libc::ENOSYS); 2], "{call}");
        }
    }

    #[test]
    fn memory_is_locked_as_it_was_and_not_all_that_is_set_aside() {
        let at_once = libc::MCL_CURRENT | libc::MCL_FUTURE;
        for (flags, alone) in [
            (at_once | libc::MCL_ONFAULT, None),
            (at_once, Some(libc::ENOSYS)),
        ] {
            assert_eq!(answers(libc::SYS_mlockall, &[flags]), [alone, None]);
        }
    }

    #[test]
    fn what_is_run_is_neither_written_nor_shared() {
        let (read, write, run) = (libc::PROT_READ, libc::PROT_WRITE, libc::PROT_EXEC);
        for (protection, kind, is_allowed) in [
            (read | write, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, true),
            (read | write, libc::MAP_SHARED, true),
            (read | run, libc::MAP_PRIVATE | libc::MAP_DENYWRITE, true),
            (read | run, libc::MAP_SHARED, false),
            (read | run, libc::MAP_SHARED_VALIDATE, false),
            (read | write | run, libc::MAP_PRIVATE, false),
        ] {
            let [alone, _] = answers(libc::SYS_mmap, &[0, 4096, protection, kind]);
            assert_eq!(alone.is_none(), is_allowed, "{protection} {kind}");
        }
        let [alone, _] = answers(libc::SYS_mprotect, &[0, 4096, read | run]);
        assert_eq!(alone, Some(libc::ENOSYS));
    }
}
