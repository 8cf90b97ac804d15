/* LD_PRELOAD for the server (a java): its wall clock jumps by a day to and fro, its monotonic clock once a second by ten minutes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *t) {
	static int java = -1;
	static time_t first;
	long r = syscall(SYS_clock_gettime, which, t);
	if (java < 0) {
		char name[4096] = "";
		ssize_t n = readlink("/proc/self/exe", name, sizeof name - 1);
		java = n > 5 && !strcmp(name + n - 5, "/java");
		first = t->tv_sec;
	}
	if (!java || r) return (int)r;
	struct timespec now;
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	if (which == CLOCK_REALTIME) t->tv_sec += now.tv_sec % 2 ? 86400 : -86400;
	if (which == CLOCK_MONOTONIC) t->tv_sec += (now.tv_sec - first) * 600;
	return 0;
}
