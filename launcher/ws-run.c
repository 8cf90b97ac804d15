/* `ws run`: starts the client with the shim in it, and the server (a JVM) when the client first wants it.
 *
 *   ws-run HOME FOLDER-IN-HOME run OPTIONS -- CLIENT ARGS...
 *
 * The socket that the shim connects to is made here, so a client never waits for a server that it does not need. Options
 * and clients that are not of the plain kind are checked by the server first; it then tells the client's command line.
 * The client is a direct child: it has all inherited descriptors, the terminal, and its signals are passed on. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define USAGE_STATUS 2
/* What the server writes before the client's words, so that a help text is never taken for a command line. */
#define PLAN_MARK "\1worldswitch-plan"

static const char *home, *build;
static char folder[64], socket_path[96], crash_path[96];
static sigset_t before;

static void forget_socket(void) {
	if (!folder[0]) return;
	unlink(socket_path);
	unlink(crash_path);
	rmdir(folder);
	folder[0] = 0;
}

static _Noreturn void leave(int status) {
	forget_socket();
	exit(status);
}

static _Noreturn void fail(const char *format, ...) {
	va_list more;
	va_start(more, format);
	fputs("ws: ", stderr);
	vfprintf(stderr, format, more);
	fputc('\n', stderr);
	va_end(more);
	leave(USAGE_STATUS);
}

static char *text(const char *format, ...) {
	char *s;
	va_list more;
	va_start(more, format);
	if (vasprintf(&s, format, more) < 0) abort();
	va_end(more);
	return s;
}

/* ---- files of the build: words of the server's command line, and the names that options may have */

static char *load(const char *name, size_t *n) {
	char *path = text("%s/%s", build, name), *all = NULL;
	FILE *f = fopen(path, "re");
	size_t room = 0;
	*n = 0;
	if (!f) return NULL;
	for (size_t got = 1; got;) {
		if (*n + 4096 + 1 > room && !(all = realloc(all, room = room * 2 + 8192))) abort();
		got = fread(all + *n, 1, 4096, f);
		*n += got;
	}
	all[*n] = 0;
	fclose(f);
	return all;
}

/* ---- is the build newer than its sources? */

static struct timespec built;
static int is_newer(const struct stat *s) {
	return s->st_mtim.tv_sec > built.tv_sec || (s->st_mtim.tv_sec == built.tv_sec && s->st_mtim.tv_nsec > built.tv_nsec);
}

static int look(const char *path, const struct stat *s, int kind, struct FTW *where) {
	if (kind == FTW_D) {
		const char *name = path + where->base;
		return strcmp(name, "target") == 0 || strcmp(path + strlen(path) - where->base, "src/test") == 0 ||
						(strcmp(name, "test") == 0 && strstr(path, "/src/test"))
					? FTW_SKIP_SUBTREE
					: FTW_CONTINUE;
	}
	return kind == FTW_F && is_newer(s) ? FTW_STOP : FTW_CONTINUE;
}

static int is_stale(void) {
	static const char *const parts[] = {"pom.xml", "tools", "shim", "launcher", "machine", "kernel", "kvm", "explore", "server", "cli"};
	struct stat s;
	size_t n;
	char *launch = load("launch", &n), *here = text("-Dworldswitch.home=%s", home);
	/* A folder that was moved is built anew: the command line has whole paths. */
	if (!launch || !memmem(launch, n, here, strlen(here) + 1) || stat(launch, &s) || stat(text("%s/stamp", build), &s)) return 1;
	built = s.st_mtim;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (nftw(text("%s/%s", home, parts[i]), look, 16, FTW_PHYS | FTW_ACTIONRETVAL) == FTW_STOP) return 1;
	return 0;
}

static int is_name(const char *kind, const char *name) {
	size_t n;
	char *all = load("names", &n), *line = text("\n%s %s\n", kind, name);
	return all && strstr(all, line) != NULL;
}

/* ---- what is asked for */

static int is_number(const char *s, long from, long to) {
	char *end;
	long v = strtol(s, &end, 10);
	return *s && !*end && v >= from && v <= to;
}

/* An option by which the server has something to do when the client has ended. */
static int has_an_end(const char *option) {
	static const char *const all[] = {"--trace", "--ftrace", "--perfetto", "--torture", "--record", "--gdb"};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strncmp(option, all[i], strlen(all[i])) == 0) return 1;
	return 0;
}

/* The client's place in argv when all options before it are plain ones with values that exist; else 0. */
static int plain_client(int argc, char **argv) {
	static const char *const valued[] = {"--machine", "--kernel", "--cpus"};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) return i + 1 < argc ? i + 1 : 0;
		size_t o = 0;
		while (o < 3 && strcmp(argv[i], valued[o]) != 0) o++;
		if (o == 3 || i + 1 >= argc) return 0;
		const char *v = argv[++i];
		if (o == 2 ? !is_number(v, 1, 512) : !is_name(valued[o] + 2, v)) return 0;
	}
	return 0;
}

/* How a program of this computer is caught: the shim is preloaded into it (scripts: into their interpreter), or its system calls
 * are trapped. */
enum way { UNKNOWN, PRELOADED, TRAPPED };

static enum way way_into(const char *path) {
	union {
		Elf64_Ehdr head;
		char bytes[4096];
	} file;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return UNKNOWN;
	ssize_t n = read(fd, &file, sizeof file);
	close(fd);
	if (n < (ssize_t)sizeof file.head || memcmp(file.head.e_ident, ELFMAG, SELFMAG) != 0)
		return n >= 2 && memcmp(file.bytes, "#!", 2) == 0 ? PRELOADED : UNKNOWN;
#if defined(__x86_64__)
	enum way without_interpreter = TRAPPED;
	if (file.head.e_machine != EM_X86_64) return UNKNOWN;
#else
	enum way without_interpreter = UNKNOWN;
	if (file.head.e_machine != EM_AARCH64) return UNKNOWN;
#endif
	for (int i = 0; i < file.head.e_phnum; i++) {
		size_t at = file.head.e_phoff + (size_t)i * sizeof(Elf64_Phdr);
		if (at + sizeof(Elf64_Phdr) > (size_t)n) return UNKNOWN;
		if (((Elf64_Phdr *)(file.bytes + at))->p_type == PT_INTERP) return PRELOADED;
	}
	return without_interpreter;
}

/* A program of this computer, or a script: nothing has to be said about it. `*file` becomes what execvp(3) would start. */
static enum way plain_program(const char *command, const char **file) {
	*file = command;
	if (strchr(command, '/')) return way_into(command);
	const char *path = getenv("PATH");
	char *all = strdup(path ? path : "/usr/bin:/bin"), *rest = all, *d;
	while ((d = strsep(&rest, ":"))) {
		char *p = text("%s/%s", *d ? d : ".", command);
		struct stat s;
		if (stat(p, &s) == 0 && S_ISREG(s.st_mode) && access(p, X_OK) == 0) return way_into(*file = p);
	}
	return UNKNOWN;
}

/* The command line of shim/trap: no filter is there yet, the socket, the file, and the client's own words. */
static char **trapped(const char *file, char **client, int n) {
	char **words = calloc((size_t)n + 5, sizeof *words);
	if (!words) abort();
	words[0] = text("%s/ws-trap", build);
	words[1] = "0";
	words[2] = socket_path;
	words[3] = (char *)file;
	memcpy(words + 4, client, (size_t)n * sizeof *client);
	return words;
}

/* ---- processes */

static int listen_here(void) {
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const char *where = getenv("TMPDIR");
	if (!where || strlen(where) > 30) where = "/tmp";
	snprintf(folder, sizeof folder, "%s/worldswitch-XXXXXX", where);
	if (!mkdtemp(folder)) {
		folder[0] = 0;
		fail("can't make a folder in %s: %s", where, strerror(errno));
	}
	snprintf(socket_path, sizeof socket_path, "%s/socket", folder);
	snprintf(crash_path, sizeof crash_path, "%s/crash", folder);
	strcpy(name.sun_path, socket_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) || listen(fd, 4096)) fail("can't listen on %s: %s", socket_path, strerror(errno));
	return fd;
}

struct server {
	pid_t pid;
	int lifeline; /* it ends when this is closed */
	int plan;     /* it writes the client's command line here */
	time_t since;
};

/* A JVM takes far more addresses than memory: 1 GiB for classes, 240 MiB for code, 64 MiB for each thread that allocates. Under a
 * limit it is told to take less; with less than ADDRESSES_MIN it does not start. */
#define MIB (1ull << 20)
#define ADDRESSES_PLENTY (8192 * MIB)
#define ADDRESSES_MIN (1280 * MIB)

static uint64_t addresses(void) {
	struct rlimit r;
	return getrlimit(RLIMIT_AS, &r) || r.rlim_cur == RLIM_INFINITY ? UINT64_MAX : r.rlim_cur;
}

static int has_addresses(void) {
	uint64_t n = addresses();
	if (n >= ADDRESSES_MIN) return 1;
	fprintf(stderr, "ws: the server needs %llu MiB of addresses, the limit is %llu MiB (ulimit -v): KVM calls fail with ENOMEM\n", ADDRESSES_MIN / MIB, (unsigned long long)n / MIB);
	return 0;
}

static time_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static struct server start_server(int listening, int argc, char **argv, int plan) {
	size_t n, words = 0;
	char *launch = load("launch", &n);
	if (!launch) fail("%s/launch is missing; start again after touch shim", build);
	char **command = calloc(n / 2 + (size_t)argc + 12, sizeof *command);
	for (char *w = launch; w < launch + n; w += strlen(w) + 1) {
		command[words++] = w;
		if (words > 1) continue;
		command[words++] = text("-Dworldswitch.listen=%d", listening);
		command[words++] = text("-Dworldswitch.socket=%s", socket_path);
		if (plan) command[words++] = "-Dworldswitch.plan=true";
		command[words++] = text("-XX:ErrorFile=%s", crash_path);
		uint64_t limit = addresses();
		if (limit >= ADDRESSES_PLENTY) continue;
		command[words++] = text("-Xmx%llum", (unsigned long long)(limit / 8 / MIB));
		command[words++] = "-XX:CompressedClassSpaceSize=64m";
		command[words++] = "-XX:ReservedCodeCacheSize=64m";
		setenv("MALLOC_ARENA_MAX", "1", 0);
	}
	for (int i = 0; i < argc; i++) command[words++] = argv[i];
	struct server s = {-1, -1, -1, now()};
	int in[2], out[2] = {-1, -1};
	if (pipe2(in, O_CLOEXEC) || (plan && pipe2(out, O_CLOEXEC))) fail("pipe: %s", strerror(errno));
	pid_t self = getpid();
	s.pid = fork();
	if (s.pid < 0) fail("can't start the server: %s", strerror(errno));
	if (s.pid == 0) {
		/* Away from the terminal's signals; gone when the launcher is gone, however that happens. */
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self) _exit(1);
		dup2(in[0], 0);
		dup2(plan ? out[1] : 2, 1);
		fcntl(listening, F_SETFD, 0);
		sigprocmask(SIG_SETMASK, &before, NULL);
		execv(command[0], command);
		fprintf(stderr, "ws: can't start %s: %s\n", command[0], strerror(errno));
		_exit(USAGE_STATUS);
	}
	close(in[0]);
	if (plan) close(out[1]);
	s.lifeline = in[1];
	s.plan = out[0];
	free(command);
	return s;
}

static pid_t start_client(char **words, char **environment) {
	int told[2], error = 0;
	if (pipe2(told, O_CLOEXEC)) fail("pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid < 0) fail("can't start the client: %s", strerror(errno));
	if (pid == 0) {
		for (; *environment; environment++) putenv(*environment);
		sigprocmask(SIG_SETMASK, &before, NULL);
		execvp(words[0], words);
		error = errno;
		_exit(write(told[1], &error, sizeof error) == sizeof error ? 127 : 126);
	}
	close(told[1]);
	if (read(told[0], &error, sizeof error) == sizeof error) fail("can't start %s: %s", words[0], strerror(error));
	close(told[0]);
	return pid;
}

static int status_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

/* Reads what the server says before the client starts; ends the program when it refuses. */
static char **read_plan(struct server *s, char ***environment) {
	size_t n = 0, room = 1 << 16, mark = sizeof PLAN_MARK;
	char *all = malloc(room);
	for (ssize_t got = 1; got > 0; n += got > 0 ? (size_t)got : 0) {
		if (room - n < 4096) all = realloc(all, room *= 2);
		if (!all) abort();
		do got = read(s->plan, all + n, room - n);
		while (got < 0 && errno == EINTR);
	}
	if (n < mark || memcmp(all, PLAN_MARK, mark) != 0) {
		int status = 0;
		if (n) fwrite(all, 1, n, stdout);
		while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR) {}
		leave(status_of(status));
	}
	/* Words of the environment, an empty one, words of the command. */
	char **words = calloc(n + 2, sizeof *words), **to = words, *w = all + mark, *end = all + n;
	*environment = words;
	for (; w < end && *w; w += strlen(w) + 1) *to++ = w;
	char **command = ++to;
	for (w++; w < end; w += strlen(w) + 1) *to++ = w;
	if (to == command) fail("the server told no command line");
	close(s->plan);
	return command;
}

/* A signal for us alone is for the client; one of the terminal has reached it already. */
static void pass_on(const struct signalfd_siginfo *s, pid_t client) {
	if (s->ssi_code == SI_USER || s->ssi_code == SI_TKILL || s->ssi_code == SI_QUEUE) kill(client, (int)s->ssi_signo);
}

/* What the JVM wrote first about its own end, in one line; empty when it wrote nothing. */
static void crash_reason(char *into, size_t room) {
	char line[256];
	size_t n = 0;
	FILE *f = fopen(crash_path, "re");
	*into = 0;
	for (int lines = 0; f && lines < 6 && fgets(line, sizeof line, f);) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] != '#' || line[1] != ' ' || strstr(line, "has been detected")) continue;
		lines++;
		n += (size_t)snprintf(into + n, room - n, "%s%s", n ? " " : ": ", line + 1 + strspn(line + 1, " "));
		if (n >= room || lines == 2) break;
	}
	if (f) fclose(f);
	unlink(crash_path);
}

/* The server has ended before its client, by itself or killed. @return the errno for who asks for one, 0: a new one is started */
static int server_ended(const struct server *s, int status, int writes_files) {
	char why[512];
	crash_reason(why, sizeof why);
	/* One that can't live is not started again and again; a second one's trace or recording would replace the first one's. */
	int again = WIFSIGNALED(status) && now() - s->since >= 2 && !writes_files;
	/* A JVM that finds no memory to start with says so and ends with 1. */
	int error = WIFEXITED(status) && WEXITSTATUS(status) == 1 ? ENOMEM : EIO;
	fprintf(stderr, "ws: the server ended %s %d%s; its VMs are gone, calls on them fail with EIO; ", WIFSIGNALED(status) ? "by signal" : "with status",
					WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), why);
	if (again) fprintf(stderr, "who opens /dev/kvm next gets a new one\n");
	else fprintf(stderr, "other KVM calls fail with %s\n", error == ENOMEM ? "ENOMEM" : "EIO");
	return again ? 0 : error;
}

/* In the server's place: every greeting is answered by this errno. */
static void refuse(int listening, int error) {
	struct {
		uint32_t length, type;
		int64_t answer, rest[2];
	} f = {28, 64, -error, {0, 0}}; /* ANSWER of docs/architecture.md */
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) return;
	send(fd, &f, sizeof f, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	close(fd);
}

/* Ends the server. One that writes files is given time to finish. */
static void end_server(struct server *s, int patiently) {
	if (s->pid <= 0) return;
	close(s->lifeline);
	if (patiently) {
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) {}
	} else
		kill(s->pid, SIGKILL);
}

int main(int argc, char **argv) {
	if (argc < 4) return USAGE_STATUS;
	home = realpath(argv[1], NULL);
	if (!home) fail("%s: %s", argv[1], strerror(errno));
	build = text("%s/%s", home, argv[2]);
	argc -= 3;
	argv += 3;
	if (!getenv("WS_FRESH") && is_stale()) {
		setenv("WS_SLOW", "1", 1);
		argv[-1] = text("%s/ws", home);
		execv(argv[-1], argv - 1);
		fail("can't run %s/ws: %s", home, strerror(errno));
	}
	unsetenv("WS_FRESH");
	unsetenv("WS_SLOW");
	int at = plain_client(argc, argv), patiently = getenv("WS_WAIT_SERVER") != NULL;
	const char *file = NULL;
	enum way way = at ? plain_program(argv[at], &file) : UNKNOWN;
	if (way == UNKNOWN) at = 0;
	if (patiently) at = 0;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) patiently |= has_an_end(argv[i]);

	sigset_t all;
	sigemptyset(&all);
	static const int passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT, SIGCHLD};
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) sigaddset(&all, passed[i]);
	sigprocmask(SIG_BLOCK, &all, &before);
	/* With SIGCHLD ignored, as some parents leave it, no child could be waited for. */
	signal(SIGCHLD, SIG_DFL);
	int signals = signalfd(-1, &all, SFD_CLOEXEC), listening = listen_here();

	struct server server = {-1, -1, -1, 0};
	int refusing = 0; /* the errno that is said in the server's place */
	char **words, **environment;
	if (at) {
		static char *plain[3];
		const char *other = getenv("LD_PRELOAD");
		plain[0] = text("WORLDSWITCH_SOCKET=%s", socket_path);
		if (way == PRELOADED) plain[1] = text("LD_PRELOAD=%s/libworldswitch.so%s%s", build, other && *other ? ":" : "", other ? other : "");
		environment = plain;
		words = way == TRAPPED ? trapped(file, argv + at, argc - at) : argv + at;
	} else {
		if (!has_addresses()) leave(USAGE_STATUS);
		server = start_server(listening, argc, argv, 1);
		words = read_plan(&server, &environment);
	}
	pid_t client = start_client(words, environment);
	for (;;) {
		/* While there is a server, it alone accepts. */
		struct pollfd fds[2] = {{signals, POLLIN, 0}, {server.pid < 0 ? listening : -1, POLLIN, 0}};
		if (poll(fds, 2, -1) < 0) continue;
		if (fds[1].revents && !refusing && !has_addresses()) refusing = ENOMEM;
		if (fds[1].revents && refusing) refuse(listening, refusing);
		else if (fds[1].revents) server = start_server(listening, argc, argv, 0);
		struct signalfd_siginfo s;
		if (!(fds[0].revents & POLLIN) || read(signals, &s, sizeof s) != sizeof s) continue;
		if (s.ssi_signo != SIGCHLD) {
			pass_on(&s, client);
			continue;
		}
		int status;
		for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
			if (pid == client) {
				end_server(&server, patiently);
				leave(status_of(status));
			}
			if (pid == server.pid) {
				server.pid = -1;
				close(server.lifeline);
				refusing = server_ended(&server, status, patiently);
			}
		}
	}
}
