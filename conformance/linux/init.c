/* The first and only process of conformance/boot-linux's guest: says that it runs, does a little of what programs do (the C
 * library's string functions in the widest form that CPUID promises, doubles, a child process), and switches the computer off. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

static int strings_differ(void) {
	static char a[4096], b[4096];
	for (size_t n = 1; n < sizeof a; n += 37) {
		memset(a, 'x', n);
		a[n] = 0;
		memcpy(b, a, n + 1);
		a[n / 2] = 'y';
		if (strlen(b) != n || strchr(a, 'y') != a + n / 2 || strrchr(a, 'y') != a + n / 2 || memcmp(a, b, n) <= 0) return 1;
		if (strcspn(a, "zy") != n / 2 || strspn(b, "abx") != n || strstr(a, "yx") != (n / 2 + 1 < n ? a + n / 2 : NULL)) return 1;
		a[n / 2] = 'x';
		if (strcmp(a, b) || memchr(a, 'y', n)) return 1;
	}
	return 0;
}

int main(void) {
	char line[256] = "";
	mount("proc", "/proc", "proc", 0, NULL);
	FILE *f = fopen("/proc/version", "r");
	if (f && fgets(line, sizeof line, f)) printf("init: %s", line);
	printf("init: strings %s\n", strings_differ() ? "DIFFER" : "agree");
	volatile double two = 2;
	printf("init: square root of two is %.17g, e is %.17g\n", sqrt(two), exp(two / 2));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) _exit(42);
	int status = 0;
	waitpid(child, &status, 0);
	printf("init: a child left with %d\n", WEXITSTATUS(status));
	printf("init: the guest is done\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
