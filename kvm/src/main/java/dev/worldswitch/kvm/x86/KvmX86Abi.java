package dev.worldswitch.kvm.x86;

/** Numbers of asm/kvm.h and linux/kvm.h that several classes need. */
public final class KvmX86Abi {
    /** struct kvm_run: offsets of its fields. */
    public static final int RUN_REQUEST_INTERRUPT_WINDOW = 0, RUN_IMMEDIATE_EXIT = 1, RUN_EXIT_REASON = 8;

    public static final int RUN_READY_FOR_INTERRUPT = 12, RUN_IF_FLAG = 13, RUN_FLAGS = 14, RUN_CR8 = 16;
    public static final int RUN_APIC_BASE = 24, RUN_EXIT = 32, RUN_KVM_VALID_REGS = 288, RUN_KVM_DIRTY_REGS = 296;
    public static final int RUN_SYNC_REGS = 304;
    /** Pages of the vCPU mapping: kvm_run, port data, coalesced ring. */
    public static final int VCPU_MMAP_SIZE = 3 * 4096, COALESCED_RING = 2 * 4096;

    public static final int PIO_DATA_OFFSET = 4096;

    /** KVM_MP_STATE_*. */
    public static final int MP_STATE_RUNNABLE = 0, MP_STATE_UNINITIALIZED = 1, MP_STATE_INIT_RECEIVED = 2;

    public static final int MP_STATE_HALTED = 3, MP_STATE_SIPI_RECEIVED = 4, MP_STATE_AP_RESET_HOLD = 9;

    private KvmX86Abi() {}
}
