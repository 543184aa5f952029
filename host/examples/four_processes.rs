//! Four processes that each print a different number.
//!
//! ```python
//! processes = [Process(target=show, args=(n,)) for n in range(4)]
//! for p in processes:
//!     p.start()
//! for p in processes:
//!     p.join()
//! ```

use wpool::{Error, HostCall, LogLevel, PluginHost, Process, printable};

const HELLO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-examples/wasm/hello.wasm"
);

/// Whatever the guest says goes to standard output, a line at a time.
struct Printing;

impl PluginHost for Printing {
    fn log(&self, _: &HostCall, _: LogLevel, message: &str) {
        println!("{}", printable(message));
    }
}

fn main() -> Result<(), Error> {
    wpool::init();
    let prints = |number: i64| {
        Process::builder(HELLO, "show", (number,))
            .plugin_host(Printing)
            .build()
    };
    let mut processes: Vec<Process> = (0..4).map(prints).collect();
    for process in &mut processes {
        process.start()?;
    }
    for process in &processes {
        process.join()?;
    }
    Ok(())
}
