//! Create a process that prints.
//!
//! ```python
//! def hello(name):
//!     print("Hello, " + name + "!")
//!
//! p = Process(target=hello, args=("Bob",))
//! p.start()
//! p.join()
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
    let mut process = Process::builder(HELLO, "hello", ("Bob",))
        .plugin_host(Printing)
        .build();
    process.start()?;
    process.join()
}
