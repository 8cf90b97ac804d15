/* What the sections of wander-x86 share: lines, calls, random numbers, VMs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t u64;
typedef uint32_t u32;
extern int sys;
extern uint8_t buf[65536];

void line(long rc, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
long io(int fd, unsigned long n, u64 arg);
#define IO(fd, n, p) io(fd, n, (u64)(uintptr_t)(p))
u64 rnd(void);
/* A number that is interesting more often than not. */
u64 odd(void);
u64 hash(const void *p, size_t n);
int vm_new(void);
int vm_irqchip(void);
/* A vCPU that has all that KVM supports in its CPUID. */
int vcpu_new(int vm, int id);
long set_msr(int vcpu, u32 index, u64 value);
long get_msr(int vcpu, u32 index, u64 *value);

void capabilities(void);
void devices(void);
void msrs(void);
void registers(void);
void events(void);
void interrupts(void);
void chips(void);
void cpuid(void);
void memory(void);
void filters(void);
void limits(void);
