//! What processes may call that were granted directories: to open what is in them, to read it and, where that was granted, to change
//! it. Learnt by running programs of both previews under a filter that kills; held to arguments where those can do more.

use super::{Rules, answer, argument, compile, no_files};
use crate::sandbox::{Files, Refusal};
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{BpfProgram, SeccompAction};
use std::collections::BTreeMap;

/// What opens and reads, whatever its arguments.
const READING: &[i64] = &[
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_fadvise64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    // Answered with an error below: its arguments lie where a filter cannot look, and libraries can live without.
    libc::SYS_openat2,
];

/// What changes, whatever its arguments.
const CHANGING: &[i64] = &[
    libc::SYS_write,
    libc::SYS_pwrite64,
    libc::SYS_pwritev2,
    libc::SYS_ftruncate,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_symlinkat,
    libc::SYS_linkat,
];

/// What an open may not ask for where nothing can be changed.
const CREATES_OR_CUTS: i32 = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | NAMELESS;

/// Asks for a file without a name, besides that it is in a directory.
const NAMELESS: i32 = libc::O_TMPFILE & !libc::O_DIRECTORY;

/// The bits of a mode by which a file gets the rights of its owner or group, not of whoever runs it.
const SPECIAL: u64 = 0o7000;

impl Rules {
    /// What is let through of files.
    pub(super) fn files(&mut self, files: Files) -> Result<(), Refusal> {
        if files == Files::None {
            return Ok(());
        }
        self.allow(READING);
        for command in [libc::F_GETFL, libc::F_GETFD] {
            self.only_if(
                libc::SYS_fcntl,
                vec![argument(1, Dword, Eq, command as u64)?],
            );
        }
        // It is on the list of all, to be answered with an error.
        self.0.remove(&libc::SYS_openat);
        if files == Files::Read {
            let reads = argument(2, Dword, MaskedEq(CREATES_OR_CUTS as u64), 0)?;
            self.only_if(libc::SYS_openat, vec![reads]);
            return Ok(());
        }
        self.allow(CHANGING);
        let no_special = |index| argument(index, Dword, MaskedEq(SPECIAL), 0);
        let named = argument(2, Dword, MaskedEq(NAMELESS as u64), 0)?;
        self.only_if(libc::SYS_openat, vec![named, no_special(3)?]);
        self.only_if(libc::SYS_mkdirat, vec![no_special(2)?]);
        // Not one that leaves a device in its place.
        let plainly = argument(4, Dword, MaskedEq(!u64::from(libc::RENAME_NOREPLACE)), 0)?;
        self.only_if(libc::SYS_renameat2, vec![plainly]);
        // By path it is answered with an error below.
        self.allow(&[libc::SYS_utimensat]);
        Ok(())
    }
}

/// What is answered with an error instead of death.
pub(super) fn refused_quietly(files: Files) -> Result<Vec<BpfProgram>, Refusal> {
    match files {
        Files::None => Ok(vec![no_files()?]),
        Files::Read => Ok(vec![answer(&[libc::SYS_openat2], libc::ENOSYS)?]),
        Files::Write => Ok(vec![
            answer(&[libc::SYS_openat2], libc::ENOSYS)?,
            no_times_by_path()?,
        ]),
    }
}

/// Landlock does not look at who sets times, so only files that are open get some.
fn no_times_by_path() -> Result<BpfProgram, Refusal> {
    let mut rules = Rules(BTreeMap::new());
    rules.only_if(libc::SYS_utimensat, vec![argument(1, Qword, Ne, 0)?]);
    compile(
        rules.0,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
    )
}
