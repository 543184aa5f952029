//! An application with plugins of its users: they take an order and say what it costs. The application gives them its prices and
//! a log, and nothing else; one that hangs or crashes costs an answer.
//!
//! ```console
//! $ cargo run --example plugin_app
//! $ cargo run --example plugin_app -- my_plugin.wasm
//! ```
//! A plugin is any component of the world `wpool:plugin/plugin`, which is in `wit/`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use wpool::{Error, HostCall, LogLevel, PluginHandle, PluginHost, Plugins, printable};

const GUESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest-examples/wasm");

/// What the application gives to plugins.
#[derive(Clone)]
struct Shop {
    prices: BTreeMap<&'static str, &'static str>,
}

impl PluginHost for Shop {
    fn log(&self, _: &HostCall, level: LogLevel, message: &str) {
        println!("  {level}: {}", printable(message));
    }

    fn get(&self, _: &HostCall, item: &str) -> Option<Vec<u8>> {
        Some(self.prices.get(item)?.as_bytes().to_vec())
    }
}

fn main() -> Result<(), Error> {
    wpool::init(); // first: the program is its own worker program
    let shop = Shop {
        prices: BTreeMap::from([("tea", "3"), ("kettle", "40")]),
    };
    let plugins = Plugins::builder().workers(2).build()?;
    let of_guests = ["rules", "upper"].map(|name| PathBuf::from(format!("{GUESTS}/{name}.wasm")));
    let of_users = std::env::args_os().skip(1).map(PathBuf::from);
    for path in of_guests.into_iter().chain(of_users) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let loaded = plugins
            .plugin(name.clone(), path.clone())
            .timeout(Duration::from_secs(2))
            .memory_bytes(64 << 20)
            .plugin_host(shop.clone())
            .load();
        if let Err(error) = loaded {
            println!("{name} is not loaded: {error}");
        }
    }
    for name in plugins.names() {
        println!("{name}");
        if let Some(plugin) = plugins.get(&name) {
            for order in ["tea 2", "tea 4\nkettle 3", "unicorn 1", ""] {
                println!("  {order:?}: {}", answer(&plugin, order));
            }
        }
    }
    Ok(())
}

/// What a plugin makes of an order; whatever goes wrong with it is part of the answer.
fn answer(plugin: &PluginHandle, order: &str) -> String {
    match plugin.apply::<Vec<u8>>("run", (order.as_bytes(),)) {
        Ok(answer) => printable(&String::from_utf8_lossy(&answer)),
        Err(failure) => format!("no answer: {failure}"),
    }
}
