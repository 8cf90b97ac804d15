package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import org.jspecify.annotations.Nullable;

/**
 * KVM_GET_ONE_REG and KVM_SET_ONE_REG. {@link #parse} alone knows what an id means; getting, setting, listing and dumping
 * all go through the view that it answers.
 */
public final class OneReg {
    static final long ARM64 = 0x60L << 56, ARCH_MASK = 0xffL << 56, SIZE_MASK = 0xfL << 52, COPROC_MASK = 0x0fff_0000L;
    static final int CORE = 0x10, DEMUX = 0x11, SYSREG = 0x13, FW = 0x14, SVE = 0x15, FW_BITMAP = 0x16;
    static final long U32 = 2L << 52,
            U64 = 3L << 52,
            U128 = 4L << 52,
            U256 = 5L << 52,
            U512 = 6L << 52,
            U2048 = 8L << 52;
    public static final long VLS = ARM64 | U512 | (long) SVE << 16 | 0xffff;

    private static final int STRUCT_WORDS = 216;
    private static final int SP = 62, PC = 64, PSTATE = 66, SP_EL1 = 68, ELR_EL1 = 70, SPSR_EL1 = 72;
    static final int VREGS = 84, FPSR = 212, FPCR = 213;
    private static final int Z_BYTES = 256, P_BYTES = 32, VLS_BYTES = 64;

    private OneReg() {}

    /** A register whose bytes are not simply cells. */
    interface Accessor {
        /** 0, or a negative errno; the value goes into {@code bytes}. */
        long get(Vcpu vcpu, Bytes bytes);

        long set(Vcpu vcpu, Bytes bytes);
    }

    /**
     * A register as bytes: {@code copy} of them from {@code words}, starting at word {@code first}, then {@code fill} zero
     * bytes which a write ignores.
     *
     * @param error why there is no such register, 0 when there is
     * @param late the error comes after the user's value was read: only EFAULT goes before it
     */
    record View(
            long error,
            boolean late,
            @Nullable Words words,
            int first,
            int copy,
            int fill,
            @Nullable Accessor accessor) {
        int size() {
            return copy + fill;
        }
    }

    static View refused(long error) {
        return new View(error, false, null, 0, 8, 0, null);
    }

    static View cells(Words words, int first, int copy, int fill) {
        return new View(0, false, words, first, copy, fill, null);
    }

    static View through(int size, Accessor accessor) {
        return new View(0, false, null, 0, size, 0, accessor);
    }

    static void rows(Rows t) {
        t.vcpu("KVM_GET_ONE_REG", iow(0xab, 16), 70, "api.rst 4.69", (v, c) -> call(v, c, false));
        t.vcpu("KVM_SET_ONE_REG", iow(0xac, 16), 70, "api.rst 4.68", (v, c) -> call(v, c, true));
    }

    private static long call(Vcpu v, Call call, boolean set) {
        if (!v.is(Vcpu.INITIALIZED)) return Errno.ENOEXEC;
        Bytes b = call.in(16);
        if (b == null) return Errno.EFAULT;
        VcpuReset.ifPending(v);
        return set ? set(v, b.u64(0), call, b.u64(8)) : get(v, b.u64(0), call, b.u64(8));
    }

    private static long get(Vcpu v, long id, Call call, long address) {
        View view = parse(v, id);
        if (view.error != 0) return view.error;
        Bytes out = new Bytes(view.size());
        long r = read(v, view, out);
        return r != 0 ? r : call.out(address, out);
    }

    private static long set(Vcpu v, long id, Call call, long address) {
        View view = parse(v, id);
        if (view.error != 0 && !view.late) return view.error;
        Bytes in = call.in(address, view.copy);
        if (in == null) return Errno.EFAULT;
        return view.error != 0 ? view.error : write(v, id, view, in);
    }

    /** A register's value as the client would get it; null where it would get an error. */
    public static byte @Nullable [] value(Vcpu v, long id) {
        View view = parse(v, id);
        if (view.error != 0) return null;
        Bytes out = new Bytes(view.size());
        return read(v, view, out) == 0 ? out.array() : null;
    }

    /** Sets a register without a client: 0 or a negative errno. */
    public static long set(Vcpu v, long id, byte[] value) {
        View view = parse(v, id);
        return view.error != 0 ? view.error : write(v, id, view, new Bytes(value));
    }

    static long read(Vcpu v, View view, Bytes out) {
        if (view.accessor != null) return view.accessor.get(v, out);
        Words w = view.words;
        if (w == null) throw new IllegalStateException("a view without cells");
        for (int i = 0; i < view.copy; i += 8) putUpTo8(out, i, view.copy - i, w.get(view.first + i / 8));
        return 0;
    }

    private static void putUpTo8(Bytes out, int at, int bytes, long v) {
        if (bytes >= 8) out.u64(at, v);
        else for (int i = 0; i < bytes; i++) out.u8(at + i, v >>> 8 * i);
    }

    private static long write(Vcpu v, long id, View view, Bytes in) {
        long r = write(v, view, in);
        boolean core = (id & COPROC_MASK) >>> 16 == CORE;
        // In an AArch32 mode each write to a core register leaves all of them narrow.
        if (r == 0 && core && v.modeIs32Bit()) PstateAccessor.narrow(v.context());
        return r;
    }

    static long write(Vcpu v, View view, Bytes in) {
        if (view.accessor != null) return view.accessor.set(v, in);
        Words w = view.words;
        if (w == null) throw new IllegalStateException("a view without cells");
        for (int i = 0; i < view.copy; i += 8) {
            long old = w.get(view.first + i / 8);
            w.set(view.first + i / 8, view.copy - i >= 8 ? in.u64(i) : mergeUpTo8(in, i, view.copy - i, old));
        }
        return 0;
    }

    private static long mergeUpTo8(Bytes in, int at, int bytes, long old) {
        long mask = (1L << 8 * bytes) - 1, v = 0;
        for (int i = 0; i < bytes; i++) v |= (long) in.u8(at + i) << 8 * i;
        return old & ~mask | v;
    }

    static int sizeOf(long id) {
        return 1 << (int) (id >>> 52 & 15);
    }

    /** What the id names. The kind is decided first, its form is judged after that. */
    static View parse(Vcpu v, long id) {
        if ((id & ~SIZE_MASK) >>> 32 != ARM64 >>> 32) return refused(Errno.EINVAL);
        return switch ((int) ((id & COPROC_MASK) >>> 16)) {
            case CORE -> core(v, id);
            case FW, FW_BITMAP -> firmware(v, id);
            case SVE -> sve(v, id);
            case DEMUX -> demux(v, id);
            default -> sysReg(v, id);
        };
    }

    private static View core(Vcpu v, long id) {
        long offset = id & ~(ARCH_MASK | SIZE_MASK | (long) CORE << 16);
        int words = sizeOf(id) / 4;
        // Offset and size are below 2^32 and 2^14: the sum can't overflow.
        if (offset >= STRUCT_WORDS || offset + words >= STRUCT_WORDS) return refused(Errno.ENOENT);
        if (v.kvm().has(Patch.ONE_REG_RFC_REDIRECT) && OneRegRfc.isPart((int) offset, sizeOf(id)))
            return OneRegRfc.part(v, (int) offset, sizeOf(id));
        int size = coreSize(v, (int) offset);
        if (size < 0 || size != sizeOf(id)) return refused(Errno.EINVAL);
        GuestContext c = v.context();
        int at = (int) offset;
        if (at < SP) return cells(c.x(), at / 2, 8, 0);
        if (at >= VREGS && at < FPSR) return cells(c.fp().z(), (at - VREGS) / 4 * c.fp().zStride(), 16, 0);
        return switch (at) {
            case SP -> cells(c.sys(), SysReg.SP_EL0.ordinal(), 8, 0);
            case PC -> through(8, new WordAccessor(c.pc()));
            case PSTATE -> through(8, new PstateAccessor());
            case SP_EL1 -> cells(c.sys(), SysReg.SP_EL1.ordinal(), 8, 0);
            case ELR_EL1 -> cells(c.sys(), SysReg.ELR_EL1.ordinal(), 8, 0);
            case SPSR_EL1 -> cells(c.sys(), SysReg.SPSR_EL1.ordinal(), 8, 0);
            case SPSR_EL1 + 2 -> cells(c.sys(), SysReg.SPSR_abt.ordinal(), 8, 0);
            case SPSR_EL1 + 4 -> cells(c.sys(), SysReg.SPSR_und.ordinal(), 8, 0);
            case SPSR_EL1 + 6 -> cells(c.sys(), SysReg.SPSR_irq.ordinal(), 8, 0);
            case SPSR_EL1 + 8 -> cells(c.sys(), SysReg.SPSR_fiq.ordinal(), 8, 0);
            case FPSR -> through(4, new WordAccessor(c.fp().fpsr()));
            default -> through(4, new WordAccessor(c.fp().fpcr()));
        };
    }

    /** core_reg_size_from_offset: the size of the register that starts at this 32-bit word, or EINVAL. */
    static int coreSize(Vcpu v, int offset) {
        if (offset < SPSR_EL1 + 10) return offset % 2 == 0 ? 8 : (int) Errno.EINVAL;
        if (offset == FPSR || offset == FPCR) return 4;
        if (offset < VREGS || offset >= FPSR || offset % 4 != 0) return (int) Errno.EINVAL;
        // With SVE the vectors are reached through their Z registers only.
        return v.hasSve() && !v.kvm().has(Patch.ONE_REG_RFC_REDIRECT) ? (int) Errno.EINVAL : 16;
    }

    private static View firmware(Vcpu v, long id) {
        if (sizeOf(id) != 8) return refused(Errno.ENOENT);
        // The kernel reads the user's value before it looks for the register.
        if (!Firmware.known(v.kvm(), id)) return new View(Errno.ENOENT, true, null, 0, 8, 0, null);
        return through(
                8,
                new ValueAccessor(
                        w -> w.vm().firmware().get(w, id),
                        (w, value) -> w.vm().firmware().set(w, id, value)));
    }

    /** Z, P and FFR: range first, then SVE and slice, then whether the vector length is final. */
    private static View sve(Vcpu v, long id) {
        if (id == VLS) return v.hasSve() ? through(VLS_BYTES, new SveLengths()) : refused(Errno.ENOENT);
        long z = ARM64 | U2048 | (long) SVE << 16, p = ARM64 | U256 | (long) SVE << 16 | 0x400;
        boolean slices = v.kvm().has(Patch.ONE_REG_RFC_SLICES);
        // Z ids end where P's begin, at another size: the review's first parser went on into them.
        long lastZ = slices && !v.kvm().has(Patch.ONE_REG_RFC_Z_RANGE) ? z | 0x41f : z | 0x3ff;
        boolean isZ = id >= z && id <= lastZ, isP = id >= p && id <= (p & ~0x400L | 0x61f);
        if (!isZ && !isP) return refused(Errno.EINVAL);
        boolean above = (id & 0x1f) != 0;
        if (!v.hasSve() || above && !slices) return refused(Errno.ENOENT);
        if (!v.is(Vcpu.SVE_FINALIZED)) return refused(Errno.EPERM);
        GuestContext c = v.context();
        int vq = (int) v.sveMaxVq().get(), n = (int) (id >>> 5 & 0x1f);
        if (above) return cells(c.fp().z(), 0, 0, isZ ? Z_BYTES : P_BYTES);
        if (isZ) return cells(c.fp().z(), n * c.fp().zStride(), 16 * vq, Z_BYTES - 16 * vq);
        return cells(c.fp().p(), n * c.fp().pStride(), 2 * vq, P_BYTES - 2 * vq);
    }

    private static View demux(Vcpu v, long id) {
        boolean plain = (id & ~(ARCH_MASK | SIZE_MASK | COPROC_MASK | 0xffffL)) == 0;
        int csselr = (int) (id & 0xff);
        if (!plain || (id & 0xff00) != 0 || sizeOf(id) != 4 || !CacheRegs.exists(v, csselr))
            return refused(Errno.ENOENT);
        return through(4, new CcsidrAccessor(csselr));
    }

    private static View sysReg(Vcpu v, long id) {
        // The kernel reads the user's value before it looks for the register.
        View unknown = new View(Errno.ENOENT, true, null, 0, 8, 0, null);
        boolean formed = (id & SIZE_MASK) == U64 && (id & ~(ARCH_MASK | SIZE_MASK | COPROC_MASK | 0xffffL)) == 0;
        if (!formed || (id & COPROC_MASK) >>> 16 != SYSREG) return unknown;
        int encoding = (int) id & 0xffff;
        Kvm kvm = v.kvm();
        SysReg invariant = InvariantRegs.find(kvm, encoding);
        if (invariant != null) {
            long value = InvariantRegs.value(kvm, invariant);
            return through(8, new ValueAccessor(w -> value, (w, wanted) -> wanted == value ? 0 : Errno.EINVAL));
        }
        int hardware = TimerRegs.swap(encoding);
        SysReg timer = SysReg.find(hardware);
        if (timer != null && TimerRegs.apart(kvm).contains(timer))
            return through(
                    8,
                    new ValueAccessor(
                            w -> TimerRegs.getUser(w, timer), (w, value) -> TimerRegs.setUser(w, timer, value)));
        Row row = kvm.sysRegs().find(hardware);
        if (row == null || !row.forUser() || row.hidden(v)) return unknown;
        if (row.get() == null && row.set() == null)
            return cells(v.context().sys(), row.stored().ordinal(), 8, 0);
        return through(8, new RowAccessor(row));
    }

    @FunctionalInterface
    private interface Getter {
        long get(Vcpu v);
    }

    @FunctionalInterface
    private interface Setter {
        long set(Vcpu v, long value);
    }

    private record ValueAccessor(Getter getter, Setter setter) implements Accessor {
        @Override
        public long get(Vcpu v, Bytes b) {
            b.u64(0, getter.get(v));
            return 0;
        }

        @Override
        public long set(Vcpu v, Bytes b) {
            return setter.set(v, b.u64(0));
        }
    }

    private record WordAccessor(Word word) implements Accessor {
        @Override
        public long get(Vcpu v, Bytes b) {
            if (b.size() == 4) b.u32(0, word.get());
            else b.u64(0, word.get());
            return 0;
        }

        @Override
        public long set(Vcpu v, Bytes b) {
            word.set(b.size() == 4 ? b.u32(0) & 0xffffffffL : b.u64(0));
            return 0;
        }
    }

    private record RowAccessor(Row row) implements Accessor {
        @Override
        public long get(Vcpu v, Bytes b) {
            SysRegTable.UserGet g = row.get();
            b.u64(0, g == null ? v.sys(row.stored()) : g.get(v, row));
            return 0;
        }

        @Override
        public long set(Vcpu v, Bytes b) {
            if ((row.visibility().of(v) & SysRegTable.USER_WI) != 0) return 0;
            SysRegTable.UserSet s = row.set();
            if (s != null) return s.set(v, row, b.u64(0));
            v.sys(row.stored(), b.u64(0));
            return 0;
        }
    }

    private record CcsidrAccessor(int csselr) implements Accessor {
        @Override
        public long get(Vcpu v, Bytes b) {
            b.u32(0, CacheRegs.ccsidr(v, csselr));
            return 0;
        }

        @Override
        public long set(Vcpu v, Bytes b) {
            return CacheRegs.setCcsidr(v, csselr, b.u32(0));
        }
    }

    /** KVM_REG_ARM64_SVE_VLS: bit q-1 for vectors of q quadwords. */
    private record SveLengths() implements Accessor {
        @Override
        public long get(Vcpu v, Bytes b) {
            long vqs = v.kvm().profile().vqs();
            b.u64(0, vqs & (1L << v.sveMaxVq().get()) - 1);
            return 0;
        }

        /** A maximum can be chosen, but each length below it is there exactly when the host has it. */
        @Override
        public long set(Vcpu v, Bytes b) {
            if (v.is(Vcpu.SVE_FINALIZED)) return Errno.EPERM;
            for (int i = 1; i < VLS_BYTES / 8; i++) if (b.u64(i * 8) != 0) return Errno.EINVAL;
            long wanted = b.u64(0), host = v.kvm().profile().vqs();
            int max = 64 - Long.numberOfLeadingZeros(wanted);
            if (max < 1 || max > v.kvm().profile().maxVq()) return Errno.EINVAL;
            if (!v.kvm().has(Patch.SVE_LENGTHS_BOOL)) return comparedAsBits(v, wanted, host, max);
            if ((host & (1L << max) - 1) != wanted) return Errno.EINVAL;
            v.sveMaxVq().set(max);
            return 0;
        }
    }

    /** set_sve_vls with vq_present() as a macro: a bit of the word, compared with the boolean that the host has. */
    private static long comparedAsBits(Vcpu v, long wanted, long host, int max) {
        for (int vq = 1; vq <= max; vq++) if ((wanted & 1L << vq - 1) != (host >>> vq - 1 & 1)) return Errno.EINVAL;
        v.sveMaxVq().set(max);
        return 0;
    }

    /** regs.pstate: only modes that this vCPU can be in; AArch32 modes narrow the general registers. */
    private record PstateAccessor() implements Accessor {
        @Override
        public long get(Vcpu v, Bytes b) {
            b.u64(0, v.context().pstate().get());
            return 0;
        }

        @Override
        public long set(Vcpu v, Bytes b) {
            long value = b.u64(0);
            if (!legalMode(v, value & Pstate.MODE32_MASK)) return Errno.EINVAL;
            v.context().pstate().set(value);
            return 0;
        }

        private static boolean legalMode(Vcpu v, long mode) {
            if (mode == Pstate.USR32) return v.kvm().host().el0Aarch32();
            if (mode == Pstate.EL0T || mode == Pstate.EL1T || mode == Pstate.EL1H) return !v.el1Is32Bit();
            boolean aarch32 = mode == Pstate.FIQ32
                    || mode == Pstate.IRQ32
                    || mode == Pstate.SVC32
                    || mode == Pstate.ABT32
                    || mode == Pstate.UND32
                    || mode == Pstate.SYS32;
            return aarch32 && v.el1Is32Bit();
        }

        private static void narrow(GuestContext c) {
            long mode = c.pstate().get() & Pstate.MODE32_MASK;
            int n = mode == Pstate.USR32 || mode == Pstate.SYS32 ? 15 : 31;
            for (int i = 0; i < n; i++) c.x().set(i, c.x().get(i) & 0xffffffffL);
            c.pc().set(c.pc().get() & 0xffffffffL);
        }
    }
}
