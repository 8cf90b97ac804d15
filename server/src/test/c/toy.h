/* Clients of the toy device: each test is a program that exits with 0, or names the line that failed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CREATE_VM 0xae01
#define CREATE_VCPU 0xae41
#define RUN 0xae80
#define SET_SIGNAL_MASK 0x4004ae8b
#define ADOPT 0x4010aef0
#define PEEK 0x4008aef1
#define POKE 0x4008aef2
#define ADD_ONE 0xc008aef3
#define EVENTFD 0xaef4
#define CHECK(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #x, errno); exit(1); } } while (0)

static inline int adopt(int vm, void *at, uint64_t size) {
	uint64_t a[2] = {(uint64_t)at, size};
	return ioctl(vm, ADOPT, a);
}
static inline int peek(int vm, volatile void *at) {
	uint64_t a = (uint64_t)at;
	return ioctl(vm, PEEK, &a);
}
static inline int poke(int vm, volatile void *at) {
	uint64_t a = (uint64_t)at;
	return ioctl(vm, POKE, &a);
}
