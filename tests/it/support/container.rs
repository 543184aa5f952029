//! A container with the default profile of Docker: the system calls that it refuses, and the capabilities that root keeps.

use rustix::thread::{self, CapabilitySet, CapabilitySets};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::{SeccompCmpOp, SeccompCondition, SeccompRule};
use std::collections::BTreeMap;

/// What root in a container may do.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// Refused without CAP_SYS_ADMIN and its like, whatever the arguments are.
const REFUSED: &[i64] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_get_mempolicy,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mbind,
    libc::SYS_migrate_pages,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_move_pages,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_set_mempolicy,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Drops what a container's root does not have.
pub fn keep_capabilities() {
    keep(KEPT);
}

/// Drops every capability, as with `--cap-drop ALL`.
pub fn keep_no_capability() {
    keep(CapabilitySet::empty());
}

/// Of this thread and what it starts; somebody without privilege has none to drop.
fn keep(kept: CapabilitySet) {
    let held = thread::capabilities(None).unwrap();
    if !held.effective.contains(CapabilitySet::SETPCAP) {
        return;
    }
    for capability in CapabilitySet::all().difference(kept).iter() {
        // Newer ones than the kernel's are not there.
        let _ = thread::remove_capability_from_bounding_set(capability);
    }
    let sets = CapabilitySets {
        effective: held.effective.intersection(kept),
        permitted: held.permitted.intersection(kept),
        inheritable: CapabilitySet::empty(),
    };
    thread::set_capabilities(None, sets).unwrap();
}

/// The calls that are refused with EPERM: by number, or with some of their arguments.
pub fn refused_calls() -> BTreeMap<i64, Vec<SeccompRule>> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|call| (*call, vec![])).collect();
    let if_argument = |operator, value: i32| {
        let condition = SeccompCondition::new(0, Dword, operator, value as u64).unwrap();
        SeccompRule::new(vec![condition]).unwrap()
    };
    let with_flag = |flag: i32| if_argument(SeccompCmpOp::MaskedEq(flag as u64), flag);
    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    calls.insert(
        libc::SYS_clone,
        namespaces.map(with_flag).into_iter().collect(),
    );
    calls.insert(
        libc::SYS_socket,
        vec![if_argument(SeccompCmpOp::Eq, libc::AF_VSOCK)],
    );
    #[cfg(target_arch = "x86_64")]
    for call in [
        libc::SYS_iopl,
        libc::SYS_ioperm,
        libc::SYS_kexec_file_load,
        libc::SYS_sysfs,
        libc::SYS_uselib,
        libc::SYS_ustat,
    ] {
        calls.insert(call, vec![]);
    }
    calls
}
