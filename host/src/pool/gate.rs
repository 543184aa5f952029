//! Which calls may begin, and which have begun and may still bring tasks: a pool is closed, and a plugin unloaded, once there are none.

use super::inbox::Inbox;
use super::scheduler::PluginId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Behind the inbox's lock, so that a call either begins before a pool is closed or is refused.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// No calls begin any more.
    closed: bool,
    /// Plugins of which no calls begin any more.
    leaving: HashSet<PluginId>,
    /// How many calls of each plugin have begun and not sent their last task.
    open: HashMap<PluginId, usize>,
}

/// Why a call does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The pool was closed.
    Closed,
    /// The plugin was unloaded.
    Unloaded,
}

/// What follows from a call having sent its last task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// The plugin that it was of has no calls left, and gets none.
    pub(super) plugin_can_go: bool,
    /// The same of the whole pool.
    pub(super) pool_can_go: bool,
}

impl Gate {
    pub(super) fn begin(&mut self, plugin: PluginId) -> Result<(), Refused> {
        if self.closed {
            return Err(Refused::Closed);
        }
        if self.leaving.contains(&plugin) {
            return Err(Refused::Unloaded);
        }
        *self.open.entry(plugin).or_default() += 1;
        Ok(())
    }

    pub(super) fn end(&mut self, plugin: PluginId) -> Ended {
        if let Some(open) = self.open.get_mut(&plugin) {
            *open -= 1;
            if *open == 0 {
                self.open.remove(&plugin);
            }
        }
        Ended {
            plugin_can_go: !self.open.contains_key(&plugin) && self.leaving.contains(&plugin),
            pool_can_go: self.closed && self.open.is_empty(),
        }
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// No calls of the plugin begin any more; whether there are none left.
    pub(super) fn unload(&mut self, plugin: PluginId) -> bool {
        self.leaving.insert(plugin);
        !self.open.contains_key(&plugin)
    }

    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }
}

/// A call that has begun. It has sent its last task when this is dropped.
#[derive(Debug)]
pub(super) struct OpenCalls {
    inbox: Arc<Inbox>,
    plugin: PluginId,
}

impl OpenCalls {
    pub(super) fn begin(inbox: &Arc<Inbox>, plugin: PluginId) -> Result<OpenCalls, Refused> {
        inbox.begin_call(plugin)?;
        Ok(OpenCalls {
            inbox: Arc::clone(inbox),
            plugin,
        })
    }
}

impl Drop for OpenCalls {
    fn drop(&mut self) {
        self.inbox.end_call(self.plugin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PluginId = PluginId(0);
    const B: PluginId = PluginId(1);

    #[test]
    fn a_plugin_goes_with_the_last_of_its_calls_and_gets_no_more() {
        let mut gate = Gate::default();
        gate.begin(A).unwrap();
        gate.begin(A).unwrap();
        assert!(!gate.unload(A));
        assert_eq!(gate.begin(A), Err(Refused::Unloaded));
        gate.begin(B).unwrap();
        assert_eq!(gate.end(A), Ended::default());
        let ended = gate.end(A);
        assert!(ended.plugin_can_go && !ended.pool_can_go);
        assert!(gate.unload(A));
    }

    #[test]
    fn a_closed_pool_goes_with_the_last_call_of_any_plugin() {
        let mut gate = Gate::default();
        gate.begin(A).unwrap();
        gate.begin(B).unwrap();
        gate.close();
        assert_eq!(gate.begin(B), Err(Refused::Closed));
        assert_eq!(gate.end(A), Ended::default());
        assert!(gate.has_open() && gate.end(B).pool_can_go && !gate.has_open());
    }
}
