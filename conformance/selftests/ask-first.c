/* Preloaded for 6.1's amx_test only: it reads and keeps KVM_GET_SUPPORTED_CPUID before it asks for guest permission to use
 * tiles, so that it skips on a real Sapphire Rapids too (fixed upstream later). Asking before main() lets it run. */
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((constructor)) static void ask_first(void)
{
    syscall(SYS_arch_prctl, 0x1025 /* ARCH_REQ_XCOMP_GUEST_PERM */, 18);
}
