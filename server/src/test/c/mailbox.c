#include "toy.h"

/* Short calls, one right after the other, so that they go through shared memory: in many threads, with handlers that call
 * themselves, beside fork and exec, stopped and killed in the middle. */
#define THREADS 48
#define CALLS 200

static int kvm, vm;
static volatile int stop;

static uint64_t add_one(uint64_t v) {
	CHECK(ioctl(vm, ADD_ONE, &v) == 0);
	return v;
}

static void *calls(void *p) {
	for (int i = 0; i < CALLS; i++) CHECK(add_one((uint64_t)i & 127) == ((uint64_t)i & 127) + 1);
	return p;
}

static void *calls_until_stopped(void *p) {
	volatile uint64_t *count = p;
	for (; !stop; ++*count) CHECK(add_one(41) == 42);
	return NULL;
}

static volatile int handled;
static void call_inside(int sig) { handled += (int)add_one((uint64_t)sig) - sig; }

static void *send_signals(void *p) {
	pthread_t to = *(pthread_t *)p;
	for (int i = 0; i < 200; i++) {
		pthread_kill(to, SIGUSR1);
		usleep(50);
	}
	stop = 1;
	return NULL;
}

static void many_threads(void) {
	pthread_t t[THREADS];
	for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&t[i], NULL, calls, NULL) == 0);
	for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
}

static void handlers_that_call(void) {
	pthread_t self = pthread_self(), t;
	uint64_t count = 0;
	stop = 0;
	signal(SIGUSR1, call_inside);
	CHECK(pthread_create(&t, NULL, send_signals, &self) == 0);
	calls_until_stopped(&count);
	pthread_join(t, NULL);
	CHECK(handled > 0 && count > 0);
}

/* Interrupted at any moment of a run: before the guest, while looking for the answer, asleep. */
static void runs_that_are_interrupted(void) {
	struct itimerval none = {{0, 0}, {0, 0}};
	int vcpu = ioctl(vm, CREATE_VCPU, 0);
	char *run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	CHECK(run != MAP_FAILED);
	signal(SIGALRM, call_inside);
	for (int i = 0; i < 200; i++) {
		struct itimerval soon = {{0, 1000}, {0, 1 + i % 50 * 3}};
		handled = 0;
		setitimer(ITIMER_REAL, &soon, NULL);
		CHECK(ioctl(vcpu, RUN, 0) == -1 && errno == EINTR);
		CHECK(handled);
		setitimer(ITIMER_REAL, &none, NULL);
	}
	/* With immediate_exit: answers at once, whatever arrives. */
	run[1] = 1;
	for (int i = 0; i < 500; i++) CHECK(ioctl(vcpu, RUN, 0) == -1 && errno == EINTR);
	close(vcpu);
	munmap(run, 4096);
}

static void children(const char *self) {
	uint64_t *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), seen;
	int status;
	for (int i = 0; i < 12; i++) {
		count[i] = 0;
		pid_t p = fork();
		if (p == 0) {
			pthread_t t;
			stop = 0;
			kvm = open("/dev/kvm", O_RDWR);
			vm = ioctl(kvm, CREATE_VM, 0);
			pthread_create(&t, NULL, calls_until_stopped, &count[i]);
			if (i % 3 == 2) {
				/* exec, and a fork before it, while the other thread is in a call */
				while (count[i] < 20) usleep(100);
				pid_t q = fork();
				if (q == 0) _exit(calls(NULL) != NULL);
				CHECK(waitpid(q, &status, 0) == q && status == 0);
				/* An emulator can't execute another program of its kind where the kernel does not know it. */
				if (getenv("NO_EXEC")) _exit(0);
				execl(self, self, "done", NULL);
				_exit(2);
			}
			calls_until_stopped(&count[i + 16]);
			_exit(1);
		}
		while (((volatile uint64_t *)count)[i] < 20) usleep(100);
		if (i % 3 == 1) {
			kill(p, SIGSTOP);
			CHECK(waitpid(p, &status, WUNTRACED) == p && WIFSTOPPED(status));
			seen = ((volatile uint64_t *)count)[i];
			usleep(1000);
			kill(p, SIGCONT);
			while (((volatile uint64_t *)count)[i] == seen) usleep(100);
		}
		if (i % 3 < 2) usleep((unsigned)i * 37), kill(p, SIGKILL);
		CHECK(waitpid(p, &status, 0) == p && (i % 3 < 2 ? WIFSIGNALED(status) : status == 0));
	}
}

int main(int argc, char **argv) {
	kvm = open("/dev/kvm", O_RDWR);
	vm = ioctl(kvm, CREATE_VM, 0);
	if (argc > 1) return calls(NULL) != NULL;
	calls(NULL);
	many_threads();
	handlers_that_call();
	runs_that_are_interrupted();
	children(argv[0]);
	calls(NULL);
	return 0;
}
