//! Single layers, so that tests can tell what each of them refuses.

use super::{
    Files, Filter, Namespaces, Policy, ProcessLimits, Refusal, Role, capabilities, identity,
    landlock, limits, namespaces, root,
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
            identity::drop_root()?;
            namespaces::unshare(Namespaces::User)?;
            namespaces::become_init()?;
            root::make(Vec::new())
        }
        "capabilities" => {
            identity::drop_root()?;
            capabilities::forget_bounding_set()?;
            capabilities::drop_all()
        }
        "limits" => limits::apply(&Policy {
            role: Role::Compiler,
            namespaces: Namespaces::None,
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
            layer: super::Layer::Seccomp,
            step: format!("{layer}, which is no layer,"),
            errno: 0,
        }),
    }
}
