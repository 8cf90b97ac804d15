/* A preloaded program that starts a static one: that one is loaded with its system calls trapped (trap/). */
#if defined(__x86_64__)
#include "shim.h"

#include <dlfcn.h>
#include <elf.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARGUMENTS_MAX 4096

extern char **environ;
static char loader[PATH_MAX];

/* ws-trap lies beside this library. */
__attribute__((constructor)) static void find_loader(void) {
	Dl_info us;
	if (!ws_active() || !dladdr((void *)find_loader, &us)) return;
	const char *end = strrchr(us.dli_fname, '/');
	if (end) snprintf(loader, sizeof loader, "%.*s/ws-trap", (int)(end - us.dli_fname), us.dli_fname);
	if (raw(SYS_faccessat, AT_FDCWD, loader, X_OK)) loader[0] = 0;
}

static int is_static(const char *path) {
	union {
		Elf64_Ehdr head;
		char bytes[4096];
	} file;
	if (!loader[0] || raw(SYS_faccessat, AT_FDCWD, path, X_OK)) return 0;
	long fd = raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return 0;
	long n = raw(SYS_read, fd, &file, sizeof file);
	raw(SYS_close, fd);
	if (n < (long)sizeof file.head || memcmp(file.head.e_ident, ELFMAG, SELFMAG) != 0 || file.head.e_machine != EM_X86_64) return 0;
	for (int i = 0; i < file.head.e_phnum; i++) {
		size_t at = file.head.e_phoff + (size_t)i * sizeof(Elf64_Phdr);
		if (at + sizeof(Elf64_Phdr) > (size_t)n || ((Elf64_Phdr *)(file.bytes + at))->p_type == PT_INTERP) return 0;
	}
	/* The loader itself is one that needs no other. */
	return strcmp(path, loader) != 0;
}

/* The file that a search of PATH finds; `into` has PATH_MAX bytes. */
static const char *on_path(const char *command, char *into) {
	const char *path = getenv("PATH");
	if (strchr(command, '/')) return command;
	for (const char *d = path ? path : "/bin:/usr/bin"; *d;) {
		size_t n = strcspn(d, ":");
		snprintf(into, PATH_MAX, "%.*s/%s", n ? (int)n : 1, n ? d : ".", command);
		if (raw(SYS_faccessat, AT_FDCWD, into, X_OK) == 0) return into;
		d += n + (d[n] == ':');
	}
	return command;
}

static size_t count(char *const *words) {
	size_t n = 0;
	while (words && words[n]) n++;
	return n;
}

/* The loader's command line around the client's; `into` has room for 5 words more. */
static char *const *trapped(const char *path, char *const *argv, size_t n, char **into) {
	static char no_filter[] = "0";
	into[0] = loader;
	into[1] = no_filter;
	into[2] = (char *)ws_socket_path();
	into[3] = (char *)path;
	if (argv) memcpy(into + 4, argv, n * sizeof *argv);
	into[4 + n] = NULL;
	return into;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[]) {
	if (!is_static(path)) return (int)answer(raw(SYS_execve, path, argv, envp));
	size_t n = count(argv);
	char *words[n + 5];
	return (int)answer(raw(SYS_execve, loader, trapped(path, argv, n, words), envp));
}
EXPORT int execv(const char *path, char *const argv[]) { return execve(path, argv, environ); }
EXPORT int execvpe(const char *command, char *const argv[], char *const envp[]) {
	char room[PATH_MAX];
	const char *file = on_path(command, room);
	if (is_static(file)) return execve(file, argv, envp);
	int (*next)(const char *, char *const[], char *const[]) = dlsym(RTLD_NEXT, "execvpe");
	return next(command, argv, envp);
}
EXPORT int execvp(const char *command, char *const argv[]) { return execvpe(command, argv, environ); }

static int collect(char **words, const char *first, va_list more) {
	int n = 0;
	for (char *w = (char *)first; (words[n] = w) && n < ARGUMENTS_MAX; n++) w = va_arg(more, char *);
	return n < ARGUMENTS_MAX ? 0 : (int)answer(-E2BIG);
}
EXPORT int execl(const char *path, const char *first, ...) {
	char *words[ARGUMENTS_MAX + 1];
	va_list more;
	va_start(more, first);
	int bad = collect(words, first, more);
	va_end(more);
	return bad ? bad : execv(path, words);
}
EXPORT int execlp(const char *command, const char *first, ...) {
	char *words[ARGUMENTS_MAX + 1];
	va_list more;
	va_start(more, first);
	int bad = collect(words, first, more);
	va_end(more);
	return bad ? bad : execvp(command, words);
}

typedef int spawn(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[], char *const[]);

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
	size_t n = count(argv);
	char *words[n + 5];
	spawn *next = dlsym(RTLD_NEXT, "posix_spawn");
	if (!is_static(path)) return next(pid, path, actions, attributes, argv, envp);
	return next(pid, loader, actions, attributes, trapped(path, argv, n, words), envp);
}
EXPORT int posix_spawnp(pid_t *pid, const char *command, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
	char room[PATH_MAX];
	const char *file = on_path(command, room);
	if (is_static(file)) return posix_spawn(pid, file, actions, attributes, argv, envp);
	spawn *next = dlsym(RTLD_NEXT, "posix_spawnp");
	return next(pid, command, actions, attributes, argv, envp);
}
#endif
