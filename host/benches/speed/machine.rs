//! The machine that the figures are of.

use serde_json::{Value as Json, json};
use std::fs;
use std::process::Command;

pub fn describe() -> Json {
    let field = |file: &str, field: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        line.map(|line| line.trim_matches([' ', '\t', ':']).to_string())
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "processor": field("/proc/cpuinfo", "model name"),
        "usable_cores": wpool::usable_cpus(),
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": kernel.trim(),
        "wpool": env!("CARGO_PKG_VERSION"),
        "python": version("python3"),
        "wasmtime": version("wasmtime"),
    })
}

fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
}
