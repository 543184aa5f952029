//! Status pages of a template's workers: one for each, and those of workers that have ended for the workers that come.

use crate::child::Process;
use crate::wire::StatusPage;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// How many are kept, with two descriptors each: as workers come and go in turns, few are between two of them.
const KEPT: usize = 8;

/// A page, and the descriptor with which a worker maps it.
pub(super) struct Page {
    pub(super) mapped: StatusPage,
    memory: Option<Arc<OwnedFd>>,
}

impl Page {
    /// The descriptor for a worker, which is kept if the page is to serve another one.
    pub(super) fn hand_out(&mut self, again: bool) -> Option<Arc<OwnedFd>> {
        match again {
            true => self.memory.clone(),
            false => self.memory.take(),
        }
    }
}

/// Pages that a template's workers had, the oldest first. They stay among those of one template: whoever forks one may keep its page.
#[derive(Default)]
pub(super) struct Pages(VecDeque<(Page, Arc<Process>)>);

impl Pages {
    /// A page for a worker that comes.
    ///
    /// # Errors
    ///
    /// The kernel's, when descriptors or memory are exhausted.
    pub(super) fn take(&mut self) -> io::Result<Page> {
        // What counts is the kernel's word that nobody writes there any more.
        if let Some((mut page, _)) = self.0.pop_front_if(|(_, worker)| !worker.is_alive()) {
            page.mapped.renew();
            return Ok(page);
        }
        let (mapped, memory) = StatusPage::create()?;
        let memory = Some(Arc::new(memory));
        Ok(Page { mapped, memory })
    }

    /// Keeps the page of a worker that ends, if it is to serve another one.
    pub(super) fn give_back(&mut self, page: Page, worker: Arc<Process>) {
        if page.memory.is_some() && self.0.len() < KEPT {
            self.0.push_back((page, worker));
        }
    }
}
