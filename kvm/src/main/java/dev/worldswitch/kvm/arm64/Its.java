package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import org.jspecify.annotations.Nullable;

/** An interrupt translation service (Arm IHI 0069, chapter 5; vgic-its.c): its registers and what messages become. */
final class Its implements VgicMmio.Frame {
    static final long SIZE = 0x2_0000;
    static final int FIRST_LPI = 8192, LPI_BITS = 16, ENTRY = 8, TABLE_PAGE = 0x1_0000;
    static final long VALID = 1L << 63, INDIRECT = 1L << 62;
    private static final int CTLR = 0, IIDR = 4, TYPER = 8, CBASER = 0x80, CWRITER = 0x88, CREADR = 0x90;
    private static final int BASER = 0x100, BASER_END = 0x140, ID = 0xffd0, ID_END = 0x1_0000;
    private static final long ENABLE = 1, QUIESCENT = 1L << 31;
    private static final long IIDR_KVM = 0x4bL << 24 | 0x43b;
    /** GITS_TYPER: physical LPIs, ITT entries of 8 bytes, 16 bits of event and of device. */
    private static final long TYPER_VALUE = 1 | (ENTRY - 1) << 4 | (LPI_BITS - 1) << 8 | (LPI_BITS - 1) << 13;

    /** GITS_BASERn that a guest can't change: entry size 52:48, type 58:56. */
    private static final long BASER_FIXED = 31L << 48 | 7L << 56;

    private static final long PAGES_64K = 2L << 8, PAGE_SIZE_MASK = 3L << 8;
    private static final long TYPE_DEVICE = 1L << 56, TYPE_COLLECTION = 4L << 56;
    /** GITS_PIDR4, PIDR0 to PIDR2, CIDR0 to CIDR3, every fourth byte from 0xffd0 on. */
    private static final int[] ID_VALUES = {0x40, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};

    final Vm vm;
    final Mutex lock;
    final Word baserDevices, baserCollections;
    final Ref<ItsTables> tables;
    private final ItsCommands commands;
    private final Word base, enabled, cbaser, creadr, cwriter;

    Its(Vm vm, Region r) {
        this.vm = vm;
        this.lock = new Mutex(r, "lock");
        this.base = r.word("base");
        this.enabled = r.word("enabled");
        this.cbaser = r.word("cbaser");
        this.creadr = r.word("creadr");
        this.cwriter = r.word("cwriter");
        this.baserDevices = r.word("baserDevices");
        this.baserCollections = r.word("baserCollections");
        this.tables = r.ref("tables", ItsTables.EMPTY);
        this.commands = new ItsCommands(this);
        base.set(Vgic.UNDEFINED);
        baserDevices.set(initial(TYPE_DEVICE));
        baserCollections.set(initial(TYPE_COLLECTION));
    }

    /** INITIAL_BASER_VALUE: read-allocate write-back, inner shareable, pages of 64 KiB. */
    private static long initial(long type) {
        return 3L << 59 | 1L << 10 | PAGES_64K | type | (ENTRY - 1L) << 48;
    }

    Word base() {
        return base;
    }

    VgicDelivery delivery() {
        Vgic g = vm.vgic().get();
        if (g == null) throw new IllegalStateException("an ITS without its interrupt controller");
        return g.delivery();
    }

    boolean covers(long ipa) {
        return base.get() != Vgic.UNDEFINED && ipa - base.get() >= 0 && ipa - base.get() < SIZE;
    }

    // Messages.

    /** vgic_its_inject_msi: 1 delivered, 0 blocked by the guest, or an errno. */
    long message(int device, int event) {
        lock.lock();
        try {
            long r = trigger(device, event);
            return r == 0 ? 1 : r > 0 ? 0 : r;
        } finally {
            lock.unlock();
        }
    }

    /** vgic_its_trigger_msi; the lock is held. Above 0 is an error of the ITS itself, which nobody is told of. */
    long trigger(int device, int event) {
        if (enabled.get() == 0) return Errno.EBUSY;
        ItsTables t = tables.get();
        ItsTables.Event e = t.event(device, event);
        int vcpu = e == null ? ItsTables.NONE : index(t.target(e));
        if (e == null || vcpu < 0) return ItsCommands.UNMAPPED;
        if (!delivery().lpisEnabled(vcpu)) return Errno.EBUSY;
        delivery().message(e.lpi());
        return 0;
    }

    /** Index of the vCPU with this id; -1 for none. */
    int index(int id) {
        Vcpu v = id < 0 ? null : vm.vcpus().get().find(id);
        return v == null ? -1 : vm.vcpus().get().all().indexOf(v);
    }

    // Registers.

    private static boolean wide(int at) {
        return at >= TYPER && at < ID;
    }

    /** A register's offset, or -1 where there is none. */
    private static int register(int at) {
        int r = wide(at) ? at & ~7 : at & ~3;
        return switch (r) {
            case CTLR, IIDR, TYPER, CBASER, CWRITER, CREADR -> r;
            default -> r >= BASER && r < BASER_END || r >= ID && r < ID_END ? r : -1;
        };
    }

    @Override
    public long access(Vcpu by, long ipa, int length, boolean write, long value) {
        int at = (int) (ipa - base.get()), r = register(at);
        boolean fits = length == 4 || length == 8 && wide(at);
        if (r < 0 || !fits || (at & length - 1) != 0) return 0;
        int shift = 8 * (at & 4);
        long old = read(r);
        if (!write) return length == 8 || !wide(at) ? old : old >>> shift & 0xffffffffL;
        long low = 0xffffffffL << shift;
        write(r, length == 8 || !wide(at) ? value : old & ~low | value << shift & low, false);
        return 0;
    }

    private long read(int r) {
        return switch (r) {
            case CTLR -> enabled.get() | (creadr.get() == cwriter.get() ? QUIESCENT : 0);
            case IIDR -> IIDR_KVM;
            case TYPER -> TYPER_VALUE;
            case CBASER -> cbaser.get();
            case CWRITER -> cwriter.get();
            case CREADR -> creadr.get();
            case BASER -> baserDevices.get();
            case BASER + 8 -> baserCollections.get();
            default -> r >= ID ? ID_VALUES[(r - ID) / 4] : 0;
        };
    }

    private long write(int r, long v, boolean user) {
        switch (r) {
            case CTLR -> control(v);
            case IIDR -> {
                // Tables have one layout, the first.
                if (user && (v >>> 12 & 15) != 0) return Errno.EINVAL;
            }
            case CBASER -> {
                if (enabled.get() != 0) return 0;
                cbaser.set(sanitised(v) & ~0xf000L);
                creadr.set(0);
                cwriter.set(0);
            }
            case CWRITER -> {
                long offset = v & 0xfffe0;
                if (offset >= bufferSize()) return 0;
                cwriter.set(offset);
                process();
            }
            case CREADR -> {
                if (!user) return 0;
                if (enabled.get() != 0) return Errno.EBUSY;
                if ((v & 0xfffe0) >= bufferSize()) return Errno.EINVAL;
                creadr.set(v & 0xfffe0);
            }
            case BASER -> table(baserDevices, v, TYPE_DEVICE);
            case BASER + 8 -> table(baserCollections, v & ~INDIRECT, TYPE_COLLECTION);
            default -> {}
        }
        return 0;
    }

    /** Of shareabilities and cacheabilities those that KVM has: vgic_sanitise_*. */
    static long sanitised(long v) {
        long outer = v >>> 53 & 7, inner = v >>> 59 & 7;
        if ((v >>> 10 & 3) == 2) v = v & ~(3L << 10) | 1L << 10;
        if (inner < 2) v = v & ~(7L << 59) | 3L << 59;
        return outer < 2 ? v : v & ~(7L << 53);
    }

    private void table(Word baser, long v, long type) {
        if (enabled.get() != 0) return;
        long now = sanitised(v & ~BASER_FIXED | (ENTRY - 1L) << 48 | type) & ~PAGE_SIZE_MASK | PAGES_64K;
        if (now == baser.get()) return;
        baser.set(now);
        lock.lock();
        try {
            if (type == TYPE_DEVICE) commands.forgetDevices();
            else commands.forgetCollections();
        } finally {
            lock.unlock();
        }
    }

    private void control(long v) {
        boolean on = (v & ENABLE) != 0,
                ready = (baserDevices.get() & baserCollections.get() & cbaser.get() & VALID) != 0;
        if (enabled.get() == 0 && on && !ready) return;
        enabled.set(on ? 1 : 0);
        process();
    }

    private long bufferSize() {
        return (cbaser.get() & 0xff) + 1 << 12;
    }

    /** vgic_its_process_commands. */
    private void process() {
        if (enabled.get() == 0) return;
        long at = cbaser.get() & 0x000f_ffff_ffff_f000L;
        while (cwriter.get() != creadr.get()) {
            Bytes b = vm.memory().read(at + creadr.get(), ItsCommands.SIZE);
            if (b != null) commands.handle(b);
            long next = creadr.get() + ItsCommands.SIZE;
            creadr.set(next == bufferSize() ? 0 : next);
        }
    }

    // Attributes.

    /** KVM_VGIC_ITS_ADDR_TYPE. */
    long setBase(long address) {
        if (base.get() != Vgic.UNDEFINED) return Errno.EEXIST;
        if ((address & 0xffff) != 0) return Errno.EINVAL;
        long end = address + SIZE;
        if (Long.compareUnsigned(end, address) < 0) return Errno.EINVAL;
        if (Long.compareUnsigned(end, 1L << vm.ipaBits()) > 0) return Errno.E2BIG;
        base.set(address);
        return 0;
    }

    /** vgic_its_has_attr_regs: its table is searched by the low half of the offset. */
    static long has(long offset) {
        boolean narrow = Long.compareUnsigned(offset, TYPER) < 0 || Long.compareUnsigned(offset, ID) >= 0;
        if ((offset & (narrow ? 3 : 7)) != 0) return Errno.EINVAL;
        return register((int) offset) < 0 ? Errno.ENXIO : 0;
    }

    /** A register for user space. */
    long get(long offset) {
        return read((int) offset);
    }

    long set(long offset, long value) {
        return write((int) offset, wide((int) offset) ? value : value & 0xffffffffL, true);
    }

    /** vgic_its_reset. */
    void reset() {
        baserDevices.and(~VALID);
        baserCollections.and(~VALID);
        cbaser.set(0);
        creadr.set(0);
        cwriter.set(0);
        enabled.set(0);
        commands.forgetDevices();
        commands.forgetCollections();
    }

    ItsCommands commands() {
        return commands;
    }

    static @Nullable Its at(Vm vm, long ipa) {
        for (Its i : vm.translationServices().get()) if (i.covers(ipa)) return i;
        return null;
    }

    /** The service's path: what identifies it. */
    @Override
    public String toString() {
        return vm.region().path() + ".its";
    }
}
