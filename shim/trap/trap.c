/* Which system calls are trapped, and the handler that answers them. */
#include "trap.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#define SIGSYS_BIT (1ull << (SIGSYS - 1))
#define OF_FILTER 1 /* si_code SYS_SECCOMP */
#define RED_ZONE 128
#define ARGUMENTS_MAX 65536

static const char *loader, *program;

/* ---- the filter: first our own code, then the system calls that concern us, some only with certain arguments */

#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define ALWAYS(n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##n, 0, 1), RETURN(SECCOMP_RET_TRAP)
/* Trapped when the comparison of an argument's low word holds. */
#define WHEN(n, argument, compare, value) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##n, 0, 4), LOAD(args[argument]), BPF_JUMP(BPF_JMP | compare | BPF_K, value, 0, 1), \
		RETURN(SECCOMP_RET_TRAP), RETURN(SECCOMP_RET_ALLOW)
/* Trapped when it does not. */
#define UNLESS(n, argument, compare, value) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##n, 0, 4), LOAD(args[argument]), BPF_JUMP(BPF_JMP | compare | BPF_K, value, 1, 0), \
		RETURN(SECCOMP_RET_TRAP), RETURN(SECCOMP_RET_ALLOW)

static struct sock_filter rules[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	RETURN(SECCOMP_RET_ALLOW),
	LOAD(instruction_pointer) /* low word; the high one is 4 bytes further */,
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, BASE, 0, 4),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, BASE + ROOM, 3, 0),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
	RETURN(SECCOMP_RET_ALLOW),
	LOAD(nr),
	ALWAYS(ioctl), ALWAYS(open), ALWAYS(openat), ALWAYS(access), ALWAYS(faccessat), ALWAYS(faccessat2), ALWAYS(close),
	ALWAYS(close_range), ALWAYS(dup2), ALWAYS(dup3), ALWAYS(readlink), ALWAYS(readlinkat), ALWAYS(munmap), ALWAYS(mprotect),
	ALWAYS(mremap), ALWAYS(fork), ALWAYS(execve), ALWAYS(execveat), ALWAYS(exit), ALWAYS(rt_sigaction), ALWAYS(rt_sigsuspend),
	WHEN(read, 0, BPF_JGE, 3), WHEN(pread64, 0, BPF_JGE, 3), WHEN(write, 0, BPF_JGE, 3), WHEN(lseek, 0, BPF_JGE, 3), WHEN(pwrite64, 0, BPF_JGE, 3),
	ALWAYS(fallocate), ALWAYS(ftruncate),
	WHEN(madvise, 2, BPF_JEQ, MADV_DONTNEED), WHEN(arch_prctl, 0, BPF_JGE, 0x1021),
	UNLESS(rt_sigprocmask, 1, BPF_JEQ, 0), UNLESS(ppoll, 3, BPF_JEQ, 0), UNLESS(epoll_pwait, 4, BPF_JEQ, 0),
	UNLESS(epoll_pwait2, 4, BPF_JEQ, 0), UNLESS(pselect6, 5, BPF_JEQ, 0),
	/* A thread, or a child that borrows our memory, is made by the kernel alone. */
	UNLESS(clone, 0, BPF_JSET, CLONE_VM),
	/* The C libraries then use clone, whose flags can be seen here. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1), RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	/* Fresh memory is none of our business; over what a guest sees it is. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 4), LOAD(args[3]), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_FIXED, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 1, 0), RETURN(SECCOMP_RET_TRAP),
	RETURN(SECCOMP_RET_ALLOW),
};

/* ---- the client's memory, whose addresses may be bad */

static int copy(uint64_t theirs, void *ours, size_t n, int to_them) {
	struct iovec here = {ours, n}, there = {(void *)theirs, n};
	return raw(to_them ? SYS_process_vm_writev : SYS_process_vm_readv, raw(SYS_getpid, 0), &here, 1, &there, 1, 0) == (long)n;
}

/* ---- signals: ours must never be blocked, or a trapped call would end the client */

struct action { /* of the kernel */
	uint64_t handler, flags, restorer, mask;
};
static struct action theirs; /* for SIGSYS, as far as the client can see */

static long change_action(const long a[6]) {
	struct action act = {0, 0, 0, 0}, old;
	long r;
	if (a[3] != 8) return -EINVAL;
	if (a[1] && !copy((uint64_t)a[1], &act, sizeof act, 0)) return -EFAULT;
	if (a[0] == SIGSYS) {
		old = theirs;
		if (a[1]) theirs = act;
		r = 0;
	} else {
		act.mask &= ~SIGSYS_BIT;
		r = raw(SYS_rt_sigaction, a[0], a[1] ? &act : NULL, &old, 8);
	}
	return r == 0 && a[2] && !copy((uint64_t)a[2], &old, sizeof old, 1) ? -EFAULT : r;
}

static long change_mask(const long a[6], uint64_t *mask) {
	uint64_t set, old = *mask;
	if (a[3] != 8) return -EINVAL;
	if (!copy((uint64_t)a[1], &set, 8, 0)) return -EFAULT;
	switch (a[0]) {
	case SIG_BLOCK: set |= old; break;
	case SIG_UNBLOCK: set = old & ~set; break;
	case SIG_SETMASK: break;
	default: return -EINVAL;
	}
	*mask = set & ~SIGSYS_BIT;
	return a[2] && !copy((uint64_t)a[2], &old, 8, 1) ? -EFAULT : 0;
}

/* A mask for the time of a call: the bit is taken out where the client has it. */
static void unblock_in(uint64_t address) {
	uint64_t set;
	if (!copy(address, &set, 8, 0) || !(set & SIGSYS_BIT)) return;
	set &= ~SIGSYS_BIT;
	copy(address, &set, 8, 1);
}

/* ---- processes */

static void leave_fork(int child, struct lane *lane) {
	if (child) {
		lanes_child(lane, (int)raw(SYS_gettid, 0));
		ws_in_child();
		lane->connected = 0;
	} else {
		lanes_after_fork();
		ws_in_parent();
	}
}

/* @return in the child 0; it has its copy of this stack */
static long make_child(long number, const long a[6], greg_t *regs, struct lane *lane, uint64_t *fs) {
	long flags = number == SYS_clone ? a[0] : SIGCHLD, stack = number == SYS_clone ? a[1] : 0;
	ws_before_fork();
	lanes_before_fork();
	long r = raw(SYS_clone, flags & ~CLONE_SETTLS, 0, a[2], a[3], 0);
	leave_fork(r == 0, lane);
	if (r == 0 && stack) regs[REG_RSP] = stack;
	if (r == 0 && (flags & CLONE_SETTLS)) *fs = (uint64_t)a[4];
	return r;
}

static const char *own_program(const char *path) { return strcmp(path, "/proc/self/exe") == 0 ? program : path; }

/* The filter survives exec, so the new program needs the handler too: whatever it is, it is loaded by us. */
static long execute(int dir, const char *path, char *const *arguments, char *const *environment, int flags) {
	static char given[] = "1";
	char at[PATH_MAX], head[4] = "";
	size_t n = 0;
	if (!path) return -EFAULT;
	path = own_program(path);
	if (path[0] == '/' || dir == AT_FDCWD) snprintf(at, sizeof at, "%s", path);
	else if (!path[0] && (flags & AT_EMPTY_PATH)) snprintf(at, sizeof at, "/proc/self/fd/%d", dir);
	else snprintf(at, sizeof at, "/proc/self/fd/%d/%s", dir, path);
	long fd = raw(SYS_faccessat, AT_FDCWD, at, X_OK);
	if (fd == 0) fd = raw(SYS_openat, AT_FDCWD, at, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return fd;
	long got = raw(SYS_read, fd, head, 4);
	raw(SYS_close, fd);
	if (got < 0) return -EACCES;
	if (memcmp(head, "\177ELF", 4) != 0 && memcmp(head, "#!", 2) != 0) return -ENOEXEC;
	while (arguments && arguments[n]) n++;
	if (n > ARGUMENTS_MAX) return -E2BIG;
	char **all = malloc((n + 6) * sizeof *all);
	const char *socket = ws_socket_path();
	if (!all) return -ENOMEM;
	all[0] = (char *)loader;
	all[1] = given;
	all[2] = (char *)(socket ? socket : "");
	all[3] = at;
	for (size_t i = 0; i < n; i++) all[4 + i] = arguments[i];
	if (!n) all[4 + n++] = at;
	all[4 + n] = NULL;
	long r = raw(SYS_execve, loader, all, environment);
	free(all);
	return r;
}

/* ---- the handler */

struct trap {
	ucontext_t *context;
	struct lane *lane;
	uint64_t fs;
	long number;
	int leaves;
};

static long handle(struct trap *t, long a[6]) {
	greg_t *regs = t->context->uc_mcontext.gregs;
	uint64_t *mask = (uint64_t *)&t->context->uc_sigmask;
	switch (t->number) {
	case SYS_rt_sigaction: return change_action(a);
	case SYS_rt_sigprocmask: return change_mask(a, mask);
	case SYS_ppoll: unblock_in((uint64_t)a[3]); return NOT_OURS;
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2: unblock_in((uint64_t)a[4]); return NOT_OURS;
	case SYS_rt_sigsuspend: unblock_in((uint64_t)a[0]); return NOT_OURS;
	case SYS_pselect6: {
		uint64_t set;
		if (copy((uint64_t)a[5], &set, 8, 0) && set) unblock_in(set);
		return NOT_OURS;
	}
	case SYS_fork:
	case SYS_clone: return make_child(t->number, a, regs, t->lane, &t->fs);
	case SYS_execve: return execute(AT_FDCWD, (const char *)a[0], (char *const *)a[1], (char *const *)a[2], 0);
	case SYS_execveat: return execute((int)a[0], (const char *)a[1], (char *const *)a[2], (char *const *)a[3], (int)a[4]);
	case SYS_exit:
		ws_thread_ends();
		t->leaves = 1;
		return NOT_OURS;
	case SYS_readlink:
	case SYS_readlinkat: {
		const char *path = (const char *)a[t->number == SYS_readlinkat];
		if (!path || own_program(path) == path) return ws_take(t->number, a);
		size_t n = (size_t)a[t->number == SYS_readlinkat ? 3 : 2], len = strlen(program) < n ? strlen(program) : n;
		return copy((uint64_t)a[t->number == SYS_readlinkat ? 2 : 1], (void *)program, len, 1) ? (long)len : -EFAULT;
	}
	default: return ws_take(t->number, a);
	}
}

/* A call that the kernel shall do is done by the client itself, after the handler: it may sleep, and signals then reach the client
 * as ever. The place to return to is kept below the red zone. */
void call_again(void);
__asm__(".text\n.globl call_again\n.hidden call_again\ncall_again:\nsyscall\nret $128\n");
_Static_assert(RED_ZONE == 128, "as in call_again");

static void answer_trap(void *p) {
	struct trap *t = p;
	greg_t *regs = t->context->uc_mcontext.gregs;
	long a[6] = {regs[REG_RDI], regs[REG_RSI], regs[REG_RDX], regs[REG_R10], regs[REG_R8], regs[REG_R9]};
	ws_thread_mask = (uint64_t *)&t->context->uc_sigmask;
	long r = handle(t, a);
	t->lane->connected = ws_connected();
	if (r != NOT_OURS) {
		regs[REG_RAX] = r;
		return;
	}
	regs[REG_RSP] -= RED_ZONE + 8;
	*(uint64_t *)regs[REG_RSP] = (uint64_t)regs[REG_RIP];
	regs[REG_RIP] = (greg_t)call_again;
}

void call_on(uint64_t stack, void (*what)(void *), void *with);

/* All signals are blocked here (sa_mask), so the client's handlers never meet our thread-local storage. */
static void on_trap(int number, siginfo_t *info, void *context) {
	int tid = (int)raw(SYS_gettid, 0);
	if (info->si_code != OF_FILTER) {
		struct action none = {0, 0, 0, 0};
		uint64_t mask = 0;
		raw(SYS_rt_sigaction, number, &none, NULL, 8);
		raw(SYS_tkill, tid, number);
		raw(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
		return;
	}
	struct trap t = {context, lane_of(tid), get_fs(), info->si_syscall, 0};
	if (!t.lane) {
		t.context->uc_mcontext.gregs[REG_RAX] = -ENOMEM;
		return;
	}
	set_fs(t.lane->fs);
	call_on(t.lane->stack, answer_trap, &t);
	set_fs(t.fs);
	if (t.leaves) lane_leave(tid);
}

static _Noreturn void refuse(const char *what) {
	fprintf(stderr, "ws: can't trap system calls (%s): %s\n", what, strerror(errno));
	exit(2);
}

void trap_start(const char *self, const char *client, int has_filter) {
	struct sigaction act = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
	sigset_t ours;
	loader = self;
	program = client;
	lanes_start();
	sigfillset(&act.sa_mask);
	if (sigaction(SIGSYS, &act, NULL)) refuse("sigaction");
	sigemptyset(&ours);
	sigaddset(&ours, SIGSYS);
	sigprocmask(SIG_UNBLOCK, &ours, NULL);
	if (has_filter) return;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) refuse("no_new_privs");
	if (raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) refuse("seccomp");
}
