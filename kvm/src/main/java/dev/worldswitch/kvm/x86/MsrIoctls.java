package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Errno;
import java.util.function.IntFunction;

/** MSR lists, KVM_GET_MSRS and KVM_SET_MSRS, the filter. */
final class MsrIoctls {
    private static final int HEADER = 8, ENTRY = 16, MAX = 256;

    private static final int SET_MSRS = iow(0x89, 8);

    private MsrIoctls() {}

    /** An ioctl by which the client may write MSRs. */
    static boolean sets(int command) {
        return command == SET_MSRS || command == VcpuIoctls.SET_ONE_REG;
    }

    static void rows(Rows t) {
        t.system(
                "KVM_GET_MSR_INDEX_LIST",
                iowr(0x02, 4),
                0,
                "api.rst 4.3",
                (k, c) -> list(c, k.msrTable().lists().saved()));
        t.system(
                "KVM_GET_MSR_FEATURE_INDEX_LIST",
                iowr(0x0a, 4),
                153,
                "api.rst 4.3",
                (k, c) -> list(c, k.msrTable().lists().features()));
        t.system(
                "KVM_GET_MSRS",
                iowr(0x88, 8),
                153,
                "api.rst 4.18",
                (k, c) -> get(c, k.msrTable().lists()::feature));
        t.vcpu(
                "KVM_GET_MSRS",
                iowr(0x88, 8),
                0,
                "api.rst 4.18",
                (v, c) -> get(c, i -> v.vm().kvm().msrTable().read(v, i, true)));
        t.vcpu("KVM_SET_MSRS", SET_MSRS, 0, "api.rst 4.19", MsrIoctls::set);
        t.vm("KVM_X86_SET_MSR_FILTER", iow(0xc6, MsrFilter.SIZE), 189, "api.rst 4.97", MsrFilter::set);
    }

    private static long list(Call call, int[] indices) {
        Bytes head = call.in(4);
        if (head == null) return Errno.EFAULT;
        int room = head.u32(0);
        // The needed count is told even when the list does not fit.
        if (call.out(head.u32(0, indices.length)) != 0) return Errno.EFAULT;
        if (Integer.compareUnsigned(room, indices.length) < 0) return Errno.E2BIG;
        Bytes b = new Bytes(indices.length * 4);
        for (int i = 0; i < indices.length; i++) b.u32(i * 4, indices[i]);
        return call.out(call.argument() + 4, b);
    }

    private static long get(Call call, IntFunction<MsrTable.Access> read) {
        Bytes head = call.in(HEADER);
        if (head == null) return Errno.EFAULT;
        if (Integer.compareUnsigned(head.u32(0), MAX) >= 0) return Errno.E2BIG;
        Bytes b = call.in(call.argument() + HEADER, head.u32(0) * ENTRY);
        if (b == null) return Errno.EFAULT;
        int done = 0;
        for (; done < head.u32(0); done++) {
            MsrTable.Access a = read.apply(b.u32(done * ENTRY));
            // A bad access leaves the client's value, an unknown MSR clears it.
            if (a.status() != MsrTable.BAD_VALUE) b.u64(done * ENTRY + 8, a.value());
            if (a.status() != MsrTable.OK) break;
        }
        // The first one that failed reads 0, those after it stay as given.
        return call.out(call.argument() + HEADER, b) != 0 ? Errno.EFAULT : done;
    }

    private static long set(Vcpu v, Call call) {
        Bytes head = call.in(HEADER);
        if (head == null) return Errno.EFAULT;
        if (Integer.compareUnsigned(head.u32(0), MAX) >= 0) return Errno.E2BIG;
        Bytes b = call.in(call.argument() + HEADER, head.u32(0) * ENTRY);
        if (b == null) return Errno.EFAULT;
        int done = 0;
        while (done < head.u32(0) && write(v, call.caller(), b.u32(done * ENTRY), b.u64(done * ENTRY + 8))) done++;
        return done;
    }

    /** do_set_msr. */
    static boolean write(Vcpu v, Caller caller, int index, long value) {
        MsrTable table = v.vm().kvm().msrTable();
        if (index == GuestMsrs.IA32_XFD) return GuestMsrs.updateXfd(v, caller, value);
        if (v.hasRun().get() != 0 && table.lists().immutable(index))
            return table.read(v, index, true).equals(new MsrTable.Access(MsrTable.OK, value));
        return table.write(v, index, value, true) == MsrTable.OK;
    }
}
