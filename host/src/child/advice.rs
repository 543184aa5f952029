//! How to get a layer of confinement that the kernel refused.

use crate::sandbox::{Layer, Refusal};
use std::fs;

/// One sentence for a person who administers the machine.
pub(crate) fn advice(refusal: &Refusal) -> String {
    match refusal.layer {
        Layer::Landlock => "Landlock needs Linux 5.13 or newer with `landlock` in the kernel's list of security modules (lsm=)".into(),
        Layer::Seccomp => "the kernel must be built with CONFIG_SECCOMP_FILTER".into(),
        layer if layer.name().ends_with("-namespace") => namespaces(),
        _ => format!("`{}` must be allowed for this user", refusal.step),
    }
}

fn namespaces() -> String {
    let setting = |path: &str| {
        fs::read_to_string(path)
            .ok()
            .map(|value| value.trim().to_string())
    };
    if setting("/proc/sys/user/max_user_namespaces").as_deref() == Some("0") {
        return "set `sysctl user.max_user_namespaces` to more than 0".into();
    }
    if setting("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        return "set `sysctl kernel.unprivileged_userns_clone=1`".into();
    }
    if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        return "give the program an AppArmor profile with `userns,`, or set `sysctl kernel.apparmor_restrict_unprivileged_userns=0`".into();
    }
    "allow user namespaces; in a container, with a seccomp profile that lets unshare, mount and pivot_root through".into()
}
