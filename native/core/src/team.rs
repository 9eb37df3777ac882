//! Threads that live as long as a block and advance its tasks.
//!
//! A round advances some of the tasks once. Each is claimed by whichever thread comes first, the
//! caller's among them; nothing that is computed depends on who that is. Between rounds a thread
//! spins for a short while and then sleeps.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope, Thread};
use std::time::{Duration, Instant};

/// How long a thread spins before it sleeps.
const SPIN: Duration = Duration::from_micros(50);

/// A wait this long means that other programs have taken a helper's core from it. The caller then
/// does some rounds alone, since it would wait again and again: twice as many as the last time, and
/// half as many after as many rounds that went well.
const LONG_WAIT: Duration = Duration::from_micros(300);
const ROUNDS_ALONE: Range<usize> = 1 << 9..1 << 17;

/// Something that rounds advance, one thread at a time.
pub(crate) trait Task: Send {
    /// Makes one step.
    fn advance(&mut self);
}

/// Tasks, and how far the round is with them.
pub(crate) struct Tasks<T> {
    tasks: Vec<Mutex<T>>,
    /// Below, the next task that is not claimed; above, the end of the round's tasks. They change
    /// together, so that a thread that comes late claims nothing of a round it has not seen.
    claims: AtomicU64,
    /// Tasks of the round that are not done.
    open: AtomicUsize,
    /// Rounds so far; it changes where a thread has something to do.
    round: AtomicUsize,
    stop: AtomicBool,
}

impl<T: Task> Tasks<T> {
    pub(crate) fn new(tasks: impl IntoIterator<Item = T>) -> Self {
        let tasks: Vec<_> = tasks.into_iter().map(Mutex::new).collect();
        Self {
            tasks,
            claims: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// One task, between rounds.
    pub(crate) fn lock(&self, number: usize) -> MutexGuard<'_, T> {
        self.tasks[number].lock().expect("no thread has panicked")
    }

    /// The next task of the round, or none.
    fn claim(&self) -> Option<&Mutex<T>> {
        let claims = self.claims.fetch_add(1, Ordering::AcqRel);
        let (next, end) = (claims & u64::from(u32::MAX), claims >> 32);
        (next < end).then(|| &self.tasks[next as usize])
    }

    /// Claims tasks and advances them until none is left; wakes `waiting` after the last.
    fn work(&self, waiting: Option<&Thread>) {
        while let Some(task) = self.claim() {
            let _done = Done { open: &self.open, waiting };
            // A poisoned task has ended its thread, and ends the caller's in `lock`.
            task.lock().unwrap_or_else(PoisonError::into_inner).advance();
        }
    }

    /// Whether a round has ended.
    fn is_done(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }
}

/// Counts a task as done, even where it panics.
struct Done<'a> {
    open: &'a AtomicUsize,
    waiting: Option<&'a Thread>,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(waiting) = self.waiting
        {
            waiting.unpark();
        }
    }
}

/// Waits until something holds: spins, then sleeps until it is woken.
fn wait_until(holds: impl Fn() -> bool) {
    let mut start = None;
    loop {
        for _ in 0..64 {
            if holds() {
                return;
            }
            std::hint::spin_loop();
        }
        if start.get_or_insert_with(Instant::now).elapsed() > SPIN {
            thread::park();
        }
    }
}

/// The threads of one scope; they end when it is dropped.
pub(crate) struct Team<'scope, T> {
    tasks: &'scope Tasks<T>,
    threads: Vec<Thread>,
    /// Rounds that the caller still does alone, how many it will be next, and rounds that went well.
    alone: Cell<usize>,
    penalty: Cell<usize>,
    well: Cell<usize>,
}

impl<'scope, T: Task> Team<'scope, T> {
    /// Starts `helpers` threads beside the caller's, fewer where the system grants no more.
    pub(crate) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        tasks: &'scope Tasks<T>,
        helpers: usize,
    ) -> Self {
        let caller = thread::current();
        let mut threads = Vec::new();
        for _ in 0..helpers {
            let caller = caller.clone();
            let help = move || {
                let mut round = 0;
                loop {
                    wait_until(|| tasks.round.load(Ordering::Acquire) != round);
                    round = tasks.round.load(Ordering::Acquire);
                    if tasks.stop.load(Ordering::Acquire) {
                        return;
                    }
                    tasks.work(Some(&caller));
                }
            };
            match thread::Builder::new().name("kolmozip".into()).spawn_scoped(scope, help) {
                Ok(handle) => threads.push(handle.thread().clone()),
                Err(_) => break,
            }
        }
        Self {
            tasks,
            threads,
            alone: Cell::new(0),
            penalty: Cell::new(ROUNDS_ALONE.start),
            well: Cell::new(0),
        }
    }

    /// Runs one round of some tasks, on the caller's thread as well.
    pub(crate) fn round(&self, which: Range<usize>) {
        let tasks = self.tasks;
        if self.threads.is_empty() {
            // Nobody else could claim a task.
            return which.for_each(|number| tasks.lock(number).advance());
        }
        tasks.open.store(which.len(), Ordering::Release);
        tasks.claims.store((which.end as u64) << 32 | which.start as u64, Ordering::Release);
        if let Some(alone) = self.alone.get().checked_sub(1) {
            self.alone.set(alone);
            tasks.work(None);
        } else {
            self.wake();
            tasks.work(None);
        }
        if !tasks.is_done() {
            let start = Instant::now();
            wait_until(|| tasks.is_done());
            let penalty = self.penalty.get();
            if start.elapsed() > LONG_WAIT {
                self.alone.set(penalty);
                self.penalty.set((2 * penalty).min(ROUNDS_ALONE.end));
                self.well.set(0);
            } else if self.well.replace(self.well.get() + 1) > penalty {
                self.penalty.set((penalty / 2).max(ROUNDS_ALONE.start));
                self.well.set(0);
            }
        }
    }

    fn wake(&self) {
        self.tasks.round.fetch_add(1, Ordering::AcqRel);
        for thread in &self.threads {
            thread.unpark();
        }
    }
}

impl<T> Drop for Team<'_, T> {
    fn drop(&mut self) {
        self.tasks.stop.store(true, Ordering::Release);
        self.tasks.round.fetch_add(1, Ordering::AcqRel);
        for thread in &self.threads {
            thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter {
        rounds: usize,
        panics_at: usize,
    }

    impl Task for Counter {
        fn advance(&mut self) {
            self.rounds += 1;
            assert_ne!(self.rounds, self.panics_at, "as the test wants it");
        }
    }

    fn run(threads: usize, number: usize, panics_at: usize) -> Vec<usize> {
        let counters = (0..number).map(|_| Counter { rounds: 0, panics_at });
        let tasks = Tasks::new(counters);
        thread::scope(|scope| {
            let team = Team::start(scope, &tasks, threads - 1);
            for round in 0..200 {
                let first = if round % 3 == 0 { number / 2 } else { 0 };
                team.round(0..first);
                team.round(first..number);
                if round % 50 == 0 {
                    thread::sleep(3 * SPIN); // the helpers fall asleep
                }
                assert!((0..number).all(|at| tasks.lock(at).rounds == round + 1));
            }
        });
        (0..number).map(|at| tasks.lock(at).rounds).collect()
    }

    #[test]
    fn every_round_advances_every_task_once() {
        for threads in [1, 2, 3, 8] {
            for number in [1, 2, 7] {
                assert_eq!(run(threads, number, 0), vec![200; number]);
            }
        }
    }

    #[test]
    fn a_panic_ends_the_team() {
        for threads in [1, 2] {
            assert!(std::panic::catch_unwind(|| run(threads, 3, 100)).is_err());
        }
    }
}
