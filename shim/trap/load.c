/* Loads a program as execve(2) would, into this process, with its system calls trapped.
 *
 *   ws-trap HAS-FILTER SOCKET FILE ARGV... */
#include "trap.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define PAGE 4096ull
#define SCRIPTS_MAX 4

static _Noreturn void fail(const char *file, const char *what) {
	fprintf(stderr, "ws: %s: %s\n", file, what);
	exit(127);
}

struct image {
	uint64_t base, entry, headers, header_n;
	char interpreter[PATH_MAX];
};

static int protection(uint32_t flags) { return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0); }

static void map_segment(const char *file, int fd, const Elf64_Phdr *p, uint64_t base) {
	uint64_t from = (base + p->p_vaddr) & ~(PAGE - 1), data = base + p->p_vaddr + p->p_filesz, end = base + p->p_vaddr + p->p_memsz;
	uint64_t full = (data + PAGE - 1) & ~(PAGE - 1);
	int prot = protection(p->p_flags);
	if (p->p_filesz && raw(SYS_mmap, from, data - from, prot, MAP_PRIVATE | MAP_FIXED, fd, p->p_offset & ~(PAGE - 1)) < 0) fail(file, "can't be mapped");
	if (!p->p_filesz) full = from;
	/* To the end of the page: ld.so takes the rest for its own heap. */
	if (p->p_filesz && end > data && (prot & PROT_WRITE)) memset((void *)data, 0, full - data);
	if (end > full && raw(SYS_mmap, full, ((end + PAGE - 1) & ~(PAGE - 1)) - full, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) < 0)
		fail(file, "can't be mapped");
}

static struct image *map_program(const char *file) {
	union {
		Elf64_Ehdr head;
		char bytes[4096];
	} start;
	struct image *i = calloc(1, sizeof *i);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) fail(file, strerror(errno));
	ssize_t n = read(fd, &start, sizeof start);
	Elf64_Ehdr *h = &start.head;
	if (!i || n < (ssize_t)sizeof *h || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_machine != EM_X86_64 ||
		(h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phoff + h->e_phnum * sizeof(Elf64_Phdr) > (size_t)n)
		fail(file, "is no program that can be loaded here");
	Elf64_Phdr *p = (Elf64_Phdr *)(start.bytes + h->e_phoff), *end = p + h->e_phnum;
	uint64_t low = UINT64_MAX, high = 0;
	for (Elf64_Phdr *s = p; s < end; s++) {
		if (s->p_type == PT_INTERP && s->p_filesz < sizeof i->interpreter && pread(fd, i->interpreter, s->p_filesz, (off_t)s->p_offset) != (ssize_t)s->p_filesz)
			fail(file, "names no interpreter");
		if (s->p_type != PT_LOAD) continue;
		if (s->p_vaddr < low) low = s->p_vaddr & ~(PAGE - 1);
		if (s->p_vaddr + s->p_memsz > high) high = s->p_vaddr + s->p_memsz;
	}
	if (low >= high) fail(file, "has nothing to load");
	/* A place for all of it at once; programs with fixed addresses get theirs or nothing. */
	long at = raw(SYS_mmap, h->e_type == ET_EXEC ? low : 0, high - low, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (h->e_type == ET_EXEC ? MAP_FIXED_NOREPLACE : 0), -1, 0);
	if (at < 0 && at > -4096) fail(file, "its addresses are taken by the loader");
	i->base = (uint64_t)at - low;
	i->entry = i->base + h->e_entry;
	i->header_n = h->e_phnum;
	for (Elf64_Phdr *s = p; s < end; s++) {
		if (s->p_type == PT_LOAD) {
			map_segment(file, fd, s, i->base);
			if (h->e_phoff >= s->p_offset && h->e_phoff < s->p_offset + s->p_filesz) i->headers = i->base + s->p_vaddr + (h->e_phoff - s->p_offset);
		}
	}
	close(fd);
	return i;
}

/* A script's first line: its interpreter takes the place of the file. */
static const char *through_scripts(const char *file, char ***argv) {
	for (int depth = 0; depth < SCRIPTS_MAX; depth++) {
		char *line = calloc(1, 256), *word, *more;
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || !line) fail(file, strerror(errno));
		ssize_t n = read(fd, line, 255);
		close(fd);
		if (n < 2 || memcmp(line, "#!", 2) != 0) return file;
		line[strcspn(line, "\n")] = 0;
		word = line + 2 + strspn(line + 2, " \t");
		more = word + strcspn(word, " \t");
		if (*more) *more++ = 0;
		more += strspn(more, " \t");
		for (size_t end = strlen(more); end && (more[end - 1] == ' ' || more[end - 1] == '\t');) more[--end] = 0;
		size_t count = 0, to = 0;
		while ((*argv)[count]) count++;
		char **all = calloc(count + 4, sizeof *all);
		if (!all) fail(file, strerror(ENOMEM));
		all[to++] = word;
		if (*more) all[to++] = more;
		all[to++] = (char *)file;
		for (size_t i = 1; i < count; i++) all[to++] = (*argv)[i];
		*argv = all;
		file = word;
	}
	fail(file, "is a script of a script of a script");
}

/* The preloaded shim would be a second one beside us. */
static void without_shim(char **environment) {
	for (char **e = environment; *e; e++) {
		char *found = strncmp(*e, "LD_PRELOAD=", 11) == 0 ? strstr(*e, "libworldswitch") : NULL;
		if (!found) continue;
		char *from = found, *to = found + strcspn(found, ": ");
		while (from > *e + 11 && from[-1] != ':' && from[-1] != ' ') from--;
		if (*to) to++;
		memmove(from, to, strlen(to) + 1);
	}
}

static _Noreturn void jump(uint64_t entry, uint64_t *stack) {
	__asm__ volatile("mov %0,%%rsp\nxor %%edx,%%edx\nxor %%ebp,%%ebp\njmp *%1" ::"a"(stack), "c"(entry) : "memory");
	__builtin_unreachable();
}

/* The client's first stack: argc, argv, environment and what the kernel tells of the program (gABI, auxiliary vector). */
static _Noreturn void start(const struct image *program, const struct image *first, const char *file, char **argv, char **environment) {
	size_t arguments = 0, variables = 0, words = 0;
	while (argv[arguments]) arguments++;
	while (environment[variables]) variables++;
	Elf64_auxv_t *given = (Elf64_auxv_t *)(environment + variables + 1);
	while (given[words].a_type != AT_NULL) words++;
	size_t n = 1 + arguments + 1 + variables + 1 + 2 * (words + 1);
	uint64_t *block = __builtin_alloca_with_align((n + 2) * 8, 128), *to = block;
	to = block = (uint64_t *)((uint64_t)block & ~15ull);
	*to++ = arguments;
	for (size_t i = 0; i <= arguments; i++) *to++ = (uint64_t)argv[i];
	for (size_t i = 0; i <= variables; i++) *to++ = (uint64_t)environment[i];
	for (size_t i = 0; i <= words; i++) {
		uint64_t value = given[i].a_un.a_val;
		switch (given[i].a_type) {
		case AT_PHDR: value = program->headers; break;
		case AT_PHNUM: value = program->header_n; break;
		case AT_ENTRY: value = program->entry; break;
		case AT_BASE: value = first == program ? 0 : first->base; break;
		case AT_EXECFN: value = (uint64_t)file; break;
		}
		*to++ = given[i].a_type;
		*to++ = value;
	}
	jump(first->entry, block);
}

int main(int argc, char **argv, char **environment) {
	static char self[PATH_MAX], whole[PATH_MAX];
	if (argc < 5) return 2;
	int has_filter = argv[1][0] == '1';
	char **client = argv + 4;
	long n = raw(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", self, sizeof self - 1);
	if (n <= 0) fail(argv[0], "does not find itself");
	without_shim(environment);
	/* The client's own environment may say nothing of it. */
	ws_use_socket(argv[2]);
	ws_look_at_inherited();
	const char *file = through_scripts(argv[3], &client);
	const struct image *program = map_program(file), *first = program;
	if (program->interpreter[0]) first = map_program(program->interpreter);
	if (!realpath(file, whole)) snprintf(whole, sizeof whole, "%s", file);
	const char *slash = strrchr(argv[3], '/');
	prctl(PR_SET_NAME, slash ? slash + 1 : argv[3], 0, 0, 0);
	trap_start(self, whole, has_filter);
	start(program, first, file, client, environment);
}
