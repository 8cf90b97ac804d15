/* What the parts of badinput-x86 share: descriptors under test, memory with every kind of edge, answers as words. */
#ifndef BADINPUT_H
#define BADINPUT_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "table.h"

#define PAGE 4096
#define ROOM (256 * 1024)

/* /dev/kvm, a VM, its vCPU 0, a VFIO device and the statistics of both; full: with irqchip, PIT, a logged slot and CPUID. */
struct fixture {
	int sys, vm, vcpu, device, stats, event, full;
};
extern struct fixture f;
void make(int full);
void destroy(void);
int of_kind(char kind);

/* ROOM readable and writable bytes before a hole; the same, read-only; a page before a read-only one; one without access. */
extern uint8_t *edge, *readonly, *halfro, *noaccess, *guest, *spare;
void make_memory(void);

const struct call *named(const char *name);
void typical(const struct call *c, char kind, uint8_t *b);
const char *word(long r);
char letter(long r);
long ask(int fd, unsigned long nr, const void *argument);
uint64_t state(char kind);
int keeps_state(const struct call *c);
uint64_t next_random(uint64_t *seed);

/* Collects case names by answer and prints them in one line. */
void group(const char *answer, const char *name);
void line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline uint32_t get32(const uint8_t *b, int at) {
	uint32_t v;
	memcpy(&v, b + at, 4);
	return v;
}
static inline void put32(uint8_t *b, int at, uint32_t v) { memcpy(b + at, &v, 4); }
static inline void put64(uint8_t *b, int at, uint64_t v) { memcpy(b + at, &v, 8); }

void life(void);
#endif
