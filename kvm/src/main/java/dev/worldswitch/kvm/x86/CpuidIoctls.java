package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.x86.CpuidTable.Entry;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** CPUID tables: what KVM supports, what a vCPU has. */
final class CpuidIoctls {
    private static final int ENTRY2 = 40, ENTRY = 24, HEADER = 8, MAX = 256;

    private CpuidIoctls() {}

    static void rows(Rows t) {
        t.system(
                "KVM_GET_SUPPORTED_CPUID",
                iowr(0x05, 8),
                7,
                "api.rst 4.46",
                (k, c) -> giveSupported(c, k.caps().supported(c.client().xcompGuestPerm())));
        t.system("KVM_GET_EMULATED_CPUID", iowr(0x09, 8), 95, "api.rst 4.89", CpuidIoctls::getEmulated);
        t.vcpu("KVM_SET_CPUID", iow(0x8a, 8), 0, "api.rst 4.20", CpuidIoctls::setCpuid);
        t.vcpu("KVM_SET_CPUID2", iow(0x90, 8), 7, "api.rst 4.21", CpuidIoctls::setCpuid2);
        t.vcpu("KVM_GET_CPUID2", iowr(0x91, 8), 7, "api.rst 4.21", CpuidIoctls::getCpuid2);
    }

    private static long giveSupported(Call call, CpuidTable table) {
        Bytes head = call.in(HEADER);
        if (head == null) return Errno.EFAULT;
        long room = Math.min(head.u32(0) & 0xffffffffL, MAX);
        if (room < table.entries().size()) return Errno.E2BIG;
        // Entries first: the count is only told when they have arrived.
        if (call.out(call.argument() + HEADER, write(table.entries())) != 0) return Errno.EFAULT;
        return call.out(head.u32(0, table.entries().size()));
    }

    private static long getEmulated(Kvm kvm, Call call) {
        Bytes head = call.in(HEADER);
        if (head == null) return Errno.EFAULT;
        long room = Math.min(head.u32(0) & 0xffffffffL, MAX);
        if (room == 0) return Errno.E2BIG;
        // Padding of the client's entries must be zero: it may become input some day (sanity_check_entries).
        for (int i = 0; i < room; i++) {
            Bytes pad = call.in(call.argument() + HEADER + (long) i * ENTRY2 + 28, 12);
            // Unreadable entries fail the check like bad ones.
            if (pad == null) return Errno.EINVAL;
            if (pad.u32(0) != 0 || pad.u64(4) != 0) return Errno.EINVAL;
        }
        CpuidTable table = kvm.caps().emulated();
        // Room for one more than there are: the last function that gives no entry asks for a place too.
        return room <= table.entries().size() ? Errno.E2BIG : giveSupported(call, table);
    }

    static Bytes write(List<Entry> entries) {
        Bytes b = new Bytes(entries.size() * ENTRY2);
        for (int i = 0; i < entries.size(); i++) {
            Entry e = entries.get(i);
            int at = i * ENTRY2;
            b.u32(at, e.function()).u32(at + 4, e.index()).u32(at + 8, e.flags());
            b.u32(at + 12, e.eax()).u32(at + 16, e.ebx()).u32(at + 20, e.ecx()).u32(at + 24, e.edx());
            for (int w = 0; w < 3; w++) b.u32(at + 28 + w * 4, e.padding(w));
        }
        return b;
    }

    private static long setCpuid2(Vcpu v, Call call) {
        Bytes head = call.in(HEADER);
        if (head == null) return Errno.EFAULT;
        if (Integer.compareUnsigned(head.u32(0), MAX) > 0) return Errno.E2BIG;
        Bytes b = call.in(call.argument() + HEADER, head.u32(0) * ENTRY2);
        if (b == null) return Errno.EFAULT;
        List<Entry> entries = new ArrayList<>();
        for (int at = 0; at < b.size(); at += ENTRY2)
            entries.add(new Entry(
                    b.u32(at),
                    b.u32(at + 4),
                    b.u32(at + 8),
                    b.u32(at + 12),
                    b.u32(at + 16),
                    b.u32(at + 20),
                    b.u32(at + 24),
                    b.u32(at + 28),
                    b.u32(at + 32),
                    b.u32(at + 36)));
        return install(v, List.copyOf(entries), call.client().xcompGuestPerm());
    }

    /** The old form has no index and no flags. */
    private static long setCpuid(Vcpu v, Call call) {
        Bytes head = call.in(HEADER);
        if (head == null) return Errno.EFAULT;
        if (Integer.compareUnsigned(head.u32(0), MAX) > 0) return Errno.E2BIG;
        Bytes b = call.in(call.argument() + HEADER, head.u32(0) * ENTRY);
        if (b == null) return Errno.EFAULT;
        List<Entry> entries = new ArrayList<>();
        for (int at = 0; at < b.size(); at += ENTRY)
            entries.add(new Entry(b.u32(at), 0, 0, b.u32(at + 4), b.u32(at + 8), b.u32(at + 12), b.u32(at + 16)));
        return install(v, List.copyOf(entries), call.client().xcompGuestPerm());
    }

    /** kvm_set_cpuid: checks first, then one record is swapped in. */
    private static long install(Vcpu v, List<Entry> entries, long guestPerm) {
        CpuidTable given = new CpuidTable(entries);
        if (v.hasRun().get() != 0) {
            // A vCPU that ran keeps its CPUID: only the same table is accepted.
            CpuidTable now = runtime(v, given);
            return now.entries().equals(runtime(v, v.cpuid().get()).entries()) ? 0 : Errno.EINVAL;
        }
        Entry widths = given.find(0x8000_0008, 0);
        if (widths != null) {
            int virt = widths.eax() >> 8 & 0xff;
            if (virt != 48 && virt != 57 && virt != 0) return Errno.EINVAL;
        }
        Entry xsave = given.find(0xd, 0);
        long xcr0 = xsave == null ? 0 : xsave.eax() & 0xffffffffL | (long) xsave.edx() << 32;
        long dynamic = xcr0 & 1L << XsaveLayout.TILEDATA;
        if ((dynamic & ~guestPerm) != 0) return Errno.EPERM;
        var fpu = v.guestFpu();
        long supported = xcr0 & v.vm().kvm().caps().supportedXcr0();
        v.guestSupportedXcr0Cell().set(supported);
        // What CPUID claims counts here, whether KVM lets the guest use it or not.
        long grow = dynamic & v.vm().kvm().profile().xsave().xfdMask();
        // fpu_enable_guest_xfd_features: the image takes the dynamic components from here on.
        if ((grow & ~fpu.xfeatures().get()) != 0) {
            fpu.xfeatures().or(grow);
            fpu.userXfeatures().or(grow);
        }
        v.cpuid().set(new CpuidTable(entries, cr4Reserved(given)));
        if (given.find(1, 0) != null) v.lapic().setVersion();
        v.pmu().refresh();
        return 0;
    }

    /** __cr4_reserved_bits: of features that the entries do not have. */
    static long cr4Reserved(CpuidTable t) {
        long reserved = 0;
        int[][] tied = {
            {1, 2, 26, 18},
            {7, 1, 7, 20},
            {7, 1, 20, 21},
            {7, 1, 0, 16},
            {7, 2, 3, 22},
            {7, 2, 16, 12},
            {7, 2, 2, 11},
            {1, 2, 5, 13},
            {1, 2, 17, 17}
        };
        for (int[] f : tied) if (!t.has(f[0], 0, f[1], f[2])) reserved |= 1L << f[3];
        return reserved;
    }

    private static long getCpuid2(Vcpu v, Call call) {
        Bytes head = call.in(HEADER);
        if (head == null) return Errno.EFAULT;
        List<Entry> entries = runtime(v, v.cpuid().get()).entries();
        if (Integer.compareUnsigned(head.u32(0), entries.size()) < 0) return Errno.E2BIG;
        if (call.out(call.argument() + HEADER, write(entries)) != 0) return Errno.EFAULT;
        // Older kernels copy the count back as the client gave it.
        if (v.vm().kvm().kernel().has(Patch.X86_CPUID2_NENT_TOLD)) head.u32(0, entries.size());
        return call.out(head);
    }

    /** The guest's CPUID as it reads now. */
    static CpuidTable runtime(Vcpu v, CpuidTable t) {
        List<Entry> out = new ArrayList<>(t.entries().size());
        for (Entry e : t.entries()) out.add(runtime(v, t, e));
        return new CpuidTable(List.copyOf(out), t.cr4Reserved());
    }

    /** kvm_update_cpuid_runtime for one entry: bits that follow CR4, XCR0, the APIC base and MISC_ENABLE. */
    private static Entry runtime(Vcpu v, CpuidTable t, Entry e) {
        var layout = v.vm().kvm().profile().xsave();
        long cr4 = v.state().cr.get(4);
        if (e != t.find(e.function(), e.index())) return e;
        switch (e.function()) {
            case 1 -> {
                int ecx = e.ecx(), edx = e.edx();
                if (v.vm().kvm().caps().hasXsave()) ecx = put(ecx, 27, (cr4 >> 18 & 1) != 0);
                edx = put(edx, 9, (v.apicBase().get() & 0x800) != 0);
                if (!v.vm().hasQuirk(EnableCap.QUIRK_MISC_ENABLE_NO_MWAIT))
                    ecx = put(ecx, 3, (v.vm().kvm().msrTable().misc(v) >> 18 & 1) != 0);
                return e.with(e.eax(), e.ebx(), ecx, edx);
            }
            case 7 -> {
                if (e.index() != 0 || (v.vm().kvm().caps().register(7, 0, 2) >> 3 & 1) == 0) return e;
                return e.with(e.eax(), e.ebx(), put(e.ecx(), 4, (cr4 >> 22 & 1) != 0), e.edx());
            }
            case 0xd -> {
                if (e.index() == 0)
                    return e.with(e.eax(), layout.standardSize(v.xcr0().get()), e.ecx(), e.edx());
                if (e.index() == 1 && (e.eax() & 0xa) != 0)
                    return e.with(e.eax(), layout.compactedSize(v.xcr0().get()), e.ecx(), e.edx());
                return e;
            }
            default -> {
                boolean halts = (v.vm().disabledExits().get() & DISABLE_EXITS_HLT) != 0;
                return halts && kvmFeatures(t, e) ? e.with(put(e.eax(), 7, false), e.ebx(), e.ecx(), e.edx()) : e;
            }
        }
    }

    private static final long DISABLE_EXITS_HLT = 2;

    /** The leaf behind the one whose signature is KVMKVMKVM, whatever their base is. */
    private static boolean kvmFeatures(CpuidTable t, Entry e) {
        if (e.function() >>> 16 != 0x4000 || (e.function() & 0xff) != 1) return false;
        Entry base = t.find(e.function() - 1, 0);
        return base != null && base.ebx() == 0x4b4d564b && base.ecx() == 0x564b4d56 && base.edx() == 0x4d;
    }

    private static int put(int word, int bit, boolean on) {
        return on ? word | 1 << bit : word & ~(1 << bit);
    }

    /** kvm_cpuid: what the CPUID instruction of the guest gives, null for zeros; out-of-range rule of Intel guests. */
    static @Nullable Entry guestCpuid(Vcpu v, int function, int index) {
        CpuidTable t = v.cpuid().get();
        Entry e = t.find(function, index);
        if (e == null && !v.guestIsAmd()) {
            Entry zero = t.find(0, 0);
            boolean hypervisor = function >>> 28 == 4;
            int base = function < 0 || hypervisor ? function & 0xf000_0000 : 0;
            Entry max = base == 0 ? zero : t.find(base, 0);
            boolean outside = max == null || Integer.compareUnsigned(function, max.eax()) > 0;
            if (outside && zero != null) e = t.find(zero.eax(), index);
        }
        return e == null ? null : runtime(v, t, e);
    }
}
