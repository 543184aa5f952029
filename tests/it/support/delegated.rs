//! A cgroup (version 2) that is delegated to a user. Making one takes root and a hierarchy with
//! controllers, as on the machines of `tests/hosts`.

use super::{Ordinary, is_root};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The usual mount point of version 2.
pub const HIERARCHY: &str = "/sys/fs/cgroup";

/// A cgroup. It is removed with those below it when this is dropped.
pub struct Delegated(PathBuf);

impl Delegated {
    /// `None` without root, or without the controller `memory`.
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

    /// The names of wpool's groups below.
    pub fn groups(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("wpool-")).collect()
    }

    /// The command as a user's process in this cgroup, or in the one below of that name.
    pub fn start_in(&self, cgroup: &str, user: &Ordinary, words: &[&str]) -> Command {
        let at = self.below(cgroup).join("cgroup.procs");
        let id = user.id().to_string();
        let enter =
            r#"echo $$ >"$0"; exec setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}""#;
        let mut command = Command::new("bash");
        command.args(["-c", enter]).arg(at).arg(id);
        command.arg(user.wpool().get_program()).args(words);
        command.env_remove("HOME").stdin(Stdio::null());
        command
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
