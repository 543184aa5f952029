//! A cgroup of version 2 that is delegated to somebody. It takes root and a hierarchy with
//! controllers, which the machines of tests/hosts have.

use super::{Ordinary, is_root};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where version 2 is mounted, if it is.
pub const HIERARCHY: &str = "/sys/fs/cgroup";

/// A cgroup that is removed again, with those below it.
pub struct Delegated(PathBuf);

impl Delegated {
    /// None where that is not to be had.
    pub fn to(owner: u32, name: &str) -> Option<Delegated> {
        let hierarchy = Path::new(HIERARCHY);
        let controllers = fs::read_to_string(hierarchy.join("cgroup.controllers"));
        let has_memory =
            controllers.is_ok_and(|list| list.split_whitespace().any(|it| it == "memory"));
        let enabled = ["+memory", "+pids", "+cpu"].iter().all(|controller| {
            has_memory && fs::write(hierarchy.join("cgroup.subtree_control"), controller).is_ok()
        });
        if !is_root() || !enabled {
            println!("NOT CHECKED: it takes root, and cgroup version 2 with the controller memory");
            return None;
        }
        let path = hierarchy.join(format!("test-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        for file in [
            "",
            "cgroup.procs",
            "cgroup.subtree_control",
            "cgroup.threads",
        ] {
            chown(path.join(file), Some(owner), Some(owner)).unwrap();
        }
        Some(Delegated(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn below(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The groups that wpool made.
    pub fn groups(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("wpool-")).collect()
    }

    /// The command of somebody, started as a process of the cgroup called so, or of this one.
    pub fn start_in(&self, cgroup: &str, user: &Ordinary, words: &[&str]) -> Command {
        let mut command = Command::new("sh");
        let program = user.wpool().get_program().to_owned();
        let (id, at) = (
            user.id().to_string(),
            self.below(cgroup).join("cgroup.procs"),
        );
        command
            .args(["-c", r#"echo $$ >"$0"; exec setpriv --reuid "$1" --regid "$1" --clear-groups "$2" "${@:3}""#])
            .arg(at)
            .arg(id)
            .arg(program)
            .args(words);
        // Not every `sh` has a slice of its arguments.
        let mut bash = Command::new("bash");
        bash.args(command.get_args())
            .env_remove("HOME")
            .stdin(Stdio::null());
        bash
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(entry.path());
        }
        let _ = fs::remove_dir(&self.0);
    }
}
