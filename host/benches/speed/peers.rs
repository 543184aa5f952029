//! Other programs that do the same work. Who is not installed is left out.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a function of `peers.py` takes, in seconds.
pub fn python(name: &str, workers: usize, count: u64, module: &Path) -> Option<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed/peers.py");
    let output = Command::new("python3")
        .arg(script)
        .args([name, &workers.to_string(), &count.to_string()])
        .arg(module)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// What a command takes, in seconds: the median of so many times.
pub fn command(program: &str, args: &[&str], times: usize) -> Option<f64> {
    let once = |_| {
        let started = Instant::now();
        let status = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let took = started.elapsed().as_secs_f64();
        status.is_ok_and(|status| status.success()).then_some(took)
    };
    let taken: Option<Vec<f64>> = (0..times).map(once).collect();
    crate::contest::median(&taken?)
}
