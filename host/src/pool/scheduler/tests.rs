//! Behaviour of the scheduler: exact effects of single events, and whole lives of pools in a simulated world.

mod batches;
mod cancel;
mod deaths;
mod fairness;
mod harness;
mod host_calls;
mod hostile;
mod later;
mod on_the_way;
mod parking;
mod plan;
mod recycling;
mod simulation;
mod slow;
mod starting;
mod timers;
mod unreaped;
mod virtual_worker;
mod world;
