//! Plugins whose templates are started before they are compiled: both take their time.

use super::super::scheduler::PluginId;
use super::Driver;
use crate::sandbox::GrantedDirectory;

impl Driver {
    /// Starts a plugin's template though the plugin is still being compiled: both take their time.
    pub(super) fn expect(&mut self, plugin: PluginId, directories: Vec<GrantedDirectory>) {
        self.expected.insert(plugin, directories);
        if !self.templates.contains_key(&plugin)
            && let Err(error) = self.spawn_template(plugin)
        {
            self.start_failed(error);
        }
    }

    /// The directories that a plugin's processes may use.
    pub(super) fn directories_of(&self, plugin: PluginId) -> Vec<GrantedDirectory> {
        match self.plugins.get(&plugin) {
            Some(loaded) => loaded.plugin.terms.wasi.granted(),
            None => self.expected.get(&plugin).cloned().unwrap_or_default(),
        }
    }
}
