package dev.worldswitch.kvm.arm64;

/**
 * One interrupt of an interrupt controller, as one word (struct vgic_irq): line level 0, pending latch 1, active 2,
 * enabled 3, group 4, edge-triggered 5, mapped 6, priority 15:8, target vCPU plus 1 25:16, vCPU that has it in a list register or
 * active plus 1 35:26, affinity of IROUTER 59:36; of a GICv2 there: targets of a shared
 * interrupt or senders of an SGI 43:36, sender of the active SGI 46:44. Pure functions.
 */
final class VgicIrq {
    static final long LINE = 1, LATCH = 2, ACTIVE = 4, ENABLED = 8, GROUP1 = 16, EDGE = 32;
    /** An LPI that an event is mapped to. */
    static final long MAPPED = 64;
    /** VGIC_PRI_BITS: five bits of priority. */
    static final int PRIORITY_BITS = 0xf8;

    private static final int PRIORITY = 8, TARGET = 16, HOLDER = 26, AFFINITY = 36, SENDER = 44;
    private static final long INDEX = 0x3ff;

    private VgicIrq() {}

    /** irq_is_pending. */
    static boolean pending(long irq) {
        return (irq & LATCH) != 0 || (irq & (LINE | EDGE)) == LINE;
    }

    /** It belongs on a vCPU's list: active, or pending and enabled. */
    static boolean queued(long irq) {
        return (irq & ACTIVE) != 0 || (irq & ENABLED) != 0 && pending(irq);
    }

    static int priority(long irq) {
        return (int) (irq >>> PRIORITY) & 0xff;
    }

    static long priority(long irq, int priority) {
        return irq & ~(0xffL << PRIORITY) | (long) (priority & PRIORITY_BITS) << PRIORITY;
    }

    /** Index of the vCPU that it is routed to; -1 for none. */
    static int target(long irq) {
        return (int) (irq >>> TARGET & INDEX) - 1;
    }

    static long target(long irq, int vcpu) {
        return irq & ~(INDEX << TARGET) | (vcpu + 1L) << TARGET;
    }

    /** Index of the vCPU whose list registers have it, or that has not deactivated it; -1 for none. */
    static int holder(long irq) {
        return (int) (irq >>> HOLDER & INDEX) - 1;
    }

    static long holder(long irq, int vcpu) {
        return irq & ~(INDEX << HOLDER) | (vcpu + 1L) << HOLDER;
    }

    static long affinity(long irq) {
        return irq >>> AFFINITY & 0xffffff;
    }

    static long affinity(long irq, long affinity) {
        return irq & ~(0xffffffL << AFFINITY) | (affinity & 0xffffff) << AFFINITY;
    }

    /** GICD_ITARGETSRn of a shared interrupt, or the CPUs whose SGI is pending: a bit for each. */
    static int cpus(long irq) {
        return (int) (irq >>> AFFINITY) & 0xff;
    }

    static long cpus(long irq, int mask) {
        return irq & ~(0xffL << AFFINITY) | (long) (mask & 0xff) << AFFINITY;
    }

    /** CPU that sent the SGI that is active. */
    static int sender(long irq) {
        return (int) (irq >>> SENDER) & 7;
    }

    static long sender(long irq, int cpu) {
        return irq & ~(7L << SENDER) | (cpu & 7L) << SENDER;
    }

    static long set(long irq, long bits, boolean on) {
        return on ? irq | bits : irq & ~bits;
    }

    /** vgic_irq_cmp: what is active first, then by priority; lower comes first. */
    static int order(long irq) {
        return (irq & ACTIVE) != 0 ? -1 : priority(irq);
    }
}
