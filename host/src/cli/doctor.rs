//! `wpool doctor`: starts the real thing, asks what holds, and looks at a worker from outside.

use super::args::DoctorArgs;
use super::exit;
use super::setup::Refused;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use wpool::{ErrorKind, Layer, Level, Order, Pool};

/// The module that is run: one function that returns a number.
const ANSWER: &str = r#"(module (func (export "answer") (result i32) (i32.const 42)))"#;

pub(super) fn run(args: &DoctorArgs) -> Result<u8, Refused> {
    let diagnosis = match examine() {
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

/// One layer on this machine.
struct Finding {
    layer: Layer,
    in_force: bool,
    detail: Option<String>,
    advice: Option<String>,
}

/// What was found.
struct Diagnosis {
    level: Option<Level>,
    findings: Vec<Finding>,
    /// Lines of `/proc/PID/status` of a worker.
    seen: Vec<(&'static str, String)>,
    landlock_abi: Option<u32>,
    error: Option<String>,
}

/// Runs one task in a real pool.
fn examine() -> Result<Diagnosis, wpool::Error> {
    let pool = Pool::builder(ANSWER.as_bytes()).workers(1).build()?;
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
    let seen = outcome
        .and_then(|outcome| outcome.usage.pid)
        .map(look_at)
        .unwrap_or_default();
    let confinement = pool.confinement();
    let refusals = pool.refusals();
    let findings = Layer::ALL.into_iter().map(|layer| {
        let in_force = confinement.has(layer);
        let refusal = if in_force { None } else { refusals.iter().find(|(refusal, _)| same_kind(refusal.layer, layer)) };
        let detail = match layer {
            Layer::Landlock if in_force => confinement.landlock_abi.map(|abi| format!("ABI {abi}")),
            Layer::Landlock => Some("this kernel has none, or one that is newer than wpool".into()),
            _ => refusal.map(|(refusal, _)| refusal.to_string()),
        };
        let advice = match layer {
            Layer::Landlock if !in_force => {
                Some("Linux 5.13 or newer, with `landlock` in the kernel's list of security modules (lsm=)".into())
            }
            _ => refusal.map(|(_, advice)| advice.clone()),
        };
        Finding { layer, in_force, detail, advice }
    });
    let findings = findings.collect();
    Ok(Diagnosis {
        level: Some(confinement.level()),
        findings,
        seen,
        landlock_abi: confinement.landlock_abi,
        error,
    })
}

/// Whether a refusal of one layer is why the other is missing: namespaces are entered together.
fn same_kind(refused: Layer, missing: Layer) -> bool {
    let is_namespace = |layer: Layer| layer.name().ends_with("-namespace");
    refused == missing || (is_namespace(refused) && is_namespace(missing))
}

/// What the kernel says of a worker.
fn look_at(pid: u32) -> Vec<(&'static str, String)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &'static str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| (name, value.split_whitespace().collect::<Vec<_>>().join(" ")))
    };
    ["Seccomp", "NoNewPrivs", "CapEff", "CapBnd", "Uid", "NSpid"]
        .into_iter()
        .filter_map(field)
        .collect()
}

impl Diagnosis {
    fn refused(error: &wpool::Error) -> Diagnosis {
        let (findings, seen) = (Vec::new(), Vec::new());
        Diagnosis {
            level: None,
            findings,
            seen,
            landlock_abi: None,
            error: Some(error.to_string()),
        }
    }

    fn level(&self) -> &'static str {
        match self.level {
            Some(Level::Full) => "full",
            Some(Level::Reduced) => "reduced",
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
        if !self.seen.is_empty() {
            let seen: Vec<String> = self
                .seen
                .iter()
                .map(|(name, value)| format!("{name} {value}"))
                .collect();
            text += &format!("a worker, seen from outside: {}\n", seen.join(", "));
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
        let seen: serde_json::Map<String, Value> = self
            .seen
            .iter()
            .map(|(name, value)| ((*name).to_string(), json!(value)))
            .collect();
        json!({
            "level": self.level(),
            "layers": layers,
            "landlock_abi": self.landlock_abi,
            "worker": seen,
            "error": self.error,
        })
    }
}
