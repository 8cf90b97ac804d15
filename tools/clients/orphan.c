/* A client whose server is killed: ws run -- orphan. Calls under way and later ones say EIO, at once; another VM is made by a new
 * server, and what was of the first one stays as it is. ws run -- orphan --without-memory: one whose server can't start. */
#include "guest.h"
#include "status.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static int bad;
static pid_t before;

static void *spin(void *p) {
	struct vcpu *v = p;
	int r;
	do r = ioctl(v->fd, KVM_RUN, 0);
	while (r == 0 || errno == EINTR);
	return (void *)(long)errno;
}

static void says_eio(const char *what, int r) {
	if (r < 0 && errno == EIO) return;
	printf("%s: %s\n", what, r < 0 ? strerror(errno) : "no error");
	bad = 1;
}

/* Calls on files of the server that has ended. */
static void orphans(struct vm *m) {
	says_eio("the VM", ioctl(m->fd, KVM_CHECK_EXTENSION, 3));
	says_eio("a new vCPU", ioctl(m->fd, KVM_CREATE_VCPU, 60));
	for (int i = 0; i < m->vcpus; i++) says_eio("a vCPU", ioctl(m->vcpu[i].fd, KVM_RUN, 0));
	says_eio("a mapping", mmap(NULL, 4096, PROT_READ, MAP_SHARED, m->vcpu[0].fd, 0) == MAP_FAILED ? -1 : 0);
}

static void works(const char *who) {
	struct vm m;
	if (make_vm(&m, 2) || add_vcpu(&m, 0) || add_vcpu(&m, 0) || check_guest(&m, 0, 20) || check_guest(&m, 1, 20)) printf("%s: %s\n", who, strerror(errno)), bad = 1;
	drop_vm(&m);
}

static pid_t server(void) {
	struct status s;
	return ask_status(&s, 0) ? -1 : (pid_t)figure(&s, "server-pid");
}

static void *another_thread(void *m) {
	orphans(m);
	works("another thread");
	return NULL;
}

/* What is adopted by the new server was common with the old one. */
static void same_memory_again(struct vm *old) {
	struct vm m;
	struct kvm_userspace_memory_region r = {.slot = 1, .guest_phys_addr = 1 << 30, .memory_size = ROOM, .userspace_addr = (uint64_t)old->memory};
	if (make_vm(&m, 1) || ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r)) printf("memory of before: %s\n", strerror(errno)), bad = 1;
	old->memory[77]++;
	drop_vm(&m);
}

int main(int argc, char **argv) {
	struct vm m;
	pthread_t t[4];
	alarm(60);
	if (argc > 1 && !strcmp(argv[1], "--without-memory")) {
		for (int i = 0; i < 3; i++)
			if (!make_vm(&m, 1) || errno != ENOMEM) return printf("KVM_CREATE_VM: %s\n", m.fd < 0 ? strerror(errno) : "no error"), 1;
		return 0;
	}
	if (make_vm(&m, 4)) return perror("orphan"), 2;
	for (int i = 0; i < 4; i++) {
		if (add_vcpu(&m, 1)) return perror("orphan"), 2;
		pthread_create(&t[i], NULL, spin, &m.vcpu[i]);
	}
	sleep(2); /* a server that ends at once is not started again */
	before = server();
	if (before <= 0) return 2;
	m.memory[50] = 50;
	kill(before, SIGKILL);
	for (int i = 0; i < 4; i++) {
		void *e;
		pthread_join(t[i], &e);
		if ((long)e != EIO) printf("KVM_RUN under way: %s\n", strerror((int)(long)e)), bad = 1;
	}
	orphans(&m);
	if (m.memory[50]++ != 50) printf("its memory is another\n"), bad = 1;
	works("the same process");
	pid_t now = server();
	if (now <= 0 || now == before) printf("the new server is %d, the old one was %d\n", now, before), bad = 1;
	orphans(&m);
	same_memory_again(&m);
	pthread_create(&t[0], NULL, another_thread, &m);
	pthread_join(t[0], NULL);
	pid_t p = fork();
	if (!p) {
		orphans(&m);
		works("a child");
		exit(bad);
	}
	int status;
	if (waitpid(p, &status, 0) != p || status) printf("the child: %d\n", status), bad = 1;
	/* Their end is not told to anybody, and concerns nobody. */
	drop_vm(&m);
	works("after all");
	struct status s = {{0}};
	for (int i = 0; i < 50; i++) {
		ask_status(&s, 0);
		if (!figure(&s, "files-vm") && !figure(&s, "files-vcpu")) break;
		usleep(100000);
	}
	if (figure(&s, "files-vm") || figure(&s, "files-vcpu")) printf("left in the new server: %s\n", s.text), bad = 1;
	if (!bad) printf("%-34s %6d times           its VMs' calls said EIO, a new server did the rest  ok\n", "server-killed-and-started-anew", 1);
	return bad;
}
