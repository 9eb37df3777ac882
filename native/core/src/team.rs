//! Threads that live as long as a block and advance its tasks.
//!
//! A round advances some of the tasks once. Each is claimed by whichever thread comes first, the
//! caller's among them; nothing that is computed depends on who that is. Every thread begins with
//! tasks of its own, which its core has near from the round before. Between rounds a thread spins
//! for a short while and then sleeps.
//!
//! One round may be under way beside others: the caller begins it, has other tasks advanced in as
//! many rounds as it likes, and ends it. Helpers do its tasks first, so that what they help with
//! meanwhile is what the caller would have to wait for.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope, Thread};
use std::time::{Duration, Instant};

/// How long a thread spins before it sleeps.
const SPIN: Duration = Duration::from_micros(50);

/// A wait this long, and longer than the caller's own work, means that other programs have taken a
/// helper's core from it. The caller then works alone for some times as long as it waited, so that
/// waiting costs a small part of the time: `ALONE`, twice as often where it waits again soon after.
const LONG_WAIT: Duration = Duration::from_micros(300);
const ALONE: Range<u32> = 4..128;

/// Something that rounds advance, one thread at a time.
pub(crate) trait Task: Send {
    /// Makes one step.
    fn advance(&mut self);
}

/// A round that threads share: its number, from 1, and its tasks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Round {
    number: u32,
    start: u16,
    end: u16,
}

impl Round {
    /// All of it in one number, so that no thread takes one round's tasks for another's.
    fn pack(self) -> u64 {
        u64::from(self.number) << 32 | u64::from(self.start) << 16 | u64::from(self.end)
    }

    fn unpack(packed: u64) -> Self {
        Self { number: (packed >> 32) as u32, start: (packed >> 16) as u16, end: packed as u16 }
    }

    fn next(self, tasks: Range<usize>) -> Self {
        let bound = |at| u16::try_from(at).expect("there are far fewer tasks");
        // A block has fewer rounds than 2^32: 17 for each of 2^27 bytes.
        Self { number: self.number + 1, start: bound(tasks.start), end: bound(tasks.end) }
    }

    fn tasks(self) -> Range<usize> {
        self.start.into()..self.end.into()
    }
}

/// A round that threads share, and how far they are with it.
#[derive(Default)]
struct Board {
    /// As `Round::pack` has it.
    round: AtomicU64,
    /// Tasks of the round that are not done.
    open: AtomicUsize,
}

impl Board {
    fn get(&self) -> Round {
        Round::unpack(self.round.load(Ordering::Acquire))
    }

    /// Has threads find a round of these tasks. Only the caller's thread puts rounds up.
    fn put(&self, tasks: Range<usize>) -> Round {
        self.open.store(tasks.len(), Ordering::Release);
        let round = self.get().next(tasks);
        self.round.store(round.pack(), Ordering::Release);
        round
    }

    /// Whether the round has ended.
    fn is_done(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }
}

/// Tasks, and how far the rounds are with them.
pub(crate) struct Tasks<T> {
    tasks: Vec<Mutex<T>>,
    /// By task, the last round in which it was claimed. A thread that comes late finds all tasks of
    /// its round claimed in that one or a later one.
    claims: Vec<AtomicU32>,
    /// The round that the caller waits for, and the one that is under way beside it, whose tasks
    /// are others.
    near: Board,
    far: Board,
    stop: AtomicBool,
}

impl<T: Task> Tasks<T> {
    pub(crate) fn new(tasks: impl IntoIterator<Item = T>) -> Self {
        let tasks: Vec<_> = tasks.into_iter().map(Mutex::new).collect();
        Self {
            claims: tasks.iter().map(|_| AtomicU32::new(0)).collect(),
            tasks,
            near: Board::default(),
            far: Board::default(),
            stop: AtomicBool::new(false),
        }
    }

    /// One task, between rounds.
    pub(crate) fn lock(&self, number: usize) -> MutexGuard<'_, T> {
        self.tasks[number].lock().expect("no thread has panicked")
    }

    /// Advances tasks that no other thread may claim.
    fn advance(&self, which: Range<usize>) {
        which.for_each(|number| self.lock(number).advance());
    }

    /// Whether a task is this thread's in a round.
    fn claim(&self, task: usize, round: u32) -> bool {
        let claim = &self.claims[task];
        let last = claim.load(Ordering::Relaxed);
        let (taken, relaxed) = (Ordering::AcqRel, Ordering::Relaxed);
        last < round && claim.compare_exchange(last, round, taken, relaxed).is_ok()
    }

    /// Claims tasks of a round and advances them until none is left, from the part of them on that
    /// is number `thread` of so many `threads`; wakes `waiting` after the last.
    fn work(
        &self,
        board: &Board,
        round: Round,
        thread: usize,
        threads: usize,
        waiting: Option<&Thread>,
    ) {
        let Range { start, end } = round.tasks();
        let first = start + (end - start) * thread / threads;
        for task in (first..end).chain(start..first) {
            if self.claim(task, round.number) {
                let _done = Done { open: &board.open, waiting };
                // A poisoned task has ended its thread, and ends the caller's in `lock`.
                self.tasks[task].lock().unwrap_or_else(PoisonError::into_inner).advance();
            }
        }
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
    /// Until when the caller works alone, for how long it does, and how many times its wait that is.
    alone: Cell<Instant>,
    span: Cell<Duration>,
    times: Cell<u32>,
    begun: Cell<Option<Begun>>,
}

/// A round that is under way beside others: its tasks, and which it is where helpers have part.
struct Begun {
    which: Range<usize>,
    round: Option<Round>,
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
        for number in 1..=helpers {
            let caller = caller.clone();
            let help = move || {
                let [mut near, mut far] = [Round::unpack(0); 2];
                loop {
                    wait_until(|| tasks.near.get() != near || tasks.far.get() != far);
                    if tasks.stop.load(Ordering::Acquire) {
                        return;
                    }
                    let (board, seen) = if tasks.far.get() == far {
                        (&tasks.near, &mut near)
                    } else {
                        (&tasks.far, &mut far)
                    };
                    *seen = board.get();
                    tasks.work(board, *seen, number, helpers + 1, Some(&caller));
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
            alone: Cell::new(Instant::now()),
            span: Cell::new(Duration::ZERO),
            times: Cell::new(ALONE.start),
            begun: Cell::new(None),
        }
    }

    /// One task, between rounds.
    pub(crate) fn lock(&self, number: usize) -> MutexGuard<'_, T> {
        self.tasks.lock(number)
    }

    /// Runs one round of some tasks, on the caller's thread as well.
    pub(crate) fn round(&self, which: Range<usize>) {
        let Some(start) = self.when_shared() else {
            return self.tasks.advance(which);
        };
        let board = &self.tasks.near;
        let round = self.put(board, which);
        self.tasks.work(board, round, 0, self.threads.len() + 1, None);
        if !board.is_done() {
            let worked = start.elapsed();
            wait_until(|| board.is_done());
            let waited = start.elapsed() - worked;
            if waited > LONG_WAIT.max(worked) {
                self.work_alone(start, waited);
            }
        }
    }

    /// Has helpers begin a round of some tasks, which no other round may have until `finish`.
    pub(crate) fn begin(&self, which: Range<usize>) {
        let round = self.when_shared().map(|_| self.put(&self.tasks.far, which.clone()));
        self.begun.set(Some(Begun { which, round }));
    }

    /// Ends the round that `begin` began. A wait tells nothing here of other programs: it is long
    /// where a helper's task is.
    ///
    /// # Panics
    /// Where no round was begun.
    pub(crate) fn finish(&self) {
        let Begun { which, round } = self.begun.take().expect("a round was begun");
        let Some(round) = round else {
            return self.tasks.advance(which);
        };
        let board = &self.tasks.far;
        self.tasks.work(board, round, 0, self.threads.len() + 1, None);
        wait_until(|| board.is_done());
    }

    /// Has helpers find a round of these tasks.
    fn put(&self, board: &Board, which: Range<usize>) -> Round {
        let round = board.put(which);
        self.wake();
        round
    }

    /// The time, where helpers are to take part in a round.
    fn when_shared(&self) -> Option<Instant> {
        if self.threads.is_empty() {
            // Before the clock is read, which in few lanes takes as long as a task.
            return None;
        }
        Some(Instant::now()).filter(|&now| now >= self.alone.get())
    }

    /// After a long wait in a round that began at some time: how long the caller works alone.
    fn work_alone(&self, start: Instant, waited: Duration) {
        let soon = start < self.alone.get() + self.span.get();
        let times = if soon { (2 * self.times.get()).min(ALONE.end) } else { ALONE.start };
        self.times.set(times);
        self.span.set(waited * times);
        self.alone.set(start + waited * (times + 1));
    }
}

impl<T> Team<'_, T> {
    fn wake(&self) {
        for thread in &self.threads {
            thread.unpark();
        }
    }
}

impl<T> Drop for Team<'_, T> {
    fn drop(&mut self) {
        self.tasks.stop.store(true, Ordering::Release);
        self.tasks.near.put(0..0);
        self.wake();
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
    fn a_round_may_be_under_way_beside_others() {
        for threads in [1, 2, 3, 8] {
            let counters = (0..9).map(|_| Counter { rounds: 0, panics_at: 0 });
            let tasks = Tasks::new(counters);
            thread::scope(|scope| {
                let team = Team::start(scope, &tasks, threads - 1);
                for round in 0..200 {
                    team.begin(4..9);
                    for _ in 0..round % 4 {
                        team.round(0..3);
                        team.round(3..4);
                    }
                    if round % 50 == 0 {
                        thread::sleep(3 * SPIN); // the helpers have done it all, and fall asleep
                    }
                    team.finish();
                    assert!((4..9).all(|at| tasks.lock(at).rounds == round + 1));
                }
            });
            // 0, 1, 2 and 3 rounds beside every four.
            assert!((0..4).all(|at| tasks.lock(at).rounds == 300));
        }
    }

    #[test]
    fn a_panic_beside_other_rounds_ends_the_team() {
        for threads in [1, 2] {
            let tasks = Tasks::new((0..2).map(|at| Counter { rounds: 0, panics_at: at }));
            let run = || {
                thread::scope(|scope| {
                    let team = Team::start(scope, &tasks, threads - 1);
                    team.begin(1..2);
                    team.round(0..1);
                    team.finish();
                    tasks.lock(1).rounds
                })
            };
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
        }
    }

    #[test]
    fn a_panic_ends_the_team() {
        for threads in [1, 2] {
            assert!(std::panic::catch_unwind(|| run(threads, 3, 100)).is_err());
        }
    }
}
