//! How to get a layer of confinement that the kernel refused.

use crate::sandbox::{Layer, Refusal};
use std::fs;

/// What a person who administers the machine can do about it, as a command to follow "to get it:".
pub(crate) fn advice(refusal: &Refusal) -> String {
    on_a_machine(refusal, &|sysctl| {
        let value = fs::read_to_string(format!("/proc/sys/{}", sysctl.replace('.', "/"))).ok()?;
        Some(value.trim().to_string())
    })
}

/// The advice on a machine with these settings.
fn on_a_machine(refusal: &Refusal, sysctl: &dyn Fn(&str) -> Option<String>) -> String {
    match refusal.layer {
        Layer::Landlock => landlock(refusal),
        Layer::Seccomp => format!(
            "use a kernel that is built with CONFIG_SECCOMP_FILTER, and {}",
            allow("seccomp")
        ),
        Layer::Capabilities if refusal.step.starts_with("set") => {
            "start wpool as an ordinary user; or as a root that can become another user, with the capabilities SETUID and SETGID \
             and more than one user id (docker run --cap-add SETUID --cap-add SETGID)"
                .into()
        }
        Layer::NoNewPrivileges | Layer::Capabilities | Layer::ResourceLimits => {
            allow(&refusal.step)
        }
        _ => namespaces(refusal, sysctl),
    }
}

fn allow(what: &str) -> String {
    format!(
        "let `{what}` through where a seccomp profile or a security module of the machine, or of a container, forbids it"
    )
}

fn landlock(refusal: &Refusal) -> String {
    match refusal.errno {
        libc::EOPNOTSUPP => {
            "add `landlock` to the security modules that the kernel starts with: lsm= of its command line".into()
        }
        libc::ENOSYS => {
            "use Linux 5.13 or newer that is built with CONFIG_SECURITY_LANDLOCK; in a container, with a seccomp profile that lets \
             landlock_create_ruleset, landlock_add_rule and landlock_restrict_self through"
                .into()
        }
        libc::E2BIG => "start wpool in fewer sandboxes, one within the other: Landlock has 16 layers".into(),
        _ => allow("landlock_restrict_self"),
    }
}

fn namespaces(refusal: &Refusal, sysctl: &dyn Fn(&str) -> Option<String>) -> String {
    let is = |name: &str, value: &str| sysctl(name).as_deref() == Some(value);
    let at_once = refusal.step == "unshare";
    match refusal.errno {
        libc::ENOSPC | libc::EUSERS if at_once => {
            let kinds = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];
            let limits = kinds.map(|kind| format!("user.max_{kind}_namespaces"));
            match limits.iter().find(|limit| is(limit, "0")) {
                Some(limit) => format!("set `sysctl {limit}` to more than 0"),
                None => "raise `sysctl user.max_user_namespaces`, or that of another kind of namespace that is used up: \
                         user.max_net_namespaces and the like"
                    .into(),
            }
        }
        // From Linux 5.12 on root needs CAP_SETFCAP to map its own id.
        libc::EPERM if refusal.step.starts_with("writing \"0 ") => {
            "start wpool as an ordinary user, or let root keep the capability SETFCAP (docker run --cap-add SETFCAP)".into()
        }
        libc::EINVAL | libc::ENOSYS if at_once => {
            "use a kernel that is built with CONFIG_USER_NS, CONFIG_PID_NS, CONFIG_NET_NS, CONFIG_IPC_NS, CONFIG_UTS_NS and \
             CONFIG_CGROUPS"
                .into()
        }
        _ if is("kernel.unprivileged_userns_clone", "0") => {
            "set `sysctl kernel.unprivileged_userns_clone=1`".into()
        }
        // AppArmor lets a program without a profile have namespaces, and then nothing in them; older ones answer at once.
        errno
            if (!at_once || errno == libc::EACCES)
                && is("kernel.apparmor_restrict_unprivileged_userns", "1") =>
        {
            "give the program an AppArmor profile with `userns,`, or set `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
                .into()
        }
        _ => "allow user namespaces; in a container, with a seccomp profile that lets unshare, mount, umount2 and pivot_root \
              through, and an AppArmor profile that lets mount through (docker run --security-opt seccomp=FILE --security-opt \
              apparmor=NAME)"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: (&str, &str) = ("kernel.unprivileged_userns_clone", "0");
    const UBUNTU: (&str, &str) = ("kernel.apparmor_restrict_unprivileged_userns", "1");

    #[track_caller]
    fn assert_advised(
        (layer, step, errno): (Layer, &str, i32),
        settings: &[(&str, &str)],
        expected: &str,
    ) {
        let refusal = Refusal {
            layer,
            step: step.into(),
            errno,
        };
        let given = on_a_machine(&refusal, &|name| {
            let setting = settings.iter().find(|(setting, _)| *setting == name);
            setting.map(|(_, value)| (*value).to_string())
        });
        assert!(given.contains(expected), "{given}");
    }

    const UNSHARE: (Layer, &str) = (Layer::UserNamespace, "unshare");

    fn unshare(errno: i32) -> (Layer, &'static str, i32) {
        (UNSHARE.0, UNSHARE.1, errno)
    }

    #[test]
    fn namespaces_that_are_used_up_are_named_by_their_limit() {
        for kind in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"] {
            let limit = format!("user.max_{kind}_namespaces");
            // Whatever else is set: it is not why.
            let settings = [DEBIAN, UBUNTU, (limit.as_str(), "0")];
            assert_advised(
                unshare(libc::ENOSPC),
                &settings,
                &format!("set `sysctl {limit}` to more"),
            );
        }
        let some = [("user.max_user_namespaces", "100")];
        assert_advised(
            unshare(libc::ENOSPC),
            &some,
            "raise `sysctl user.max_user_namespaces`",
        );
    }

    #[test]
    fn namespaces_that_a_setting_forbids_are_to_be_had_by_that_setting() {
        let set = "set `sysctl kernel.unprivileged_userns_clone=1`";
        assert_advised(unshare(libc::EPERM), &[DEBIAN], set);
        assert_advised(unshare(libc::EPERM), &[DEBIAN, UBUNTU], set);
        let profile = "an AppArmor profile with `userns,`";
        for refused in [
            (
                Layer::UserNamespace,
                "writing \"1 1 1\" to /proc/self/uid_map",
                libc::EPERM,
            ),
            (Layer::MountNamespace, "making mounts private", libc::EACCES),
            unshare(libc::EACCES),
        ] {
            assert_advised(refused, &[UBUNTU], profile);
            assert_advised(refused, &[(UBUNTU.0, "0")], "--security-opt apparmor=");
        }
    }

    #[test]
    fn a_container_of_ubuntu_is_advised_about_its_profile() {
        // The setting is the machine's; in a container it is the filter that answers first.
        assert_advised(
            unshare(libc::EPERM),
            &[UBUNTU],
            "--security-opt seccomp=FILE",
        );
        assert_advised(unshare(libc::EPERM), &[], "--security-opt seccomp=FILE");
    }

    #[test]
    fn a_root_that_may_not_map_itself_is_told_which_capability_that_takes() {
        let map = (
            Layer::UserNamespace,
            "writing \"0 0 1\" to /proc/self/uid_map",
            libc::EPERM,
        );
        assert_advised(map, &[DEBIAN], "--cap-add SETFCAP");
    }

    #[test]
    fn a_kernel_without_them_is_to_be_built_with_them() {
        assert_advised(unshare(libc::EINVAL), &[DEBIAN], "CONFIG_USER_NS");
        assert_advised(unshare(libc::ENOSYS), &[], "CONFIG_USER_NS");
    }

    #[test]
    fn landlock_is_advised_by_why_it_is_missing() {
        for (errno, expected) in [
            (libc::ENOSYS, "Linux 5.13"),
            (libc::EOPNOTSUPP, "lsm="),
            (libc::E2BIG, "fewer sandboxes"),
            (libc::EPERM, "let `landlock_restrict_self` through"),
        ] {
            assert_advised((Layer::Landlock, "", errno), &[], expected);
        }
    }

    #[test]
    fn what_may_never_be_missing_is_advised_by_the_call_that_was_refused() {
        for (layer, step, expected) in [
            (Layer::Seccomp, "a filter", "CONFIG_SECCOMP_FILTER"),
            (Layer::ResourceLimits, "RLIMIT_CORE", "`RLIMIT_CORE`"),
            (
                Layer::NoNewPrivileges,
                "PR_SET_NO_NEW_PRIVS",
                "`PR_SET_NO_NEW_PRIVS`",
            ),
            (Layer::Capabilities, "capset", "`capset`"),
            (Layer::Capabilities, "setgroups", "as an ordinary user"),
            (Layer::Capabilities, "setresuid", "--cap-add SETUID"),
        ] {
            assert_advised((layer, step, libc::EPERM), &[], expected);
        }
    }
}
