//! wpool beside what the machine allows and beside its peers, in one run: the machines that it runs on are noisy and shared, so only
//! ratios mean something. Everybody has several turns, and of each turn's ratios the median is told.
//!
//! `cargo bench --bench speed` measures all rows, `-- NAME` those whose name has `NAME` in it, and `-- --json FILE` also writes what was
//! taken, with a description of the machine. `--features testing` adds the scheduler by itself. Peers that are not installed are left out by name: Python's pools, joblib, wasmtime-py,
//! Extism, GNU parallel, xargs, the command of wasmtime.

mod command;
mod contest;
mod floors;
mod machine;
mod peers;
mod rows;

use contest::Row;
use rows::Bench;
use serde_json::json;

fn main() {
    wpool::init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == floors::ECHO) {
        return floors::echo();
    }
    let (mut names, mut file) = (Vec::new(), None);
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match &*arg {
            // Cargo says so to every benchmark.
            "--bench" => {}
            "--json" => file = args.next(),
            _ => names.push(arg),
        }
    }
    let machine = machine::describe();
    println!("{machine:#}\n\n{:<58} {:>8}  goal (stretch)", "", "ratio");
    let bench = Bench::new();
    let mut measured: Vec<Row> = Vec::new();
    for contest in bench.contests() {
        if names.is_empty() || names.iter().any(|name| contest.name.contains(&**name)) {
            let row = contest.run();
            println!("{}", row.show());
            measured.push(row);
        }
    }
    let rows: Vec<_> = measured.iter().map(Row::json).collect();
    let all = json!({ "machine": machine, "rows": rows });
    if let Some(file) = file {
        std::fs::write(&file, format!("{all:#}\n")).expect("the file for the figures");
    }
}
