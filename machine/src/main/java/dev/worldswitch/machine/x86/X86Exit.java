package dev.worldswitch.machine.x86;

/**
 * Why guest execution ended; reused from exit to exit, filled by the instruction loop. Register state is in
 * {@link X86State}; RIP is at the instruction unless the reason says otherwise.
 */
public final class X86Exit {
    /** A line is pending on the physical CPU; between instructions. */
    public static final int INTERRUPT = 1;
    /** Port access; {@link #port}, {@link #size}, {@link #in}, {@link #rep}, {@link #string}. RIP at the instruction. */
    public static final int IO = 2;
    /** While emulating, a read needed: {@link #gpa}, {@link #size}. RIP at the instruction, which will be emulated again. */
    public static final int MMIO_READ = 3;
    /** While emulating: the instruction is done (RIP past it) and left writes in {@link MmioQueue}. */
    public static final int MMIO_WRITE = 4;
    /** HLT; RIP past it. */
    public static final int HLT = 5;

    public static final int CPUID = 6, RDMSR = 7, WRMSR = 8, XSETBV = 9;
    /** VMCALL or VMMCALL: {@link #vector} is the last opcode byte. */
    public static final int HYPERCALL = 10;
    /** Triple fault. */
    public static final int SHUTDOWN = 11;
    /** An intercepted exception: {@link #vector}, {@link #errorCode}, {@link #payload} (DR6 bits or CR2). */
    public static final int EXCEPTION = 12;
    /** MOV to/from CR or CLTS, LMSW: {@link #vector} CR number, {@link #gpr} register, {@link #in} true for reads. */
    public static final int CR_ACCESS = 13;
    /** MOV to/from DR while EXIT_DR or DR7.GD. */
    public static final int DR_ACCESS = 14;
    /** Memory behind a slot is not accessible: KVM_RUN answers EFAULT. */
    public static final int FAULT = 15;
    /** An instruction this machine lacks; {@link #bytes}, {@link #byteCount}. */
    public static final int UNIMPLEMENTED = 16;
    /** Instruction fetch from memory-mapped I/O, {@link #gpa}. */
    public static final int FETCH_MMIO = 17;
    /** RDPMC, INVD, WBINVD, MONITOR, MWAIT, PAUSE...: {@link #vector} has the opcode; RIP at it. */
    public static final int OTHER = 18;

    /** {@link #vector} of an {@link #OTHER} that RSM raised: SVM intercepts it before it looks at the mode. */
    public static final int RSM = 0x0faa;

    /** Interrupt window opened, as asked for at entry. */
    public static final int INTERRUPT_WINDOW = 19;

    /**
     * The instruction, the delivery of an event or a walk of page tables touched memory that nobody backs (a nested page
     * fault): {@link #gpa}, {@link #gva}. RIP at the instruction, nothing of it done.
     */
    public static final int UNBACKED = 20;
    /** While emulating: a system table is in unbacked memory, for which there is no answer. RIP at the instruction. */
    public static final int IO_NEEDED = 21;
    /**
     * A task switch, nothing of it done: {@link #payload} has the new TSS's selector and in bits 30 and 31 the source, as VMX
     * tells it; {@link #errorCode} what the new task's stack is to get. RIP at the instruction.
     */
    public static final int TASK_SWITCH = 22;

    public static final String[] NAMES = {
        "none",
        "interrupt",
        "io",
        "mmio read",
        "mmio write",
        "hlt",
        "cpuid",
        "rdmsr",
        "wrmsr",
        "xsetbv",
        "hypercall",
        "shutdown",
        "exception",
        "cr access",
        "dr access",
        "fault",
        "unimplemented",
        "fetch from mmio",
        "other",
        "interrupt window",
        "unbacked memory",
        "unbacked table",
        "task switch"
    };

    public int reason;
    /** Bytes of the instruction: RIP + length is the next one. */
    public int length;

    public int port, size, vector, gpr;
    public boolean in, rep, string;
    /** {@link #UNBACKED}: the CPU's walk of page tables touched {@link #gpa}. */
    public boolean walk;

    public long gpa, gva, payload, errorCode;
    public boolean hasErrorCode, hasPayload;
    public final byte[] bytes = new byte[15];
    public int byteCount;

    /** A copy that stays as it is when this one is filled again. */
    public X86Exit copy() {
        X86Exit e = new X86Exit();
        e.set(this);
        return e;
    }

    /** Takes over all of {@code o}. */
    public void set(X86Exit o) {
        reason = o.reason;
        length = o.length;
        port = o.port;
        size = o.size;
        vector = o.vector;
        gpr = o.gpr;
        in = o.in;
        rep = o.rep;
        string = o.string;
        walk = o.walk;
        gpa = o.gpa;
        gva = o.gva;
        payload = o.payload;
        errorCode = o.errorCode;
        hasErrorCode = o.hasErrorCode;
        hasPayload = o.hasPayload;
        System.arraycopy(o.bytes, 0, bytes, 0, bytes.length);
        byteCount = o.byteCount;
    }

    /** A hash of all fields, the same in every run. */
    public long digest() {
        long h = 0;
        int flags = (in ? 1 : 0) | (rep ? 2 : 0) | (string ? 4 : 0) | (hasErrorCode ? 8 : 0) | (hasPayload ? 16 : 0);
        long[] all = {reason, length, port, size, vector, gpr, flags, gpa, gva, payload, errorCode, byteCount};
        for (long v : all) h = (h ^ v) * 0x9e3779b97f4a7c15L + (h >>> 31);
        for (int i = 0; i < byteCount; i++) h = (h ^ bytes[i]) * 0x9e3779b97f4a7c15L + (h >>> 31);
        return h;
    }

    public String name() {
        return NAMES[reason];
    }
}
