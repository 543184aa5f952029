//! Which callers can have the command become a confined process: a supervisor of the same user, and
//! no caller that would gain by it.

use crate::support::{Ordinary, is_root, wpool};
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// What a program answers that is started as a confined process is, with that as its descriptor 0:
/// what it says there, and to a person.
fn answer(mut program: Command, socket: UnixStream, mut ours: UnixStream) -> (Vec<u8>, String) {
    let child = program
        .arg0("wpool-confined")
        .stdin(OwnedFd::from(socket))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(program);
    // It waits for an answer where it says hello.
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let mut said = Vec::new();
    ours.read_to_end(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    (said, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_process_says_hello_to_a_supervisor_of_its_own_user() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (said, told) = answer(Command::new(wpool().get_program()), theirs, ours);
    assert!(String::from_utf8_lossy(&said).contains("wpool"), "{said:?}");
    assert_eq!(told, "");
}

#[test]
fn a_set_user_id_program_does_not_become_what_its_caller_says() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("wpool");
    // Another process copies it: a fork of this one would keep the copy open for writing meanwhile.
    let copied = Command::new("cp")
        .arg(wpool().get_program())
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    let (ours, theirs) = UnixStream::pair().unwrap();
    let run = |mode| {
        fs::set_permissions(&program, Permissions::from_mode(mode)).unwrap();
        assert_eq!(fs::metadata(&program).unwrap().uid(), 0);
        let mut program = Command::new(&program);
        program.uid(65_534).gid(65_534);
        program
    };
    let (said, told) = answer(run(0o4755), theirs, ours);
    assert_eq!(said, b"", "{told}");
    // On a file system without such bits it is any other program, with the socket of another user.
    let refused = [
        "privileges that its caller lacks",
        "a socket of another user",
    ];
    assert!(refused.iter().any(|why| told.contains(why)), "{told}");
}

#[test]
fn a_socket_of_another_user_is_not_obeyed() {
    if !is_root() {
        return;
    }
    let user = Ordinary::user();
    // The socket is root's, and the process runs as another user.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (said, told) = answer(user.wpool(), theirs, ours);
    assert_eq!(said, b"", "{told}");
    assert!(told.contains("a socket of another user"), "{told}");
}

#[test]
fn what_is_no_socket_is_not_obeyed() {
    let output = Command::new(wpool().get_program())
        .arg0("wpool-confined")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("not a supervisor's socket"), "{told}");
}
