//! A worker program that is hostile, made for tests: as native code inside its confinement, and towards the supervisor.
//!
//! Started by a supervisor, it becomes a confined process as the honest one does, and then does what the module, or the name of
//! its own file, says. Started with arguments, it runs such processes itself and prints how each attempt ended.

mod alone;
mod attacks;
mod inside;
mod lies;
mod pools;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args();
    if words.next().as_deref() == Some(wpool::testing::wire::WORKER_ARGV0) {
        inside::run();
        return ExitCode::SUCCESS;
    }
    let words: Vec<String> = words.collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["alone", layer] => alone::attacks(layer),
        ["alone", layer, "calls"] => alone::calls(layer),
        ["mdwe", ref command @ ..] => alone::without_new_executable_memory(command),
        ["pool", "worker"] => pools::attack_from_workers("instance"),
        ["pool", "worker", "calls"] => pools::calls_from_workers("instance"),
        ["pool", "worker", "calls", terms] => pools::calls_from_workers(terms),
        ["pool", "worker", terms] => pools::attack_from_workers(terms),
        ["granted", terms @ ("read" | "write")] => pools::attack_with_directory(terms),
        ["granted", terms @ ("read" | "write"), "calls"] => pools::calls_with_directory(terms),
        ["granted", terms @ ("read" | "write"), "template"] => {
            pools::attack_from_template_with_directory(terms);
        }
        ["pool", "level"] => pools::level(),
        ["pool", place @ ("template" | "compiler")] => pools::attack_from(place, false),
        ["pool", "template", "prepared"] => pools::attack_from("template", true),
        _ => {
            eprintln!(
                "usage: wpool-impostor alone LAYER [calls] | mdwe COMMAND... | pool worker [calls] [process|kept|host] | pool template [prepared] | pool compiler|level | granted read|write [calls|template]"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
