#include "toy.h"

/* Runs `many` argv[2] times, eight at once; every fifth is killed while it runs a guest. */
static pid_t start(const char *program, int killed) {
	pid_t p = fork();
	if (p == 0) {
		execl(program, program, killed ? "k" : "n", NULL);
		_exit(127);
	}
	return p;
}

int main(int argc, char **argv) {
	int n = argc > 2 ? atoi(argv[2]) : 0, running = 0, bad = 0, status;
	pid_t victims[8];
	int victim = 0;
	memset(victims, 0, sizeof victims);
	for (int i = 0; i < n || running; ) {
		if (i < n && running < 8) {
			pid_t p = start(argv[1], i % 5 == 0);
			if (i % 5 == 0) victims[victim++ % 8] = p;
			running++;
			i++;
			continue;
		}
		usleep(2000);
		for (int v = 0; v < 8; v++) {
			if (victims[v] > 0) kill(victims[v], SIGKILL);
			victims[v] = 0;
		}
		pid_t p = wait(&status);
		if (p < 0) break;
		running--;
		if (!(WIFEXITED(status) && WEXITSTATUS(status) == 0) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) bad++;
	}
	if (bad) fprintf(stderr, "%d clients failed\n", bad);
	return bad != 0;
}
