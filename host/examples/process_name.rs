//! The name of the current process, as the process itself learns it.
//!
//! ```python
//! def whoami():
//!     return current_process().name
//!
//! p = Process(target=whoami, name="postman")
//! ```

use wpool::{Error, PluginHost, Process};

const HELLO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-examples/wasm/hello.wasm"
);

/// Tells a guest its task and its worker, and nothing more.
struct Introducing;

impl PluginHost for Introducing {}

fn main() -> Result<(), Error> {
    wpool::init();
    let mut process = Process::builder(HELLO, "whoami", ())
        .name("postman")
        .plugin_host(Introducing)
        .build();
    process.start()?;
    println!("I am {}", process.result::<String>()?);
    Ok(())
}
