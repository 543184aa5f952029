//! wpool from outside: the command as it is typed, its processes as the kernel shows them, and the library as an
//! application embeds it. One file is one kind of behaviour; each test is a sentence of it.

mod support;

mod background;
mod bytes;
mod cache;
mod call;
mod cli;
mod components;
mod confinement;
mod crash;
mod degraded;
mod embed;
mod examples;
mod exhausted;
mod formats;
mod functions;
mod generated;
mod host_functions;
mod hostile;
mod inputs;
mod inspect;
mod interrupt;
mod isolation;
mod jobs;
mod kill;
mod leaks;
mod lifetime;
mod limits;
mod map;
mod orphans;
mod parity;
mod plugin_world;
mod plugins;
mod processes;
mod programs;
mod reduce;
mod refused;
mod report;
mod retries;
mod stdin;
mod storms;
mod terminal;
mod tidy;
mod workers;
mod workspace;
