package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.x86.CpuidTable.Entry;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** KVM_GET_SUPPORTED_HV_CPUID: the Hyper-V leaves that KVM can offer (kvm_get_hv_cpuid; Hyper-V TLFS, feature discovery). */
final class HypervCpuid {
    static final int SIGNATURE = 0x31237648; // "Hv#1"
    /** Leaves: features, enlightenments that a guest shall use, and the last one, what debugging there is. */
    static final int FEATURES = 0x4000_0003, ENLIGHTENMENTS = 0x4000_0004, LAST = 0x4000_0082;

    private static final int INTERFACE = 0x4000_0001;
    private static final int HEADER = 8;

    private HypervCpuid() {}

    static void rows(Rows t) {
        t.system("KVM_GET_SUPPORTED_HV_CPUID", iowr(0xc1, 8), 191, "api.rst 4.118", (k, c) -> give(k, c, true));
        t.vcpu(
                "KVM_GET_SUPPORTED_HV_CPUID",
                iowr(0xc1, 8),
                167,
                "api.rst 4.118",
                (v, c) -> give(v.vm().kvm(), c, v.vm().lapicInKernel()));
    }

    /** hyperv_enabled: the guest's CPUID names the Hyper-V interface. */
    static boolean enabled(Vcpu v) {
        Entry e = v.cpuid().get().find(INTERFACE, 0);
        return e != null && e.eax() == SIGNATURE;
    }

    private static long give(Kvm kvm, Call call, boolean lapic) {
        if (!kvm.config("hyperv")) return Errno.EINVAL;
        Bytes head = call.in(HEADER);
        if (head == null) return Errno.EFAULT;
        List<Entry> entries = entries(kvm, lapic);
        if (Integer.compareUnsigned(head.u32(0), entries.size()) < 0) return Errno.E2BIG;
        if (call.out(call.argument() + HEADER, CpuidIoctls.write(entries)) != 0) return Errno.EFAULT;
        return call.out(head.u32(0, entries.size()));
    }

    /** @param lapic direct synthetic timers and cluster IPIs need the local APIC in the kernel */
    static List<Entry> entries(Kvm kvm, boolean lapic) {
        int invariant = kvm.kernel().has(Patch.X86_HV_TSC_INVARIANT) ? 1 << 15 : 0;
        int extended = kvm.kernel().has(Patch.X86_HV_EXTENDED_HYPERCALLS) ? 1 << 20 : 0;
        int ranges = kvm.kernel().has(Patch.X86_HV_FLUSH_RANGES) ? 1 << 14 : 0;
        int l2Flush = kvm.kernel().has(Patch.X86_HV_L2_TLB_FLUSH) ? 1 << 17 : 0;
        int direct = lapic ? 1 << 19 : 0, clusterIpi = lapic ? 1 << 10 : 0;
        // One thread per core (SDM vol. 2, CPUID leaf 0BH): vCPUs never share a core with another thread.
        int alone = (kvm.profile().cpuid(0xb, 0).ebx() & 0xffff) <= 1 ? 1 << 18 : 0;
        return List.of(
                text(0x4000_0000, LAST, "Linux KVM Hv"),
                leaf(INTERFACE, SIGNATURE, 0, 0, 0),
                // The version of Hyper-V 2016.
                leaf(0x4000_0002, 0x3839, 0xa0000, 0, 0),
                leaf(0x4000_0003, 0x2aff | invariant, 0x830 | extended, 0, 0xd12 | direct | ranges),
                leaf(0x4000_0004, 0xa2c | clusterIpi | alone, 0xfff, 0, 0),
                leaf(0x4000_0005, (int) kvm.capabilities().maxVcpus(), 64, 0, 0),
                text(0x4000_0080, 0, "Linux KVM Hv"),
                leaf(0x4000_0081, SYNDBG_INTERFACE, 0, 0, 0),
                leaf(LAST, 1 << 1, 0, 0, 0),
                leaf(0x4000_000a, l2Flush | 1 << 19, 1, 0, 0));
    }

    private static final int SYNDBG_INTERFACE = 0x3123_5356; // "VS#1"

    private static Entry leaf(int function, int a, int b, int c, int d) {
        return new Entry(function, 0, 0, a, b, c, d);
    }

    private static Entry text(int function, int eax, String signature) {
        ByteBuffer b =
                ByteBuffer.wrap(signature.getBytes(StandardCharsets.US_ASCII)).order(ByteOrder.LITTLE_ENDIAN);
        return leaf(function, eax, b.getInt(0), b.getInt(4), b.getInt(8));
    }
}
