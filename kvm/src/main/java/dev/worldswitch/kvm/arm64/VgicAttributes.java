package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.Attributes.What;

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
            case DIST_REGS, REDIST_REGS, CPU_SYSREGS -> v3Registers(what);
            case LEVEL_INFO -> levelInfo(what);
            // The maintenance interrupt of nested guests came with them; there are none here to use it.
            case MAINT_IRQ -> {
                if (!vm.kvm().kernel().version().atLeast("6.18")) yield Errno.ENXIO;
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
            case DIST_REGS, CPU_REGS -> what == What.HAS ? Errno.ENXIO : Errno.EBUSY;
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
        if (attribute == V2_DIST) return vgic().setDist(b.u64(0));
        if (vgic().cpu().get() != Vgic.UNDEFINED) return Errno.EEXIST;
        if ((b.u64(0) & 0xfff) != 0) return Errno.EINVAL;
        vgic().cpu().set(b.u64(0));
        return 0;
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
        if (attribute == SAVE_PENDING) return vgic().initialized() ? 0 : Errno.EBUSY;
        return vgic().initialize();
    }

    /** Registers of the distributor, the redistributors and the CPU interface: by affinity; not kept yet. */
    private long v3Registers(What what) {
        boolean vcpuKnown = group == DIST_REGS || !vm.vcpus().get().all().isEmpty();
        if (what == What.HAS) return Errno.EINVAL;
        if (!vcpuKnown) return Errno.EINVAL;
        return vgic().initialized() ? Errno.ENXIO : Errno.EBUSY;
    }

    private long levelInfo(What what) {
        if (what == What.HAS) return (attribute >>> 10 & 0x3fffff) == 0 ? 0 : Errno.EINVAL;
        return vgic().initialized() ? Errno.ENXIO : Errno.EBUSY;
    }

    /** The interrupt translation service: its address and that it exists; translations come with delivery. */
    long its(What what) {
        return switch (group) {
            case ADDR -> {
                if (attribute != ITS_ADDR) yield Errno.ENXIO;
                if (what == What.HAS) yield 0;
                Bytes b = call.in(address, 8);
                if (b == null) yield Errno.EFAULT;
                yield (b.u64(0) & 0xffff) != 0 ? Errno.EINVAL : 0;
            }
            case CTRL -> {
                boolean known = attribute == CTRL_INIT
                        || attribute == ITS_SAVE
                        || attribute == ITS_RESTORE
                        || attribute == ITS_RESET;
                yield !known || what == What.GET ? Errno.ENXIO : 0;
            }
            // GITS_CTLR, GITS_IIDR and GITS_TYPER in two halves are the lowest of its registers.
            case ITS_REGS -> attribute == 0 || attribute == 4 || attribute == 8 ? 0 : Errno.EINVAL;
            default -> Errno.ENXIO;
        };
    }
}
