//! Single layers, so that tests can tell what each of them refuses.

use super::{
    Files, Filter, Layer, NOBODY, Namespaces, Policy, ProcessLimits, Refusal, Role, capabilities,
    identity, landlock, limits, namespaces, root,
};

/// Puts the mechanisms of one layer in force in a process that holds nothing but standard streams.
pub(crate) fn only(layer: &str) -> Result<(), String> {
    put_in_force(layer).map_err(|refusal| refusal.to_string())
}

fn put_in_force(layer: &str) -> Result<(), Refusal> {
    match layer {
        "nothing" => Ok(()),
        "no-new-privileges" => capabilities::no_new_privileges(),
        "namespaces" => {
            become_nobody()?;
            let ids = namespaces::own_ids();
            namespaces::unshare_user()?;
            namespaces::unshare_others(Namespaces::User)?;
            namespaces::map_own_ids(ids)?;
            namespaces::become_init()?;
            root::make(Vec::new())
        }
        "capabilities" => {
            become_nobody()?;
            capabilities::forget_bounding_set()?;
            capabilities::drop_all()
        }
        "limits" => limits::apply(&Policy {
            role: Role::Compiler,
            namespaces: Namespaces::None,
            run_as: None,
            limits: ProcessLimits {
                data_bytes: Some(256 << 20),
                address_space_bytes: Some(1 << 30),
                cpu_seconds: Some(60),
                processes: None,
            },
            threads: 1,
            directories: Vec::new(),
        }),
        "landlock" => {
            capabilities::no_new_privileges()?;
            landlock::deny_all_but(&[], Namespaces::None).map(drop)
        }
        "seccomp-compiler" => Filter::loading(Role::Compiler, Files::None)?.install(),
        "seccomp-template" => Filter::serving(Files::None)?.install(),
        "seccomp-worker" => Filter::worker(Files::None)?.install(),
        _ => Err(Refusal {
            layer: Layer::Seccomp,
            step: format!("{layer}, which is no layer,"),
            errno: 0,
        }),
    }
}

/// Root becomes `nobody`. Other users stay who they are.
fn become_nobody() -> Result<(), Refusal> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    identity::hide()?;
    identity::become_user(NOBODY)?;
    // These layers do not include being undumpable, and there is no supervisor to map the ids.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)
        .map_err(|errno| Refusal::new(Layer::UserNamespace, "PR_SET_DUMPABLE", errno))
}
