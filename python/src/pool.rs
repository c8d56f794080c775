//! Threads that survive a fork: those of a process are its own.
//!
//! A forked child has the memory of its parent and none of its threads, so a pool that was made before the fork waits for
//! ever. Pools are therefore kept by the process that made them. A child finds the slot of its parent, sees another process's
//! number on it, and goes on to the next, which is its own; the locks of a slot that is not its own it never touches.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Stack of a thread. One that waits for a part of its solve may begin another solve on top of it.
const STACK: usize = 32 << 20;

/// Pools of a process by their number of threads; 0 stands for all cores.
struct Slot {
    /// The process, 0 for none.
    process: AtomicU32,
    pools: Mutex<BTreeMap<usize, Arc<ThreadPool>>>,
    /// Of a child that was forked.
    next: OnceLock<Box<Slot>>,
}

impl Slot {
    const fn new() -> Self {
        Self {
            process: AtomicU32::new(0),
            pools: Mutex::new(BTreeMap::new()),
            next: OnceLock::new(),
        }
    }

    /// Whether it is that of this process, or has become so.
    fn is_of(&self, process: u32) -> bool {
        match self
            .process
            .compare_exchange(0, process, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => true,
            Err(owner) => owner == process,
        }
    }
}

static FIRST: Slot = Slot::new();

/// The pool of this process with so many threads, 0 for all cores; made when it is first asked for.
pub(crate) fn pool(threads: usize) -> Result<Arc<ThreadPool>, String> {
    let process = std::process::id();
    let mut slot = &FIRST;
    while !slot.is_of(process) {
        slot = slot.next.get_or_init(|| Box::new(Slot::new()));
    }
    let mut pools = slot.pools.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&threads) {
        return Ok(Arc::clone(pool));
    }
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(|index| format!("ufmin-{index}"))
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    let pool = Arc::new(pool);
    pools.insert(threads, Arc::clone(&pool));
    Ok(pool)
}
