//! A process that confines itself as its first argument says, and then tries what the others say:
//! `read:PATH`, `write:PATH`, `connect:PORT`, `connect-on-many-paths:PORT`, `connect-by-sending:PORT`,
//! `connect-by-message:PORT`, `listen:PORT`, `start:PROGRAM`, `thread:`,
//! `mount:`, `namespace:HOW`, `packets:`, `give-back:`, `lock-again:`, `forbid-locking:`, `allow-locking:`. Prints a line for each: `done`, or the name of the error.
#![allow(clippy::print_stdout, reason = "this is what it is for")]

use std::fs::{self, OpenOptions};
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use clavis_process::{
    Files, Ports, Programs, confine_calls, confine_files, confine_ports, give_memory_back,
    lock_memory, lock_memory_again,
};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendFlags, SocketType, connect, ipproto, sendmsg_addr,
    sendto, socket,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let how = arguments.next().unwrap_or_default();
    let (measure, named) = how.split_once('=').unwrap_or((&how, ""));
    let port = named.parse().unwrap_or_default();
    let confined = match measure {
        "files" => confine_files(&Files {
            read: [named.into()].into(),
            ..Files::default()
        }),
        "ports" => confine_ports(&Ports {
            connect: [port].into(),
            listen: [port].into(),
            abstract_sockets: false,
        }),
        "ports-and-calls" | "ports-and-calls-with-programs" => confine_ports(&Ports {
            connect: [port].into(),
            ..Ports::default()
        })
        .and_then(|()| {
            confine_calls(if measure == "ports-and-calls" {
                Programs::None
            } else {
                Programs::Some
            })
        }),
        "calls" => confine_calls(Programs::None),
        "locked-memory" | "locked-memory-and-calls" => {
            let locked = lock_memory();
            let confined = match measure {
                "locked-memory" => Ok(()),
                _ => confine_calls(Programs::None),
            };
            println!(
                "{}",
                if locked.is_ok() {
                    "locked"
                } else {
                    "not locked"
                }
            );
            confined
        }
        "calls-with-programs" => confine_calls(Programs::Some),
        "files-with-a-thread" => {
            let (end, ended) = std::sync::mpsc::channel::<()>();
            let other = thread::spawn(move || ended.recv());
            let confined = confine_files(&Files::default());
            drop(end);
            let _ = other.join();
            confined
        }
        _ => Ok(()),
    };
    match confined {
        Ok(()) => println!("confined"),
        Err(error) => println!("{error}"),
    }
    for deed in arguments {
        let (verb, object) = deed.split_once(':').unwrap_or((&deed, ""));
        match attempt(verb, object) {
            Ok(()) => println!("done"),
            Err(error) => println!("{:?}", error.kind()),
        }
    }
}

fn attempt(verb: &str, object: &str) -> io::Result<()> {
    let port = || object.parse::<u16>().map_err(io::Error::other);
    let address = || port().map(|port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    let tcp = |protocol| socket(AddressFamily::INET, SocketType::STREAM, protocol);
    // `MSG_FASTOPEN` in send(2), for which the library has no name.
    let fast_open = SendFlags::from_bits_retain(0x2000_0000);
    match verb {
        "read" => fs::read(object).map(drop),
        "write" => OpenOptions::new().append(true).open(object).map(drop),
        "connect" => TcpStream::connect(("127.0.0.1", port()?)).map(drop),
        "connect-on-many-paths" => Ok(connect(tcp(Some(ipproto::MPTCP))?, &address()?)?),
        "connect-by-sending" => Ok(sendto(tcp(None)?, b"x", fast_open, &address()?).map(drop)?),
        "connect-by-message" => {
            let text = [IoSlice::new(b"x")];
            let mut nothing = SendAncillaryBuffer::default();
            let sent = sendmsg_addr(tcp(None)?, &address()?, &text, &mut nothing, fast_open);
            Ok(sent.map(drop)?)
        }
        "listen" => TcpListener::bind(("127.0.0.1", port()?)).map(drop),
        "start" => Command::new(object).status().map(drop),
        "thread" => thread::Builder::new().spawn(|| ()).map(drop),
        "mount" => Ok(rustix::mount::mount_bind("/", "/")?),
        "namespace" => make_process_elsewhere(object),
        "give-back" => give_memory_back(),
        "lock-again" => lock_memory_again(),
        "forbid-locking" => let_lock(false),
        "allow-locking" => let_lock(true),
        "packets" => Ok(socket(AddressFamily::PACKET, SocketType::RAW, None).map(drop)?),
        _ => Err(io::Error::other("no such deed")),
    }
}

/// Has a program make a process in other namespaces, by `clone` or by `clone3` (clone(2)), for which there
/// is no safe function. It ends with the number of the error.
fn make_process_elsewhere(how: &str) -> io::Result<()> {
    const PROGRAM: &str = "
import ctypes, os, platform, sys
flags = 0x10000000 | 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET
libc = ctypes.CDLL(None, use_errno=True)
if sys.argv[1] == 'clone':
    number = {'x86_64': 56}.get(platform.machine(), 220)
    child = libc.syscall(number, ctypes.c_ulong(flags | 17), None, None, None, None)
else:
    asked = (ctypes.c_uint64 * 11)(flags, 0, 0, 0, 17)
    child = libc.syscall(435, asked, ctypes.sizeof(asked))
if child == 0:
    os._exit(0)
if child < 0:
    sys.exit(ctypes.get_errno())
os.waitpid(child, 0)
";
    let ended = Command::new("/usr/bin/python3")
        .args(["-I", "-c", PROGRAM, how])
        .status()?;
    match ended.code() {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(error)),
        None => Err(io::Error::other("it was ended")),
    }
}

/// Lets this process lock memory again, or lets it lock none.
fn let_lock(is_allowed: bool) -> io::Result<()> {
    let mut sets = capabilities(None)?;
    let is_permitted = sets.permitted.contains(CapabilitySet::IPC_LOCK);
    sets.effective
        .set(CapabilitySet::IPC_LOCK, is_allowed && is_permitted);
    set_capabilities(None, sets)?;
    let maximum = getrlimit(Resource::Memlock).maximum;
    let current = if is_allowed { maximum } else { Some(0) };
    let limit = Rlimit { current, maximum };
    Ok(setrlimit(Resource::Memlock, limit)?)
}
