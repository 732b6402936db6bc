//! What a process that confined itself still can do, and what not. Kernels differ: what one does
//! not offer is said, and not looked at there.
#![allow(
    clippy::print_stdout,
    reason = "a test tells what it cannot look at on this machine"
)]

use std::fs;
use std::net::TcpListener;
use std::process::Command;

/// What comes of each deed, after what comes of the confinement.
fn tries(how: &str, deeds: &[&str]) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tries"));
    let output = command.arg(how).args(deeds).output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

/// Whether the kernel offers what was asked for; every other answer but success is a fault.
fn is_offered(told: &[String]) -> bool {
    let is_offered = told[0] != "this kernel does not offer it";
    if is_offered {
        assert_eq!(told[0], "confined");
    } else {
        println!("this kernel does not offer it: not looked at");
    }
    is_offered
}

#[test]
fn files_that_are_not_named_are_neither_read_nor_written() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [named, other] = [&folders[0], &folders[1]].map(|folder| {
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        file.display().to_string()
    });
    let deeds = [
        format!("read:{named}"),
        format!("write:{named}"),
        format!("read:{other}"),
    ];
    let deeds = [
        &*deeds[0],
        &deeds[1],
        &deeds[2],
        "read:/etc/passwd",
        "start:/bin/true",
    ];
    let how = format!("files={}", folders[0].path().display());
    let told = tries(&how, &deeds);
    if is_offered(&told) {
        let refused = "PermissionDenied";
        assert_eq!(told[1..], ["done", refused, refused, refused, refused]);
    }
    assert_eq!(tries("nothing", &deeds)[1..], ["done"; 5]);
}

#[test]
fn ports_that_are_not_named_are_neither_connected_to_nor_listened_on() {
    let listening = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [named, other] = [&listening[0], &listening[1]].map(|it| it.local_addr().unwrap().port());
    let deeds = [
        format!("connect:{named}"),
        format!("connect:{other}"),
        format!("listen:{other}"),
        format!("listen:{named}"),
    ];
    let deeds = [&*deeds[0], &deeds[1], &deeds[2], &deeds[3]];
    let told = tries(&format!("ports={named}"), &deeds);
    if is_offered(&told) {
        let refused = "PermissionDenied";
        assert_eq!(told[1..], ["done", refused, refused, "AddrInUse"]);
    }
    let free = ["done", "done", "AddrInUse", "AddrInUse"];
    assert_eq!(tries("nothing", &deeds)[1..], free);
}

#[test]
fn nor_are_they_reached_by_other_protocols_and_other_ways_to_connect() {
    let listening = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [named, other] = [&listening[0], &listening[1]].map(|it| it.local_addr().unwrap().port());
    let deeds = [
        format!("connect:{named}"),
        format!("connect:{other}"),
        format!("connect-on-many-paths:{other}"),
        format!("connect-by-sending:{other}"),
        format!("connect-by-message:{other}"),
    ];
    let deeds = deeds.each_ref().map(String::as_str);
    for (measure, refused) in [
        ("ports-and-calls", "Unsupported"),
        ("ports-and-calls-with-programs", "PermissionDenied"),
    ] {
        let told = tries(&format!("{measure}={named}"), &deeds);
        if is_offered(&told) {
            let expected = ["done", "PermissionDenied", refused, refused, refused];
            assert_eq!(told[1..], expected);
        }
    }
}

#[test]
fn a_process_that_starts_no_programs_makes_threads_and_little_else() {
    let deeds = [
        "thread:",
        "read:/etc/passwd",
        "start:/bin/true",
        "mount:",
        "packets:",
    ];
    let told = tries("calls", &deeds);
    if is_offered(&told) {
        assert_eq!(
            told[1..],
            ["done", "done", "Unsupported", "Unsupported", "Unsupported"]
        );
    }
}

#[test]
fn one_whose_memory_is_locked_gives_some_back_and_locks_the_rest_again() {
    let told = tries("locked-memory-and-calls", &["give-back:", "give-back:"]);
    if is_offered(&told[1..]) {
        assert_eq!(told[2..], ["done", "done"]);
    }
}

#[test]
fn one_whose_memory_could_not_be_locked_again_locks_it_when_it_can() {
    let deeds = [
        "forbid-locking:",
        "give-back:",
        "lock-again:",
        "allow-locking:",
        "lock-again:",
        "give-back:",
    ];
    let told = tries("locked-memory", &deeds);
    let refused = "PermissionDenied";
    let expected = ["done", refused, refused, "done", "done", "done"];
    if told[0] == "locked" {
        assert_eq!(told[2..], expected);
    }
}

#[test]
fn one_that_starts_programs_does_so_and_leaves_the_machine_as_it_is() {
    let told = tries(
        "calls-with-programs",
        &["thread:", "start:/bin/true", "mount:"],
    );
    if is_offered(&told) {
        assert_eq!(told[1..], ["done", "done", "PermissionDenied"]);
    }
}

#[test]
fn what_it_starts_makes_no_process_in_another_namespace() {
    let deeds = ["namespace:clone", "namespace:clone3", "start:/bin/true"];
    let told = tries("calls-with-programs", &deeds);
    if is_offered(&told) {
        // A program that finds no `clone3` comes back with `clone`.
        assert_eq!(told[1..], ["PermissionDenied", "Unsupported", "done"]);
    }
    let told = tries("nothing", &deeds);
    if told[1..] != ["done"; 3] {
        println!("this machine refuses it by itself: {told:?}");
    }
}

#[test]
fn with_a_second_thread_it_is_too_late() {
    let told = tries("files-with-a-thread", &["read:/etc/passwd"]);
    assert_eq!(told, ["other threads are running already", "done"]);
}
