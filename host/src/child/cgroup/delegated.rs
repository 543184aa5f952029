//! Finds the cgroup that was delegated to this process.

use super::{Cgroup, GroupLimits, has_word, write};
use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the cgroup that this process moves itself into.
const OWN_SUBGROUP: &str = "supervisor";

/// The cgroup (version 2) above that of this process, if it is delegated to this user and has no
/// processes. systemd's `DelegateSubgroup=` makes it so, and [`enter_subgroup`] does. Pass it to
/// [`Builder::cgroup`](crate::Builder::cgroup).
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let mut builder = wpool::Pool::builder("../guest-examples/wasm/square.wasm");
/// if let Some(directory) = wpool::delegated_cgroup() {
///     builder = builder.cgroup(directory);
/// }
/// let pool = builder.build()?;
/// println!("cgroups: {}", pool.confinement().has_cgroup);
/// # Ok::<(), wpool::Error>(())
/// ```
#[must_use]
pub fn delegated_cgroup() -> Option<PathBuf> {
    let above = own_directory()?.parent()?.to_path_buf();
    let may_be = is_delegated(&above) && is_controlled(&above);
    let is_free = may_be
        && fs::read_to_string(above.join("cgroup.procs"))
            .ok()?
            .is_empty();
    is_free.then(|| usable(above)).flatten()
}

/// Moves this process from its cgroup into a new one below, called `supervisor`. Returns the cgroup
/// that it left, for [`Builder::cgroup`](crate::Builder::cgroup). Afterwards the kernel allows no
/// process in that one.
///
/// It is for a service with systemd's `Delegate=yes`. `None`, and nothing is moved, where the
/// cgroup is not delegated to this user or has other processes.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// if let Some(directory) = wpool::enter_subgroup() {
///     println!("groups can be made in {}", directory.display());
/// }
/// ```
#[must_use]
pub fn enter_subgroup() -> Option<PathBuf> {
    let own = own_directory()?;
    // Nothing is moved where no groups could be made afterwards.
    if !is_delegated(&own) || !is_controlled(&own) {
        return None;
    }
    let processes = fs::read_to_string(own.join("cgroup.procs")).ok()?;
    if processes.trim() != std::process::id().to_string() {
        return None;
    }
    let subgroup = own.join(OWN_SUBGROUP);
    // It may be left from before; any other error is seen when it is opened.
    let _ = fs::create_dir(&subgroup);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::open(&subgroup, flags, Mode::empty()).ok()?;
    write(&directory, "cgroup.procs", "0").ok()?;
    usable(own)
}

/// The directory, if a group can be made in it.
fn usable(directory: PathBuf) -> Option<PathBuf> {
    let group = Cgroup::open(&directory).and_then(|cgroup| cgroup.group(&GroupLimits::default()));
    group.is_ok().then_some(directory)
}

/// The directory of this process's cgroup.
fn own_directory() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    directory_of(&groups, &mounts)
}

/// The directory of a process's cgroup, from `/proc/PID/cgroup` (`cgroups(7)`) and
/// `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).
fn directory_of(groups: &str, mounts: &str) -> Option<PathBuf> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mount = mounts.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, at) = (fields.next()?, fields.next()?);
        // A mount point with blanks is escaped. That is not decoded here.
        (system.starts_with("cgroup2 ") && !at.contains('\\')).then_some((root, at))
    });
    let (root, at) = mount?;
    let below = Path::new(path).strip_prefix(root).ok()?;
    // A cgroup outside of the cgroup namespace has such a path.
    (!below.starts_with("..") && !path.starts_with("/..")).then(|| Path::new(at).join(below))
}

/// Whether a cgroup is delegated to this user. One of these must hold:
///
/// - systemd marked it by an attribute, `user.delegate` or `trusted.delegate`;
/// - an ordinary user may change it, and not the cgroup above;
/// - it is the root of a cgroup namespace, as in a container.
fn is_delegated(directory: &Path) -> bool {
    let is_safe = fs::File::open(directory).is_ok_and(super::is_safe);
    if !is_safe || !may_change(directory) {
        return false;
    }
    let marked = |name| {
        let mut value = [0_u8; 8];
        let length = rustix::fs::getxattr(directory, name, &mut value[..]);
        length.is_ok_and(|length| &value[..length] == b"1")
    };
    let is_root = rustix::process::geteuid().is_root();
    let above = directory.parent().unwrap_or(directory);
    let is_first = !is_root && is_cgroup(above) && !may_change(above);
    // The root of the whole hierarchy does not have that file.
    let is_namespace_root = !is_cgroup(above) && directory.join("cgroup.events").exists();
    marked("user.delegate") || marked("trusted.delegate") || is_first || is_namespace_root
}

fn is_cgroup(directory: &Path) -> bool {
    directory.join("cgroup.procs").exists()
}

/// Whether this user may make groups below, and move processes into them.
fn may_change(directory: &Path) -> bool {
    ["", "cgroup.procs", "cgroup.subtree_control"]
        .iter()
        .all(|file| {
            let access = Access::WRITE_OK;
            rustix::fs::accessat(CWD, directory.join(file), access, AtFlags::EACCESS).is_ok()
        })
}

/// Whether a cgroup has the controllers that are needed.
fn is_controlled(directory: &Path) -> bool {
    let controllers = fs::read_to_string(directory.join("cgroup.controllers"));
    controllers.is_ok_and(|list| super::NEEDED.iter().all(|name| has_word(&list, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processes_cgroup_is_found_by_where_it_is_mounted() {
        let mount = |root: &str, at: &str| {
            format!(
                "22 1 0:20 / /proc rw - proc proc rw\n30 22 0:26 {root} {at} rw,nosuid - cgroup2 cgroup2 rw\n"
            )
        };
        let groups = "4:memory:/old\n0::/user.slice/app.scope\n";
        let found = |groups: &str, mounts: &str| directory_of(groups, mounts);
        assert_eq!(
            found(groups, &mount("/", "/sys/fs/cgroup")),
            Some("/sys/fs/cgroup/user.slice/app.scope".into())
        );
        assert_eq!(
            found("0::/\n", &mount("/", "/sys/fs/cgroup")),
            Some("/sys/fs/cgroup/".into())
        );
        assert_eq!(
            found(groups, &mount("/user.slice", "/cg")),
            Some("/cg/app.scope".into())
        );
        assert_eq!(
            found(groups, &mount("/system.slice", "/cg")),
            None,
            "outside of what is mounted"
        );
        assert_eq!(found("0::/../other\n", &mount("/", "/cg")), None);
        assert_eq!(
            found("4:memory:/old\n", &mount("/", "/cg")),
            None,
            "version 1"
        );
        assert_eq!(found(groups, ""), None, "nothing is mounted");
    }
}
