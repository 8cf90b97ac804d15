package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.Attributes.What;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One access to an attribute of an interrupt controller (Documentation/virt/kvm/devices/arm-vgic*.rst). */
final class VgicAttributes {
    private static final int ADDR = 0, DIST_REGS = 1, CPU_REGS = 2, NR_IRQS = 3, CTRL = 4, REDIST_REGS = 5;
    private static final int CPU_SYSREGS = 6, LEVEL_INFO = 7, ITS_REGS = 8, MAINT_IRQ = 9;
    private static final int V2_DIST = 0, V2_CPU = 1, V3_DIST = 2, V3_REDIST = 3, ITS_ADDR = 4, V3_REDIST_REGION = 5;
    private static final int CTRL_INIT = 0, ITS_SAVE = 1, ITS_RESTORE = 2, SAVE_PENDING = 3, ITS_RESET = 4;

    private final Vm vm;
    private final Call call;
    private final int group;
    private final long attribute, address;

    VgicAttributes(Vm vm, Call call, int group, long attribute, long address) {
        this.vm = vm;
        this.call = call;
        this.group = group;
        this.attribute = attribute;
        this.address = address;
    }

    private Vgic vgic() {
        Vgic g = vm.vgic().get();
        if (g == null) throw new IllegalStateException("a device without its interrupt controller");
        return g;
    }

    long v3(What what) {
        return switch (group) {
            case ADDR -> v3Address(what);
            case NR_IRQS -> irqs(what);
            case CTRL -> control(what, attribute == CTRL_INIT || attribute == SAVE_PENDING);
            case DIST_REGS, REDIST_REGS, CPU_SYSREGS, LEVEL_INFO -> v3Registers(what);
            // The maintenance interrupt of nested guests came with them; there are none here to use it.
            case MAINT_IRQ -> {
                if (!vm.kvm().has(Patch.ARM64_VGIC_MAINT_IRQ)) yield Errno.ENXIO;
                yield what == What.HAS ? 0 : Errno.EINVAL;
            }
            default -> Errno.ENXIO;
        };
    }

    long v2(What what) {
        return switch (group) {
            case ADDR -> {
                if (attribute != V2_DIST && attribute != V2_CPU) yield Errno.ENXIO;
                yield what == What.HAS ? 0 : v2Address(what);
            }
            case NR_IRQS -> irqs(what);
            case CTRL -> control(what, attribute == CTRL_INIT);
            case DIST_REGS, CPU_REGS -> v2Registers(what);
            default -> Errno.ENXIO;
        };
    }

    private long v2Address(What what) {
        if (what == What.GET)
            return call.out(
                    address,
                    new Bytes(8)
                            .u64(
                                    0,
                                    attribute == V2_DIST
                                            ? vgic().dist().get()
                                            : vgic().cpu().get()));
        Bytes b = call.in(address, 8);
        if (b == null) return Errno.EFAULT;
        return attribute == V2_DIST ? vgic().setDist(b.u64(0)) : vgic().setCpu(b.u64(0));
    }

    /** vgic_v2_attr_regs_access: the vCPU by its number, in the upper half; the first access initialises. */
    private long v2Registers(What what) {
        List<Vcpu> all = vm.vcpus().get().all();
        int id = (int) (attribute >>> 32) & 0xff, offset = (int) attribute;
        Vcpu v = null;
        for (Vcpu x : all) if (x.id() == id) v = x;
        if (v == null) return Errno.EINVAL;
        boolean dist = group == DIST_REGS;
        if (what == What.HAS) {
            boolean known = dist ? vgic().mmio().has(true, offset) : VgicV2Cpu.has(offset);
            return known ? 0 : Errno.ENXIO;
        }
        Bytes in = what == What.SET ? call.in(address, 4) : new Bytes(4);
        if (in == null) return Errno.EFAULT;
        if (anyVcpuRuns()) return Errno.EBUSY;
        long r = vgic().initialize();
        if (r != 0) return r;
        if (dist ? !vgic().mmio().has(true, offset) : !VgicV2Cpu.has(offset)) return Errno.ENXIO;
        int index = all.indexOf(v);
        long value = in.u32(0) & 0xffffffffL;
        if (what == What.SET && dist) return vgic().mmio().userWrite(true, index, offset, value);
        if (what == What.SET) {
            VgicV2Cpu.write(cpu(v), offset, value);
            return 0;
        }
        long got = dist ? vgic().mmio().userRead(true, index, offset) : VgicV2Cpu.read(cpu(v), offset);
        return call.out(address, new Bytes(4).u32(0, (int) got));
    }

    private long v3Address(What what) {
        if (attribute != V3_DIST && attribute != V3_REDIST && attribute != V3_REDIST_REGION) return Errno.ENXIO;
        if (what == What.HAS) return 0;
        // Both directions read the user's value first: a region's index is in it.
        Bytes b = call.in(address, 8);
        if (b == null) return Errno.EFAULT;
        long v = b.u64(0);
        if (what == What.GET) return getV3Address(v);
        if (attribute == V3_DIST) return vgic().setDist(v);
        if (attribute == V3_REDIST) return vgic().setRedist(v);
        int index = (int) (v & 0xfff), count = (int) (v >>> 52), flags = (int) (v >>> 12 & 15);
        return vgic().addRegion(index, v & 0x000f_ffff_ffff_0000L, flags, count);
    }

    private long getV3Address(long v) {
        if (attribute == V3_DIST)
            return call.out(address, new Bytes(8).u64(0, vgic().dist().get()));
        var regions = vgic().redists();
        if (attribute == V3_REDIST) {
            boolean old = regions.size() == 1 && regions.get(0).count() == 0;
            return old || regions.isEmpty()
                    ? call.out(address, new Bytes(8).u64(0, old ? regions.get(0).base() : Vgic.UNDEFINED))
                    : Errno.ENODEV;
        }
        for (Vgic.Redists r : regions)
            if (r.index() == (v & 0xfff) && r.count() != 0)
                return call.out(address, new Bytes(8).u64(0, r.index() | r.base() | (long) r.count() << 52));
        return Errno.ENOENT;
    }

    private long irqs(What what) {
        if (what == What.HAS) return 0;
        if (what == What.GET) return call.out(address, new Bytes(4).u32(0, vgic().irqs()));
        Bytes b = call.in(address, 4);
        return b == null ? Errno.EFAULT : vgic().irqs(b.u32(0));
    }

    private long control(What what, boolean known) {
        if (!known) return Errno.ENXIO;
        if (what == What.HAS) return 0;
        if (what == What.GET) return Errno.ENXIO;
        if (attribute == SAVE_PENDING) return savePending();
        return vgic().initialize();
    }

    private long savePending() {
        if (!vgic().initialized()) return Errno.EBUSY;
        return anyVcpuRuns() ? Errno.EBUSY : vgic().delivery().savePendingTables();
    }

    /** vgic_v3_attr_regs_access: the vCPU by its affinity, in the upper half; the distributor needs any. */
    private long v3Registers(What what) {
        List<Vcpu> all = vm.vcpus().get().all();
        long affinity = affinity(attribute >>> 32);
        Vcpu v = null;
        for (Vcpu x : all) if (v == null && (group == DIST_REGS || VgicDelivery.affinity(x) == affinity)) v = x;
        if (group == LEVEL_INFO && what == What.HAS) return (attribute >>> 10 & 0x3fffff) == 0 ? 0 : Errno.ENXIO;
        if (v == null) return Errno.EINVAL;
        int offset = (int) attribute;
        VgicSysRegs.@Nullable Row row = group == CPU_SYSREGS ? VgicSysRegs.find(offset & 0xffff) : null;
        if (what == What.HAS) {
            boolean known = group == CPU_SYSREGS ? row != null : vgic().mmio().has(group == DIST_REGS, offset);
            return known ? 0 : Errno.ENXIO;
        }
        int size = group == CPU_SYSREGS ? 8 : 4;
        // The value of a register of the CPU interface is read last, as those of other system registers.
        Bytes in = what == What.SET ? call.in(address, size) : new Bytes(size);
        if (in == null && size == 4) return Errno.EFAULT;
        if (anyVcpuRuns()) return Errno.EBUSY;
        if (!vgic().initialized()) return Errno.EBUSY;
        if (group == CPU_SYSREGS && row == null) return Errno.ENOENT;
        if (in == null) return Errno.EFAULT;
        return what == What.SET ? set(all.indexOf(v), v, row, in) : get(all.indexOf(v), v, row);
    }

    /** Affinity levels of MPIDR_EL1 from the attribute's upper half, where level 3 follows level 2. */
    private static long affinity(long mpidr) {
        return mpidr & 0xffffff | (mpidr >>> 24 & 0xff) << 32;
    }

    private long set(int index, Vcpu v, VgicSysRegs.@Nullable Row row, Bytes in) {
        int offset = (int) attribute;
        if (row != null) return row.set().set(cpu(v), v, in.u64(0));
        long value = in.u32(0) & 0xffffffffL;
        if (group != LEVEL_INFO) return vgic().mmio().userWrite(group == DIST_REGS, index, offset, value);
        if ((attribute >>> 10 & 0x3fffff) != 0 || offset % 32 != 0) return Errno.EINVAL;
        vgic().mmio().writeLevels(index, offset & 0x3ff, value);
        return 0;
    }

    private long get(int index, Vcpu v, VgicSysRegs.@Nullable Row row) {
        int offset = (int) attribute;
        if (row != null) return call.out(address, new Bytes(8).u64(0, row.get().get(cpu(v), v)));
        if (group != LEVEL_INFO)
            return call.out(address, new Bytes(4).u32(0, (int)
                            vgic().mmio().userRead(group == DIST_REGS, index, offset)));
        if ((attribute >>> 10 & 0x3fffff) != 0 || offset % 32 != 0) return Errno.EINVAL;
        return call.out(address, new Bytes(4).u32(0, (int) vgic().mmio().readLevels(index, offset & 0x3ff)));
    }

    private VgicCpu cpu(Vcpu v) {
        VgicCpu c = vgic().delivery().cpu(v);
        if (c == null) throw new IllegalStateException("an initialised interrupt controller without CPU interface");
        return c;
    }

    private boolean anyVcpuRuns() {
        for (Vcpu v : vm.vcpus().get().all()) if (v.runLoop().runState().runner.get() != null) return true;
        return false;
    }

    /** An interrupt translation service (arm-vgic-its.rst). */
    long its(What what, Its its) {
        return switch (group) {
            case ADDR -> {
                if (attribute != ITS_ADDR) yield what == What.HAS ? Errno.ENXIO : Errno.ENODEV;
                if (what == What.HAS) yield 0;
                if (what == What.GET)
                    yield call.out(address, new Bytes(8).u64(0, its.base().get()));
                Bytes b = call.in(address, 8);
                yield b == null ? Errno.EFAULT : its.setBase(b.u64(0));
            }
            case CTRL -> itsControl(what, its);
            case ITS_REGS -> itsRegister(what, its);
            default -> Errno.ENXIO;
        };
    }

    private long itsControl(What what, Its its) {
        boolean known =
                attribute == CTRL_INIT || attribute == ITS_SAVE || attribute == ITS_RESTORE || attribute == ITS_RESET;
        if (!known && what == What.SET && !vm.kvm().has(Patch.ARM64_ITS_CTRL_CHECKED))
            return anyVcpuRuns() ? Errno.EBUSY : 0;
        if (!known || what == What.GET) return Errno.ENXIO;
        if (what == What.HAS || attribute == CTRL_INIT) return 0;
        if (anyVcpuRuns()) return Errno.EBUSY;
        its.lock.lock();
        try {
            if (attribute == ITS_SAVE) return new ItsMigration(its).save();
            if (attribute == ITS_RESTORE) return new ItsMigration(its).restore();
            its.reset();
            return 0;
        } finally {
            its.lock.unlock();
        }
    }

    /** vgic_its_attr_regs_access: 64 bits, whatever the register has. */
    private long itsRegister(What what, Its its) {
        long known = Its.has(attribute);
        if (what == What.HAS) return known;
        Bytes in = what == What.SET ? call.in(address, 8) : new Bytes(8);
        if (in == null) return Errno.EFAULT;
        if (known == Errno.EINVAL) return known;
        if (anyVcpuRuns()) return Errno.EBUSY;
        if (its.base().get() == Vgic.UNDEFINED) return Errno.ENXIO;
        if (known != 0) return known;
        return what == What.SET
                ? its.set(attribute, in.u64(0))
                : call.out(address, new Bytes(8).u64(0, its.get(attribute)));
    }
}
