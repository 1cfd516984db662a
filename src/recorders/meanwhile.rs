//! What is done while a recorder begins.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

use crate::sys;

/// Work that must be done before a command begins; none by default.
#[derive(Clone, Default)]
pub struct Meanwhile(Arc<Mutex<Option<JoinHandle<()>>>>);

impl Meanwhile {
    /// Begins it, in a thread that gets no signals.
    pub fn begin(work: impl FnOnce() + Send + 'static) -> Result<Self> {
        let failed = "failed to start a thread";
        let thread = sys::without_signals(|| thread::Builder::new().spawn(work)).context(failed)?.context(failed)?;
        Ok(Self(Arc::new(Mutex::new(Some(thread)))))
    }

    /// Waits until it is done. What it panicked about is its own loss.
    pub fn wait(&self) {
        let thread = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(thread.map(JoinHandle::join));
    }
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}
