/* The client's memory: copied on request, and made common with the server where a guest shall see it. */
#include "shim.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define PAGE 4096ull
#define COPY_MAX 4096
/* As in the server: it leaves this much room behind the range that it asks for. */
#define ADOPT_AHEAD (1ull << 30)
#define AHEAD_FROM (1ull << 20)

/* Ranges that are or were asked for: changes inside them are told to the server. Sorted, neighbours joined. */
struct range {
	uint64_t from, to;
};
static struct range *watched;
static size_t watched_n, watched_room;
static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;

int ws_watched(uint64_t address, uint64_t size) {
	int hit = 0;
	if (!__atomic_load_n(&watched_n, __ATOMIC_ACQUIRE)) return 0;
	pthread_mutex_lock(&watch_lock);
	for (size_t i = 0; i < watched_n && !hit; i++) hit = address < watched[i].to && address + size > watched[i].from;
	pthread_mutex_unlock(&watch_lock);
	return hit;
}

static void watch(uint64_t from, uint64_t to) {
	size_t i, j;
	pthread_mutex_lock(&watch_lock);
	for (i = 0; i < watched_n && watched[i].to < from; i++) {}
	for (j = i; j < watched_n && watched[j].from <= to; j++) {
		if (watched[j].from < from) from = watched[j].from;
		if (watched[j].to > to) to = watched[j].to;
	}
	if (j == i) {
		if (watched_n == watched_room) {
			size_t room = watched_room ? watched_room * 2 : 16;
			struct range *more = realloc(watched, room * sizeof *more);
			if (!more) goto out;
			watched = more;
			watched_room = room;
		}
		memmove(watched + i + 1, watched + i, (watched_n - i) * sizeof *watched);
		__atomic_store_n(&watched_n, watched_n + 1, __ATOMIC_RELEASE);
	} else {
		memmove(watched + i + 1, watched + j, (watched_n - j) * sizeof *watched);
		__atomic_store_n(&watched_n, watched_n - (j - i - 1), __ATOMIC_RELEASE);
	}
	watched[i] = (struct range){from, to};
out:
	pthread_mutex_unlock(&watch_lock);
}

/* What is known to show the common file, and which part of it. Sorted; under watch_lock. */
static struct common {
	uint64_t from, to, offset;
} *commons;
static size_t commons_n, commons_room;

static size_t first_common(uint64_t address) {
	size_t low = 0, high = commons_n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (commons[middle].to <= address) low = middle + 1;
		else high = middle;
	}
	return low;
}

static int room_for_common(size_t at) {
	if (commons_n == commons_room) {
		size_t room = commons_room ? commons_room * 2 : 64;
		struct common *more = realloc(commons, room * sizeof *more);
		if (!more) return 0;
		commons = more;
		commons_room = room;
	}
	memmove(commons + at + 1, commons + at, (commons_n - at) * sizeof *commons);
	commons_n++;
	return 1;
}

static void cut_commons(uint64_t from, uint64_t to) {
	size_t i = first_common(from), j;
	if (i < commons_n && commons[i].from < from && commons[i].to > to && room_for_common(i)) {
		commons[i].to = from;
		commons[i + 1].offset += to - commons[i + 1].from;
		commons[i + 1].from = to;
		return;
	}
	if (i < commons_n && commons[i].from < from) commons[i++].to = from;
	for (j = i; j < commons_n && commons[j].to <= to; j++) {}
	if (j < commons_n && commons[j].from < to) {
		commons[j].offset += to - commons[j].from;
		commons[j].from = to;
	}
	memmove(commons + i, commons + j, (commons_n - j) * sizeof *commons);
	commons_n -= j - i;
}

/* This range shows other memory now. */
void ws_uncommon(uint64_t from, uint64_t size) {
	pthread_mutex_lock(&watch_lock);
	cut_commons(from, from + size);
	pthread_mutex_unlock(&watch_lock);
}

static void note_common(uint64_t from, uint64_t to, uint64_t offset);

/* mremap(2) has moved a range. */
void ws_moved(uint64_t old, uint64_t size, uint64_t now) {
	for (uint64_t at = old; at < old + size;) {
		struct common c = {0, 0, 0};
		pthread_mutex_lock(&watch_lock);
		size_t i = first_common(at);
		if (i < commons_n && commons[i].from < old + size) {
			c = commons[i];
			if (c.from < at) c.offset += at - c.from, c.from = at;
			if (c.to > old + size) c.to = old + size;
			cut_commons(c.from, c.to);
		}
		pthread_mutex_unlock(&watch_lock);
		if (!c.to) return;
		note_common(c.from - old + now, c.to - old + now, c.offset);
		at = c.to;
	}
}

static void note_common(uint64_t from, uint64_t to, uint64_t offset) {
	pthread_mutex_lock(&watch_lock);
	cut_commons(from, to);
	size_t i = first_common(from);
	if (i && commons[i - 1].to == from && commons[i - 1].offset + (from - commons[i - 1].from) == offset) commons[i - 1].to = to;
	else if (room_for_common(i)) commons[i] = (struct common){from, to, offset};
	pthread_mutex_unlock(&watch_lock);
}

void ws_changed(uint64_t address, uint64_t size, int gone) {
	struct call c = {.fd = -1};
	ws_call(&c, MEMORY_CHANGED, address, size, (uint64_t)gone, NULL, 0, 0);
}

/* A pipe copies between two of our own addresses and answers EFAULT where a plain access would kill the client. */
int ws_copy(const void *from, void *to, size_t n) {
	int ends[2], ok = 1;
	if (raw(SYS_pipe2, ends, O_CLOEXEC) < 0) return 0;
	while (n && ok) {
		size_t part = PAGE - (uint64_t)from % PAGE;
		if (part > n) part = n;
		ok = raw(SYS_write, ends[1], from, part) == (long)part;
		for (size_t done = 0; ok && done < part;) {
			long r = raw(SYS_read, ends[0], (char *)to + done, part - done);
			ok = r > 0;
			if (ok) done += (size_t)r;
		}
		from = (const char *)from + part;
		to = (char *)to + part;
		n -= part;
	}
	raw(SYS_close, ends[0]);
	raw(SYS_close, ends[1]);
	return ok;
}

void ws_copy_in(int conn, uint64_t address, uint64_t size) {
	char data[COPY_MAX];
	if (size > sizeof data || !ws_copy((void *)address, data, size)) ws_send(conn, REPLY, 0, 0, 0, NULL, 0, -1);
	else ws_send(conn, REPLY, 1, 0, 0, data, size, -1);
}

void ws_copy_out(int conn, uint64_t address, const void *from, uint64_t size) {
	ws_send(conn, REPLY, (uint64_t)ws_copy(from, (void *)address, size), 0, 0, NULL, 0, -1);
}

struct mapping {
	uint64_t from, to, offset, inode, device;
	int prot, shared;
	char path[PATH_MAX];
};

/* One line of /proc/self/maps. */
static int parse(const char *line, struct mapping *m) {
	unsigned major_, minor_;
	unsigned long from, to, offset, inode;
	char mode[5];
	int path = 0;
	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &from, &to, mode, &offset, &major_, &minor_, &inode, &path) < 7) return 0;
	m->from = from;
	m->to = to;
	m->offset = offset;
	m->inode = inode;
	m->device = makedev(major_, minor_);
	m->prot = (mode[0] == 'r' ? PROT_READ : 0) | (mode[1] == 'w' ? PROT_WRITE : 0) | (mode[2] == 'x' ? PROT_EXEC : 0);
	m->shared = mode[3] == 's';
	snprintf(m->path, sizeof m->path, "%s", line + path);
	return 1;
}

static int is_file(int fd, const struct mapping *m) {
	struct stat s;
	return fd >= 0 && fstat(fd, &s) == 0 && s.st_ino == m->inode && s.st_dev == m->device;
}

/* A descriptor of the file behind a shared mapping: by the kernel's own link, by a descriptor still open, by its name. */
static int open_behind(const struct mapping *m) {
	char path[96];
	int mode = m->prot & PROT_WRITE ? O_RDWR : O_RDONLY;
	long fd;
	snprintf(path, sizeof path, "/proc/self/map_files/%llx-%llx", (unsigned long long)m->from, (unsigned long long)m->to);
	fd = raw(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0) fd = raw(SYS_openat, AT_FDCWD, path, mode | O_CLOEXEC);
	if (fd >= 0) return (int)fd;
	for (int n = 0; n < 4096; n++) {
		if (!is_file(n, m)) continue;
		fd = raw(SYS_fcntl, n, F_DUPFD_CLOEXEC, 0);
		if (fd >= 0) return (int)fd;
	}
	fd = raw(SYS_openat, AT_FDCWD, m->path, mode | O_CLOEXEC);
	if (fd >= 0 && is_file((int)fd, m)) return (int)fd;
	if (fd >= 0) raw(SYS_close, fd);
	return -1;
}

#define BATCH 4096 /* pages looked at, and replaced, at once */
#define PIECE 16   /* pages copied and replaced at once */

/* The page map, if it is by our addresses: an emulator may have moved them. Then our own stack looks untouched. */
static int open_pagemap(void) {
	uint64_t here = 0;
	int fd = (int)raw(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0) return -1;
	if (raw(SYS_pread64, fd, &here, 8, (uint64_t)&here / PAGE * 8) == 8 && here >> 62) return fd;
	raw(SYS_close, fd);
	return -1;
}

/* Which of n pages were ever touched, a word each (proc(5): pagemap); 0 when that can't be told. */
static int touched_pages(int pagemap, uint64_t from, uint64_t n, uint64_t *words) {
	return pagemap >= 0 && raw(SYS_pread64, pagemap, words, n * 8, from / PAGE * 8) == (long)(n * 8);
}

static int show_common(uint64_t from, uint64_t to, int prot, uint64_t offset) {
	long r = raw(SYS_mmap, from, to - from, prot, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, ws_memory_fd(), offset);
	return !(r < 0 && r > -4096);
}

/* Replaces a private range by common memory at the same address, contents kept. Piece by piece, each right after it was
 * copied: another thread of the client may be writing to it, and what it writes in between is lost. */
static int make_common(const struct mapping *m, uint64_t from, uint64_t to, uint64_t offset) {
	uint64_t words[BATCH], size = to - from;
	int done = 1, pagemap = -1;
	long copy = raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, ws_memory_fd(), offset);
	if (copy < 0 && copy > -4096) return 0;
	if (!(m->prot & PROT_READ)) raw(SYS_mprotect, from, size, m->prot | PROT_READ);
	if (!m->inode) pagemap = open_pagemap();
	for (uint64_t at = from; at < to && done;) {
		uint64_t n = (to - at) / PAGE < BATCH ? (to - at) / PAGE : BATCH;
		int known = touched_pages(pagemap, at, n, words);
		for (uint64_t i = 0, j; i < n && done; i = j) {
			int touched = !known || words[i] >> 62;
			for (j = i + 1; j < n && (!touched || j - i < PIECE) && (!known || words[j] >> 62) == (uint64_t)touched; j++) {}
			uint64_t start = at + i * PAGE, end = at + j * PAGE;
			if (touched) memcpy((char *)copy + (start - from), (char *)start, end - start);
			done = show_common(start, end, m->prot, offset + (start - from));
		}
		at += n * PAGE;
	}
	if (pagemap >= 0) raw(SYS_close, pagemap);
	raw(SYS_munmap, copy, size);
	return done;
}

/* How much of the mapping behind `to` was never touched: it is made common too, at no cost, so that the next slots of the
 * same area need not ask. */
static uint64_t untouched_ahead(const struct mapping *m, uint64_t to) {
	uint64_t words[BATCH], end = to + ADOPT_AHEAD < m->to ? to + ADOPT_AHEAD : m->to;
	int pagemap = open_pagemap();
	while (to < end) {
		uint64_t n = (end - to) / PAGE < BATCH ? (end - to) / PAGE : BATCH;
		if (!touched_pages(pagemap, to, n, words)) break;
		uint64_t i = 0;
		while (i < n && !(words[i] >> 62)) i++;
		to += i * PAGE;
		if (i < n) break;
	}
	if (pagemap >= 0) raw(SYS_close, pagemap);
	return to;
}

/* What belongs to the running program itself: files mapped privately, stack, heap, what the kernel maps. */
static int of_program(const struct mapping *m) { return (m->inode && !m->shared) || (m->path[0] == '[' && strncmp(m->path, "[anon", 5)); }

/* Where a slot that starts in `m` and is larger must end: a slot can start anywhere and be huge by mistake, and program data made
 * common would be the same memory in a forked child until that has its own. Such memory is common only where a slot lies inside of it. */
static uint64_t limit(const struct mapping *m, uint64_t from, uint64_t to) {
	uint64_t thread = ((uint64_t)__builtin_thread_pointer() & ~(PAGE - 1)) - PAGE;
	if (of_program(m) && (m->from > from || m->to < to)) return m->from > from ? m->from : from;
	if (from <= thread && thread < to && thread >= m->from && thread < m->to) return thread;
	return to;
}

/* `*room` becomes 0 when there is no memory or no room in our address space for it. */
static int adopt_mapping(int conn, const struct mapping *m, uint64_t start, uint64_t size, uint64_t base, int *room) {
	uint64_t from = m->from < start ? start : m->from, to = m->to > start + size ? start + size : m->to;
	if (m->prot == PROT_NONE || from >= to || m->path[0] == '[') {
		/* Kernel ranges ([vvar] and such) can't be common; stack and heap can. */
		if (m->prot == PROT_NONE || from >= to || (strncmp(m->path, "[heap]", 6) && strncmp(m->path, "[anon", 5))) return 0;
	}
	if (is_file(ws_memory_fd(), m)) {
		note_common(from, to, m->offset + (from - m->from));
		return ws_send(conn, SEGMENT, from, to - from, m->offset + (from - m->from), &m->prot, 4, -1);
	}
	if (m->shared) {
		int fd = open_behind(m), r;
		if (fd >= 0) {
			r = ws_send(conn, SEGMENT, from, to - from, m->offset + (from - m->from), &m->prot, 4, fd);
			raw(SYS_close, fd);
			return r;
		}
		/* Nothing names this file any more: its pages are copied, other mappings of it no longer see the guest. */
	}
	uint64_t offset = base + (from - start);
	if (to == start + size && size >= AHEAD_FROM && !m->inode && !m->shared && m->path[0] == 0) {
		to = untouched_ahead(m, to);
		watch(from, to);
	}
	if (!make_common(m, from, to, offset)) {
		*room = 0;
		return 0;
	}
	note_common(from, to, offset);
	return ws_send(conn, SEGMENT, from, to - from, offset, &m->prot, 4, -1);
}

/* The client's latest anonymous private mappings that nothing has changed since: what /proc/self/maps would say of them is known,
 * and reading it takes long where there are many. Under watch_lock. */
#define FRESH 16
static struct range fresh[FRESH];
static int fresh_prot[FRESH];
static unsigned fresh_next;

void ws_fresh(uint64_t address, uint64_t size, int prot) {
	pthread_mutex_lock(&watch_lock);
	fresh[fresh_next % FRESH] = (struct range){address, address + size};
	fresh_prot[fresh_next++ % FRESH] = prot;
	pthread_mutex_unlock(&watch_lock);
}

void ws_not_fresh(uint64_t address, uint64_t size) {
	pthread_mutex_lock(&watch_lock);
	for (int i = 0; i < FRESH; i++)
		if (fresh[i].from < address + size && fresh[i].to > address) fresh[i].to = fresh[i].from = 0;
	pthread_mutex_unlock(&watch_lock);
}

static int find_fresh(uint64_t address, uint64_t size, struct mapping *m) {
	int found = 0;
	memset(m, 0, offsetof(struct mapping, path) + 1);
	pthread_mutex_lock(&watch_lock);
	for (int i = 0; i < FRESH && !found; i++)
		if (fresh[i].from <= address && address + size <= fresh[i].to) {
			m->from = fresh[i].from;
			m->to = fresh[i].to;
			m->prot = fresh_prot[i];
			/* After this it is no plain anonymous memory any more. */
			fresh[i].to = fresh[i].from = 0;
			found = 1;
		}
	pthread_mutex_unlock(&watch_lock);
	return found;
}

/* Makes what is mapped in the range common with the server: one SEGMENT for each part, then a REPLY. The lines of
 * /proc/self/maps are read at once, before anything is changed. The REPLY says 0 when something found no room. */
void ws_adopt(int conn, uint64_t address, uint64_t size, uint64_t base) {
	size_t room = 1 << 16, n = 0;
	int fits = 1;
	char *text = NULL;
	long got, fd;
	uint64_t end_of_slot = address + size;
	watch(address, address + size);
	struct mapping *m = malloc(sizeof *m);
	if (m && find_fresh(address, size, m)) {
		adopt_mapping(conn, m, address, size, base, &fits);
		goto out;
	}
	fd = raw(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		do {
			char *more = n + 8192 > room || !text ? realloc(text, room *= 2) : text;
			if (!more) break;
			text = more;
			got = raw(SYS_read, fd, text + n, room - n - 1);
			if (got > 0) n += (size_t)got;
		} while (got > 0);
		raw(SYS_close, fd);
	}
	if (text) {
		text[n] = 0;
		for (char *line = text; m && *line;) {
			char *end = strchr(line, '\n');
			if (!end) break;
			*end = 0;
			if (parse(line, m) && m->from < end_of_slot && m->to > address) {
				end_of_slot = limit(m, address, end_of_slot);
				if (end_of_slot <= address || adopt_mapping(conn, m, address, end_of_slot - address, base, &fits)) break;
			}
			line = end + 1;
		}
	}
	free(text);
out:
	if (!m) fits = 0;
	free(m);
	ws_send(conn, REPLY, (uint64_t)fits, 0, 0, NULL, 0, -1);
}

/* After fork common memory would stay common: the child gets a private view of it at the same addresses. */
void ws_memory_child(void) {
	struct mapping *m;
	char *line;
	long fd;
	pthread_mutex_init(&watch_lock, NULL);
	if (!watched_n || ws_memory_fd() < 0) return;
	m = malloc(sizeof *m);
	line = malloc(1 << 20);
	fd = raw(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (m && line && fd >= 0) {
		size_t n = 0;
		long got;
		while (n < (1 << 20) - 1 && (got = raw(SYS_read, fd, line + n, (1 << 20) - 1 - n)) > 0) n += (size_t)got;
		line[n] = 0;
		for (char *at = line, *end; (end = strchr(at, '\n')); at = end + 1) {
			*end = 0;
			if (parse(at, m) && m->shared && is_file(ws_memory_fd(), m))
				raw(SYS_mmap, m->from, m->to - m->from, m->prot, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, ws_memory_fd(), m->offset);
		}
	}
	if (fd >= 0) raw(SYS_close, fd);
	free(line);
	free(m);
	watched_n = 0;
	commons_n = 0;
}

/* The server has ended: what was common with it is shared memory like any other, of a file that nobody else has. */
void ws_memory_lost(void) {
	pthread_mutex_lock(&watch_lock);
	__atomic_store_n(&watched_n, 0, __ATOMIC_RELEASE);
	commons_n = 0;
	pthread_mutex_unlock(&watch_lock);
}

/* MADV_DONTNEED: if the whole range is our common memory, private before, its contents are lost by holes in the file.
 * 0 when it is not. (Holes by descriptor, not by MADV_REMOVE, which qemu-user ignores.) */
int ws_forget(uint64_t address, uint64_t size) {
	uint64_t at = address, end = address + size;
	if (ws_memory_fd() < 0 || !ws_watched(address, size)) return 0;
	pthread_mutex_lock(&watch_lock);
	size_t first = first_common(address);
	for (size_t i = first; i < commons_n && at < end && commons[i].from <= at; i++) at = commons[i].to;
	int whole = at >= end;
	for (size_t i = first; whole && i < commons_n && commons[i].from < end; i++) {
		uint64_t from = commons[i].from > address ? commons[i].from : address, to = commons[i].to < end ? commons[i].to : end;
		raw(SYS_fallocate, ws_memory_fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, commons[i].offset + (from - commons[i].from), to - from);
	}
	pthread_mutex_unlock(&watch_lock);
	return whole;
}
