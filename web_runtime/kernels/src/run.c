#include "run.h"

int32_t next_tile;

#ifndef THREADS

__attribute__((export_name("run"))) void run(const int32_t *commands, const int32_t *end, int32_t thread, int32_t threads) {
  (void)thread, (void)threads;
  for (const int32_t *command = commands; command < end; command += command[1]) {
    next_tile = 0;
    dispatch(command[0], command + 2);
  }
}

#else

enum { SPINS = 8000, STACK_BYTES = 96 << 10, MAX_THREADS = 16 };

static int32_t arrived, round_of_barrier;
static _Alignas(16) char stacks[MAX_THREADS - 1][STACK_BYTES];

// The top of a thread's stack, to be put into its instance's __stack_pointer; thread 0 keeps the module's own.
__attribute__((export_name("stack_of"))) char *stack_of(int32_t thread) { return stacks[thread - 1] + STACK_BYTES; }

// Returns when all threads have come. The last to come readies the tiles of the next command.
static void barrier(int32_t threads) {
  int32_t now = __atomic_load_n(&round_of_barrier, __ATOMIC_ACQUIRE);
  if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == threads) {
    __atomic_store_n(&next_tile, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&round_of_barrier, now + 1, __ATOMIC_RELEASE);
    __builtin_wasm_memory_atomic_notify(&round_of_barrier, threads);
    return;
  }
  for (int32_t i = 0; i < SPINS; i++)
    if (__atomic_load_n(&round_of_barrier, __ATOMIC_ACQUIRE) != now) return;
  while (__atomic_load_n(&round_of_barrier, __ATOMIC_ACQUIRE) == now)
    __builtin_wasm_memory_atomic_wait32(&round_of_barrier, now, -1);
}

// Every thread calls this with the same commands; it returns when all commands are done on all of them.
__attribute__((export_name("run"))) void run(const int32_t *commands, const int32_t *end, int32_t thread, int32_t threads) {
  (void)thread;
  barrier(threads);
  for (const int32_t *command = commands; command < end; command += command[1]) {
    dispatch(command[0], command + 2);
    barrier(threads);
  }
}

#endif
