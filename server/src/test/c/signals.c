#include "toy.h"

static volatile int handled;
static char *run;
static int vcpu;
static pthread_t runner;
static uint64_t runs_before;

static void on_signal(int sig) { handled = sig; }

static void install(int sig, int flags) {
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = flags};
	CHECK(sigaction(sig, &a, NULL) == 0);
	handled = 0;
}

/* Sends a signal once the runner is in KVM_RUN: the toy counts its runs at 16. */
static void *sender(void *p) {
	volatile uint64_t *runs = (volatile uint64_t *)(run + 16);
	while (*runs == runs_before) usleep(100);
	pthread_kill(runner, (int)(long)p);
	return NULL;
}

static void interrupted_by(int sig, int guest) {
	pthread_t t;
	run[0] = (char)guest;
	*(uint32_t *)(run + 8) = 0;
	runs_before = *(uint64_t *)(run + 16);
	CHECK(pthread_create(&t, NULL, sender, (void *)(long)sig) == 0);
	CHECK(ioctl(vcpu, RUN, 0) == -1 && errno == EINTR && *(uint32_t *)(run + 8) == 10);
	pthread_join(t, NULL);
}

static int is_pending(int sig) {
	sigset_t p;
	sigpending(&p);
	return sigismember(&p, sig);
}

static void *later_exit(void *p) {
	usleep(30000);
	pthread_kill(runner, SIGCHLD); /* ignored by default: must not end the call */
	usleep(30000);
	run[1] = 1;
	(void)p;
	return NULL;
}

int main(void) {
	int kvm = open("/dev/kvm", O_RDWR), vm = ioctl(kvm, CREATE_VM, 0);
	vcpu = ioctl(vm, CREATE_VCPU, 0);
	run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	CHECK(run != MAP_FAILED);
	runner = pthread_self();
	for (int guest = 0; guest < 2; guest++) {
		install(SIGUSR1, 0);
		interrupted_by(SIGUSR1, guest);
		CHECK(handled == SIGUSR1);
		install(SIGUSR1, SA_RESTART);
		interrupted_by(SIGUSR1, guest);
		CHECK(handled == SIGUSR1);
		install(SIGRTMIN, SA_RESTART);
		interrupted_by(SIGRTMIN, guest);
		CHECK(handled == SIGRTMIN);

		/* KVM_SET_SIGNAL_MASK: blocked outside, open inside: ends the run and stays pending. */
		install(SIGUSR2, 0);
		sigset_t block, before;
		sigemptyset(&block);
		sigaddset(&block, SIGUSR2);
		pthread_sigmask(SIG_BLOCK, &block, &before);
		struct {
			uint32_t len;
			unsigned char set[8];
		} mask = {8, {0}};
		CHECK(ioctl(vcpu, SET_SIGNAL_MASK, &mask) == 0);
		interrupted_by(SIGUSR2, guest);
		CHECK(!handled && is_pending(SIGUSR2));
		/* Still pending: the next run ends at once. */
		CHECK(ioctl(vcpu, RUN, 0) == -1 && errno == EINTR && !handled);
		CHECK(ioctl(vcpu, SET_SIGNAL_MASK, 0) == 0);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		CHECK(handled == SIGUSR2);
	}
	/* immediate_exit from another thread; an ignored signal before it changes nothing. */
	pthread_t t;
	run[0] = 0;
	CHECK(pthread_create(&t, NULL, later_exit, NULL) == 0);
	CHECK(ioctl(vcpu, RUN, 0) == -1 && errno == EINTR && run[1] == 1);
	pthread_join(t, NULL);
	return 0;
}
