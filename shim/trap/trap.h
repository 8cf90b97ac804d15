/* The second way in: a program that loads the client into its own address space and has the kernel trap the client's system
 * calls (seccomp(2), SECCOMP_RET_TRAP). The handler is the same shim as the preloaded one. x86-64. */
#ifndef WORLDSWITCH_TRAP_H
#define WORLDSWITCH_TRAP_H

#include "../shim.h"

#include <limits.h>
#include <ucontext.h>

/* Where tools/build-native links us: calls from here are never trapped, not even after exec, when a filter of before still
 * holds. Far above where static programs are linked, far below where the kernel puts the others. */
#define BASE 0x60000000u
#define ROOM 0x01000000u

/* lanes.c: a stack and thread-local storage of our own for each of the client's threads. */
struct lane {
	uint64_t fs, stack;
	int connected; /* a connection belongs to its thread-local storage */
	struct lane *next;
};
void lanes_start(void);
struct lane *lane_of(int tid);
void lane_leave(int tid);
void lanes_before_fork(void);
void lanes_after_fork(void);
void lanes_child(struct lane *mine, int tid);
uint64_t get_fs(void);
void set_fs(uint64_t fs);

/* trap.c */
void trap_start(const char *self, const char *client, int has_filter);

#endif
