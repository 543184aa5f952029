//! A file system that can be frozen: what writes to it then waits in the kernel, where no signal
//! ends it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A file system of its own, which can be frozen. A process thaws and unmounts it when this is
/// dropped, however the test ends, or after a minute.
pub struct FileSystem {
    folder: tempfile::TempDir,
    guard: Child,
}

impl FileSystem {
    /// None where that is not to be had: without root, or loop devices.
    pub fn mount() -> Option<FileSystem> {
        let folder = tempfile::tempdir().unwrap();
        let (image, at) = (folder.path().join("image"), folder.path().join("mounted"));
        std::fs::create_dir(&at).unwrap();
        std::fs::File::create(&image)
            .unwrap()
            .set_len(16 << 20)
            .unwrap();
        let done = |program: &str, words: &[&str]| {
            let done = Command::new(program).args(words).arg(&image).output();
            done.is_ok_and(|output| output.status.success())
        };
        let is_there = rustix::process::geteuid().is_root()
            && done("mkfs.ext4", &["-q", "-F"])
            && Command::new("mount")
                .args(["-o", "loop"])
                .args([&image, &at])
                .output()
                .is_ok_and(|output| output.status.success());
        if !is_there {
            println!("NOT CHECKED: it takes root, mkfs.ext4 and a loop device");
            return None;
        }
        let guard = Command::new("sh")
            .args([
                "-c",
                r#"timeout 60 cat >/dev/null; fsfreeze -u "$1" 2>/dev/null; umount "$1""#,
                "sh",
            ])
            .arg(&at)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Some(FileSystem { folder, guard })
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    pub fn freeze(&self) {
        let frozen = Command::new("fsfreeze").arg("-f").arg(self.path()).status();
        assert!(frozen.unwrap().success());
    }

    /// Whether it has been frozen since it was.
    pub fn is_frozen(&mut self) -> bool {
        self.guard.try_wait().unwrap().is_none()
    }

    pub fn thaw(&self) {
        let thawed = Command::new("fsfreeze").arg("-u").arg(self.path()).status();
        assert!(thawed.unwrap().success());
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
