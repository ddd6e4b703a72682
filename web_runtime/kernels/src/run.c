#include "run.h"

int32_t next_tile;

#ifndef THREADS

__attribute__((export_name("run"))) void run(const int32_t *commands, const int32_t *end, int32_t together) {
  (void)together;
  for (const int32_t *command = commands; command < end; command += command[1]) {
    next_tile = 0;
    dispatch(command[0], command + 2);
  }
}

#else

// One thread leads: it opens a command, takes tiles of it like all others, closes it, and waits only for those who are inside.
// A helper that sleeps, or that the machine gives no time, is never waited for.
enum { SPINS = 10000, STACK_BYTES = 96 << 10, MAX_THREADS = 16 };

// Odd while a command is open; each command has a number of its own.
static int32_t turn;
static const int32_t *opened;
static int32_t inside, sleeping;
static _Alignas(16) char stacks[MAX_THREADS - 1][STACK_BYTES];

// The top of a thread's stack, to be put into its instance's __stack_pointer; thread 0 keeps the module's own.
__attribute__((export_name("stack_of"))) char *stack_of(int32_t thread) { return stacks[thread - 1] + STACK_BYTES; }

static int32_t look(const int32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

static void open(const int32_t *command) {
  opened = command;
  __atomic_store_n(&next_tile, 0, __ATOMIC_RELAXED);
  __atomic_add_fetch(&turn, 1, __ATOMIC_SEQ_CST);
  if (look(&sleeping)) __builtin_wasm_memory_atomic_notify(&turn, MAX_THREADS);
}

// Nobody enters from here on: who comes in now sees that the turn has changed, and leaves.
static void close(void) {
  __atomic_add_fetch(&turn, 1, __ATOMIC_SEQ_CST);
  for (int32_t i = 0; i < SPINS; i++)
    if (!look(&inside)) return;
  for (int32_t count; (count = look(&inside));) __builtin_wasm_memory_atomic_wait32(&inside, count, -1);
}

// Executes all commands, alone or together with the helpers; on one thread at a time.
__attribute__((export_name("run"))) void run(const int32_t *commands, const int32_t *end, int32_t together) {
  for (const int32_t *command = commands; command < end; command += command[1]) {
    if (together) open(command);
    else next_tile = 0;
    dispatch(command[0], command + 2);
    if (together) close();
  }
}

static void rest(int32_t seen) {
  for (int32_t i = 0; i < SPINS; i++)
    if (look(&turn) != seen) return;
  __atomic_add_fetch(&sleeping, 1, __ATOMIC_SEQ_CST);
  __builtin_wasm_memory_atomic_wait32(&turn, seen, -1);
  __atomic_sub_fetch(&sleeping, 1, __ATOMIC_SEQ_CST);
}

// A helper's life: it takes tiles of whatever command is open. Never returns.
__attribute__((export_name("help"))) void help(void) {
  for (;;) {
    const int32_t seen = look(&turn);
    if (seen & 1) {
      __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
      if (look(&turn) == seen) dispatch(opened[0], opened + 2);
      if (__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST) == 0 && look(&turn) != seen)
        __builtin_wasm_memory_atomic_notify(&inside, 1);
    }
    rest(seen);
  }
}

#endif
