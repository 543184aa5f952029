//! What was achieved, and what was refused: values that the library returns and `wpool doctor` prints.

use super::policy::Namespaces;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One mechanism of confinement.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// for layer in wpool::Layer::ALL {
///     println!("{layer}: {}", pool.confinement().has(layer));
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The system call filter. It is never missing.
    Seccomp,
    /// `no_new_privs`: exec gains nothing.
    NoNewPrivileges,
    /// No capability in any set, but for the bounding set of one who may not change it, which bounds nothing then.
    Capabilities,
    /// Resource limits of the process.
    ResourceLimits,
    /// A user namespace of its own.
    UserNamespace,
    /// A mount namespace whose root is an empty read-only file system.
    MountNamespace,
    /// A pid namespace: no other process can be named.
    PidNamespace,
    /// A network namespace without a device that is up.
    NetworkNamespace,
    /// Own System V and POSIX message queues.
    IpcNamespace,
    /// Own host name.
    UtsNamespace,
    /// Own view of the cgroup tree.
    CgroupNamespace,
    /// Landlock: no path may be opened.
    Landlock,
}

impl Layer {
    /// Every layer, in the order in which they are reported.
    pub const ALL: [Layer; 12] = [
        Layer::Seccomp,
        Layer::NoNewPrivileges,
        Layer::Capabilities,
        Layer::ResourceLimits,
        Layer::UserNamespace,
        Layer::MountNamespace,
        Layer::PidNamespace,
        Layer::NetworkNamespace,
        Layer::IpcNamespace,
        Layer::UtsNamespace,
        Layer::CgroupNamespace,
        Layer::Landlock,
    ];

    /// The name used in messages and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Layer::Seccomp => "seccomp",
            Layer::NoNewPrivileges => "no-new-privileges",
            Layer::Capabilities => "capabilities",
            Layer::ResourceLimits => "resource-limits",
            Layer::UserNamespace => "user-namespace",
            Layer::MountNamespace => "mount-namespace",
            Layer::PidNamespace => "pid-namespace",
            Layer::NetworkNamespace => "network-namespace",
            Layer::IpcNamespace => "ipc-namespace",
            Layer::UtsNamespace => "uts-namespace",
            Layer::CgroupNamespace => "cgroup-namespace",
            Layer::Landlock => "landlock",
        }
    }

    fn is_namespace(self) -> bool {
        self.name().ends_with("-namespace")
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much of the confinement holds; less than `Reduced` is refused.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// if pool.confinement().level() < wpool::Level::Full {
///     println!("the processes are confined, but not in namespaces of their own");
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Not enough to run untrusted code.
    Insufficient,
    /// Seccomp, `no_new_privs`, limits and a complete Landlock, without namespaces.
    Reduced,
    /// The same with namespaces, and Landlock where the kernel has it.
    Full,
}

/// Which user a confined process runs as. Another process of the same user could stop or kill it,
/// and in between its start and its confinement look into it.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// println!("the processes run as {}", pool.confinement().user);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProcessUser {
    /// The supervisor's own: it is not root, or a root that cannot become another user, as in a
    /// container without capabilities or with a single user id.
    #[default]
    Supervisor,
    /// A user id that no account, and no other compiler or template of this process, has. Root's
    /// processes have one each.
    OwnId,
    /// `nobody` (65534), which other processes may have too: what is left to root where no other
    /// ids are mapped.
    Nobody,
}

impl fmt::Display for ProcessUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProcessUser::Supervisor => "the user that runs wpool",
            ProcessUser::OwnId => "a user id of its own each",
            ProcessUser::Nobody => "nobody (65534), which other processes may have too",
        })
    }
}

/// The layers that a confined process reported to be in force.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let confinement = pool.confinement();
/// assert!(confinement.has(wpool::Layer::Seccomp));
/// for layer in confinement.missing() {
///     println!("without {layer}");
/// }
/// println!("{:?}", confinement.level());
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    layers: Vec<Layer>,
    /// Which user each process runs as: the supervisor says so, and not the process.
    pub user: ProcessUser,
    /// The Landlock ABI that is enforced, if any.
    pub landlock_abi: Option<u32>,
    /// Why Landlock is not in force, where it is not.
    pub landlock_refusal: Option<Refusal>,
    /// Whether `RLIMIT_NPROC` bounds the processes of a template and its workers. It would count
    /// other processes of the user without namespaces and before Linux 5.14, and does not hold for
    /// a root that cannot become another user. There only the filter keeps a worker from forking.
    pub counts_processes: bool,
    /// Whether each template with its workers, and each compiler, has a cgroup. The supervisor sets
    /// this, not the process.
    pub has_cgroup: bool,
}

impl Confinement {
    pub(super) fn holds(&mut self, layer: Layer) {
        self.layers.push(layer);
    }

    pub(super) fn holds_namespaces(&mut self, kind: Namespaces) {
        let all = Layer::ALL.into_iter().filter(|layer| layer.is_namespace());
        self.layers
            .extend(all.filter(|layer| kind == Namespaces::User || *layer != Layer::UserNamespace));
    }

    /// Whether `layer` is in force.
    #[must_use]
    pub fn has(&self, layer: Layer) -> bool {
        self.layers.contains(&layer)
    }

    /// The layers that are not in force.
    pub fn missing(&self) -> impl Iterator<Item = Layer> {
        Layer::ALL.into_iter().filter(|layer| !self.has(*layer))
    }

    /// How much this amounts to.
    ///
    /// A user namespace is a means to get the other namespaces, not an end: root without one has dropped its ids and
    /// capabilities all the same, so its absence alone does not make the confinement less than full.
    #[must_use]
    pub fn level(&self) -> Level {
        let always = [
            Layer::Seccomp,
            Layer::NoNewPrivileges,
            Layer::Capabilities,
            Layer::ResourceLimits,
        ];
        if !always.into_iter().all(|layer| self.has(layer)) {
            return Level::Insufficient;
        }
        let namespaces = Layer::ALL.into_iter().filter(|layer| layer.is_namespace());
        if namespaces
            .filter(|layer| *layer != Layer::UserNamespace)
            .all(|layer| self.has(layer))
        {
            return Level::Full;
        }
        if self.has(Layer::Landlock) {
            Level::Reduced
        } else {
            Level::Insufficient
        }
    }
}

/// A step of the confinement that the kernel refused.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// for (refusal, advice) in pool.refusals() {
///     println!("{refusal}; {advice}");
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The layer that could not be put in force.
    pub layer: Layer,
    /// What was tried, in a few words.
    pub step: String,
    /// The kernel's answer (`errno`), 0 where there is none.
    pub errno: i32,
}

impl Refusal {
    /// A refusal of `step` with the kernel's answer.
    pub(crate) fn new(layer: Layer, step: &str, errno: impl Into<std::io::Error>) -> Refusal {
        Refusal {
            layer,
            step: step.into(),
            errno: errno.into().raw_os_error().unwrap_or(0),
        }
    }

    /// Whether the same start without namespaces, or without the user namespace, could do better.
    #[must_use]
    pub fn is_about_namespaces(&self) -> bool {
        self.layer.is_namespace()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} was refused", self.layer, self.step)?;
        if self.errno != 0 {
            write!(f, ": {}", std::io::Error::from_raw_os_error(self.errno))?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(layers: &[Layer]) -> Confinement {
        Confinement {
            layers: layers.to_vec(),
            ..Confinement::default()
        }
    }

    fn without(left_out: &[Layer]) -> Confinement {
        with(
            &Layer::ALL
                .into_iter()
                .filter(|layer| !left_out.contains(layer))
                .collect::<Vec<_>>(),
        )
    }

    fn namespaces() -> Vec<Layer> {
        Layer::ALL
            .into_iter()
            .filter(|layer| layer.is_namespace())
            .collect()
    }

    #[test]
    fn all_layers_are_full_with_or_without_landlock_and_user_namespace() {
        assert_eq!(without(&[]).level(), Level::Full);
        assert_eq!(without(&[Layer::Landlock]).level(), Level::Full);
        assert_eq!(without(&[Layer::UserNamespace]).level(), Level::Full);
    }

    #[test]
    fn without_namespaces_it_is_reduced_and_then_landlock_may_not_be_missing() {
        assert_eq!(without(&namespaces()).level(), Level::Reduced);
        let mut left_out = namespaces();
        left_out.push(Layer::Landlock);
        assert_eq!(without(&left_out).level(), Level::Insufficient);
    }

    #[test]
    fn one_missing_namespace_is_not_full() {
        for namespace in namespaces()
            .into_iter()
            .filter(|layer| *layer != Layer::UserNamespace)
        {
            assert_eq!(without(&[namespace]).level(), Level::Reduced, "{namespace}");
        }
    }

    #[test]
    fn a_layer_that_may_never_be_missing_makes_it_insufficient() {
        for layer in [
            Layer::Seccomp,
            Layer::NoNewPrivileges,
            Layer::Capabilities,
            Layer::ResourceLimits,
        ] {
            assert_eq!(without(&[layer]).level(), Level::Insufficient, "{layer}");
        }
    }
}
