//! `wpool doctor`: starts the real thing, asks what holds, and looks at a worker from outside.

use super::args::DoctorArgs;
use super::exit;
use super::processes::ProcessArgs;
use super::setup::Refused;
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{self, Write};
use wpool::{ErrorKind, Layer, Level, Order, Pool, ProcessUser};

/// The module that is run: one function that returns a number.
const ANSWER: &str = r#"(module (func (export "answer") (result i32) (i32.const 42)))"#;

pub(super) fn run(args: &DoctorArgs) -> Result<u8, Refused> {
    let diagnosis = match examine(&args.processes) {
        Ok(diagnosis) => diagnosis,
        Err(error) if error.kind() == ErrorKind::Confinement => Diagnosis::refused(&error),
        Err(error) => return Err(error.into()),
    };
    let text = if args.json {
        format!("{:#}\n", diagnosis.json())
    } else {
        diagnosis.table()
    };
    // A closed output ends it quietly.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(diagnosis.exit_code())
}

/// What root can do where its processes share one id with others.
const IDS_ADVICE: &str = "map some that no account has into this container or user namespace, and name them by --worker-ids FIRST-LAST";

/// The detail of resource limits without `RLIMIT_NPROC`.
const UNCOUNTED: &str = "processes are not counted: without namespaces, before Linux 5.14, or as root without capabilities";

/// What a cgroup is for.
const CGROUP: &str = "one for each template with its workers";

/// How to get a cgroup.
const CGROUP_ADVICE: &str = "start wpool where a cgroup is delegated to it (systemd-run --user --scope -p Delegate=yes wpool …), or \
                             name one by --cgroup DIRECTORY";

/// What is said of a worker of which nothing can be seen.
const UNSEEN: &str =
    "a worker was not seen from outside: /proc hides processes of others (mount option hidepid)\n";

/// One layer on this machine.
struct Finding {
    layer: Layer,
    in_force: bool,
    detail: Option<String>,
    advice: Option<String>,
}

/// What was found.
#[derive(Default)]
struct Diagnosis {
    level: Option<Level>,
    findings: Vec<Finding>,
    user: Option<ProcessUser>,
    has_cgroup: bool,
    /// A worker as the kernel shows it.
    worker: Seen,
    landlock_abi: Option<u32>,
    error: Option<String>,
}

/// What `/proc` has to say of a worker.
#[derive(Default)]
struct Seen {
    /// Lines of its `status`.
    status: Vec<(&'static str, String)>,
    /// Lines of its `limits`: soft and hard.
    limits: Vec<(&'static str, String)>,
}

const STATUS: [&str; 12] = [
    "Uid",
    "Gid",
    "Groups",
    "NSpid",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
];

const LIMITS: [&str; 10] = [
    "Max cpu time",
    "Max file size",
    "Max data size",
    "Max core file size",
    "Max processes",
    "Max open files",
    "Max locked memory",
    "Max address space",
    "Max msgqueue size",
    "Max realtime priority",
];

/// Runs one task in a real pool.
fn examine(processes: &ProcessArgs) -> Result<Diagnosis, wpool::Error> {
    let builder = Pool::builder(ANSWER.as_bytes()).workers(1);
    let pool = processes.add(builder).build()?;
    let (mut inputs, mut outcomes) = pool.stream("answer", Order::Input)?;
    // Its outcomes are held here, so they are wanted.
    let _ = inputs.send(&[]);
    drop(inputs);
    let outcome = outcomes.next().map(|(_, outcome)| outcome);
    let error = match outcome.as_ref().map(|outcome| &outcome.result) {
        Some(Ok(Some(wpool::Value::S32(42)))) => None,
        Some(Err(failure)) => Some(format!("a task failed: {failure}")),
        _ => Some("a task gave a wrong answer".into()),
    };
    // The worker waits for more, so it can be looked at.
    let worker = outcome
        .and_then(|outcome| outcome.usage.pid)
        .map(Seen::of)
        .unwrap_or_default();
    let confinement = pool.confinement();
    let refusals = pool.refusals();
    let findings = Layer::ALL.into_iter().map(|layer| {
        let in_force = confinement.has(layer);
        let refusal = if in_force {
            None
        } else {
            refusals
                .iter()
                .find(|(refusal, _)| same_kind(refusal.layer, layer))
        };
        let detail = match layer {
            Layer::Landlock if in_force => confinement.landlock_abi.map(|abi| format!("ABI {abi}")),
            Layer::ResourceLimits if in_force && !confinement.counts_processes => {
                Some(UNCOUNTED.into())
            }
            _ => refusal.map(|(refusal, _)| refusal.to_string()),
        };
        let advice = refusal.map(|(_, advice)| advice.clone());
        Finding {
            layer,
            in_force,
            detail,
            advice,
        }
    });
    let findings = findings.collect();
    Ok(Diagnosis {
        level: Some(confinement.level()),
        findings,
        user: Some(confinement.user),
        has_cgroup: confinement.has_cgroup,
        worker,
        landlock_abi: confinement.landlock_abi,
        error,
    })
}

/// Whether a refusal of one layer is why the other is missing: namespaces are entered together.
fn same_kind(refused: Layer, missing: Layer) -> bool {
    let is_namespace = |layer: Layer| layer.name().ends_with("-namespace");
    refused == missing || (is_namespace(refused) && is_namespace(missing))
}

impl Seen {
    /// What can be seen of the worker with this number.
    fn of(pid: u32) -> Seen {
        let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let (status, limits) = (read("status"), read("limits"));
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_string)
                .collect::<Vec<_>>()
        };
        let line = |text: &str, start: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(start).map(words))
        };
        let field = |name| Some((name, line(&status, &format!("{name}:"))?.join(" ")));
        let limit = |name| {
            let values = line(&limits, &format!("{name} "))?;
            // The unit comes behind them.
            Some((name, values.get(..2)?.join(" ")))
        };
        Seen {
            status: STATUS.into_iter().filter_map(field).collect(),
            limits: LIMITS.into_iter().filter_map(limit).collect(),
        }
    }

    fn json(&self) -> Value {
        let object = |pairs: &[(&'static str, String)]| -> Map<String, Value> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).into(), json!(value)))
                .collect()
        };
        let mut worker = object(&self.status);
        if !self.limits.is_empty() {
            worker.insert("limits".into(), object(&self.limits).into());
        }
        worker.into()
    }
}

impl Diagnosis {
    fn refused(error: &wpool::Error) -> Diagnosis {
        Diagnosis {
            error: Some(error.to_string()),
            ..Diagnosis::default()
        }
    }

    /// The level that a task confirmed, or `failed` where the task failed.
    fn level(&self) -> &'static str {
        match (self.level, &self.error) {
            (Some(Level::Full | Level::Reduced), Some(_)) => "failed",
            (Some(Level::Full), None) => "full",
            (Some(Level::Reduced), None) => "reduced",
            _ => "refused",
        }
    }

    fn exit_code(&self) -> u8 {
        match (&self.error, self.level) {
            (_, None) => exit::UNCONFINED,
            (Some(_), _) => exit::FAILED,
            (None, _) => exit::SUCCESS,
        }
    }

    fn table(&self) -> String {
        let mut text = format!("confinement: {}\n", self.level());
        for finding in &self.findings {
            let state = if finding.in_force {
                "in force"
            } else {
                "missing"
            };
            let detail = finding.detail.as_deref().unwrap_or_default();
            text += format!(
                "  {:<18} {state:<9} {}",
                finding.layer.name(),
                wpool::printable(detail)
            )
            .trim_end();
            text.push('\n');
            if let Some(advice) = &finding.advice {
                text += &format!("  {:<18} to get it: {advice}\n", "");
            }
        }
        if let Some(user) = self.user {
            text += &format!("  {:<18} {user}\n", "runs as");
            if user == ProcessUser::Nobody {
                text += &format!("  {:<18} to get ids of their own: {IDS_ADVICE}\n", "");
            }
        }
        if self.user.is_some() {
            text += &match self.has_cgroup {
                true => format!("  {:<18} {:<9} {CGROUP}\n", "cgroup", "in force"),
                false => format!(
                    "  {0:<18} {1:<9}\n  {2:<18} to get one: {CGROUP_ADVICE}\n",
                    "cgroup", "none", ""
                ),
            };
        }
        text += match (self.worker.status.is_empty(), self.user) {
            (false, _) => "a worker, seen from outside:\n",
            (true, Some(_)) => UNSEEN,
            (true, None) => "",
        };
        for (name, value) in self.worker.status.iter().chain(&self.worker.limits) {
            text += format!("  {name:<22} {value}").trim_end();
            text.push('\n');
        }
        if let Some(error) = &self.error {
            text += &format!("{}\n", wpool::printable(error));
        }
        text
    }

    fn json(&self) -> Value {
        let layers: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "layer": finding.layer.name(),
                    "in_force": finding.in_force,
                    "detail": finding.detail,
                    "advice": finding.advice,
                })
            })
            .collect();
        json!({
            "level": self.level(),
            "layers": layers,
            "landlock_abi": self.landlock_abi,
            "runs_as": self.user,
            "cgroup": self.has_cgroup,
            // Null where there is one of which nothing can be seen.
            "worker": match (self.worker.status.is_empty(), self.user) {
                (true, Some(_)) => Value::Null,
                _ => self.worker.json(),
            },
            "error": self.error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_task_fails_nothing_is_called_full() {
        let mut diagnosis = Diagnosis {
            level: Some(Level::Full),
            error: None,
            ..Diagnosis::default()
        };
        assert_eq!(
            (diagnosis.level(), diagnosis.exit_code()),
            ("full", exit::SUCCESS)
        );
        diagnosis.error = Some("a task failed: why".into());
        assert_eq!(
            (diagnosis.level(), diagnosis.exit_code()),
            ("failed", exit::FAILED)
        );
        assert_eq!(diagnosis.json()["level"], "failed");
        assert!(diagnosis.table().starts_with("confinement: failed\n"));
        assert!(diagnosis.table().ends_with("a task failed: why\n"));
    }
}
