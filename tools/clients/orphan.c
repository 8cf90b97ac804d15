/* A client whose server is killed: ws run -- orphan. Calls under way and later ones say EIO, at once; the program goes on. */
#include "guest.h"
#include "status.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>

static void *spin(void *p) {
	struct vcpu *v = p;
	int r;
	do r = ioctl(v->fd, KVM_RUN, 0);
	while (r == 0 || errno == EINTR);
	return (void *)(long)errno;
}

int main(void) {
	struct vm m, other;
	struct status s;
	pthread_t t[4];
	if (make_vm(&m, 4)) return perror("orphan"), 2;
	for (int i = 0; i < 4; i++) {
		if (add_vcpu(&m, 1)) return perror("orphan"), 2;
		pthread_create(&t[i], NULL, spin, &m.vcpu[i]);
	}
	usleep(100000);
	if (ask_status(&s, 0)) return 2;
	alarm(20);
	kill((pid_t)figure(&s, "server-pid"), SIGKILL);
	int bad = 0;
	for (int i = 0; i < 4; i++) {
		void *e;
		pthread_join(t[i], &e);
		if ((long)e != EIO) printf("KVM_RUN under way: %s\n", strerror((int)(long)e)), bad = 1;
	}
	if (ioctl(m.fd, KVM_CHECK_EXTENSION, 3) >= 0 || errno != EIO) printf("the VM: %s\n", strerror(errno)), bad = 1;
	m.memory[0]++; /* its memory is its own */
	if (!make_vm(&other, 1) || errno != EIO) printf("a new VM: %s\n", strerror(errno)), bad = 1;
	drop_vm(&m);
	usleep(500000); /* the launcher says that the server ended */
	if (!bad) printf("%-34s %6d times           every call under way or later said EIO  ok\n", "server-killed", 1);
	return bad;
}
