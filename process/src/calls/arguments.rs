//! Calls that are allowed, or refused, with some arguments alone.
//!
//! A filter sees numbers, and nothing that they point to: which address is connected to, by whatever
//! protocol, and which file is mapped, is not its to decide. Files and TCP ports are (landlock(7)),
//! so what is refused here of sockets are the ways to a TCP port that go around that.

use libc::c_int;
use seccompiler::{
    BackendError, SeccompCmpArgLen as Width, SeccompCmpOp as Compare, SeccompCondition, SeccompRule,
};

use super::Rules;

/// Connections that begin as TCP and go on in the memory of both sides (`linux/socket.h`).
pub(super) const AF_SMC: c_int = 43;

/// The type of a socket, without the flags that may stand beside it (`linux/net.h`).
const SOCK_TYPE_MASK: c_int = 0xf;

/// How a mapping is shared, without the flags that may stand beside it (`linux/mman.h`).
const MAP_TYPE: c_int = 0xf;

/// What `clone` makes a process in that its parent is not in: each by itself is enough (clone(2)). That
/// of time stands where `clone` has the signal, so that it is no way to it.
pub(super) const NAMESPACES: [c_int; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

const INTERNET: [c_int; 2] = [libc::AF_INET, libc::AF_INET6];

/// Those of the list of what is allowed: any one of the rules of a call is enough.
pub(super) fn allowed() -> Result<Rules, BackendError> {
    let one_of = |argument, values: &[c_int]| {
        let each = values.iter().map(|it| all_of([is(argument, *it)]));
        each.collect::<Result<Vec<_>, _>>()
    };
    Ok(Rules::from([
        // Threads, and no processes. What `clone3` is asked for lies where no filter can look, so
        // it is left out, and libraries come back with this one.
        (libc::SYS_clone, vec![all_of([has(0, libc::CLONE_THREAD)])?]),
        (libc::SYS_socket, sockets()?),
        (libc::SYS_socketpair, one_of(0, &[libc::AF_UNIX])?),
        (
            libc::SYS_setsockopt,
            vec![
                all_of([is_not(1, libc::SOL_TCP)])?,
                all_of([is_not(2, libc::TCP_ULP)])?,
            ],
        ),
        // TCP Fast Open connects while it sends, past the rules for ports.
        (
            libc::SYS_sendto,
            vec![all_of([lacks(3, libc::MSG_FASTOPEN)])?],
        ),
        (
            libc::SYS_sendmsg,
            vec![all_of([lacks(2, libc::MSG_FASTOPEN)])?],
        ),
        (
            libc::SYS_sendmmsg,
            vec![all_of([lacks(3, libc::MSG_FASTOPEN)])?],
        ),
        // No mapping that is run is written or shared, and what is there does not become runnable.
        // Libraries are mapped as private ones, as any file can be that is opened, but on
        // a mount that says no (`noexec` in mount(8)).
        (
            libc::SYS_mmap,
            vec![
                all_of([lacks(2, libc::PROT_EXEC)])?,
                all_of([
                    lacks(2, libc::PROT_WRITE),
                    masked(3, MAP_TYPE, libc::MAP_PRIVATE),
                ])?,
            ],
        ),
        (
            libc::SYS_mprotect,
            vec![all_of([lacks(2, libc::PROT_EXEC)])?],
        ),
        // All of it is locked, as far as it is used, or none.
        (
            libc::SYS_mlockall,
            one_of(
                0,
                &[libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT],
            )?,
        ),
        (
            libc::SYS_ioctl,
            [
                libc::FIONBIO,
                libc::FIONREAD,
                libc::TCGETS,
                libc::TIOCGWINSZ,
            ]
            .into_iter()
            .map(|it| all_of([condition(1, Compare::Eq, it)]))
            .collect::<Result<_, _>>()?,
        ),
        (
            libc::SYS_prctl,
            one_of(0, &[libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA])?,
        ),
        // Limits of its own.
        (libc::SYS_prlimit64, one_of(0, &[0])?),
    ]))
}

/// Those of the list of what is refused: any one of the rules of a call is enough.
pub(super) fn refused() -> Result<Rules, BackendError> {
    // Frames that are made by hand, the host of a virtual machine, and the kernel's cryptography.
    let families = [AF_SMC, libc::AF_PACKET, libc::AF_VSOCK, libc::AF_ALG];
    let families = families.iter().map(|family| all_of([is(0, *family)]));
    let mut sockets = families.collect::<Result<Vec<_>, _>>()?;
    for family in INTERNET {
        // Multipath TCP and SCTP among them.
        sockets.push(all_of([
            is(0, family),
            is_not(2, 0),
            is_not(2, libc::IPPROTO_TCP),
            is_not(2, libc::IPPROTO_UDP),
        ])?);
        // Packets that are made by hand, and what is SCTP and DCCP where no protocol is named.
        for kind in [libc::SOCK_RAW, libc::SOCK_SEQPACKET, libc::SOCK_DCCP] {
            sockets.push(all_of([is(0, family), masked(1, SOCK_TYPE_MASK, kind)])?);
        }
    }
    let fast_open = |argument| Ok(vec![all_of([has(argument, libc::MSG_FASTOPEN)])?]);
    let elsewhere = NAMESPACES.iter().map(|it| all_of([has(0, *it)]));
    Ok(Rules::from([
        (libc::SYS_clone, elsewhere.collect::<Result<_, _>>()?),
        (libc::SYS_socket, sockets),
        (
            libc::SYS_setsockopt,
            vec![all_of([is(1, libc::SOL_TCP), is(2, libc::TCP_ULP)])?],
        ),
        (libc::SYS_sendto, fast_open(3)?),
        (libc::SYS_sendmsg, fast_open(2)?),
        (libc::SYS_sendmmsg, fast_open(3)?),
    ]))
}

/// TCP and UDP, sockets of this machine, and those that list its addresses.
fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
    let mut rules = vec![
        all_of([is(0, libc::AF_UNIX)])?,
        all_of([is(0, libc::AF_NETLINK), is(2, libc::NETLINK_ROUTE)])?,
    ];
    for family in INTERNET {
        for (kind, protocol) in [
            (libc::SOCK_STREAM, 0),
            (libc::SOCK_STREAM, libc::IPPROTO_TCP),
            (libc::SOCK_DGRAM, 0),
            (libc::SOCK_DGRAM, libc::IPPROTO_UDP),
        ] {
            rules.push(all_of([
                is(0, family),
                masked(1, SOCK_TYPE_MASK, kind),
                is(2, protocol),
            ])?);
        }
    }
    Ok(rules)
}

type Condition = Result<SeccompCondition, BackendError>;

fn all_of<const N: usize>(conditions: [Condition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

fn is(argument: u8, value: c_int) -> Condition {
    condition(argument, Compare::Eq, number(value))
}

fn is_not(argument: u8, value: c_int) -> Condition {
    condition(argument, Compare::Ne, number(value))
}

fn has(argument: u8, bit: c_int) -> Condition {
    masked(argument, bit, bit)
}

fn lacks(argument: u8, bit: c_int) -> Condition {
    masked(argument, bit, 0)
}

fn masked(argument: u8, mask: c_int, value: c_int) -> Condition {
    let compare = Compare::MaskedEq(number(mask));
    condition(argument, compare, number(value))
}

/// All that is compared lies in the lower half of an argument, and of an `int` the kernel reads no more.
fn condition(argument: u8, compare: Compare, value: u64) -> Condition {
    SeccompCondition::new(argument, Width::Dword, compare, value)
}

fn number(of: c_int) -> u64 {
    u64::from(of.unsigned_abs())
}
