//! Threads that survive a fork, and calls that do not wait for each other.
//!
//! A forked child has the memory of its parent and none of its threads, so a pool that was made before the fork waits for
//! ever. Pools are therefore kept by the process that made them. A child finds the slot of its parent, sees another process's
//! number on it, and goes on to the next, which is its own; the locks of a slot that is not its own it never touches.
//!
//! A pool works off one call before it begins the next, which may take hours. So a call has a pool for itself: one that is idle,
//! or a new one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Stack of a thread. One that waits for a part of its solve may begin another solve on top of it.
const STACK: usize = 32 << 20;

/// Most pools that are kept idle.
const MAX_IDLE: usize = 4;

/// The pools of a process.
struct Slot {
    /// The process, 0 for none.
    process: AtomicU32,
    /// With their number of threads as it was asked for.
    idle: Mutex<Vec<(usize, ThreadPool)>>,
    /// Of a child that was forked.
    next: OnceLock<Box<Slot>>,
}

static FIRST: Slot = Slot::new();

impl Slot {
    const fn new() -> Self {
        Self {
            process: AtomicU32::new(0),
            idle: Mutex::new(Vec::new()),
            next: OnceLock::new(),
        }
    }

    /// That of this process.
    fn own() -> &'static Self {
        let process = std::process::id();
        let mut slot = &FIRST;
        while !slot.is_of(process) {
            slot = slot.next.get_or_init(|| Box::new(Self::new()));
        }
        slot
    }

    /// Whether it is that of this process, or has become so.
    fn is_of(&self, process: u32) -> bool {
        let claim = self
            .process
            .compare_exchange(0, process, Ordering::AcqRel, Ordering::Acquire);
        claim.map_or_else(|owner| owner == process, |_| true)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(usize, ThreadPool)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool that one call has for itself. When the last who holds it lets go, it is idle again.
pub(crate) struct Lease {
    threads: usize,
    pool: Option<ThreadPool>,
}

impl Lease {
    /// A pool with so many threads, 0 for as many as there are cores.
    pub(crate) fn new(threads: usize) -> Result<Arc<Self>, String> {
        let kept = {
            let mut idle = Slot::own().idle();
            let place = idle.iter().position(|(of, _)| *of == threads);
            place.map(|place| idle.swap_remove(place).1)
        };
        let pool = match kept {
            Some(pool) => pool,
            None => ThreadPoolBuilder::new()
                .num_threads(threads)
                .stack_size(STACK)
                .thread_name(|index| format!("ufmin-{index}"))
                .build()
                .map_err(|error| format!("cannot start threads: {error}"))?,
        };
        Ok(Arc::new(Self {
            threads,
            pool: Some(pool),
        }))
    }

    /// Does some work on the pool, which is held meanwhile; `then` is called when it is not held any more.
    pub(crate) fn spawn<T>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(T) + Send + 'static,
    ) {
        let held = Arc::clone(self);
        if let Some(pool) = &self.pool {
            pool.spawn(move || {
                let found = work();
                drop(held);
                then(found);
            });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut idle = Slot::own().idle();
        if let Some(pool) = self.pool.take().filter(|_| idle.len() < MAX_IDLE) {
            idle.push((self.threads, pool));
        }
    }
}
